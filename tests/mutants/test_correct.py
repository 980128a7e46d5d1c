"""Correct work gets full marks, whatever its style and whatever the seed."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.session import REFERENCE, Grader
from tests.mutants.false_alarms import alarms, run
from tests.submissions.build import STYLES, lay_out


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("name", ["reference", *STYLES])
def test_correct_solution_passes_every_check(grader: Grader, tmp_path: Path, name: str, seed: int) -> None:
    """The reference and each solution in another style pass every check of the RNN and LSTM part."""
    folder = REFERENCE if name == "reference" else lay_out(name, tmp_path / "hand-in")
    assert [(check.id, check.message) for check in alarms(grader, folder, seed)] == []


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_no_false_alarm_in_200_runs() -> None:
    """200 runs over all correct solutions, each with its own seed, fail no check."""
    assert [(name, seed, alarm.id) for name, seed, alarm in run(200)] == []
