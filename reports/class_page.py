"""The HTML page of a class: one file, nothing from elsewhere, and a script of our own alone, without which it works.

Staff's page names everybody and links each report. The anonymous one is to be shown to others: nobody's name, number,
file or message of their own is in it, not even hidden.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import fmean, median
from urllib.parse import quote

from jinja2 import Environment, PackageLoader
from markupsafe import Markup

from grader.class_results import Status, StudentResult
from grader.errors import UsageError
from grader.results import Outcome
from reports import files, page, view
from reports.class_summary import MOST_MISTAKES, Bin, MistakeTally, Summary, summed
from reports.exports import source

PAGE_NAME = "class.html"
MOST_LISTED = 400  # flags and problems: longer lists say so and point to class.json
MOST_NAMED = 12  # students of one mistake
FEW = 2  # what only one student has said or done could tell who it was
STATUS = {
    Status.GRADED: ("Graded", "✓", "good"), Status.EMPTY: ("Empty", "○", "idle"),
    Status.UNREADABLE: ("Unreadable", "✗", "bad"), Status.CRASHED: ("Grader fault", "!", "fault"),
    Status.MISSING: ("Missing", "–", "idle"),
}  # fmt: skip
WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 640, 200, 34, 26, 14


@dataclass(frozen=True)
class Row:
    """A line of the table of students."""

    name: str
    id: str
    section: str
    status: Status
    points: int | None
    late: int
    flags: int
    note: str
    link: str


def write(folder: Path, out: Path | None = None, *, anonymous: bool = False) -> Path:
    """Writes the page of the class in `folder`, whole or not at all; its path.

    Raises `UsageError` for a folder without a class, or a place that can't be written.
    """
    found = source.read(folder)
    target = out or found.folder / PAGE_NAME
    if anonymous and out is None:
        target = found.folder / "class-anonymous.html"
    here = target.resolve().parent == found.folder.resolve()
    made = render(summed(found.folder, source.class_of(found)), anonymous=anonymous, linked=here)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        files.replace(target, made.encode())
    except OSError as error:
        raise UsageError(f"{target} can't be written: {error.strerror}.", "Choose another --out.") from error
    return target


def render(summary: Summary, *, anonymous: bool = False, linked: bool = True) -> str:
    """The page. `linked`: it will stand beside the reports, so that it can link to them."""
    style, script = _own("style.css") + _own("class.css"), _own("class.js")
    rows = [_row(student, linked and not anonymous) for student in summary.students]
    students = summary.result.students
    return (
        page.templates()
        .get_template("class.html")
        .render(
            summary=summary,
            result=summary.result,
            anonymous=anonymous,
            rows=_unnamed(rows) if anonymous else rows,
            sections=sorted({row.section for row in rows} - {""}) if not anonymous else [],
            mistakes=_mistakes(summary, anonymous),
            rare=0 if anonymous else len(summary.mistakes) - MOST_MISTAKES,
            chart=chart(summary.bins, summary.points),
            mean=fmean(summary.points) if summary.points else None,
            median=median(summary.points) if summary.points else None,
            flagged=[student for student in students if student.flags],
            undecided=[s for s in students if s.undecided or s.status is Status.CRASHED],
            doubtful=[s for s in students if s.problems or s.status in (Status.UNREADABLE, Status.EMPTY)],
            strangers=[student for student in students if not student.on_roster],
            links={student.id: _link(student) if linked and not anonymous else "" for student in students},
            parts=summary.parts,
            checks=_by_part(summary),
            Status=Status,
            status=STATUS,
            called=_called,
            outcomes=[(outcome, view.WORDING[outcome]) for outcome in Outcome],
            MOST_NAMED=MOST_NAMED,
            MOST_LISTED=MOST_LISTED,
            style=Markup(style),  # our own files
            script=Markup(script),
            policy=_policy(style, script),
        )
    )


def _policy(style: str, script: str) -> str:
    """Exactly this style sheet and this script, and nothing else."""
    digests = [base64.b64encode(hashlib.sha256(each.encode()).digest()).decode() for each in (style, script)]
    return (
        f"default-src 'none'; style-src 'sha256-{digests[0]}'; script-src 'sha256-{digests[1]}'; "
        "base-uri 'none'; form-action 'none'"
    )


@cache
def _own(name: str) -> str:
    content, _, _ = PackageLoader("reports").get_source(Environment(autoescape=True), name)
    return content


def _row(student: StudentResult, linked: bool) -> Row:
    attempt = student.attempt
    said = [step.reason for step in student.adjustments]
    if student.undecided:
        said.append(f"{student.undecided} points undecided by a fault of gradmark.")
    if len(student.attempts) > 1:
        said.append(f"Attempt {student.counted} of {len(student.attempts)} counts.")
    if not student.on_roster:
        said.append("Not on the roster.")
    if attempt is not None and attempt.message:
        said.append(attempt.message)
    return Row(
        _called(student), student.id, student.section, student.status,
        None if student.status is Status.MISSING else student.points, attempt.late_days if attempt else 0,
        len(student.flags), " ".join(said), _link(student) if linked else "",
    )  # fmt: skip


def _called(student: StudentResult) -> str:
    return student.sortable_name or student.name or student.id


def _link(student: StudentResult) -> str:
    """The report beside the page: a relative address, whatever the name of its folder."""
    report = student.attempt.report if student.attempt else ""
    return f"./{quote(report)}" if report else ""


def _unnamed(rows: list[Row]) -> list[Row]:
    """By points, and alike where what is shown is alike: the order says nothing of the names."""
    shown = [Row("", "", "", row.status, row.points, row.late, row.flags, "", "") for row in rows]
    shown.sort(
        key=lambda row: (-(row.points if row.points is not None else -1), row.status, row.late, row.flags)
    )
    return [
        Row(f"Student {number}", "", "", row.status, row.points, row.late, row.flags, "", "")
        for number, row in enumerate(shown, 1)
    ]


def _mistakes(summary: Summary, anonymous: bool) -> list[MistakeTally]:
    """The most frequent ones; to others only known ones that several have made, as a message is a student's text."""
    found = [each for each in summary.mistakes if not anonymous or (each.known and len(each.students) >= FEW)]
    return found[:MOST_MISTAKES]


