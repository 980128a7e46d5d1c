"""A grade for GitHub Actions: annotations as workflow commands, and a step summary in Markdown.

GitHub keeps ten annotations of a kind and one MiB of summary for a step; what does not fit is said to be left out.
Escaping of commands as in actions/toolkit, packages/core/src/command.ts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from grader.results import CheckResult, Grade, Outcome, Traceback
from reports import student, text, view
from reports.exports import plain

MOST_ANNOTATIONS = 10  # of a kind, in a step
MOST_SUMMARY = 1 << 20  # bytes, in a step
MOST_MESSAGE = 1_500
KINDS = {
    "error": (Outcome.FAILED,),
    "warning": (Outcome.ERRORED, Outcome.BLOCKED),
    "notice": (Outcome.NOT_ATTEMPTED,),
}
_LINE = re.compile(r'File "([^"\n]+)", line (\d+)')


def commands(grade: Grade, *, staff: bool = False, prefix: str = "") -> str:
    """At most ten commands of a kind; `prefix` is the folder of the submission in the repository."""
    shown = grade if staff else student.of(grade)
    lines = []
    for kind, outcomes in KINDS.items():
        checks = [check for check in shown.checks if check.outcome in outcomes]
        kept = checks if len(checks) <= MOST_ANNOTATIONS else checks[: MOST_ANNOTATIONS - 1]
        lines += [_annotation(kind, check, shown, prefix) for check in kept]
        if more := len(checks) - len(kept):
            lines.append(
                _command(kind, f"and {more} more like these; the summary has them all.", title="gradmark")
            )
    return "".join(f"{line}\n" for line in lines)


def _annotation(kind: str, check: CheckResult, grade: Grade, prefix: str) -> str:
    file, line = _place(check, grade)
    where = {"file": str(PurePosixPath(prefix, file)), "line": line} if file else {}
    message = text.clean(plain.said(check) or check.title, MOST_MESSAGE)
    return _command(kind, message, **where, title=plain.title(check))


def _command(kind: str, message: str, **properties: str) -> str:
    listed = ",".join(f"{name}={_property(value)}" for name, value in properties.items() if value)
    return f"::{kind} {listed}::{_data(message)}"


def _data(value: str) -> str:
    return value.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(value: str) -> str:
    return _data(value).replace(":", "%3A").replace(",", "%2C")


def _place(check: CheckResult, grade: Grade) -> tuple[str, str]:
    """File and line of the innermost own frame of a traceback; else the file of the function, if there is one."""
    own = [file.path for file in grade.files if file.origin != "template"]
    for detail in check.details:
        if isinstance(detail, Traceback):
            for name, line in reversed(_LINE.findall(detail.text)):
                if hits := [path for path in own if path == name or path.endswith(f"/{name}")]:
                    return text.line(hits[0]), line
    module = check.id.partition(".")[0]
    hits = [path for path in own if PurePosixPath(path).name == f"{module}.py"]
    return (text.line(hits[0]), "") if len(hits) == 1 else ("", "")


def summary(grade: Grade, *, staff: bool = False, room: int = MOST_SUMMARY) -> str:
    """The step's summary, at most `room` bytes of UTF-8: score, parts, and the checks that did not pass."""
    shown = grade if staff else student.of(grade)
    head = _head(shown)
    room -= len(head.encode())
    if room < 0:
        return ""
    pieces, todo = [head], [check for check in shown.checks if check.outcome is not Outcome.PASSED]
    for number, check in enumerate(todo):
        piece, tail = _check(check), f"\n<p>{len(todo) - number} more checks did not fit here.</p>\n"
        if (room := room - len(piece.encode())) < len(tail) + 8:
            pieces.append(tail if len(tail) <= room + len(piece.encode()) else "")
            break
        pieces.append(piece)
    return "".join(pieces)


def _head(grade: Grade) -> str:
    """Title and table; as HTML, whose text no Markdown rule touches when its punctuation is written as numbers."""
    rows = [
        _row(
            "td",
            (part.score.title, f"{part.score.points} of {part.score.max_points}", _counts(part.functions)),
        )
        for part in view.parts(grade)
    ]
    lines = [f"<h2>{_shown(grade.submission)}: {grade.points} of {grade.max_points} points</h2>"]
    if grade.undecided:
        lines.append(
            f"<p>{grade.undecided} points are undecided by a fault of the grader: neither earned nor lost.</p>"
        )
    lines += ["<table>", _row("th", ("Part", "Points", "Checks")), *rows, "</table>"]
    problems = [f"<li>{_shown(p.file)}: {_shown(p.message)}</li>" for p in grade.problems[:20]]
    flags = [f"<li>For staff: {_shown(f.subject)}: {_shown(f.message)}</li>" for f in grade.flags[:20]]
    if problems or flags:
        lines += ["<ul>", *problems, *flags, "</ul>"]
    return "\n".join(lines) + "\n"


def _counts(functions: Sequence[view.FunctionView]) -> str:
    checks = [check for function in functions for check in function.checks]
    found = ((outcome, view.count(checks, outcome)) for outcome in Outcome)
    return ", ".join(f"{count} {view.WORDING[outcome].word.lower()}" for outcome, count in found if count)


def _row(tag: str, cells: Iterable[str]) -> str:
    """The first cell may be anybody's text, the others are our own numbers and words."""
    title, *ours = cells
    return (
        f"<tr><{tag}>{_shown(title)}</{tag}>" + "".join(f"<{tag}>{cell}</{tag}>" for cell in ours) + "</tr>"
    )


def _check(check: CheckResult) -> str:
    said = _entities(text.clean(plain.whole(check) or check.title, plain.MOST_TEXT))
    return (
        f"<details><summary>{view.WORDING[check.outcome].symbol} {_shown(plain.title(check))}</summary>\n"
        f"<pre>{said}</pre>\n</details>\n"
    )


def _shown(value: str) -> str:
    return f"<code>{_entities(text.line(value))}</code>"


def _entities(value: str) -> str:
    """All ASCII punctuation and line ends by number: it is neither HTML nor Markdown, a mention nor an address then."""
    return re.sub(r"[!-/:-@\[-`{-~\n\r]", lambda found: f"&#{ord(found.group())};", value)
