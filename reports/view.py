"""A `Grade` arranged for its readers: by part and function, worst first, and what to do first.

Page and terminal show the same arrangement; nothing here knows about HTML or colours.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import msgspec

from grader.results import CheckResult, Grade, Outcome, PartScore
from reports import text
from reports.causes import Cause, causes, not_attempted

AGAIN = "gradmark grade ."
FIRST_STEPS = 3  # more than three things to do first are not first

Tone = Literal["good", "bad", "held", "idle", "fault"]


@dataclass(frozen=True, slots=True)
class Wording:
    """How an outcome is shown: never by colour alone."""

    word: str
    symbol: str
    tone: Tone
    meaning: str


NOT_ISOLATED = ("process", "seccomp-only")  # levels below what is recommended for grading other people's work
WORDING = {
    Outcome.PASSED: Wording("Passed", "✓", "good", "the work does what the check asks."),
    Outcome.FAILED: Wording("Failed", "✗", "bad", "the work was run and is wrong."),
    Outcome.BLOCKED: Wording(
        "Blocked",
        "⊘",
        "held",
        "not judged yet: something else that it needs is missing or wrong. Mend that first.",
    ),
    Outcome.NOT_ATTEMPTED: Wording("Not attempted", "○", "idle", "left as it was handed out."),
    Outcome.ERRORED: Wording(
        "Grader fault", "!", "fault", "the grader could not carry out the check. No points are lost by it."
    ),
}

# What needs attention first stands first.
_URGENCY = (Outcome.ERRORED, Outcome.FAILED, Outcome.NOT_ATTEMPTED, Outcome.BLOCKED, Outcome.PASSED)
_SETTLED = (Outcome.NOT_ATTEMPTED, Outcome.PASSED)


@dataclass(frozen=True)
class FunctionView:
    """The checks of one function: the open ones (anything but passed) by urgency, then the passed ones."""

    name: str
    open: tuple[CheckResult, ...]
    passed: tuple[CheckResult, ...]

    @cached_property
    def checks(self) -> tuple[CheckResult, ...]:
        """All checks, as they should be read."""
        return self.open + self.passed

    @cached_property
    def points(self) -> int:
        """Points earned."""
        return sum(check.points for check in self.checks)

    @cached_property
    def max_points(self) -> int:
        """Points that can be earned."""
        return sum(check.max_points for check in self.checks)

    @cached_property
    def outcome(self) -> Outcome:
        """The most urgent outcome among the checks."""
        return self.checks[0].outcome

    @cached_property
    def settled(self) -> bool:
        """Whether one line is enough: everything passed, or nothing was begun."""
        return self.outcome in _SETTLED and all(check.outcome is self.outcome for check in self.checks)

    @cached_property
    def cards(self) -> tuple[CheckResult, ...]:
        """The checks that have something of their own to say: failures and faults."""
        return tuple(check for check in self.open if check.outcome in (Outcome.FAILED, Outcome.ERRORED))

    @cached_property
    def folds(self) -> tuple[tuple[Outcome, tuple[CheckResult, ...]], ...]:
        """The other checks by outcome: one line for each is enough."""
        outcomes = (outcome for outcome in _URGENCY if outcome not in (Outcome.FAILED, Outcome.ERRORED))
        groups = (
            (outcome, tuple(check for check in self.checks if check.outcome is outcome))
            for outcome in outcomes
        )
        return tuple((outcome, checks) for outcome, checks in groups if checks)


@dataclass(frozen=True)
class PartView:
    """One part of the rubric with its functions, in the order of the assignment."""

    score: PartScore
    functions: tuple[FunctionView, ...]

    @cached_property
    def by_urgency(self) -> tuple[FunctionView, ...]:
        """The functions as they should be read: what is wrong, what was not begun, what is right."""
        ranks = [(), (Outcome.NOT_ATTEMPTED,), (Outcome.PASSED,)]
        return tuple(
            function
            for rank in ranks
            for function in self.functions
            if (function.settled and function.outcome in rank) or (not rank and not function.settled)
        )

    @cached_property
    def others(self) -> PartScore | None:
        """The points of checks that the grade counts and does not hold: those hidden from its reader."""
        checks = [check for function in self.functions for check in function.checks]
        undecided = sum(check.max_points for check in checks if check.outcome is Outcome.ERRORED)
        rest = msgspec.structs.replace(
            self.score,
            points=self.score.points - sum(check.points for check in checks),
            max_points=self.score.max_points - sum(check.max_points for check in checks),
            undecided=self.score.undecided - undecided,
        )
        return rest if rest.max_points > 0 else None

    @cached_property
    def segments(self) -> tuple[tuple[Tone, int], ...]:
        """The part's points as a bar: by tone, empty tones left out."""
        sums: dict[Tone, int] = {"good": self.score.points, "bad": 0, "held": 0, "idle": 0, "fault": 0}
        for check in (check for function in self.functions for check in function.open):
            sums[WORDING[check.outcome].tone] += check.max_points - check.points
        if self.others:
            sums["fault"] += self.others.undecided
            sums["bad"] += self.others.max_points - self.others.points - self.others.undecided
        return tuple((tone, amount) for tone, amount in sums.items() if amount > 0)


def parts(grade: Grade) -> tuple[PartView, ...]:
    """The parts of a grade; checks of a part that the grade does not list come under a part of their own."""
    listed = {score.id for score in grade.parts}
    strays = _unique(check.part for check in grade.checks if check.part not in listed)
    scores = (*grade.parts, *(_stray_score(grade, part) for part in strays))
    return tuple(PartView(score, _functions(grade.checks, score.id)) for score in scores)


def steps(grade: Grade) -> tuple[Cause, ...]:
    """What there is to do, in this order: the causes of failures; without any, the first function to write."""
    return causes(grade.checks) or not_attempted(grade.checks)[:1]


def first_steps(grade: Grade) -> tuple[CheckResult, ...]:
    """The checks that speak for the first few steps."""
    return tuple(step.check for step in steps(grade)[:FIRST_STEPS])


def command(check: CheckResult, seed: int, again: str = AGAIN) -> str:
    """What to type in the folder of the work to see a check's outcome again; `again` is how that begins."""
    if check.part == "notebooks":
        return "gradmark grade . --notebooks"
    return f"{again} -k {shlex.quote(text.line(check.id))} --seed {seed}"


def missing_elsewhere(parts: Iterable[PartView]) -> int:
    """Points that are missing in checks which the grade counts and does not hold."""
    return sum(part.others.max_points - part.others.points for part in parts if part.others)


def count(checks: Iterable[CheckResult], outcome: Outcome) -> int:
    """How many of `checks` ended with `outcome`."""
    return sum(check.outcome is outcome for check in checks)


def _functions(checks: Sequence[CheckResult], part: str) -> tuple[FunctionView, ...]:
    mine = [check for check in checks if check.part == part]
    return tuple(
        _function(name, [check for check in mine if check.function == name])
        for name in _unique(check.function for check in mine)
    )


def _function(name: str, checks: Sequence[CheckResult]) -> FunctionView:
    ordered = sorted(checks, key=lambda check: _URGENCY.index(check.outcome))
    passed = tuple(check for check in ordered if check.outcome is Outcome.PASSED)
    return FunctionView(name, tuple(ordered[: len(ordered) - len(passed)]), passed)


def _stray_score(grade: Grade, part: str) -> PartScore:
    mine = [check for check in grade.checks if check.part == part]
    points, most = sum(check.points for check in mine), sum(check.max_points for check in mine)
    return PartScore(id=part, title=part or "Other checks", points=points, max_points=most)


def _unique(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
