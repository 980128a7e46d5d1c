"""The whole battery on what it must be right about: the reference, the template, the bundled hand-ins."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.results import Grade, Outcome, grade_from_json, to_json
from grader.session import REFERENCE, TEMPLATE, Grader, expected_checks

ZIPS = Path(__file__).parent / "submissions" / "zips"


def troubles(grade: Grade) -> list[str]:
    """Every check that did not pass, with what it said."""
    return [f"{c.id}: {c.outcome}: {c.message}" for c in grade.checks if c.outcome is not Outcome.PASSED]


@pytest.fixture(scope="module")
def reference(grader: Grader) -> Grade:
    return grader.grade(REFERENCE, seed=7)


def test_the_reference_gets_full_marks(reference: Grade) -> None:
    """Every check passes, every part has all its points, extra credit too."""
    assert troubles(reference) == []
    assert all(part.points == part.max_points for part in reference.parts)
    assert reference.points > reference.max_points > 0


def test_the_template_gets_nothing_and_nothing_is_held_against_it(grader: Grader) -> None:
    """An untouched template has no points, and every single check is not attempted."""
    grade = grader.grade(TEMPLATE, seed=7)
    assert grade.points == 0
    assert [c.id for c in grade.checks if c.outcome is not Outcome.NOT_ATTEMPTED] == []


def test_every_expected_check_has_a_result(reference: Grade) -> None:
    """Completeness is decided by the list of checks, not by how the run ended; training is off here."""
    expected = {info.id for info in expected_checks() if not info.part.startswith("training")}
    assert {check.id for check in reference.checks} == expected


def test_a_selection_gives_the_same_verdicts_as_a_whole_run(grader: Grader, reference: Grade) -> None:
    """A check's inputs depend on seed and name alone, so -k changes which checks run and nothing else."""
    part = grader.grade(REFERENCE, seed=7, select="word_embedding")
    whole = {check.id: check.outcome for check in reference.checks}
    assert part.checks
    assert all(whole[check.id] is check.outcome for check in part.checks)


def test_a_complete_solution_in_another_style_gets_full_marks(grader: Grader) -> None:
    """einsum, other caches, in-place accumulation: every part of the bundled hand-in is right."""
    grade = grader.grade(ZIPS / "complete.zip", seed=3)
    assert troubles(grade) == []
    assert all(part.points == part.max_points for part in grade.parts)
    assert not grade.faults


def test_three_mistakes_cost_their_functions(grader: Grader) -> None:
    """The three wrong functions fail, what was left out is not attempted, and the right ones keep their points."""
    grade = grader.grade(ZIPS / "partial.zip", seed=3)
    failed = {check.function for check in grade.checks if check.outcome is Outcome.FAILED}
    assert {"rnn_backward", "word_embedding_backward", "CaptioningRNN.sample"} <= failed
    assert not failed & {"rnn_step_forward", "rnn_step_backward", "rnn_forward", "word_embedding_forward"}
    layers = [check for check in grade.checks if check.function.startswith("lstm_")]
    assert {check.outcome for check in layers} == {
        Outcome.NOT_ATTEMPTED
    }  # the captioner's use of them may be right


def test_original_stubs_are_not_attempted(grader: Grader, tmp_path: Path) -> None:
    """A hand-in whose regions hold `pass`, as they were handed out, fails nothing."""
    from tests.submissions.build import lay_out

    lay_out("stubs_original", tmp_path / "stubs")
    grade = grader.grade(tmp_path / "stubs", seed=3)
    assert grade.points == 0
    assert {c.outcome for c in grade.checks} == {Outcome.NOT_ATTEMPTED}


def test_a_grade_survives_its_own_json(reference: Grade) -> None:
    """What is written is what is read back."""
    assert grade_from_json(to_json(reference)) == reference
