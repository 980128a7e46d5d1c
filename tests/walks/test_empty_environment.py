"""The walks where nothing is installed: each reader has what the documentation names, and no more.

Two environments are made, one after the other, by the pages' own commands: a student's, with what the package's
requirements say, and staff's, in the folder of gradmark's sdist. Nothing of the checkout or of the environment that
runs the tests is visible to a reader. 6 GB of disk and about half an hour: `make walks`. In a third of the time with
WALK_CHECKS="rnn_step_forward": staff then grade with these checks alone, and only statuses are compared.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.places import ROOT
from handbook.walk import narrowed, walk
from tests.walks import readers
from tests.walks.readers import PAGES, ended_well, true

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(7200),
    pytest.mark.xdist_group("walks"),
    pytest.mark.skipif(
        sys.platform != "linux", reason="the packages come from this machine's settings for pip"
    ),
]
REGISTRY = ("PIP_", "SSL_", "REQUESTS_CA_BUNDLE", "HTTP", "NO_PROXY")  # how pip gets its packages here
PROCESSOR = ("OPENBLAS_",)  # without it numpy is wrong on some of the machines
CHECKS = os.environ.get("WALK_CHECKS", "")
PYTHON = Path(getattr(sys, "_base_executable", sys.executable)).resolve()


def scrubbed(home: Path, environment: Path) -> dict[str, str]:
    """What a reader's shell knows: a home, Python, and the environment, once it is made."""
    shim = home / "bin" / "python3"
    shim.parent.mkdir(parents=True)
    shim.write_text(f'#!/bin/sh\nexec {shlex.quote(str(PYTHON))} "$@"\n')
    shim.chmod(0o755)
    path = os.pathsep.join(map(str, (environment / "bin", shim.parent, "/usr/bin", "/bin")))
    kept = {name: value for name, value in os.environ.items() if name.startswith((*REGISTRY, *PROCESSOR))}
    return {**kept, "HOME": str(home), "PATH": path, "LANG": "C.UTF-8", "COLUMNS": "100"}


def said(around: dict[str, str], folder: Path, *command: str) -> str:
    """What a command of the reader's prints, whatever becomes of it."""
    found = shutil.which(command[0], path=around["PATH"])
    assert found is not None, command
    done = subprocess.run(
        (found, *command[1:]), cwd=folder, env=around, capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr


def is_empty(around: dict[str, str], folder: Path) -> bool:
    """An environment that the reader makes holds neither gradmark nor what it needs, and no command is there."""
    said(around, folder, "python3", "-m", "venv", "--without-pip", "tried")
    code = "import importlib.util as u; print([u.find_spec(name) for name in ('grader', 'numpy', 'pytest')])"
    found = said(around, folder, str(folder / "tried" / "bin" / "python"), "-c", code)
    shutil.rmtree(folder / "tried")
    return found == "[None, None, None]\n" and shutil.which("gradmark", path=around["PATH"]) is None


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that is gone afterwards, whatever became of the test: an environment is large."""
    with tempfile.TemporaryDirectory(prefix="gradmark-walk-", ignore_cleanup_errors=True) as scratch:
        yield Path(scratch).resolve()


@pytest.fixture
def package(place: Path) -> Path:
    """What the course hands out, made in the tests' environment: the student's walk starts where staff have been."""
    command = (sys.executable, "-m", "grader.cli", "handout", str(place / "a3-students"), "--seeds", "1")
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return place / "a3-students"


@pytest.fixture
def gradmark(place: Path) -> Path:
    """gradmark's folder, as its sdist unpacks."""
    command = (sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", str(place))
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (archive,) = place.glob("gradmark-*.tar.gz")
    with tarfile.open(archive) as opened:
        opened.extractall(place, filter="data")
    archive.unlink()
    return next(place.glob("gradmark-*")).rename(place / "gradmark")


def test_a_student(place: Path, package: Path) -> None:
    """With the course's package and its requirements alone: template, a mistake, passed, and watched."""
    around = scrubbed(place / "home", package / ".venv")
    assert is_empty(around, place)
    steps = readers.student(
        package, lambda text: text.replace("gradmark check", "python gradmark.py check"), around
    )
    printed = [next(steps).printed for _ in range(5)][1:]
    for words, told in zip(
        ("is not implemented yet", "`b` is missing", "every check passed", "Stopped watching"), printed, strict=True
    ):  # fmt: skip
        assert words in told
    assert shutil.which("gradmark", path=around["PATH"]) is None
    assert str(ROOT) not in said(around, package, "python", "-c", "import sys, grader; print(sys.path)")


def test_staff_and_an_author(place: Path, gradmark: Path) -> None:
    """They install gradmark as its first page says; a class is graded to Canvas's marks, and a layer is added."""
    around = scrubbed(place / "home", gradmark / ".venv")
    assert is_empty(around, place)
    installed = [ended_well(step) for step in walk(PAGES / "index.md", gradmark, around=around)]
    assert "Ready to grade." in installed[-1].printed
    assert str(ROOT) not in said(
        around, place, "python", "-c", "import sys, grader; print(sys.path, grader.__file__)"
    )
    for step in walk(PAGES / "staff.md", place, narrowed(CHECKS) if CHECKS else str, around=around):
        ended_well(step)
        assert CHECKS or true(step)
    assert set(readers.marks(place)) == set(readers.IN_CANVAS)
    assert CHECKS or readers.marks(place) == readers.IN_CANVAS
    (place / "author").mkdir()
    page = PAGES / "author" / "adding-a-layer.md"
    steps = walk(
        page,
        place / "author",
        around=around,
        save=lambda block, at: readers.added(block, at / "normalisation"),
    )
    proved = [true(ended_well(step)).printed for step in steps][-1]
    assert "passed" in proved
    assert "failed" not in proved
