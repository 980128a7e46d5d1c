"""The gradebook as a CSV table that any spreadsheet opens: a line for each student, formulas defused."""

from __future__ import annotations

from grader.class_results import ClassResult, StudentResult
from reports.exports import sheet, source

HEAD = (
    "id", "name", "sortable_name", "email", "sis_id", "login", "lms_id", "section", "group", "on_roster", "status",
    "points", "max_points", "final", "earned", "adjustments", "undecided", "late_days", "attempt", "attempts", "flags",
)  # fmt: skip


def render(result: ClassResult) -> bytes:
    """The table, with a column for each part of the rubric at its end."""
    parts = list(dict.fromkeys(part.id for student in result.students for part in student.parts))
    rows = [[*_facts(student), *_parts(student, parts)] for student in result.students]
    return sheet.table([[*HEAD, *(f"part {part}" for part in parts)], *rows])


def _facts(student: StudentResult) -> list[object]:
    steps = " ".join(f"{step.reason} ({step.points:+d})" for step in student.adjustments)
    unsettled = source.settled(student)
    return [
        student.id, student.name, student.sortable_name, student.email, student.sis_id, student.login,
        student.lms_id, student.section, " ".join(student.group), "yes" if student.on_roster else "no",
        student.status, student.points if student.attempt else "", student.max_points, unsettled or "yes",
        student.earned if student.attempt else "", steps, student.undecided,
        student.attempt.late_days if student.attempt else "", student.counted or "", len(student.attempts),
        len(student.flags),
    ]  # fmt: skip


def _parts(student: StudentResult, parts: list[str]) -> list[object]:
    points = {part.id: part.points for part in student.parts}
    return [points.get(part, "") for part in parts]
