"""Inline answers on their way to staff and back: one CSV file for all submissions, read in with its points."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from grader.errors import UsageError
from grader.results import Grade, InlineAnswer, NotebookResult, PartScore

PART, PART_TITLE = "answers", "Inline answers (graded by staff)"
COLUMNS = (
    "submission",
    "question",
    "points",
    "max_points",
    "comment",
    "title",
    "answer",
    "automatic",
    "rubric",
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would run


@dataclass(frozen=True)
class Entry:
    """What staff entered for one answer."""

    points: float | None
    comment: str


def export(grades: Iterable[Grade]) -> str:
    """A CSV with one row per answer, question by question, so that one question is graded at a time."""
    rows = [
        (answer, grade) for grade in grades for notebook in grade.notebooks for answer in notebook.answers
    ]
    rows.sort(key=lambda row: (row[0].id, row[1].submission))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for answer, grade in rows:
        writer.writerow(_row(answer, grade.submission))
    return out.getvalue()


def _row(answer: InlineAnswer, submission: str) -> Sequence[str]:
    points = "" if answer.points is None else f"{answer.points:g}"
    pictures = f"({len(answer.pictures)} pictures: see the report)" if answer.pictures else ""
    shown = " ".join(filter(None, (answer.answer, pictures))) or "(empty)"
    texts = (answer.comment, answer.title, shown, "; ".join(answer.automatic), answer.rubric)
    return (_harmless(submission), answer.id, points, f"{answer.max_points:g}", *map(_harmless, texts))


def _harmless(text: str) -> str:
    """A cell that a spreadsheet shows and does not run."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def read(text: str, source: str) -> dict[tuple[str, str], Entry]:
    """(submission, question) -> what staff entered. Raises `UsageError` naming the line."""
    rows = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
    missing = [name for name in COLUMNS[:5] if name not in (rows.fieldnames or ())]
    if missing:
        raise UsageError(
            f"{source} has no column {', '.join(missing)}.",
            "Fill in the file that `gradmark answers export` wrote.",
        )
    found: dict[tuple[str, str], Entry] = {}
    for row in rows:
        key = (_plain(row["submission"]), _plain(row["question"]))
        if key in found:
            raise UsageError(
                f"{source}, line {rows.line_num}: a second row for {' '.join(key)}.", "Keep one of them."
            )
        found[key] = Entry(_points(row, source, rows.line_num), _plain(row["comment"]))
    return found


def _plain(text: str | None) -> str:
    text = (text or "").strip()
    return text[1:] if text.startswith("'") and text[1:].startswith(_FORMULA) else text


def _points(row: Mapping[str, str], source: str, line: int) -> float | None:
    text = (row["points"] or "").strip().replace(",", ".")
    if not text:
        return None
    try:
        points, most = float(text), float(row["max_points"] or "inf")
    except ValueError:
        raise UsageError(
            f"{source}, line {line}: {text!r} is no number of points.", "Write a number."
        ) from None
    if not 0 <= points <= most or not math.isfinite(points):
        raise UsageError(
            f"{source}, line {line}: {text} points, but there are {most:g} at most.", "Correct it."
        )
    return points


def apply(grade: Grade, entries: Mapping[tuple[str, str], Entry]) -> Grade:
    """The grade with staff's points: a part of its own; what has no points yet is undecided.

    Points are whole in a grade: the sum over the answers is rounded half up.
    """
    notebooks = tuple(_entered(notebook, grade.submission, entries) for notebook in grade.notebooks)
    answers = [answer for notebook in notebooks for answer in notebook.answers if answer.max_points]
    if not answers:
        return grade
    entered = math.floor(sum(answer.points or 0 for answer in answers) + 0.5)
    most = math.floor(sum(answer.max_points for answer in answers) + 0.5)
    waiting = math.floor(sum(answer.max_points for answer in answers if answer.points is None) + 0.5)
    part = PartScore(id=PART, title=PART_TITLE, points=entered, max_points=most, undecided=waiting)
    parts = (*(one for one in grade.parts if one.id != PART), part)
    return msgspec.structs.replace(
        grade, notebooks=notebooks, parts=parts, points=sum(one.points for one in parts),
        max_points=sum(one.max_points for one in parts if not one.extra_credit),
        undecided=sum(one.undecided for one in parts),
    )  # fmt: skip


def _entered(
    notebook: NotebookResult, submission: str, entries: Mapping[tuple[str, str], Entry]
) -> NotebookResult:
    answers = tuple(
        msgspec.structs.replace(answer, points=entry.points, comment=entry.comment)
        if (entry := entries.get((submission, answer.id)))
        else answer
        for answer in notebook.answers
    )
    return msgspec.structs.replace(notebook, answers=answers)
