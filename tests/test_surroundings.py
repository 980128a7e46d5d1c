"""What grading needs besides isolation: each thing that is missing is a finding with a remedy, and none is a crash."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from grader import doctor, surroundings
from grader.cli import app
from grader.data import folder as data_folder
from grader.errors import Raised, SandboxError
from grader.notebook import execute
from grader.notebook.execute import CellRun
from grader.sandbox.client import Zygote
from grader.surroundings import Finding

ROOT = Path(__file__).resolve().parent.parent


def refused(*names: str) -> Callable[..., Zygote]:
    """`Zygote.start` on a machine where some libraries are missing."""
    real = Zygote.start

    def start(preload: tuple[str, ...] = (), probes: tuple[str, ...] = (), **more: Any) -> Zygote:
        if missing := next((name for name in names if any(name in told for told in (*preload, *probes))), ""):
            raise SandboxError(f"{missing} is not installed.", f"Install it: pip install {missing}")
        return real(preload=("numpy",), probes=(), **more)

    return start


def finding(found: doctor.Examination, name: str) -> Finding:
    return next(each for each in found.findings if each.name == name)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a notebook's trial, which takes seconds."""
    told = Finding(name="notebooks", fine=True, said="tried")
    monkeypatch.setattr(surroundings, "notebooks", lambda zygote: told)


# torch


@pytest.mark.parametrize(
    ("torch", "vision", "fits"),
    [
        ("2.4.0", "0.19.0+cpu", True),
        ("2.14.1+cu130", "0.29.1", True),
        ("2.4.0", "0.20.1", False),
        ("2.5.0", "0.2.0", False),
        ("3.0", "1.0", True),
        ("2.4.0", "", True),
    ],
)
def test_torch_and_torchvision_must_be_a_pair(torch: str, vision: str, fits: bool) -> None:
    """A wrong pair fails at import or later with words that name neither; what is unknown is not blamed."""
    found = surroundings.torch({"torch": torch, "torchvision": vision}, None)
    assert (found.fine, found.needed) == (fits, True)
    assert ("pip install torch torchvision==" in found.remedy) != fits


def test_without_torch_isolation_is_still_examined(monkeypatch: pytest.MonkeyPatch, quick: None) -> None:
    """One finding with its remedy; the layers and the level are those of a worker that needs no torch."""
    monkeypatch.setattr(Zygote, "start", staticmethod(refused("torch")))
    found = doctor.examine()
    assert finding(found, "torch") == Finding(
        name="torch", fine=False, said="torch is not installed.", remedy="Install it: pip install torch"
    )
    assert found.problems == ("torch is not installed. Install it: pip install torch",)
    assert not found.fit
    assert "limits" in found.detail
    assert not any("no worker" in layer.why for layer in found.layers)


# Notebooks


def test_without_the_notebooks_parts_the_machine_can_grade(
    monkeypatch: pytest.MonkeyPatch, quick: None
) -> None:
    """A finding that is no problem: everything else works without them."""
    monkeypatch.setattr(Zygote, "start", staticmethod(refused("inside")))
    found = doctor.examine()
    missing = finding(found, "notebooks")
    assert (missing.fine, missing.needed) == (False, False)
    assert "leave out --notebooks" in missing.remedy
    assert finding(found, "torch").fine
    assert found.problems == ()


def test_a_trial_cell_is_run() -> None:
    """As a student's is: in a worker, without Jupyter; or it is said why that can't be done here."""
    with execute.start() as zygote:
        found = surroundings.notebooks(zygote)
    borrowed = "No module named" in found.said  # libraries of another environment
    assert found.fine or (borrowed and surroundings.BORROWED in found.remedy), found


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        (CellRun(0, "ran", outputs=()), "a trial cell did not run"),
        (CellRun(0, "died", cause="The process died."), "died. The process died."),
        (Raised("begin raised X", "Mend it."), "begin raised X"),
        (SandboxError("No worker.", "Free memory."), "No worker."),
    ],
)
def test_a_trial_cell_that_fails_is_a_finding(
    monkeypatch: pytest.MonkeyPatch, outcome: CellRun | Exception, words: str
) -> None:
    """Whatever comes of it: told, and graded without."""

    def trial(*_: object) -> list[CellRun]:
        if isinstance(outcome, Exception):
            raise outcome
        return [outcome]

    monkeypatch.setattr(surroundings, "run_notebook", trial)
    found = surroundings.notebooks(None)  # type: ignore[arg-type]
    assert not found.fine
    assert words in found.said
    assert "leave out --notebooks" in found.remedy


# Data


