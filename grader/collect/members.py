"""What a submission holds: its regular files, each readable on its own, and what is wrong with the others."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from grader.collect.names import clean, parts_of, passed_over
from grader.errors import CollectError
from grader.results import Problem

MAX_MEMBERS = 5000
TOO_MANY_HINT = "Hand in the assignment's own files only; name the assignment's folder, not one above it."


class MemberError(CollectError):
    """One file of a submission can't be read; it costs that file only."""


@dataclass(frozen=True)
class Member:
    """A regular file. `read(limit)` gives its bytes, or raises `MemberError` if it has more than `limit`."""

    parts: tuple[str, ...]
    size: int
    read: Callable[[int], bytes]

    @property
    def name(self) -> str:
        return "/".join(self.parts)


@dataclass
class Contents:
    """The regular files of a submission in their order there, and the problems met while listing them."""

    members: list[Member] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    seen: int = 0

    def accept(self, name: str) -> tuple[str, ...] | None:
        """The parts of a name that is worth a look, else None; `CollectError` when there are too many."""
        self.count()
        try:
            parts = parts_of(name)
        except ValueError as error:
            self.refuse(
                name, f"was left out: {error}", "Make the archive again with the assignment's script."
            )
            return None
        return None if passed_over(parts) else parts

    def count(self) -> None:
        """One more entry, of whatever kind. Raises `CollectError` when there are too many."""
        self.seen += 1
        if self.seen > MAX_MEMBERS:
            raise CollectError(f"the submission holds more than {MAX_MEMBERS} files", TOO_MANY_HINT)

    def refuse(self, name: str, message: str, hint: str = "") -> None:
        shown = clean(name)
        self.problems.append(Problem(file=shown, message=f"{shown} {message}", hint=hint))


@contextmanager
def folder(root: Path) -> Iterator[Contents]:
    """The contents of a folder; links and devices are noted, never followed or opened."""
    contents = Contents()
    waiting = [root]
    while waiting:
        here = waiting.pop()
        for entry in _entries(here, root, contents):
            name = Path(entry.path).relative_to(root).as_posix()
            if entry.is_dir(follow_symlinks=False):
                contents.count()
                if not passed_over((entry.name,)):
                    waiting.append(Path(entry.path))
            elif parts := contents.accept(name):
                _add(contents, entry, parts)
    yield contents


def _entries(here: Path, root: Path, contents: Contents) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(here) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        if here == root:
            raise CollectError(f"{here} can't be read: {error.strerror}", "Check its permissions.") from error
        contents.refuse(here.relative_to(root).as_posix(), f"can't be read: {error.strerror}")
        return []


def _add(contents: Contents, entry: os.DirEntry[str], parts: tuple[str, ...]) -> None:
    status = entry.stat(follow_symlinks=False)
    if stat.S_ISLNK(status.st_mode):
        contents.refuse("/".join(parts), "is a symbolic link and was left out", "Put the file itself there.")
    elif not stat.S_ISREG(status.st_mode):
        contents.refuse("/".join(parts), "is not a regular file and was left out")
    else:
        contents.members.append(Member(parts, status.st_size, partial(_read, Path(entry.path))))


def _read(path: Path, limit: int) -> bytes:
    """Bytes of a regular file, also when it was swapped for a link or a pipe since it was listed."""
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
        with open(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise MemberError("is not a regular file")
            return bounded(file.read(limit + 1), limit)
    except OSError as error:
        raise MemberError(f"can't be read: {error.strerror}") from error


def bounded(data: bytes, limit: int) -> bytes:
    """`data`, unless it is longer than `limit`."""
    if len(data) > limit:
        raise MemberError(f"is larger than {limit >> 20} MB")
    return data
