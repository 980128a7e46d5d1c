"""Whoever names a part of an assignment (a subfolder, a notebook, one module) meant the whole: where that lies."""

from __future__ import annotations

import zipfile
from pathlib import Path

from grader.collect.assignment import Assignment, name_it
from grader.collect.names import clean

KINDS = {".py": "Python file", ".ipynb": "notebook"}
MOST_STEPS = 4  # upwards: further up lies somebody's home, not the assignment
SHOWN = 300


def around(path: Path, assignment: Assignment) -> Path | None:
    """The nearest folder above `path` that holds a file of the student's at its place, with `path` a part of it.

    A hand-in that only lies somewhere below an assignment, as in a class's folder, is no part of it.
    """
    place = path.resolve()
    for folder in place.parents[:MOST_STEPS]:
        if any((folder / name).is_file() for name in assignment.student):
            inside = place.relative_to(folder).parts
            return folder if inside[0] == assignment.package or inside == (place.stem + ".ipynb",) else None
    return None


def single(path: Path) -> str:
    """What a file is that can be a part of the assignment only; "" for what may be an archive."""
    kind = KINDS.get(path.suffix.lower(), "")
    return "" if zipfile.is_zipfile(path) else kind


def hint(whole: Path | None, assignment: Assignment) -> str:
    """What to name instead."""
    if whole is None:
        return name_it(assignment.package)
    return f"The whole assignment lies in {clean(str(whole))[-SHOWN:]}: name that folder."
