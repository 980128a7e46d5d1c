"""Gradescope's autograder: grades what lies in its folder, and keeps results.json true at every moment of the run.

    ROOT/submission/                 the hand-in
    ROOT/submission_metadata.json    whose it is and of which assignment; foreign text, of use for remarks alone
    ROOT/results/results.json        written first, after every check, and at the end

Whatever stops the run (a time limit, no memory, a fault of gradmark), the file says what is known until then and that
the rest is no fault of the work. Lateness is Gradescope's own affair: no points are taken for it here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grader
from grader import isolation, session
from grader.batch.handins import attempts_in, is_empty
from grader.errors import CollectError, UsageError
from grader.results import CheckResult, Environment, Grade
from grader.rubric import Rubric
from grader.scoring import score
from grader.training.context import Options as Training
from reports import files
from reports.exports import gradescope
from reports.text import line

METADATA = "submission_metadata.json"
MOST_METADATA = 16 << 20  # bytes: it holds the results of earlier submissions


@dataclass(frozen=True)
class Options:
    """How the autograder was set up when its zip was made."""

    rubric: Rubric | None = None
    select: str = ""
    timeout: float | None = None
    seed: int | None = None
    require_isolation: str = ""
    training: Training | None = None  # how models are trained; None: not at all


def run(root: Path, options: Options) -> tuple[str, ...]:
    """Grades the submission below `root`; what instructors should read.

    A submission that can't be read gets no points and a message; faults of gradmark are raised, and leave a file
    that says so. Raises `UsageError` unless `root` is such a folder.
    """
    _check_root(root)
    results = root / "results" / "results.json"
    results.parent.mkdir(parents=True, exist_ok=True)
    files.replace(results, gradescope.failed(gradescope.UNFINISHED))
    facts = _metadata(root / METADATA)
    try:
        grade = _graded(root / "submission", results, options)
    except CollectError as error:
        files.replace(results, gradescope.failed(error.message, error.hint))
        return (f"Not graded: {line(error.message)}",)
    # Only now has every process of the submission ended: what is written here stays.
    files.replace(results, gradescope.render(grade))
    return tuple(_remarks(grade, facts))


def _graded(folder: Path, results: Path, options: Options) -> Grade:
    path = _hand_in(folder)
    with session.Grader(rubric=options.rubric, explain=True) as grading:
        isolation.admit(grading.isolation, grading.isolation_detail, options.require_isolation)
        partial = _Partial(grading, results)
        grade = grading.grade(
            path, seed=options.seed, select=options.select, timeout=options.timeout, progress=partial,
            training=options.training,
        )  # fmt: skip
    return grade


def _hand_in(folder: Path) -> Path:
    """The code, or the one archive that was uploaded beside a PDF."""
    if not folder.is_dir() or is_empty(folder):
        raise CollectError("Nothing was handed in.", "Upload a3_code_submission.zip, or the files in it.")
    found = attempts_in(folder)
    if len(found) > 1:
        names = ", ".join(line(path.name, 60) for path in found[:4])
        raise CollectError(f"Several archives were handed in: {names}.", "Upload just one, and submit again.")
    return found[0]


class _Partial:
    """Hears of each result and writes what is known so far."""

    def __init__(self, grading: session.Grader, results: Path) -> None:
        self._rubric, self._results = grading.rubric, results
        self._known: dict[str, CheckResult] = {}
        self._environment = Environment(
            gradmark=grader.__version__, python="", numpy="", torch="", platform="", seed=0,
            isolation=grading.isolation,
        )  # fmt: skip

    def __call__(self, progress: session.Progress) -> None:
        if progress.latest is None:
            return
        self._known[progress.latest.id] = progress.latest
        grade = score(tuple(self._known.values()), self._rubric, submission="", environment=self._environment)
        note = f"{len(self._known)} of {progress.total} checks are done."
        with suppress(OSError):  # a disk that is full for a moment must not end the run
            files.replace(self._results, gradescope.render(grade, partial=True, note=note))


def _metadata(path: Path) -> Mapping[str, Any]:
    """What Gradescope says of the submission; empty when that can't be read."""
    try:
        if path.stat().st_size > MOST_METADATA:
            return {}
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _remarks(grade: Grade, facts: Mapping[str, Any]) -> list[str]:
    """For instructors, on the autograder's own output: students do not see it."""
    said = [f"{grade.points} of {grade.max_points} points, seed {grade.environment.seed}."]
    users = facts.get("users")
    names = (
        [str(user.get("email") or user.get("id") or "?") for user in users if isinstance(user, dict)]
        if (isinstance(users, list))
        else []
    )
    if names:
        said.append("Handed in by " + ", ".join(line(name, 80) for name in names[:20]) + ".")
    assignment = facts.get("assignment")
    total = assignment.get("total_points") if isinstance(assignment, dict) else None
    with suppress(TypeError, ValueError):
        if float(str(total)) != grade.max_points and total is not None:
            said.append(
                f"The assignment is set to {line(str(total), 20)} points in Gradescope, the checks are worth "
                f"{grade.max_points}: set its autograder points to that."
            )
    said += [
        f"Look at: {line(flag.kind)}: {line(flag.subject)}: {line(flag.message)}" for flag in grade.flags
    ]
    said += [f"Fault of gradmark: {line(check.id)}: {line(check.message)}" for check in grade.faults]
    return said


def _check_root(root: Path) -> None:
    if not root.is_dir():
        raise UsageError(f"There is no folder {root}.", "This command runs inside of Gradescope's container.")
