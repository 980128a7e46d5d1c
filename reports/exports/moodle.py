"""Marks for Moodle: the assignment's own offline grading worksheet with grades (and a line of feedback) filled in.

Moodle writes the headers in the course's language: the column of the grades can be named, a column of e-mail
addresses is known by its content. Only grades that Moodle says can be changed are touched.
"""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import escape

from grader.class_results import ClassResult, StudentResult
from grader.errors import UsageError
from reports import text
from reports.exports import marks
from reports.exports.marks import Asked, Filled
from reports.exports.sheet import Sheet, defused

PEOPLE = {"id number": "sis_id", "username": "login", "email address": "email", "full name": "name"}
GRADE, FEEDBACK, MAXIMUM, CHANGEABLE = "grade", "feedback comments", "maximum grade", "grade can be changed"


def fill(sheet: Sheet, result: ClassResult, asked: Asked) -> Filled:
    """The marks of `result` in the worksheet. Raises `UsageError` for a table that is no worksheet."""
    head = [cell.strip() for cell in sheet.rows[0]]
    names = {cell.casefold(): number for number, cell in enumerate(head)}
    column = _column(head, asked)
    people = {names[name]: kind for name, kind in PEOPLE.items() if name in names} or _addresses(sheet)
    if not people:
        raise UsageError(
            "Nothing in the worksheet says who the students are.",
            "In Moodle: View all submissions, Download grading worksheet; blind marking must be off.",
        )
    rows = {
        number: {kind: row[place] for place, kind in people.items() if place < len(row)}
        for number, row in enumerate(sheet.rows)
        if number and any(row)
    }
    found, notes = marks.places(rows, result.students)
    possible = {number: _at(sheet.rows[number], names.get(MAXIMUM)) for number in rows}
    notes += marks.unequal({marks.number(each) for each in possible.values()}, result.max_points, asked)
    count = 0
    for student in (each for each in result.students if each.id in found):
        row = found[student.id]
        mark, reason = marks.mark(student, asked, marks.number(possible[row]))
        if _at(sheet.rows[row], names.get(CHANGEABLE)).strip().casefold() == "no":
            mark, reason = "", "Moodle says that this grade can't be changed"
        if not mark:
            notes.append(f"{marks.called(student)}: left as it was: {reason}")
            continue
        sheet.fill(row, column, mark.replace(".", ",") if "," in possible[row] else mark)
        if FEEDBACK in names and not _at(sheet.rows[row], names[FEEDBACK]).strip():
            sheet.fill(row, names[FEEDBACK], feedback(student))
        count += 1
    return Filled(sheet.content(), count, tuple(notes))


def feedback(student: StudentResult) -> str:
    """A line on the parts and on what was added or taken; HTML, as Moodle takes it for."""
    said = [f"{text.line(part.title, 80)}: {part.points} of {part.max_points}" for part in student.parts]
    said += [f"{step.points} points: {text.line(step.reason, 200)}" for step in student.adjustments]
    return defused(str(escape("Points by part. " + "; ".join(said) + "."))) if said else ""


def _column(head: Sequence[str], asked: Asked) -> int:
    wanted = asked.column or GRADE
    hits = [number for number, cell in enumerate(head) if cell.casefold() == wanted.strip().casefold()]
    if len(hits) != 1:
        shown = "; ".join(text.line(cell, 80) for cell in head[:20])
        raise UsageError(
            f"The worksheet has no single column {text.line(wanted, 80)!r} for the grades.",
            f"Name it with --column as it is called in your language. The columns are: {shown}",
        )
    return hits[0]


def _addresses(sheet: Sheet) -> dict[int, str]:
    """The first column of which most cells are e-mail addresses."""
    body = sheet.rows[1:]
    for number in range(len(sheet.rows[0])):
        if body and sum("@" in _at(row, number) for row in body) * 2 > len(body):
            return {number: "email"}
    return {}


def _at(row: Sequence[str], column: int | None) -> str:
    return row[column] if column is not None and column < len(row) else ""
