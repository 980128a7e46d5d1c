"""Marks for Canvas: one column of the course's own gradebook export is filled, all else stays as it is.

The format follows lib/gradebook_importer.rb of Canvas: a column is an assignment's by its number in parentheses, a
header that Canvas does not know would make a new assignment, so none is ever added.
"""

from __future__ import annotations

import re

from grader.class_results import ClassResult
from grader.errors import UsageError
from reports import text
from reports.exports import marks
from reports.exports.marks import Asked, Filled
from reports.exports.sheet import Sheet

PEOPLE = {
    "id": "lms_id", "sis user id": "sis_id", "sis login id": "login", "student": "name", "lastname,firstname": "name",
}  # fmt: skip
NO_STUDENT = ("Points Possible", "Manual Posting", "Muted", "Student, Test")
_NUMBERED = re.compile(r"\(\d+\)$")
_COMPUTED = re.compile(
    r"\(read only\)|^(?:current|final|unposted current|unposted final|override) (?:score|points|grade)$", re.I
)


def fill(sheet: Sheet, result: ClassResult, asked: Asked) -> Filled:
    """The marks of `result` in their column. Raises `UsageError` for a table that is none of Canvas's, or no column."""
    head = [cell.strip() for cell in sheet.rows[0]]
    people = {
        number: PEOPLE[cell.casefold()] for number, cell in enumerate(head) if cell.casefold() in PEOPLE
    }
    if len(head) < 2 or not {"lms_id", "name"} <= set(people.values()):
        raise UsageError(
            "The table is no gradebook export of Canvas: it has no columns Student and ID.",
            "In Canvas: Grades, Export, Export Entire Gradebook; name that file with --gradebook.",
        )
    column = _column(sheet, head, people, asked)
    rows = {
        number: {kind: row[place] for place, kind in people.items() if place < len(row)}
        for number, row in enumerate(sheet.rows)
        if number and row and not any(mark in row[0] for mark in NO_STUDENT)
    }
    possible = next((_cell(row, column) for row in sheet.rows[1:] if row and "Points Possible" in row[0]), "")
    found, notes = marks.places(rows, result.students)
    notes += marks.unequal([marks.number(possible)], result.max_points, asked)
    count = 0
    for student in (each for each in result.students if each.id in found):
        mark, reason = marks.mark(student, asked, marks.number(possible))
        row = found[student.id]
        if _cell(sheet.rows[row], column).strip().upper() == "EX":
            mark, reason = "", "excused in Canvas"
        if not mark:
            notes.append(f"{marks.called(student)}: left as it was: {reason}")
            continue
        sheet.fill(row, column, mark.replace(".", ",") if "," in possible else mark)
        count += 1
    return Filled(sheet.content(), count, tuple(notes))


def _column(sheet: Sheet, head: list[str], people: dict[int, str], asked: Asked) -> int:
    first = max(people) + 1
    last_fact = {"integration id", "root account", "section"}
    known = [
        number
        for number, name in enumerate(head)
        if number >= first and name and name.casefold() not in last_fact and not _COMPUTED.search(name)
    ]
    readonly = {
        number
        for row in sheet.rows[1:4]
        for number, cell in enumerate(row)
        if cell.strip().casefold() == "(read only)"
    }
    known = [each for each in known if each not in readonly]
    numbered = [each for each in known if _NUMBERED.search(head[each])]  # as Canvas itself writes assignments
    found, listed = marks.column(head, asked.column, numbered or known)
    if found is None:
        shown = "; ".join(listed[:20]) or "none"
        raise UsageError(
            f"No single column is meant by --column {text.line(asked.column, 80)!r}.",
            f"The assignments of this export are: {shown}. Give a title, or the number in parentheses.",
        )
    return found


def _cell(row: list[str], column: int) -> str:
    return row[column] if column < len(row) else ""
