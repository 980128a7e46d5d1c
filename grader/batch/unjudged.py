"""Grades of hand-ins that could not be judged, so that each student gets a report and each hand-in has a result."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence

import grader
from grader.batch.work import Done, Work
from grader.class_results import Status
from grader.results import CheckResult, Environment, Grade, Note, Outcome, Problem
from grader.rubric import Rubric
from grader.scoring import score
from grader.session import CheckInfo

EMPTY = Done(Status.EMPTY, "Nothing was handed in: there is no file in it, or only empty ones.")


def grade_of(
    work: Work,
    name: str,
    done: Done,
    checks: Sequence[CheckInfo],
    rubric: Rubric,
    known: Mapping[str, CheckResult],
) -> Grade:
    """The grade of a hand-in that is empty, unreadable or crashed: no check of it was judged.

    After a crash, which is gradmark's fault, `known` outcomes are kept as notes and every check is errored.
    """
    results = [_result(check, done, known.get(check.id)) for check in checks]
    problem = Problem(file=name, message=done.message, hint=done.hint)
    return score(
        results, rubric, submission=work.key, environment=_environment(work, rubric),
        problems=() if done.status is Status.CRASHED else (problem,),
    )  # fmt: skip


def _result(check: CheckInfo, done: Done, known: CheckResult | None) -> CheckResult:
    crashed = done.status is Status.CRASHED
    details = (Note(title="Before the crash", text=f"{known.outcome}: {known.message}"),) if known else ()
    return CheckResult(
        id=check.id,
        title=check.title,
        part=check.part,
        function=check.function,
        outcome=Outcome.ERRORED if crashed else Outcome.BLOCKED,
        message=f"gradmark failed twice at this submission: {done.message.splitlines()[0][:300]}"
        if crashed
        else f"The hand-in could not be graded. {done.message}",
        hint="This costs no points. Please report it." if crashed else done.hint,
        details=details if crashed else (),
    )


def _environment(work: Work, rubric: Rubric) -> Environment:
    return Environment(
        gradmark=grader.__version__,
        python=platform.python_version(),
        numpy="",
        torch="",
        platform=platform.platform(),
        seed=work.seed,
        isolation="",
        limits=rubric.limits,
        selection=work.select,
    )
