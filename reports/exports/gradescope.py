"""Gradescope's results.json of one grade, whole or of a run that is still going on.

Points of hidden checks stand among others in one line for each part, as on the student's page: were a test hidden,
Gradescope would hide the total as well. Lateness is Gradescope's own affair.
"""

from __future__ import annotations

import json
import math
from typing import Any

from grader.results import CheckResult, Grade, Outcome
from reports import student, text, view
from reports.exports import plain
from reports.view import PartView

UNFINISHED = (
    "The autograder has not finished yet. If this stays, it was stopped before its end: that is no fault of "
    "your work; please tell the staff, who can run it again. Points of checks that were not reached are missing."
)
MOST_TESTS_TEXT = 1_500_000  # characters of output of all tests together; Gradescope's page has to load them


def render(grade: Grade, *, staff: bool = False, note: str = "", partial: bool = False) -> bytes:
    """The file. `staff`: hidden checks as hidden tests, and flags; then students see no total until they are shown."""
    shown = grade if staff else student.of(grade)
    parts = view.parts(shown)
    document = {
        "score": shown.points,
        "execution_time": _finite(shown.environment.seconds),
        "output": _output(shown, note, partial),
        "output_format": "text",
        "test_output_format": "text",
        "test_name_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": _within(
            [test for number, part in enumerate(parts, 1) for test in _tests(part, number, partial)]
        ),
        "extra_data": _extra(shown, partial),
    }
    return json.dumps(document, indent=1, allow_nan=False, ensure_ascii=True).encode() + b"\n"


def failed(message: str, hint: str = "") -> bytes:
    """The file of a submission that could not be graded: what happened, and what to do."""
    said = "\n".join(
        filter(None, (text.clean(message, text.PROSE_LIMIT), text.clean(hint, text.PROSE_LIMIT)))
    )
    document = {
        "score": 0, "output": said, "output_format": "text", "visibility": "visible", "stdout_visibility": "hidden",
        "tests": [],
    }  # fmt: skip
    return json.dumps(document, indent=1).encode() + b"\n"


def _tests(part: PartView, number: int, partial: bool) -> list[dict[str, Any]]:
    checks = [check for function in part.functions for check in function.checks]
    tests = [_test(check, part, f"{number}.{index}") for index, check in enumerate(checks, 1)]
    rest = part.others
    if rest is not None and not partial:
        worth = 0 if part.score.extra_credit else rest.max_points
        tests.append({
            "name": f"{text.line(part.score.title)}: other checks", "number": f"{number}.{len(checks) + 1}",
            "score": rest.points, "max_score": worth,
            "status": "passed" if rest.points == rest.max_points else "failed",
            "output": "Checks whose details are not shown." + _undecided(rest.undecided),
            "tags": [text.line(part.score.title)],
        })  # fmt: skip
    return tests


def _test(check: CheckResult, part: PartView, number: str) -> dict[str, Any]:
    """A test; extra credit has points but no maximum, so that the maxima add up to the assignment's points."""
    extra = part.score.extra_credit
    test: dict[str, Any] = {
        "name": plain.title(check) + (" (extra credit)" if extra else ""),
        "number": number,
        "status": "passed" if check.outcome is Outcome.PASSED else "failed",
        "output": plain.whole(check),
        "tags": [text.line(part.score.title)],
        "extra_data": {"id": text.line(check.id), "outcome": str(check.outcome)},
    }
    if check.max_points:
        test |= {"score": check.points, "max_score": 0 if extra else check.max_points}
    if check.visibility == student.HIDDEN:
        test["visibility"] = "hidden"
    return test


def _within(tests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The tests with their outputs as long as there is room for them."""
    room = MOST_TESTS_TEXT
    for test in tests:
        room -= len(test["output"])
        if room < 0 and test["output"]:
            test["output"] = (
                "(Left out: the outputs of this submission are too long. Run gradmark to see it.)"
            )
    return tests


def _output(grade: Grade, note: str, partial: bool) -> str:
    lines = [UNFINISHED if partial else "", note]
    if not partial:
        lines += [_undecided(grade.undecided).strip()]
        for first in view.first_steps(grade):
            lines.append(f"First: {plain.title(first)}\n{plain.said(first)}")
    lines += [
        f"{text.line(problem.file)}: {text.line(problem.message)} {text.line(problem.hint)}".strip(": ")
        for problem in grade.problems[:20]
    ]
    lines += [
        f"For staff: {text.line(flag.kind)}: {text.line(flag.subject)}: {text.line(flag.message)}"
        for flag in grade.flags[:20]
    ]
    lines.append(f"Seed {grade.environment.seed}, gradmark {text.line(grade.environment.gradmark)}.")
    return "\n\n".join(filter(None, lines))


def _undecided(points: int) -> str:
    if not points:
        return ""
    return f" {points} points are undecided by a fault of the grader: neither earned nor lost. Staff have to look."


def _extra(grade: Grade, partial: bool) -> dict[str, Any]:
    return {
        "gradmark": text.line(grade.environment.gradmark), "seed": grade.environment.seed,
        "undecided": grade.undecided, "partial": partial,
    }  # fmt: skip


def _finite(seconds: float) -> float:
    return seconds if math.isfinite(seconds) else 0.0
