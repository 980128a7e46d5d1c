"""What results depend on besides submissions and rubric, in one hash: checks, reference, handout and gradmark."""

from __future__ import annotations

import hashlib
from pathlib import Path

import grader
from grader import assignment
from grader.places import ROOT
from grader.session import CHECKS, REFERENCE, TEMPLATE

APART = ("grader/batch/", "grader/cli", "grader/console", "grader/template.py")  # no check sees these


def sources() -> str:
    """The sha256 of every source file that can change a result; gradmark's version is part of it."""
    total = hashlib.sha256(grader.__version__.encode())
    for folder in (CHECKS, ROOT / "grader", REFERENCE, TEMPLATE):
        for path in sorted(folder.rglob("*")):
            name = path.relative_to(ROOT).as_posix()
            if _counts(path, name):
                total.update(f"{name}\0".encode())
                total.update(hashlib.sha256(path.read_bytes()).digest())
    _add_other(total, assignment.current())
    return total.hexdigest()


def _add_other(total: hashlib._Hash, other: assignment.Assignment) -> None:
    """The files of an assignment that is not gradmark's own; its rubric counts apart, as always."""
    folders = (
        () if other.bundled else (other.reference, other.template, other.checks, other.folder / "probes")
    )
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    more = [other.folder / assignment.FILE, other.mistakes] if folders else []
    for path in sorted(path for path in (*files, *more) if path and "__pycache__" not in path.parts):
        total.update(f"{path.relative_to(other.folder).as_posix()}\0".encode())
        total.update(hashlib.sha256(path.read_bytes()).digest())


def _counts(path: Path, name: str) -> bool:
    if "__pycache__" in path.parts or not path.is_file() or name.startswith(APART):
        return False
    return path.suffix in {".py", ".ini"} or (path.suffix == ".toml" and name != "checks/rubric.toml")
