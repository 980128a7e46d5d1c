"""The assignment as its template defines it, and where in a submission it lies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from grader.collect.members import Member
from grader.collect.names import ARCHIVE_ENDINGS, clean
from grader.errors import CollectError
from grader.results import Problem

PACKAGE = "cs231n"
STUDENT_MARK = b"# START OF YOUR CODE"  # written by grader.template into each file that has a task


def name_it(package: str) -> str:
    """What to name in place of something that holds no assignment."""
    return f"Name the folder (or an archive of it) that holds {package}/ and the notebooks."


@dataclass(frozen=True)
class Assignment:
    """The template's files by relative name; `student` are those in which something is to be written."""

    files: dict[str, bytes]
    student: frozenset[str]
    package: str = PACKAGE  # the folder of the code

    @cached_property
    def by_file_name(self) -> dict[str, str]:
        """The student's files that a bare file name tells: rnn.py -> cs231n/classifiers/rnn.py."""
        count = Counter(PurePosixPath(name).name for name in self.files)
        return {PurePosixPath(n).name: n for n in sorted(self.student) if count[PurePosixPath(n).name] == 1}


@dataclass(frozen=True)
class Root:
    """Where the assignment lies in a submission: below `prefix`, with `cs231n/` there unless `loose`."""

    prefix: tuple[str, ...]
    loose: bool
    problems: tuple[Problem, ...] = ()

    def relative(self, member: Member, assignment: Assignment) -> str | None:
        """A member's name in the assignment, or None for a member outside of it."""
        depth = len(self.prefix)
        if member.parts[:depth] != self.prefix:
            return None
        name = "/".join(member.parts[depth:])
        if not self.loose or name.endswith(".ipynb"):
            return name
        inside = f"{assignment.package}/{name}"
        return inside if inside in assignment.files else assignment.by_file_name.get(name, inside)


def load(template: Path, package: str = PACKAGE) -> Assignment:
    """The assignment that a template folder defines. Raises `CollectError` for a folder that is none."""
    paths = [path for path in sorted(template.rglob("*")) if path.is_file()]
    names = {path.relative_to(template).as_posix(): path for path in paths}
    files = {
        name: path.read_bytes()
        for name, path in names.items()
        if "__pycache__" not in path.parts and "/." not in f"/{name}" and name != "__init__.py"
    }
    student = frozenset(name for name, data in files.items() if name.endswith(".py") and STUDENT_MARK in data)
    if not student:
        raise CollectError(
            f"{template} is not a template: no file in it has a task", "Run `gradmark template`."
        )
    return Assignment(files, student, package)


def find(members: list[Member], assignment: Assignment, where: str) -> Root:
    """The one place where the assignment lies: the highest folder, and of several there the fullest.

    Raises `CollectError` when there is none, or when nothing tells which one was meant.
    """
    if proper := Counter(_proper_prefixes(members, assignment)):
        prefix, others = _choose(proper, where)
        problems = tuple(_not_graded(other, prefix) for other in others)
        return Root(prefix, loose=False, problems=problems)
    if loose := Counter(_loose_prefixes(members, assignment)):
        prefix, _ = _choose(loose, where)
        return Root(prefix, loose=True, problems=_read_as_inside(prefix, where, assignment.package))
    raise _nothing_found(members, where, assignment.package)


def _proper_prefixes(members: list[Member], assignment: Assignment) -> Iterable[tuple[str, ...]]:
    """Once per file of the student's: the folder above its `cs231n/`."""
    for member in members:
        for depth, part in enumerate(member.parts):
            if part == assignment.package and "/".join(member.parts[depth:]) in assignment.student:
                yield member.parts[:depth]


def _loose_prefixes(members: list[Member], assignment: Assignment) -> Iterable[tuple[str, ...]]:
    """Once per file of the student's: the folder that would have to be called `cs231n`."""
    package = f"{assignment.package}/"
    inside = {tuple(name.split("/")[1:]) for name in assignment.student if name.startswith(package)}
    inside |= {(name,) for name in assignment.by_file_name}
    for member in members:
        for depth in range(len(member.parts)):
            if member.parts[depth:] in inside:
                yield member.parts[:depth]


def _choose(counted: Counter[tuple[str, ...]], where: str) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    depth = min(map(len, counted))
    highest = sorted(prefix for prefix in counted if len(prefix) == depth)
    most = max(counted[prefix] for prefix in highest)
    fullest = [prefix for prefix in highest if counted[prefix] == most]
    if len(fullest) > 1:
        shown = ", ".join(_shown(prefix) for prefix in fullest)
        raise CollectError(f"{where} holds the assignment {len(fullest)} times: {shown}", "Name one of them.")
    return fullest[0], [prefix for prefix in sorted(counted) if prefix != fullest[0]]


def _not_graded(other: tuple[str, ...], graded: tuple[str, ...]) -> Problem:
    return Problem(
        file=_shown(other),
        message=f"{_shown(other)} holds the assignment too; the one in {_shown(graded)} was graded",
        hint="Hand in one copy only.",
    )


def _read_as_inside(prefix: tuple[str, ...], where: str, package: str) -> tuple[Problem, ...]:
    if (prefix or (where,))[-1] == package:  # someone pointed at the package itself
        return ()
    message = f"{_shown(prefix)} holds files without their {package} folder; they were read as if in it"
    return (Problem(file=_shown(prefix), message=message, hint=f"Hand in the {package} folder as it is."),)


def _nothing_found(members: list[Member], where: str, package: str) -> CollectError:
    held = [clean(member.name) for member in members]
    shown = ", ".join(held[:5]) + (f" and {len(held) - 5} more" if len(held) > 5 else "")
    packed = [name for name in held if name.lower().endswith((*ARCHIVE_ENDINGS, ".7z", ".rar"))]
    hint = f"Unpack {packed[0]} and hand in what it holds." if packed else name_it(package)
    message = f"{where} holds no file of the assignment (it holds {shown or 'no file that counts'})"
    return CollectError(message, hint)


def _shown(prefix: tuple[str, ...]) -> str:
    return clean("/".join(prefix)) + "/" if prefix else "the top folder"