def _by_part(summary: Summary) -> list[tuple[str, list[object]]]:
    titles = {part.score.id: part.score.title for part in summary.parts}
    found: dict[str, list[object]] = {}
    for check in summary.checks.values():
        found.setdefault(check.part, []).append(check)
    return [(titles.get(part, part), checks) for part, checks in found.items()]


def chart(bins: tuple[Bin, ...], points: tuple[int, ...]) -> Markup:
    """The distribution as a drawing, with the median; its numbers stand in a table beside it."""
    if not bins:
        return Markup("")
    high = max(each.count for each in bins)
    wide = (WIDTH - LEFT - 4) / len(bins)
    bars, ground = Markup(""), HEIGHT - BOTTOM
    for number, each in enumerate(bins):
        tall = (ground - TOP) * each.count / high
        bars += Markup('<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" rx="2"></rect>').format(
            LEFT + number * wide + 1, ground - tall, max(wide - 2, 1), tall
        )
    middle = median(points)
    place = LEFT + (middle - bins[0].low + 0.5) / (bins[-1].high - bins[0].low + 1) * (WIDTH - LEFT - 4)
    label = (
        f"Distribution of {len(points)} totals from {min(points)} to {max(points)} points, median {middle:g}"
    )
    return Markup(
        '<svg class="histogram" viewBox="0 0 {w} {h}" role="img" aria-label="{label}">{bars}'
        '<path class="axis" d="M{l} {g}H{w}"></path>'
        '<path class="edge" d="M{x:.1f} {t}V{g}"></path><path class="median" d="M{x:.1f} {t}V{g}"></path>'
        '<text x="{l}" y="{foot}">{low}</text><text x="{w}" y="{foot}" text-anchor="end">{most} points</text>'
        '<text x="{l5}" y="{t5}" text-anchor="end">{high}</text><text x="{l5}" y="{g}" text-anchor="end">0</text></svg>'
    ).format(
        w=WIDTH, h=HEIGHT, label=label, bars=bars, l=LEFT, g=ground, t=TOP, x=place, foot=HEIGHT - 8, low=bins[0].low,
        most=bins[-1].high, l5=LEFT - 6, t5=TOP + 8, high=high,
    )  # fmt: skip
