"""Results and rubric to points: a pure function of integers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec

from grader.errors import RubricError
from grader.results import CheckResult, Environment, FileRecord, Grade, Outcome, PartScore, Problem
from grader.rubric import Part, Rubric


def score(
    results: Sequence[CheckResult],
    rubric: Rubric,
    *,
    submission: str,
    environment: Environment,
    problems: tuple[Problem, ...] = (),
    files: tuple[FileRecord, ...] = (),
) -> Grade:
    """The grade for `results`: a passed check earns what the rubric gives it, any other nothing.

    The policy's dropped checks are worth nothing, and its credited ones are earned whatever their outcome.
    What an errored check is worth is undecided: it is neither earned nor lost, and part and total say so.
    Parts stand in the rubric's order; one without any result is left out. Points and visibility in the results
    are ignored: the rubric gives both. The other arguments go into the grade as they are. Raises `RubricError`
    for a check that the rubric does not know, `ValueError` for two results of one check.
    """
    repeated = [check_id for check_id, times in Counter(result.id for result in results).items() if times > 1]
    if repeated:
        raise ValueError(f"more than one result of {', '.join(repeated)}")
    checks = tuple(_with_points(result, rubric) for result in results)
    parts = _part_scores(checks, rubric)
    return Grade(
        submission=submission,
        points=sum(part.points for part in parts),
        max_points=sum(part.max_points for part in parts if not part.extra_credit),
        undecided=sum(part.undecided for part in parts),
        parts=parts,
        checks=checks,
        problems=problems,
        files=files,
        environment=environment,
    )


def rescored(grade: Grade, rubric: Rubric) -> Grade:
    """The same results under another rubric; parts that staff graded by hand stay.

    Raises `RubricError` for a check that it does not know.
    """
    again = score(grade.checks, rubric, submission=grade.submission, environment=grade.environment)
    by_hand = tuple(part for part in grade.parts if part.id not in rubric.parts)
    return msgspec.structs.replace(
        grade, checks=again.checks, parts=(*again.parts, *by_hand),
        points=again.points + sum(part.points for part in by_hand),
        max_points=again.max_points + sum(part.max_points for part in by_hand if not part.extra_credit),
        undecided=again.undecided + sum(part.undecided for part in by_hand),
    )  # fmt: skip


def _part_scores(checks: Sequence[CheckResult], rubric: Rubric) -> tuple[PartScore, ...]:
    found = {part.id: [check for check in checks if check.part == part.id] for part in rubric.parts.values()}
    return tuple(_part_score(rubric.parts[name], mine) for name, mine in found.items() if mine)


def _with_points(result: CheckResult, rubric: Rubric) -> CheckResult:
    if result.part not in rubric.parts:
        raise RubricError(
            f"{rubric.source} has no part {result.part!r}, which the check {result.id} belongs to.",
            f'Add [parts.{result.part}] with title = "...".',
        )
    worth = 0 if rubric.policy.drops(result.id) else rubric.points(result.id)
    earned = worth if result.outcome is Outcome.PASSED or rubric.policy.credits(result.id) else 0
    return msgspec.structs.replace(
        result, points=earned, max_points=worth, visibility=rubric.visibility(result.id)
    )


def _part_score(part: Part, checks: Sequence[CheckResult]) -> PartScore:
    return PartScore(
        id=part.id,
        title=part.title,
        points=sum(check.points for check in checks),
        max_points=sum(check.max_points for check in checks),
        undecided=sum(
            check.max_points - check.points for check in checks if check.outcome is Outcome.ERRORED
        ),
        extra_credit=part.extra_credit,
    )
