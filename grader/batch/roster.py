"""Whose hand-ins these are: matched to the roster by identifiers, by name only where nothing else is known."""

from __future__ import annotations

import dataclasses
import hashlib
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from grader.batch import tables
from grader.batch.handins import ClassInput, HandIn, Person, natural
from grader.errors import UsageError
from grader.results import Problem

BY = ("lms_id", "sis_id", "login", "email")  # how a student is matched, in this order


@dataclass
class Student:
    """A student with all that was handed in, in that order."""

    id: str  # unique within the class
    person: Person
    on_roster: bool = True
    handins: list[HandIn] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def read(path: Path) -> list[Person]:
    """The students of a roster: Gradescope's, Canvas's gradebook, or any CSV with similar headers.

    Raises `UsageError` for a row without an identifier or a name, and for one that stands there twice.
    """
    people: dict[str, tuple[Person, str]] = {}
    for row in tables.read(path):
        person = tables.person(row)
        if not person.id:
            raise UsageError(
                f"{path}, line {row['line']}: no identifier and no name.", "Give it, or remove the line."
            )
        if person.id in people:
            raise UsageError(
                f"{path}: {person.id} stands in line {people[person.id][1]} and in line {row['line']}.",
                "Remove one of them.",
            )
        people[person.id] = (person, row["line"])
    if not people:
        raise UsageError(f"{path} names no student.", "Name the course's roster.")
    return [person for person, _ in people.values()]


def match(found: ClassInput, roster: Sequence[Person] | None) -> list[Student]:
    """Every student, of the roster first, with what is theirs; who is not on it comes after, marked so.

    Without a roster, whoever handed in or is listed by the class is a student.
    """
    index = Index(roster if roster is not None else found.listed)
    students = {person.id: Student(person.id, person) for person in index.people}
    for handin in found.handins:
        for person in handin.people:
            student, note = _student(students, index, person, known=roster is None)
            student.handins.append(handin)
            student.problems += [note] if note else []
    if roster is not None:
        _unlisted(students, index, found)
    for student in students.values():
        _several(student)
    return sorted(students.values(), key=lambda s: (not s.on_roster, natural(_sortable(s.person)), s.id))


def _student(
    students: dict[str, Student], index: Index, person: Person, known: bool
) -> tuple[Student, Problem | None]:
    listed, how = index.find(person)
    if listed is None:
        new = students.setdefault(person.id, Student(person.id, person, on_roster=known))
        return new, None if known or new.handins else _unknown(person)
    student = students[listed.id]
    student.person = _merged(student.person, person)
    note = Problem(file=person.label or person.name, message=how) if how else None
    return student, note


def _unlisted(students: dict[str, Student], index: Index, found: ClassInput) -> None:
    """Students that the class lists and the roster does not."""
    for person in found.listed:
        if index.find(person)[0] is None and person.id not in students:
            problems = [_unknown(person)]
            students[person.id] = Student(person.id, person, on_roster=False, problems=problems)


def _unknown(person: Person) -> Problem:
    return Problem(
        file=person.label or person.name or person.id, message=f"{person.id} is not on the roster",
        hint="Add the student to the roster, or correct the identifier there.",
    )  # fmt: skip


def _several(student: Student) -> None:
    """Two files of one student are read as attempts, which staff should know."""
    if len(student.handins) > 1:
        listed = ", ".join(handin.file for handin in student.handins)
        message = f"{len(student.handins)} hand-ins of one student, read as attempts in this order"
        student.problems.append(Problem(file=listed, message=message))


def _merged(known: Person, more: Person) -> Person:
    """The roster's facts, with what the hand-in adds."""
    new = {f.name: getattr(more, f.name) for f in dataclasses.fields(Person) if not getattr(known, f.name)}
    return dataclasses.replace(known, **new)


class Index:
    """Finds a student by any identifier, or by a name that is unique."""

    def __init__(self, people: Iterable[Person]) -> None:
        self.people = tuple(people)
        self._by: dict[str, dict[str, Person]] = {
            name: {_key(value): p for p in self.people if (value := getattr(p, name))} for name in BY
        }
        self._names: dict[str, list[Person]] = defaultdict(list)
        for person in self.people:
            for name in {_plain(person.name), _plain(person.sortable_name)} - {""}:
                self._names[name].append(person)

    def find(self, person: Person) -> tuple[Person | None, str]:
        """The student that `person` is, and what is doubtful about it."""
        for name in BY:
            if (value := getattr(person, name)) and (found := self._by[name].get(_key(value))):
                return found, ""
        if person.label and (found := self._labelled(person.label)):
            return found, ""
        same = [p for name in (person.sortable_name, person.name, person.label) for p in self._named(name)]
        if len({p.id for p in same}) == 1 and not _contradicts(person, same[0]):
            return same[0], f"matched to {same[0].id} by the name alone"
        return None, ""

    def _labelled(self, label: str) -> Person | None:
        """By a file's name, whole or one of its words, if that is the identifier of one student only."""
        for candidates in ([label], re.split(r"[\s_+,;()\[\]-]+", label)):
            hits = {p.id: p for c in candidates for name in BY if (p := self._by[name].get(_key(c)))}
            if len(hits) == 1:
                return next(iter(hits.values()))
        return None

    def _named(self, name: str) -> list[Person]:
        return self._names.get(_plain(name), []) if name else []


def _contradicts(one: Person, other: Person) -> bool:
    """Whether both name an identifier of the same kind, and it differs."""
    return any(
        getattr(one, by) and getattr(other, by) and getattr(one, by) != getattr(other, by) for by in BY
    )


def _key(value: str) -> str:
    return value.strip().casefold()


def _plain(name: str) -> str:
    """A name as Canvas writes it in file names: letters and digits only, in lower case."""
    return re.sub(r"[\W_]", "", unicodedata.normalize("NFC", name).casefold())


def _sortable(person: Person) -> str:
    return person.sortable_name or person.name or person.id


def folder_names(ids: Iterable[str]) -> dict[str, str]:
    """A folder's name for each id: as like it as file systems allow, and no two alike for any of them."""
    names: dict[str, str] = {}
    taken: set[str] = set()
    for id in sorted(set(ids)):
        safe = re.sub(r"[^A-Za-z0-9.@-]+", "_", unicodedata.normalize("NFKD", id)).strip("._-")[:60]
        if not safe or safe != id or safe.casefold() in taken:
            safe = f"{safe or 'student'}_{hashlib.sha256(id.encode('utf-8', 'replace')).hexdigest()[:8]}"
        taken.add(safe.casefold())
        names[id] = safe
    return names
