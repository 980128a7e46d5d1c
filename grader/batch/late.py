"""Late days and extensions from a CSV file, by student."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from grader.batch import tables
from grader.batch.handins import Person, utc
from grader.batch.roster import Index
from grader.errors import UsageError


@dataclass(frozen=True)
class Lateness:
    """What staff say of one student; `late_days` beats any time and mark."""

    late_days: int | None = None
    submitted: str = ""
    extension_days: int = 0


def read(path: Path, students: Sequence[tuple[str, Person]]) -> dict[str, Lateness]:
    """Lateness by the student's id. Raises `UsageError` for a row of nobody, or with a number that is none."""
    index = Index(person for _, person in students)
    ids = {id(person): student for student, person in students}
    by_id = dict(students)  # as the gradebook calls them
    found: dict[str, Lateness] = {}
    for row in tables.read(path):
        where = f"{path}, line {row['line']}"
        said = tables.person(row)
        person = by_id.get(said.id) or index.find(said)[0]
        if person is None:
            raise UsageError(f"{where}: no student of this class is meant.", "Correct the identifier.")
        found[ids[id(person)]] = _lateness(row, where)
    return found


def _lateness(row: tables.Row, where: str) -> Lateness:
    submitted = utc(row.get("submitted", ""))
    if row.get("submitted") and not submitted:
        raise UsageError(
            f"{where}: the time {row['submitted']!r} can't be read.", "Write 2024-05-21T23:59:00Z."
        )
    days = _days(row, "late_days", where)
    return Lateness(days, submitted, _days(row, "extension_days", where) or 0)


def _days(row: tables.Row, name: str, where: str) -> int | None:
    text = row.get(name, "")
    if not text:
        return None
    if not text.isdecimal():
        raise UsageError(f"{where}: {name} is {text!r}.", "Whole days are needed, 0 or more.")
    return int(text)
