"""What a grade's failures come from: several failed checks that one thing explains are told once.

A known mistake explains every check that answers as it does; an exception explains every check that it ended at the
same line. What neither explains is told once for each function.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from grader.results import CheckResult, KnownMistake, Outcome, Traceback

Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Cause:
    """One thing to mend, and the checks that wait for it in the order of the assignment (at least one)."""

    checks: tuple[CheckResult, ...]
    mistake: KnownMistake | None = None

    @property
    def check(self) -> CheckResult:
        """The first of its checks, which speaks for the others."""
        return self.checks[0]

    @property
    def function(self) -> str:
        """Where to look."""
        return self.check.function if self.mistake is None else self.mistake.function.partition(".")[2]

    @property
    def lost(self) -> int:
        """Points that its checks miss."""
        return sum(check.max_points - check.points for check in self.checks)


def causes(checks: Iterable[CheckResult]) -> tuple[Cause, ...]:
    """The causes of all failed checks in the order of the assignment, each failed check in exactly one.

    What is left of a function beside another cause in it comes last: it may go away with that one.
    """
    groups: dict[Key, list[CheckResult]] = {}
    for check in checks:
        if check.outcome is Outcome.FAILED:
            groups.setdefault(_key(check), []).append(check)
    found = [Cause(tuple(group), group[0].mistake) for group in groups.values()]
    told: set[str] = set()
    first: list[Cause] = []
    later: list[Cause] = []
    for cause in found:
        repeated = cause.mistake is None and all(_place(check) in told for check in cause.checks)
        (later if repeated else first).append(cause)
        told |= {_place(check) for check in cause.checks}
    return (*first, *later)


def not_attempted(checks: Iterable[CheckResult]) -> tuple[Cause, ...]:
    """The functions that nobody has begun, one cause each."""
    groups: dict[str, list[CheckResult]] = {}
    for check in checks:
        if check.outcome is Outcome.NOT_ATTEMPTED:
            groups.setdefault(_place(check), []).append(check)
    return tuple(Cause(tuple(group)) for group in groups.values())


def told(found: Iterable[Cause]) -> str:
    """How much known mistakes explain: "1 mistake explains 7 of 9 failed checks"; empty without any."""
    found = tuple(found)
    known = [cause for cause in found if cause.mistake is not None]
    if not known:
        return ""
    explained, failed = (sum(len(cause.checks) for cause in some) for some in (known, found))
    mistakes = "1 mistake explains" if len(known) == 1 else f"{len(known)} mistakes explain"
    if explained == failed:
        return (
            f"{mistakes} {'the' if failed == 1 else f'all {failed}'} failed check{'' if failed == 1 else 's'}"
        )
    return f"{mistakes} {explained} of {failed} failed checks"


def _key(check: CheckResult) -> Key:
    if check.mistake is not None:
        return ("mistake", check.mistake.id)
    if raised := _raised(check):
        return ("raised", raised)
    return ("function", check.part, check.function)


def _raised(check: CheckResult) -> str:
    """The innermost frame and the error of an exception, which stand at the end of its traceback."""
    for detail in check.details:
        if isinstance(detail, Traceback):
            _, file, frame = detail.text.rpartition('File "')
            return file + frame if file else ""
    return ""


def _place(check: CheckResult) -> str:
    return f"{check.part}.{check.function}"
