"""What a class handed in, whatever system it came from: hand-ins in their order, and whose each is."""

from __future__ import annotations

import datetime
import hashlib
import re
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path

from grader.collect.members import folder
from grader.collect.names import ARCHIVE_ENDINGS, passed_over
from grader.errors import CollectError
from grader.results import Problem

_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d)?)(?:\.\d+)?\s*(Z|UTC|[+-]\d\d:?\d\d)?")


@dataclass(frozen=True)
class Person:
    """What one source says of a student; empty where it says nothing."""

    name: str = ""
    sortable_name: str = ""  # "Last, First"
    email: str = ""
    sis_id: str = ""
    login: str = ""
    lms_id: str = ""
    section: str = ""
    label: str = ""  # what the folder or file is called, when nothing tells which kind of name that is

    @property
    def id(self) -> str:
        """The best identifier that the source has."""
        return self.sis_id or self.lms_id or self.login or self.email or self.label or self.name


@dataclass(frozen=True)
class HandIn:
    """One hand-in: `path` is a folder or an archive to be collected, `people` are those who handed it in."""

    file: str  # as it is called in the class
    path: Path
    people: tuple[Person, ...]
    submitted: str = ""  # ISO 8601, UTC
    late: bool = False
    problems: tuple[Problem, ...] = ()


@dataclass
class ClassInput:
    """A whole class as it came; several hand-ins of one student stand in the order handed in."""

    name: str
    form: str
    handins: list[HandIn] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    listed: list[Person] = field(default_factory=list)  # named by the class itself, with or without a hand-in

    def note(self, file: str, message: str, hint: str = "") -> None:
        """Adds a remark on something that is no hand-in, or could be nobody's."""
        self.problems.append(Problem(file=file, message=message, hint=hint))


def natural(name: str) -> tuple[tuple[int, int, str], ...]:
    """The key that sorts 'a2' before 'a10'."""
    parts = re.findall(r"\d+|\D+", unicodedata.normalize("NFC", name).casefold())
    return tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts)


def utc(text: str) -> str:
    """A date and time (of UTC where it names no zone) in ISO 8601 and UTC; empty for what is none."""
    found = _MOMENT.fullmatch(text.strip())
    try:
        moment = (
            datetime.datetime.fromisoformat("{}T{}{}".format(*found.groups("Z")).replace("UTC", "Z"))
            if found
            else None
        )
    except ValueError:
        return ""
    return moment.astimezone(datetime.UTC).isoformat(timespec="seconds") if moment else ""


def is_archive(name: str) -> bool:
    """Whether a file's name says that it is an archive that can be collected."""
    return name.lower().endswith(ARCHIVE_ENDINGS)


def stem(name: str) -> str:
    """An archive's name without its ending; any other name as it is."""
    ending = next((end for end in ARCHIVE_ENDINGS if name.lower().endswith(end)), "")
    return name[: len(name) - len(ending)]


def entries(path: Path) -> list[Path]:
    """What a folder shows, in natural order: hidden files, caches and links are none of it."""
    try:
        found = [entry for entry in path.iterdir() if not passed_over((entry.name,))]
    except OSError as error:
        raise CollectError(f"{path} can't be read: {error.strerror}", "Check its permissions.") from error
    return sorted(found, key=lambda entry: (natural(entry.name), entry.name))


def attempts_in(path: Path) -> list[Path]:
    """What is to be collected of a student's folder: the archives in it when it holds no code itself, else it alone."""
    with folder(path) as contents:
        names = ["/".join(member.parts) for member in contents.members]
    archives = sorted((name for name in names if is_archive(name)), key=natural)
    if not archives or any(name.endswith(".py") for name in names):
        return [path]
    return [path / name for name in archives]


def is_empty(path: Path) -> bool:
    """Whether nothing was handed in: no such path, a file without content, a folder without files."""
    if not path.is_dir():
        return not path.is_file() or path.stat().st_size == 0
    with folder(path) as contents:
        return not any(member.size for member in contents.members) and not contents.problems


def digest(path: Path) -> str:
    """The sha256 of a hand-in's content: of an archive's bytes, or of a folder's files with their names."""
    if path.is_file():
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    total = hashlib.sha256()
    if path.is_dir():
        with folder(path) as contents:
            for member in sorted(contents.members, key=lambda member: member.parts):
                total.update(f"{member.name}\0{member.size}\0".encode("utf-8", "surrogateescape"))
                with (path / member.name).open("rb") as file:
                    total.update(hashlib.file_digest(file, "sha256").digest())
            for problem in contents.problems:  # a link that came or went changes what is reported
                total.update(f"{problem.file}\0{problem.message}\0".encode("utf-8", "surrogateescape"))
    return total.hexdigest()
