"""Which form a class came in, told by its content, and the class itself."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from grader.batch import canvas, folders, gradescope, unpack
from grader.batch.handins import ClassInput, entries, is_archive
from grader.collect.assignment import Assignment
from grader.collect.names import passed_over
from grader.errors import CollectError
from grader.results import Problem

FORMS = ("folders", "gradescope", "canvas", "list")
DEPTH = 4  # folders below an entry that are looked through for the assignment

NOT_ONE = "Name a folder of submissions, a Gradescope or Canvas export, or a CSV list; --format says which."


def recognised(path: Path, assignment: Assignment) -> str:
    """The form of the class at `path`; empty when it is a single submission, or nothing that is known.

    A folder is a class of submissions when at least two of its entries hold the assignment and it does not
    itself.
    """
    if path.is_dir():
        return _of_folder(path, assignment)
    if not path.is_file():
        return ""
    if path.suffix.lower() == ".csv":
        return "list"
    return _of_names(unpack.names(path)) if path.suffix.lower() == ".zip" else ""


def _of_folder(path: Path, assignment: Assignment) -> str:
    if _export(path):
        return "gradescope"
    inside = entries(path)
    files = [entry.name for entry in inside if entry.is_file()]
    if files and _from_canvas(files) and not any(entry.is_dir() for entry in inside):
        return "canvas"
    if (path / assignment.package).is_dir() or any(name in assignment.by_file_name for name in files):
        return ""
    handins = (entry for entry in inside if _is_handin(entry, assignment))
    return "folders" if len(list(itertools.islice(handins, 2))) == 2 else ""


def _of_names(names: list[str]) -> str:
    """The form of a class whose files, in a zip, have these names."""
    shallow = [name for name in names if len(PurePosixPath(name).parts) <= 2]
    if any(PurePosixPath(name).name == gradescope.METADATA for name in shallow):
        return "gradescope"
    flat = len(shallow) == len(names) and len({PurePosixPath(name).parent for name in names}) == 1
    return "canvas" if flat and _from_canvas(PurePosixPath(name).name for name in names) else ""


def _from_canvas(names: Iterable[str]) -> bool:
    """Whether most of the files are named as Canvas names them."""
    told = [canvas.parsed(Path(name)) is not None for name in names]
    return sum(told) * 2 > len(told)


def _is_handin(entry: Path, assignment: Assignment) -> bool:
    if entry.is_symlink():
        return False
    if entry.is_file():
        return is_archive(entry.name)
    return any(
        is_archive(name) or parts[-1:] == (assignment.package,) or name in assignment.by_file_name
        for parts, name in _files(entry)
    )


def _files(top: Path) -> Iterator[tuple[tuple[str, ...], str]]:
    """The folder (as parts below `top`) and the name of each file, not too deep; a folder itself has the name ''."""
    for here, inner, names in os.walk(top):
        parts = Path(here).relative_to(top.parent).parts
        inner[:] = [] if len(parts) > DEPTH else [name for name in inner if not passed_over((name,))]
        yield parts, ""
        yield from ((parts, name) for name in names)


def _export(path: Path) -> Path | None:
    """Where a Gradescope export's metadata lies: in the folder, or in the only folder in it."""
    inner = entries(path)
    candidates = [path, *(entry for entry in inner[:1] if len(inner) == 1 and entry.is_dir())]
    return next((folder for folder in candidates if (folder / gradescope.METADATA).is_file()), None)


def read(path: Path, form: str, staging: Path) -> ClassInput:
    """The class at `path`, read as `form`; what must be unpacked or put together goes below the folder `staging`.

    What is there from an earlier run is replaced. Raises `CollectError` when `path` is not of this form.
    """
    shutil.rmtree(staging, ignore_errors=True)
    if form == "list":
        return folders.read_list(path)

    problems: list[Problem] = []
    name = path.resolve().stem if path.is_file() else path.resolve().name
    if path.is_file():
        path, problems = unpack.unpack(path, staging / "unpacked")
    if not path.is_dir():
        raise CollectError(f"{path} is no class: it is neither a folder nor a file.", NOT_ONE)
    found = _read_folder(path, form, staging / "loose")
    found.name = name
    found.problems += problems
    return found


def _read_folder(path: Path, form: str, loose: Path) -> ClassInput:
    if form == "canvas":
        return canvas.read(path, loose)
    if form == "folders":
        return folders.read(path)
    root = _export(path)
    if root is None:
        raise CollectError(f"{path} has no {gradescope.METADATA}: it is no export of Gradescope.", NOT_ONE)
    return gradescope.read(root)
