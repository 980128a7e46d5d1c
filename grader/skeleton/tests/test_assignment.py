"""Proves that the assignment grades: run `python -m pytest tests` after every change."""

from pathlib import Path

import pytest

from grader import assignment, known, template
from grader.session import Grader, expected_checks

HERE = assignment.load(Path(__file__).resolve().parent.parent)
MISTAKES, _ = known.of(HERE)


@pytest.fixture(scope="module")
def grader():
    """One warm grader for all tests."""
    with Grader(assignment=HERE, explain=True) as started:
        yield started


def test_the_reference_gets_full_marks(grader):
    """Whatever the random inputs."""
    for seed in range(3):
        grade = grader.grade(HERE.reference, seed=seed)
        assert [check.id for check in grade.checks if check.outcome != "passed"] == []
        assert grade.points == grade.max_points > 0


def test_the_template_earns_nothing(grader):
    """Who hands in what was handed out has attempted nothing."""
    grade = grader.grade(HERE.template, seed=1)
    assert grade.points == 0
    assert {check.outcome for check in grade.checks} <= {"not_attempted", "blocked"}


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.id)
def test_a_mistake_is_caught_and_named(grader, mistake, tmp_path):
    """Every check that should catch it fails, and the report says its sentence."""
    grade = grader.grade(known.made(HERE, mistake, tmp_path / "work"), seed=1)
    failed = [check for check in grade.checks if check.outcome == "failed"]
    assert set(mistake.caught_by) <= {check.id for check in failed}
    assert mistake.id in {check.mistake.id for check in failed if check.mistake}


def test_the_template_is_fresh():
    """`gradmark template --assignment DIR` makes it again."""
    assert template.stale(HERE.reference, HERE.template) == []


def test_each_mistake_names_checks_that_exist():
    """A misspelt name would never be noticed otherwise."""
    known_ids = {check.id for check in expected_checks(assignment=HERE)}
    assert {id for mistake in MISTAKES for id in mistake.caught_by} <= known_ids