def test_the_built_in_data_needs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without GRADMARK_DATA there is nothing to be missing."""
    monkeypatch.delenv(data_folder.VARIABLE, raising=False)
    assert surroundings.data().fine


def test_a_data_folder_with_missing_files_names_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Each file of the data set that is incomplete, and both ways out; complete, it is fine."""
    monkeypatch.setenv(data_folder.VARIABLE, str(tmp_path))
    for wanted in data_folder.ALL:
        if not wanted.optional:
            (tmp_path / wanted.places[0]).mkdir(parents=True)
            for name in wanted.files:
                (tmp_path / wanted.places[0] / name).write_bytes(b"")
    assert surroundings.data().fine
    (tmp_path / "MNIST/raw/t10k-labels-idx1-ubyte").unlink()
    found = surroundings.data()
    assert not found.fine
    assert "t10k-labels-idx1-ubyte" in found.said
    assert "train-labels" not in found.said
    assert "gradmark data make" in found.remedy
    assert "unset GRADMARK_DATA" in found.remedy


def test_a_data_folder_that_is_not_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The variable and the path are named."""
    monkeypatch.setenv(data_folder.VARIABLE, str(tmp_path / "gone"))
    found = surroundings.data()
    assert not found.fine
    assert f"GRADMARK_DATA names {tmp_path / 'gone'}" in found.said


# Disk and folders


def test_a_disk_that_is_nearly_full(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first place without room is named; a place that is not there is told elsewhere."""
    usage = shutil.disk_usage("/")
    free = {"/scratch": 8 << 30, "/reports": 1 << 30}
    monkeypatch.setattr(shutil, "disk_usage", lambda place: usage._replace(free=free[place]))
    found = surroundings.disk(["/scratch", "/reports"])
    assert (found.fine, found.said) == (False, "Only 1.0 GB free in /reports")
    assert "TMPDIR" in found.remedy
    assert surroundings.disk(["/scratch"]).fine


@pytest.mark.parametrize("number", [errno.EACCES, errno.ENOSPC, errno.EROFS])
def test_a_temporary_folder_that_can_not_be_written(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Rights and room are tried out, and the doctor does not fail on it itself: nothing else is started."""

    def refuse(**_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    monkeypatch.setattr(Zygote, "start", refused("numpy"))
    found = doctor.examine()
    scratch = finding(found, "temporary folder")
    assert scratch.said == f"can't be written: {os.strerror(number)}"
    assert "TMPDIR" in scratch.remedy
    assert not found.fit


def test_no_temporary_folder_at_all(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`tempfile` finds none: still a finding."""

    def nowhere() -> str:
        raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "gettempdir", nowhere)
    assert not finding(doctor.examine(), "temporary folder").fine


@pytest.mark.skipif(not hasattr(os, "ST_NOEXEC"), reason="no such flag here")
def test_a_temporary_folder_without_programs_is_fine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mounted noexec, as many servers' /tmp: said, since somebody will look for it, and harmless."""

    class Mounted:
        f_flag = os.ST_NOEXEC

    monkeypatch.setattr(os, "statvfs", lambda place: Mounted)
    found = surroundings.temporary()
    assert found.fine
    assert "noexec" in found.said


# What is shown


def test_text_and_json_say_the_same(monkeypatch: pytest.MonkeyPatch, quick: None) -> None:
    """Every finding with its remedy in both; what is not needed does not make the machine unfit."""
    monkeypatch.setattr(Zygote, "start", staticmethod(refused("inside")))
    found = doctor.examine()
    monkeypatch.setattr(doctor, "examine", lambda: found)
    text = CliRunner().invoke(app, ["doctor"]).stdout
    facts = json.loads(CliRunner().invoke(app, ["doctor", "--json"]).stdout)
    assert [each["name"] for each in facts["findings"]] == [
        "Python", "torch", "GPU", "notebooks", "data", "temporary folder", "disk", "browser",
    ]  # fmt: skip
    for each in facts["findings"]:
        assert f"{each['name']}: {each['said']}" in text
        assert each["fine"] or f"remedy: {each['remedy']}" in text
    assert "no   notebooks" in text


def test_every_finding_that_is_not_fine_has_a_remedy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """On a machine where everything is wrong at once."""
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda place: usage._replace(free=1))
    monkeypatch.setenv(data_folder.VARIABLE, str(tmp_path))
    monkeypatch.setattr(Zygote, "start", staticmethod(refused("torch")))
    found = doctor.examine()
    wrong = [each for each in found.findings if not each.fine]
    assert {each.name for each in wrong} == {"torch", "notebooks", "data", "disk"}
    assert all(each.remedy for each in wrong)
    assert len(found.problems) == 3


def test_the_real_command_ends_with_a_verdict(tmp_path: Path) -> None:
    """In a process of its own, on this machine."""
    asked = {**os.environ, "PYTHONPATH": str(ROOT)}
    start = (sys.executable, "-m", "grader", "doctor", "--json")
    done = subprocess.run(start, cwd=tmp_path, env=asked, capture_output=True, text=True)
    facts = json.loads(done.stdout)
    assert done.returncode == (0 if facts["level"] in ("strict", "full") and not facts["problems"] else 1)
    assert "Traceback" not in done.stderr
