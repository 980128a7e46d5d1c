"""Scoring policies: pure functions of points and days, with every rounding in the student's favour."""

from __future__ import annotations

import datetime

import msgspec
import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st

from grader.errors import RubricError
from grader.policy import Policy, Standing, counted, given, sentences, started_days
from grader.results import Outcome
from grader.rubric import parse
from grader.scoring import rescored, score
from tests.reports import sample

RUBRIC = '[parts.rnn]\ntitle = "RNN"\n[points]\n"*" = 2\n'
DUE = "2024-05-21T23:59:00-07:00"


def policy(text: str) -> Policy:
    """The policy of a rubric with these lines."""
    return parse(f"{RUBRIC}[policy]\n{text}").policy


def standing(earned: int = 80, late: int = 0, extra: int = 0, **more: bool) -> Standing:
    """An attempt in an assignment of 100 points."""
    return Standing(earned=earned, extra_credit=extra, maximum=100, late_days=late, **more)


def after(hours: float) -> datetime.datetime:
    """So long after the due date."""
    return datetime.datetime.fromisoformat(DUE) + datetime.timedelta(hours=hours)


@pytest.mark.parametrize(
    ("hours", "extension", "days"),
    [
        (-1, 0, 0),
        (0, 0, 0),
        (0.25, 0, 0),
        (0.26, 0, 1),
        (24, 0, 1),
        (24.1, 0, 2),
        (24.1, 1, 0),
        (49, 1, 2),
        (900, 0, 38),
    ],
)
def test_a_day_is_late_once_it_has_begun(hours: float, extension: int, days: int) -> None:
    """Within the grace nothing is late; after it, each day begun since the due date counts; extensions move both."""
    rules = policy(f"due = {DUE}\ngrace_minutes = 15")
    assert started_days(rules, after(hours), extension) == days


def test_without_a_due_date_nothing_is_late() -> None:
    """Times alone say nothing."""
    assert started_days(Policy(), after(1000)) == 0


@pytest.mark.parametrize(
    ("text", "attempt", "points", "kinds"),
    [
        ("", standing(late=9), 80, []),
        ("penalty_per_day = 10", standing(late=1), 72, ["late"]),
        ("penalty_per_day = 10", standing(79, late=1), 72, ["late"]),  # 7.9 are lost: 7
        ('penalty_per_day = 10\npenalty_of = "maximum"', standing(late=1), 70, ["late"]),
        ('penalty_per_day = 50\npenalty_of = "maximum"', standing(30, late=1), 0, ["late"]),
        ("penalty_per_day = 10\nlate_days = 2", standing(late=2), 80, []),
        ("penalty_per_day = 10\nlate_days = 2", standing(late=3), 72, ["late"]),
        ("penalty_per_day = 10\nmost_penalty = 25", standing(late=8), 60, ["late"]),
        ("penalty_per_day = 10\nlatest_days = 3", standing(late=4), 0, ["too_late"]),
        ("penalty_per_day = 10\nlatest_days = 3", standing(late=3), 56, ["late"]),
        ("extra_credit_cap = 5", standing(110, extra=20), 95, ["extra_credit_cap"]),
        ("extra_credit_cap = 5", standing(110, extra=4), 110, []),
        ("extra_credit_cap = 0\npenalty_per_day = 50", standing(110, 1, extra=30), 40, ["extra_credit_cap", "late"]),
        ("penalty_per_day = 10", standing(0, late=5), 0, []),
    ],
)  # fmt: skip
def test_points_after_the_policies(text: str, attempt: Standing, points: int, kinds: list[str]) -> None:
    """Each rule by itself and together: free days, percentages of either base, caps; and the steps add up."""
    result, steps = given(policy(text), attempt)
    assert (result, [step.kind for step in steps]) == (points, kinds)
    assert attempt.earned + sum(step.points for step in steps) == result


@drawn(
    earned=st.integers(0, 200), late=st.integers(0, 40), extra=st.integers(0, 50), percent=st.floats(0, 100),
    free=st.integers(0, 5), of=st.sampled_from(["earned", "maximum"]), cap=st.none() | st.integers(0, 60),
)  # fmt: skip
def test_no_policy_makes_points_negative_or_more(
    earned: int, late: int, extra: int, percent: float, free: int, of: str, cap: int | None
) -> None:
    """Whatever the rule, points stay between 0 and what was earned, and a later hand-in never gets more."""
    rules = Policy(penalty_per_day=percent, late_days=free, penalty_of=of, extra_credit_cap=cap)
    attempt = standing(max(earned, extra), late, extra)
    points, _ = given(rules, attempt)
    later, _ = given(rules, msgspec.structs.replace(attempt, late_days=late + 1))
    assert 0 <= later <= points <= attempt.earned


