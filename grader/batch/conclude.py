"""From results to the gradebook: points by the rubric, then the policies. Runs nothing; the same each time."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec

from grader import policy
from grader.class_results import Attempt, Status, StudentResult
from grader.policy import Policy, Standing
from grader.results import Flag, Grade, PartScore
from grader.rubric import Rubric
from grader.scoring import rescored


@dataclass(frozen=True)
class Summary:
    """What the gradebook needs of one result."""

    points: int
    max_points: int
    undecided: int
    faults: int
    parts: tuple[PartScore, ...]
    flags: tuple[Flag, ...]

    @property
    def extra_credit(self) -> int:
        return sum(part.points for part in self.parts if part.extra_credit)


@dataclass(frozen=True)
class Rescored:
    """What became of one hand-in's points under the rubric at hand."""

    summary: Summary
    changes: tuple[str, ...]  # check by check, against what the stored result says


def rescore(
    keys: Sequence[str], rubric: Rubric, load: Callable[[str], Grade], save: Callable[[str, Grade], None]
) -> dict[str, Rescored]:
    """Each hand-in's points by `rubric`; a stored result that says otherwise is written again.

    One result is held at a time, however large the class is.
    """
    found = {}
    for key in dict.fromkeys(keys):
        old = load(key)
        new = rescored(old, rubric)
        if new != old:
            save(key, new)
        found[key] = Rescored(_summary(new), tuple(_changes(old, new)))
    return found


def _summary(grade: Grade) -> Summary:
    return Summary(
        grade.points, grade.max_points, grade.undecided, len(grade.faults), grade.parts, grade.flags
    )


def _changes(old: Grade, new: Grade) -> list[str]:
    said = []
    for before, after in zip(old.checks, new.checks, strict=True):
        if (before.points, before.max_points) != (after.points, after.max_points):
            said.append(
                f"{after.id} ({after.outcome.replace('_', ' ')}): "
                f"{before.points} of {before.max_points} -> {after.points} of {after.max_points}"
            )
    return said


def student(
    facts: StudentResult, rules: Policy, summaries: dict[str, Rescored], maximum: int
) -> StudentResult:
    """The student's line in the gradebook: which attempt counts, and what it is given."""
    attempts = tuple(_attempt(each, facts, rules, summaries) for each in facts.attempts)
    standings = [_standing(each, summaries) for each in attempts]
    index = policy.counted(rules, standings)
    if index < 0:
        return msgspec.structs.replace(
            facts, status=Status.MISSING, counted=0, earned=0, points=0, max_points=maximum,
            undecided=0, adjustments=(), parts=(), flags=(),
        )  # fmt: skip
    chosen, standing = attempts[index], standings[index]
    points, steps = policy.given(rules, standing)
    summary = summaries[chosen.key].summary
    return msgspec.structs.replace(
        facts, status=chosen.status, attempts=attempts, counted=chosen.number, earned=standing.earned,
        points=points, max_points=maximum, undecided=summary.undecided, adjustments=steps,
        parts=summary.parts, flags=summary.flags,
    )  # fmt: skip


def _attempt(
    attempt: Attempt, facts: StudentResult, rules: Policy, summaries: dict[str, Rescored]
) -> Attempt:
    summary = summaries[attempt.key].summary
    return msgspec.structs.replace(
        attempt,
        late_days=_late_days(attempt, facts.extension_days, rules),
        points=summary.points,
        max_points=summary.max_points,
        undecided=summary.undecided,
        faults=summary.faults,
    )


def _late_days(attempt: Attempt, extension_days: int, rules: Policy) -> int:
    """By the time of handing in where it is known, else as it was given, else one for a mark alone."""
    if rules.due and attempt.submitted:
        submitted = datetime.datetime.fromisoformat(attempt.submitted)
        return policy.started_days(rules, submitted, extension_days)
    return attempt.late_days or int(attempt.late and not extension_days)


def _standing(attempt: Attempt, summaries: dict[str, Rescored]) -> Standing:
    return Standing(
        earned=attempt.points,
        extra_credit=summaries[attempt.key].summary.extra_credit,
        maximum=attempt.max_points,
        late_days=attempt.late_days,
        gradable=attempt.status in (Status.GRADED, Status.CRASHED),
    )
