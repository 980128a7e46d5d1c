"""The wheel: what a user installs holds everything that grading needs."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    out = tmp_path_factory.mktemp("wheel")
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        str(out),
        str(ROOT),
    ]
    subprocess.run(command, check=True, capture_output=True)
    return next(out.glob("gradmark-*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` of an environment that holds the wheel; its dependencies are borrowed, this checkout is not.

    A .pth file names the site-packages of the running environment: paths in a .pth file are not searched for
    further .pth files, so the editable install of this checkout does not come along.
    """
    home = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(home)], check=True)
    install = [sys.executable, "-m", "pip", "--python", str(home / "bin" / "python"), "install", "--quiet"]
    subprocess.run(
        [*install, "--no-deps", "--no-warn-script-location", str(wheel)], check=True, capture_output=True
    )
    site = next((home / "lib").glob("python*/site-packages"))
    (site / "borrowed.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    return home / "bin"


def run(command: list[str | Path], cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(part) for part in command], cwd=cwd, capture_output=True, text=True, check=False
    )


def test_the_wheel_grades_when_installed(installed: Path, tmp_path: Path) -> None:
    """From another folder, the installed command grades the installed template and writes its report."""
    where = run(
        [installed / "python", "-P", "-c", "import grader, checks, reports; print(grader.__file__)"], tmp_path
    )
    assert str(installed.parent) in where.stdout, where.stderr
    site = Path(where.stdout.strip()).parent.parent
    done = run(
        [
            installed / "gradmark",
            "grade",
            site / "student_template",
            "-k",
            "rnn_step_forward",
            "--out",
            "out",
        ],
        tmp_path,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads((tmp_path / "out" / "result.json").read_text())
    assert {check["outcome"] for check in result["checks"]} == {"not_attempted"}
    assert (tmp_path / "out" / "report.html").stat().st_size > 1000


def test_the_wheel_holds_no_tests_and_all_data(wheel: Path) -> None:
    """Templates, rubric and the assignment's namespace package are in; tests and caches are not."""
    names = zipfile.ZipFile(wheel).namelist()
    for wanted in (
        "checks/rubric.toml",
        "checks/assignment.toml",
        "checks/pytest.ini",
        "grader/skeleton/assignment.toml",
        "grader/skeleton/checks/check_layers.py",
        "grader/skeleton/reference/homework/layers.py",
        "gradmark.py",
        "reports/templates/page.html",
        "reference/cs231n/simclr/contrastive_loss.py",
        "student_template/cs231n/simclr/data_utils.py",
    ):
        assert wanted in names
    assert not [name for name in names if name.startswith("tests/") or "__pycache__" in name]
