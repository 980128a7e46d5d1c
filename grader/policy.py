"""What a course makes of points: late days, attempts, caps. Pure functions of integers; the rubric's `[policy]`.

Rounding is always in the student's favour: a penalty loses its fraction, a day counts when it has begun and only
after the grace. Points are whole numbers throughout.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from grader.class_results import Adjustment
from grader.results import Record

ATTEMPTS = ("last", "best", "first")
PENALTY_OF = ("earned", "maximum")
DAY = datetime.timedelta(days=1)


class Policy(Record, frozen=True, kw_only=True):
    """The rubric's `[policy]`; without one, lateness costs nothing and the last attempt counts."""

    due: str = ""  # ISO 8601 with an offset
    grace_minutes: float = 0.0  # after the due date, still on time
    late_days: int = 0  # that every student has free
    penalty_per_day: float = 0.0  # percent, for each day beyond the free ones
    penalty_of: str = "earned"  # percent of the points earned, or of the assignment's ("maximum")
    most_penalty: float = 100.0  # percent, however late
    latest_days: int | None = None  # later than this, nothing is earned
    attempts: str = "last"  # which of several hand-ins counts: "last", "best" or "first"
    extra_credit_cap: int | None = None  # points of extra credit that count at most
    drop: tuple[str, ...] = ()  # checks that are worth nothing; patterns as in [points]
    credit: tuple[str, ...] = ()  # checks whose points everyone gets

    def drops(self, check_id: str) -> bool:
        """Whether the check counts for nobody."""
        return any(fnmatchcase(check_id, pattern) for pattern in self.drop)

    def credits(self, check_id: str) -> bool:
        """Whether everyone gets the check's points, whatever came out."""
        return any(fnmatchcase(check_id, pattern) for pattern in self.credit)


class Standing(Record, frozen=True, kw_only=True):
    """One attempt as far as the policies need it."""

    earned: int  # extra credit included
    extra_credit: int
    maximum: int  # without extra credit
    late_days: int = 0
    gradable: bool = True  # it was graded, whatever the points


def started_days(policy: Policy, submitted: datetime.datetime, extension_days: int = 0) -> int:
    """Days begun between the due date (moved by an extension) with its grace and `submitted`; 0 without a due date."""
    if not policy.due:
        return 0
    due = datetime.datetime.fromisoformat(policy.due) + extension_days * DAY
    if submitted <= due + datetime.timedelta(minutes=policy.grace_minutes):
        return 0
    return math.ceil((submitted - due) / DAY)


def counted(policy: Policy, attempts: Sequence[Standing]) -> int:
    """The index of the attempt that counts: of those that could be graded, the last, first or best.

    Best is by the points given after the policies; of equals the earliest. -1 without any attempt.
    """
    eligible = [i for i, attempt in enumerate(attempts) if attempt.gradable] or [*range(len(attempts))]
    if not eligible:
        return -1
    if policy.attempts == "best":
        return max(eligible, key=lambda i: (given(policy, attempts[i])[0], -i))
    return eligible[0] if policy.attempts == "first" else eligible[-1]


def given(policy: Policy, attempt: Standing) -> tuple[int, tuple[Adjustment, ...]]:
    """The points that an attempt is given, and the steps from what it earned: first the cap, then lateness."""
    steps = [step for step in (_capped(policy, attempt),) if step]
    points = attempt.earned + sum(step.points for step in steps)
    late = _late(policy, attempt, points)
    steps += [late] if late else []
    return points + (late.points if late else 0), tuple(steps)


def _capped(policy: Policy, attempt: Standing) -> Adjustment | None:
    cap = policy.extra_credit_cap
    if cap is None or attempt.extra_credit <= cap:
        return None
    reason = f"At most {cap} points of extra credit count; {attempt.extra_credit} were earned."
    return Adjustment(kind="extra_credit_cap", points=cap - attempt.extra_credit, reason=reason)


def _late(policy: Policy, attempt: Standing, points: int) -> Adjustment | None:
    days = attempt.late_days
    if policy.latest_days is not None and days > policy.latest_days:
        reason = f"{_days(days)} late; nothing counts after {_days(policy.latest_days)}."
        return Adjustment(kind="too_late", points=-points, reason=reason)
    charged = max(0, days - policy.late_days)
    percent = min(charged * policy.penalty_per_day, policy.most_penalty)
    lost = min(
        points, math.floor(percent * (points if policy.penalty_of == "earned" else attempt.maximum) / 100)
    )
    if not charged or not lost:
        return None
    free = f", {policy.late_days} of them free" if policy.late_days else ""
    reason = f"{_days(days)} late{free}: {percent:g}% of the points {_OF[policy.penalty_of]}."
    return Adjustment(kind="late", points=-lost, reason=reason)


_OF = {"earned": "earned", "maximum": "of the assignment"}


def _days(count: int) -> str:
    return f"{count} day" if count == 1 else f"{count} days"


def sentences(policy: Policy) -> tuple[str, ...]:
    """The policy in words, one sentence for each thing it does."""
    p, said = policy, []
    if p.due:
        grace = f", with {p.grace_minutes:g} minutes of grace" if p.grace_minutes else ""
        said.append(f"Due {p.due}{grace}.")
    if p.penalty_per_day:
        free = f" beyond {_days(p.late_days)} that are free" if p.late_days else ""
        most = f", at most {p.most_penalty:g}%" if p.most_penalty < 100 else ""
        said.append(
            f"Each late day{free} costs {p.penalty_per_day:g}% of the points {_OF[p.penalty_of]}{most}."
        )
    if p.latest_days is not None:
        said.append(f"Nothing counts that is more than {_days(p.latest_days)} late.")
    said.append(f"Of several attempts the {p.attempts} one counts.")
    if p.extra_credit_cap is not None:
        said.append(f"At most {p.extra_credit_cap} points of extra credit count.")
    said += [f"Checks that count for nobody: {', '.join(p.drop)}."] if p.drop else []
    said += [f"Checks whose points everyone gets: {', '.join(p.credit)}."] if p.credit else []
    return tuple(said)


def _due(value: Any) -> str:
    if isinstance(value, str):
        value = datetime.datetime.fromisoformat(value)
    if not isinstance(value, datetime.datetime) or value.tzinfo is None:
        raise ValueError("a date and time with an offset is needed, such as 2024-05-21T23:59:00-07:00")
    return value.isoformat()


def _number(value: Any) -> float:
    if type(value) not in (int, float) or not 0 <= value < math.inf:
        raise ValueError("this must be a number from 0 up")
    return float(value)


def _percent(value: Any) -> float:
    if _number(value) > 100:
        raise ValueError("this must be a percentage from 0 to 100")
    return float(value)


def _count(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise ValueError("this must be a whole number from 0 up")
    return value


def _one_of(*names: str) -> Callable[[Any], str]:
    def convert(value: Any) -> str:
        if value not in names:
            raise ValueError(f"this must be one of {', '.join(names)}")
        return str(value)

    return convert


def _patterns(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError("this must be a list of check names or patterns")
    return tuple(value)


# How each key of [policy] is read; a converter raises `ValueError` with what is wrong.
FIELDS: Mapping[str, Callable[[Any], Any]] = {
    "due": _due,
    "grace_minutes": _number,
    "late_days": _count,
    "penalty_per_day": _percent,
    "penalty_of": _one_of(*PENALTY_OF),
    "most_penalty": _percent,
    "latest_days": _count,
    "attempts": _one_of(*ATTEMPTS),
    "extra_credit_cap": _count,
    "drop": _patterns,
    "credit": _patterns,
}
