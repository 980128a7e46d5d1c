"""The known mistakes of an assignment: as data, and made in a copy of its reference."""

from __future__ import annotations

import functools
import importlib
import runpy
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from grader.assignment import Assignment
from grader.errors import GradmarkError

Vary = Callable[[Any, Path], tuple[str, str]]


def of(assignment: Assignment) -> tuple[tuple[Any, ...], Vary]:
    """The mistakes, and what gives the file that one changes and its text with the mistake made.

    Raises `GradmarkError` for a mistakes file that can't be read.
    """
    known = importlib.import_module("checks.mistakes")
    if assignment.bundled:
        return known.ALL, known.varied
    vary = functools.partial(known.varied, files=assignment.files)
    if assignment.mistakes is None:
        return (), vary
    try:
        return tuple(runpy.run_path(str(assignment.mistakes), run_name="mistakes")["MISTAKES"]), vary
    except Exception as error:
        what = "it has no MISTAKES" if isinstance(error, KeyError) else f"{type(error).__name__}: {error}"
        raise GradmarkError(
            f"{assignment.mistakes} can't be read: {what}.", "Mend it, then try again."
        ) from error


def made(assignment: Assignment, mistake: Any, folder: Path) -> Path:
    """A copy of the assignment's reference with the mistake made in it, in the new folder `folder`."""
    _, vary = of(assignment)
    file, text = vary(mistake, assignment.reference)
    left_out = shutil.ignore_patterns("__pycache__", "*.ipynb", "notebooks")
    shutil.copytree(assignment.reference, folder, ignore=left_out)
    (folder / file).write_text(text, encoding="utf-8")
    return folder
