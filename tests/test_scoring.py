"""Points from results: integers, nothing lost by the grader's own faults."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.errors import RubricError
from grader.results import CheckResult, Environment, Grade, Outcome, Problem
from grader.rubric import Rubric, parse
from grader.scoring import score as score_with

RUBRIC = parse(
    """
    [parts.rnn]
    title = "Vanilla RNN"
    [parts.lstm]
    title = "LSTM"
    extra_credit = true
    [parts.gan]
    title = "GANs"
    [points]
    "rnn.*" = 3
    "lstm.*" = 2
    "gan.*" = 0
    """
)


ENVIRONMENT = Environment(
    gradmark="0", python="3", numpy="2", torch="2", platform="any", seed=1, isolation="none"
)


def score(results: Sequence[CheckResult], rubric: Rubric) -> Grade:
    """The grade of a submission that does not matter."""
    return score_with(results, rubric, submission="s", environment=ENVIRONMENT)


def result(check_id: str, outcome: Outcome, **fields: object) -> CheckResult:
    """A result of the part that the id begins with."""
    part = check_id.partition(".")[0]
    return CheckResult(id=check_id, title="", part=part, function="f", outcome=outcome, **fields)


def test_passed_checks_earn_their_points_and_others_none() -> None:
    """Each outcome but 'passed' earns nothing, and every check carries what it is worth."""
    found = score([result(f"rnn.{outcome}", outcome) for outcome in Outcome], RUBRIC)
    assert {check.outcome: check.points for check in found.checks} == {
        outcome: 3 if outcome is Outcome.PASSED else 0 for outcome in Outcome
    }
    assert all(check.max_points == 3 for check in found.checks)
    assert (found.points, found.max_points, found.undecided) == (3, 15, 3)


def test_extra_credit_adds_to_the_points_not_to_the_maximum() -> None:
    """With all of the extra credit a perfect grade is above the maximum."""
    found = score([result("rnn.a", Outcome.PASSED), result("lstm.a", Outcome.PASSED)], RUBRIC)
    assert (found.points, found.max_points) == (5, 3)
    assert [(part.id, part.extra_credit) for part in found.parts] == [("rnn", False), ("lstm", True)]


def test_a_fault_of_the_grader_is_undecided() -> None:
    """What an errored check is worth is named at its part and in the total, and nothing else changes."""
    decided = score([result("rnn.a", Outcome.PASSED)], RUBRIC)
    found = score([result("rnn.a", Outcome.PASSED), result("rnn.b", Outcome.ERRORED)], RUBRIC)
    assert found.points == decided.points
    assert (found.undecided, found.parts[0].undecided) == (3, 3)


def test_parts_stand_in_the_order_of_the_rubric() -> None:
    """The order of the results does not matter for the parts; a part that was not run is left out."""
    found = score([result("gan.a", Outcome.PASSED), result("rnn.a", Outcome.FAILED)], RUBRIC)
    assert [(part.id, part.points, part.max_points) for part in found.parts] == [("rnn", 0, 3), ("gan", 0, 0)]


def test_points_in_a_result_are_not_believed() -> None:
    """Only outcome and rubric decide, whatever a result says about its points."""
    (check,) = score([result("rnn.a", Outcome.FAILED, points=99, max_points=99)], RUBRIC).checks
    assert (check.points, check.max_points) == (0, 3)


def test_nothing_scores_nothing() -> None:
    """No results give no parts and zero points."""
    found = score([], RUBRIC)
    assert (found.points, found.max_points, found.undecided, found.parts) == (0, 0, 0, ())


def test_a_check_that_the_rubric_does_not_know_is_refused() -> None:
    """Neither an unknown part nor an unknown check is silently worth nothing."""
    with pytest.raises(RubricError, match="no part 'simclr'"):
        score([result("simclr.a", Outcome.PASSED)], RUBRIC)
    unknown = CheckResult(id="other", title="", part="rnn", function="f", outcome=Outcome.PASSED)
    with pytest.raises(RubricError, match="no points to the check other"):
        score([unknown], RUBRIC)


def test_two_results_of_one_check_are_refused() -> None:
    """A check counted twice would be paid twice."""
    with pytest.raises(ValueError, match=r"more than one result of rnn\.a"):
        score([result("rnn.a", Outcome.PASSED), result("rnn.a", Outcome.PASSED)], RUBRIC)


OUTCOMES = st.dictionaries(
    st.sampled_from([f"{part}.{n}" for part in RUBRIC.parts for n in range(4)]), st.sampled_from(Outcome)
)


@given(OUTCOMES)
def test_every_point_is_earned_lost_or_undecided(outcomes: dict[str, Outcome]) -> None:
    """Earned, undecided and lost points are whole, never negative, and add up, in the parts and in all."""
    found = score([result(name, outcome) for name, outcome in outcomes.items()], RUBRIC)
    lost = sum(
        check.max_points for check in found.checks if check.outcome not in (Outcome.PASSED, Outcome.ERRORED)
    )
    assert found.points + found.undecided + lost == sum(part.max_points for part in found.parts)
    assert all(type(part.points) is int and 0 <= part.points <= part.max_points for part in found.parts)


@given(OUTCOMES, st.sampled_from(Outcome))
def test_passing_one_more_check_never_costs(outcomes: dict[str, Outcome], before: Outcome) -> None:
    """The score never falls when a check goes from any outcome to passed."""
    worse = [result(name, outcome) for name, outcome in (outcomes | {"rnn.0": before}).items()]
    better = [result(name, outcome) for name, outcome in (outcomes | {"rnn.0": Outcome.PASSED}).items()]
    assert score(better, RUBRIC).points >= score(worse, RUBRIC).points


def test_what_is_not_scored_goes_into_the_grade_as_it_is() -> None:
    """Name, environment and problems of the hand-in are passed on."""
    problem = Problem(file="a.py", message="missing")
    grade = score_with([], RUBRIC, submission="s", environment=ENVIRONMENT, problems=(problem,))
    assert (grade.submission, grade.environment, grade.problems) == ("s", ENVIRONMENT, (problem,))


def test_the_rubric_says_what_is_hidden() -> None:
    """Each check carries the visibility that the rubric gives it, whatever stood in the result."""
    rubric = parse('[parts.rnn]\n[points]\n"*" = 1\n[visibility]\n"rnn.b" = "hidden"\n')
    results = [result("rnn.a", Outcome.PASSED, visibility="hidden"), result("rnn.b", Outcome.FAILED)]
    assert [check.visibility for check in score(results, rubric).checks] == ["public", "hidden"]
