"""The quickest Python of a machine: which is taken, and that the first one is kept where nothing is gained."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from grader import interpreters, surroundings

NAME = f"python3.{sys.version_info[1]}"


def interpreter(folder: Path, says: str) -> str:
    """A program with an interpreter's name that says this of the trial."""
    folder.mkdir(parents=True)
    program = folder / NAME
    program.write_text(f"#!/bin/sh\n{says}\n")
    program.chmod(0o755)
    return str(program)


@pytest.fixture(autouse=True)
def nowhere_else(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Only the interpreters of these tests are found."""
    monkeypatch.setattr(interpreters, "PLACES", (str(tmp_path / "b"),))
    monkeypatch.setenv("PATH", f"{tmp_path / 'a'}:{tmp_path / 'environment' / 'bin'}")


@pytest.mark.skipif(sys.platform == "win32", reason="the interpreters are shell scripts")
@pytest.mark.parametrize(
    ("other", "taken", "gain"),
    [
        ("echo 0.05", "b", 2.0),
        ("echo 0.09", "a", 1.0),  # not worth it
        ("echo 0.05; exit 1", "a", 1.0),
        ("echo fast", "a", 1.0),
    ],
    ids=["twice as fast", "hardly faster", "fails", "says nonsense"],
)
def test_another_is_taken_only_if_it_is_much_faster(
    tmp_path: Path, other: str, taken: str, gain: float
) -> None:
    """And only if an environment can be made with it; one that belongs to an environment is none."""
    paths = {"a": interpreter(tmp_path / "a", "echo 0.1"), "b": interpreter(tmp_path / "b", other)}
    interpreter(tmp_path / "environment" / "bin", "echo 0.001")
    (tmp_path / "environment" / "pyvenv.cfg").touch()
    assert interpreters.quickest(paths["a"]) == (paths[taken], gain)


def test_alone_it_is_taken_without_a_trial() -> None:
    """Nothing is run where there is no choice."""
    assert interpreters.quickest("/no/such/python") == ("/no/such/python", 1.0)


def test_it_needs_nothing_that_is_installed() -> None:
    """`make install` runs it first of all, by itself: it prints a path and nothing else."""
    command = [sys.executable, "-I", "-S", interpreters.__file__]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    assert Path(done.stdout.strip()).exists()
    assert done.stdout.count("\n") == 1


def test_the_doctor_names_a_faster_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is no problem, but good to know."""
    monkeypatch.setattr(interpreters, "quickest", lambda first: ("/usr/bin/python3.99", 1.44))
    found = surroundings.python()
    assert found.fine
    assert "/usr/bin/python3.99 is 1.4 times as fast" in found.said
