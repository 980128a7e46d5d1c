"""A new assignment that grades, from the files in `skeleton/`: what an author starts from."""

from __future__ import annotations

import shutil
from pathlib import Path

from grader import template
from grader.assignment import Assignment, load, package_problem
from grader.errors import UsageError

SKELETON = Path(__file__).resolve().parent / "skeleton"
PACKAGE = "homework"  # as the skeleton calls it, in texts and in names of folders


def make(folder: Path, package: str = PACKAGE) -> Assignment:
    """Writes a new assignment into `folder`, and its template. Raises `UsageError` unless that is new or empty."""
    if problem := package_problem(package):
        raise UsageError(f"--package {package}: {problem}.", "Choose another name, such as homework.")
    _must_be_free(folder)
    try:
        _write(folder, package)
    except FileExistsError as error:
        raise UsageError(f"{error.filename} is there already.", "Name a new or empty folder.") from error
    made = load(folder)
    template.write(made.reference, made.template, package)
    return made


def _must_be_free(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file.", "Name a new or empty folder.")
    if folder.is_dir() and any(folder.iterdir()):
        raise UsageError(
            f"{folder} is not empty: nothing was written.", "Name a new or empty folder; nothing is replaced."
        )


def _write(folder: Path, package: str) -> None:
    for source in sorted(SKELETON.rglob("*")):
        name = source.relative_to(SKELETON)
        if source.is_dir() or "__pycache__" in name.parts:
            continue
        target = folder.joinpath(*(package if part == PACKAGE else part for part in name.parts))
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.suffix in {".py", ".md", ".toml"}:
            text = source.read_text(encoding="utf-8").replace(PACKAGE, package)
            target.write_text(text, encoding="utf-8")
        else:
            shutil.copyfile(source, target)
