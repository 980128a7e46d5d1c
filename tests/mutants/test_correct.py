"""Correct work gets full marks, whatever its style and whatever the seed."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.results import Outcome
from grader.session import REFERENCE, Grader
from tests.mutants import false_alarms
from tests.submissions.build import STYLES, lay_out


@pytest.mark.parametrize("name", STYLES)
def test_correct_solution_gets_full_marks(grader: Grader, tmp_path: Path, name: str) -> None:
    """Each solution in another style passes every check, and has all points of every part, extra credit too."""
    grade = grader.grade(lay_out(name, tmp_path / "hand-in"), seed=1)
    assert [(check.id, check.message) for check in false_alarms.alarms(grade)] == []
    assert {part.id: part.points for part in grade.parts} == {
        part.id: part.max_points for part in grade.parts
    }
    assert {"rnn", "transformer", "gan", "simclr", "lstm"} <= {part.id for part in grade.parts}


def test_a_failed_check_is_an_alarm(grader: Grader, tmp_path: Path) -> None:
    """A run of the partial hand-in, which is wrong in three places, does not count as one without alarms."""
    grade = grader.grade(lay_out("partial", tmp_path / "hand-in"), seed=1, select="rnn_layers")
    found = {alarm.outcome for alarm in false_alarms.alarms(grade)}
    assert {Outcome.FAILED, Outcome.NOT_ATTEMPTED} <= found


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_no_false_alarm_in_200_runs() -> None:
    """200 runs over the reference and all other solutions, each with its own seed, fail no check."""
    found = [(name, seed, false_alarms.alarms(grade)) for name, seed, grade in false_alarms.run(200)]
    assert len(found) == 200
    assert [run for run in found if run[2]] == []


def test_the_reference_is_among_the_solutions(tmp_path: Path) -> None:
    """The many runs go over the reference and at least six complete solutions in other styles."""
    made = false_alarms.solutions(tmp_path)
    assert made["reference"] == REFERENCE
    assert len(made) >= 7
