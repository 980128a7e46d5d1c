"""Marks filled into a table of another system: who is in which row, and which number stands there."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

from grader.class_results import Status, StudentResult
from grader.errors import UsageError
from reports import text
from reports.exports import source

# How a student can be found, surest first: the kind of identifier -> the fields of ours that may hold it.
KINDS: dict[str, tuple[str, ...]] = {
    "lms_id": ("lms_id",),
    "sis_id": ("sis_id",),
    "login": ("login", "email"),
    "email": ("email", "login"),
    "name": ("sortable_name", "name"),
}


@dataclass(frozen=True)
class Filled:
    """A table with marks in it, and what its reader has to know."""

    content: bytes
    filled: int
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Asked:
    """What may be filled in, and how."""

    column: str = ""  # header; empty: found by itself where that is safe
    provisional: bool = False  # also points that a fault of gradmark has left undecided
    missing_zero: bool = False  # nothing handed in is 0 points
    scale: bool = False  # to the maximum of the other system


Row = Mapping[str, str]  # kind -> value in the other system's row


def places(rows: Mapping[int, Row], students: Iterable[StudentResult]) -> tuple[dict[str, int], list[str]]:
    """The row of each student (by id), and notes on those who have none, or only by their name.

    No row is given to two students, and nobody to whom two rows fit gets any. Raises `UsageError` when nobody at all
    is in the table.
    """
    known, notes = list(students), []
    index = {kind: _index(rows, kind) for kind in KINDS}
    found = {student.id: _place(student, rows, index) for student in known}
    if known and all(row is None for row, _ in found.values()):
        raise UsageError(
            f"None of the class's {len(known)} students is in the table.", "Is it the table of this course?"
        )
    taken = Counter(row for row, _ in found.values() if row is not None)
    sure: dict[str, int] = {}
    for student in known:
        row, kind = found[student.id]
        if row is None:
            notes.append(f"{called(student)}: no row of the table is theirs")
        elif taken[row] > 1:
            notes.append(f"{called(student)}: another student fits the same row, so it was left alone")
        else:
            sure[student.id] = row
            if kind == "name":
                notes.append(f"{called(student)}: found by the name alone, please check")
    return sure, notes


def _index(rows: Mapping[int, Row], kind: str) -> dict[str, list[int]]:
    found: dict[str, list[int]] = defaultdict(list)
    for number, row in rows.items():
        if key := _key(row.get(kind, ""), kind):
            found[key].append(number)
    return found


def _place(
    student: StudentResult, rows: Mapping[int, Row], index: Mapping[str, dict[str, list[int]]]
) -> tuple[int | None, str]:
    for kind, fields in KINDS.items():
        keys = {_key(getattr(student, field), kind) for field in fields} - {""}
        hits = {number for key in keys for number in index[kind].get(key, [])}
        if len(hits) == 1 and not (kind == "name" and _contradicts(student, rows[min(hits)])):
            return min(hits), kind
    return None, ""


def _contradicts(student: StudentResult, row: Row) -> bool:
    """Whether both have an identifier of one kind, and they differ: then the same name is another person's."""
    return any(
        row.get(kind)
        and getattr(student, kind)
        and _key(row[kind], kind) != _key(getattr(student, kind), kind)
        for kind in ("lms_id", "sis_id", "login", "email")
    )


def _key(value: str, kind: str) -> str:
    value = unicodedata.normalize("NFC", value).strip().casefold()
    return re.sub(r"[\W_]", "", value) if kind == "name" else value


def mark(student: StudentResult, asked: Asked, possible: Decimal | None) -> tuple[str, str]:
    """The number for this student, or why there is none."""
    unsettled = source.settled(student)
    if student.status is Status.MISSING:
        return ("0", "") if asked.missing_zero else ("", unsettled)
    if unsettled and not asked.provisional:
        return "", unsettled
    points = Decimal(student.points)
    if asked.scale and possible is not None and student.max_points:
        points = (points * possible / student.max_points).quantize(Decimal("0.01"), ROUND_HALF_UP)
    return f"{points.normalize():f}" if points else "0", ""


def number(cell: str) -> Decimal | None:
    """A number of another system, with either decimal sign; None for anything else."""
    try:
        value = Decimal(cell.strip().replace(",", "."))
    except InvalidOperation:
        return None
    return value if value.is_finite() and value > 0 else None


def unequal(possible: Iterable[Decimal | None], maximum: int, asked: Asked) -> list[str]:
    """A note when the other system's maximum is not gradmark's and nothing is scaled."""
    others = {each for each in possible if each is not None} - {Decimal(maximum)}
    if asked.scale or not others:
        return []
    listed = ", ".join(f"{each.normalize():f}" for each in sorted(others))
    return [f"the table's maximum is {listed} points, gradmark's {maximum}: --scale converts the marks"]


def column(head: Sequence[str], wanted: str, known: Iterable[int]) -> tuple[int | None, list[str]]:
    """The one column of `known` whose header is meant: exactly, or without the number in parentheses, or by it."""
    names = {number: head[number].strip() for number in known}
    listed = [text.line(name, 80) for name in names.values()]
    for form in (str, _title, _number):
        hits = [number for number, name in names.items() if wanted.strip() and form(name) == wanted.strip()]
        if len(hits) == 1:
            return hits[0], listed
    return None, listed


def _title(name: str) -> str:
    return re.sub(r"\s*\(\d+\)$", "", name)


def _number(name: str) -> str:
    found = re.search(r"\((\d+)\)$", name)
    return found.group(1) if found else ""


def called(student: StudentResult) -> str:
    """The student, in a message."""
    name = f"{student.name} ({student.id})" if student.name not in {"", student.id} else student.id
    return text.line(name, 100)
