"""A grade's files in a folder, each complete or not there."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from grader.errors import UsageError
from grader.results import Grade, to_json
from reports import page, student

RESULT_NAME = "result.json"
PAGE_NAME = "report.html"
STUDENT_NAME = "student.html"


@dataclass(frozen=True, slots=True)
class Written:
    """Where the files of a grade are."""

    result: Path
    page: Path
    student: Path


def write(grade: Grade, folder: Path) -> Written:
    """`result.json` and `report.html` for staff, `student.html` to be handed out, in `folder`, made if need be.

    Each is written beside its place, synced and renamed, so that a reader finds the old or the new content,
    never half of it. The result goes first: a page can be made from it again. Raises `UsageError` for a
    folder that can't be written.
    """
    written = Written(folder / RESULT_NAME, folder / PAGE_NAME, folder / STUDENT_NAME)
    with _told(folder):
        folder.mkdir(parents=True, exist_ok=True)
        replace(written.result, to_json(grade))
    write_pages(grade, folder)
    return written


def write_pages(grade: Grade, folder: Path) -> Path:
    """`report.html` and `student.html` alone, as `write` does; returns the path of the first."""
    shown, whole = student.of(grade), page.render(grade)
    contents = {PAGE_NAME: whole, STUDENT_NAME: whole if shown == grade else page.render(shown)}
    with _told(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            replace(folder / name, content.encode())
    return folder / PAGE_NAME


def prepare(folder: Path) -> None:
    """Raises `UsageError` when `folder` can't be made or written, before any work is done for it."""
    trial = folder / f".{RESULT_NAME}.{os.getpid()}-{secrets.token_hex(4)}.part"
    with _told(folder):
        folder.mkdir(parents=True, exist_ok=True)
        trial.touch(exist_ok=False)
        trial.unlink()


@contextmanager
def _told(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UsageError(
            f"The report can't be written to {folder}: {error.strerror or error}.",
            "Choose another folder with --out, or free the space and rights that it needs.",
        ) from error


def replace(path: Path, content: bytes) -> None:
    """`path` holds `content` afterwards, or what it held before, whatever happens in between."""
    beside = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.part")
    try:
        _write_synced(beside, content)
        os.replace(beside, path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _write_synced(path: Path, content: bytes) -> None:
    with open(path, "xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Make the rename itself last through a power cut; Windows has no such call and needs none."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