def test_which_attempt_counts() -> None:
    """The last, the first or the best; one that could not be graded never, unless there is no other."""
    attempts = [standing(60), standing(90, late=3), standing(70), standing(0, gradable=False)]
    assert [counted(policy(f'attempts = "{rule}"'), attempts) for rule in ("last", "first", "best")] == [
        2,
        0,
        1,
    ]
    late = policy('attempts = "best"\npenalty_per_day = 20')
    assert counted(late, attempts) == 2  # 90 less 60 percent is less than 70
    assert counted(policy('attempts = "best"'), [standing(50), standing(50)]) == 0
    assert counted(Policy(), [standing(gradable=False)]) == 0
    assert counted(Policy(), []) == -1


@pytest.mark.parametrize(
    "line",
    [
        "due = 2024-05-21", "due = 2024-05-21T10:00:00", 'due = "soon"', "late_days = 1.5", "late_days = -1",
        "penalty_per_day = 101", 'penalty_of = "half"', 'attempts = "worst"', "drop = 'x'", "drop = [1]",
        "grace_minutes = nan", "extra_credit_cap = true", "penalty = 10", "most_penalty = inf",
    ],
)  # fmt: skip
def test_a_policy_without_sense_is_refused_with_its_line(line: str) -> None:
    """Unknown keys, wrong types and numbers out of range are errors that name the line."""
    with pytest.raises(RubricError, match="line 6"):
        policy(line)


def test_an_extending_rubric_keeps_the_policy_that_it_does_not_change() -> None:
    """`extends` takes over gradmark's own lines, and a policy's keys one by one."""
    rules = parse(f'extends = "default"\n[policy]\ndue = {DUE}\n').policy
    assert rules.due == DUE
    assert rules.attempts == "last"


def test_dropped_checks_count_for_nobody_and_credited_ones_for_all() -> None:
    """A dropped check is worth nothing; a credited one is earned whatever came out, also when gradmark failed."""
    grade = sample.typical()
    ids = {check.outcome: check.id for check in grade.checks if check.max_points}
    failed, errored = ids[Outcome.FAILED], ids[Outcome.ERRORED]
    parts = "".join(
        f'[parts.{check.part}]\ntitle = "x"\n' for check in {c.part: c for c in grade.checks}.values()
    )
    text = f'{parts}[points]\n"*" = 2\n'
    plain = rescored(grade, parse(text))
    dropped = rescored(grade, parse(f'{text}[policy]\ndrop = ["{failed}"]\n'))
    credited = rescored(grade, parse(f'{text}[policy]\ncredit = ["{failed}", "{errored}"]\n'))
    extra = {part.id for part in plain.parts if part.extra_credit}
    assert not extra
    assert (dropped.points, dropped.max_points) == (plain.points, plain.max_points - 2)
    assert (credited.points, credited.max_points) == (plain.points + 4, plain.max_points)
    assert credited.undecided == plain.undecided - 2


def test_rescoring_keeps_everything_but_points() -> None:
    """Outcomes, messages, flags, files and the environment are as they were."""
    grade = sample.typical()
    parts = "".join(
        f'[parts.{check.part}]\ntitle = "x"\n' for check in {c.part: c for c in grade.checks}.values()
    )
    again = rescored(grade, parse(f'{parts}[points]\n"*" = 7\n'))
    assert again.points == 7 * sum(check.outcome is Outcome.PASSED for check in grade.checks)
    assert [(c.id, c.outcome, c.message) for c in again.checks] == [
        (c.id, c.outcome, c.message) for c in grade.checks
    ]
    assert (again.files, again.flags, again.problems, again.environment) == (
        grade.files, grade.flags, grade.problems, grade.environment,
    )  # fmt: skip
    same = score(
        grade.checks, parse(f'{parts}[points]\n"*" = 7\n'), submission="x", environment=grade.environment
    )
    assert same.points == again.points


def test_an_unknown_check_in_a_policy_is_refused() -> None:
    """A misspelt pattern would change nothing without a word."""
    with pytest.raises(RubricError, match="matches no check"):
        parse(f'{RUBRIC}[policy]\ndrop = ["nn.*"]\n').validate(["rnn.a"])


def test_the_policy_in_words_says_each_rule() -> None:
    """Students and staff read the same sentences."""
    said = sentences(
        policy(
            f"due = {DUE}\ngrace_minutes = 15\nlate_days = 2\npenalty_per_day = 10\nlatest_days = 5\nextra_credit_cap = 9"
        )
    )
    assert said == (
        f"Due {DUE}, with 15 minutes of grace.",
        "Each late day beyond 2 days that are free costs 10% of the points earned.",
        "Nothing counts that is more than 5 days late.",
        "Of several attempts the last one counts.",
        "At most 9 points of extra credit count.",
    )
