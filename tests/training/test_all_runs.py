"""Whole training runs: minutes each, so outside the normal run of the tests."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from grader.calibrate import CHECKS, RIGHT, Plan, Trial, plans, read, table
from grader.errors import UsageError
from grader.results import Outcome
from grader.session import REFERENCE, Grader
from grader.training.context import Options

STYLES = Path(__file__).parent.parent / "submissions" / "styles"


@pytest.mark.slow
@pytest.mark.parametrize("style", ["reference", "loops", "classes", "original_2022"])
def test_correct_work_in_every_style_passes_every_training_check(
    grader: Grader, tmp_path: Path, style: str
) -> None:
    """Other loops, classes of one's own, the original's form: all of them learn."""
    folder = tmp_path / "submission"
    shutil.copytree(REFERENCE, folder, ignore=shutil.ignore_patterns("__pycache__", "notebooks"))
    if style != "reference":
        shutil.copytree(STYLES / style, folder, dirs_exist_ok=True)
    grade = grader.grade(folder, select="check_training", training=Options())
    assert [(c.id, c.message) for c in grade.checks if c.outcome is not Outcome.PASSED] == []
    assert {c.id for c in grade.checks} == set(CHECKS.values())


@pytest.mark.gpu
@pytest.mark.skipif(not shutil.which("nvidia-smi"), reason="needs a CUDA device")
def test_training_on_a_gpu_passes_the_same_checks(grader: Grader) -> None:
    """The device's name is all that differs."""
    grade = grader.grade(REFERENCE, select="training.transformer", training=Options(device="cuda"))
    assert [c.outcome for c in grade.checks] == [Outcome.PASSED]


def test_every_mistake_of_the_calibration_fits_the_reference() -> None:
    """Each is a variation that still parses, of a check that exists; at least twelve have to fail."""
    every = plans()
    assert all(plan.course in CHECKS for plan in every)
    assert len({plan.variation for plan in every if plan.variation != RIGHT}) >= 12
    assert {plan.course for plan in every if plan.variation != RIGHT} == set(CHECKS)


def trial(course: str, seed: int, outcome: str, loss: float) -> Trial:
    return Trial("cpu", course, RIGHT, seed, outcome, 10.0 * seed, {"loss": loss}, {"loss": loss}, 2.0)


def test_the_table_counts_runs_and_shows_their_range() -> None:
    """One row for each check and variation."""
    rows = list(table([trial("rnn", 1, "passed", 0.5), trial("rnn", 2, "failed", 3.0)]))
    assert rows[2:] == ["| rnn | reference | 2 | 1 | 10 to 20 | loss 0.5 to 3 | 2 |"]


def test_runs_are_read_back_but_for_a_line_that_was_cut_off(tmp_path: Path) -> None:
    """An interrupted calibration goes on where it ended; another file is refused."""
    import msgspec

    whole = msgspec.json.encode(trial("rnn", 1, "passed", 0.5)) + b"\n"
    (tmp_path / "runs.jsonl").write_bytes(whole + whole[:20])
    assert read(tmp_path / "runs.jsonl") == [trial("rnn", 1, "passed", 0.5)]
    (tmp_path / "other").write_bytes(b"{}\n")
    with pytest.raises(UsageError, match="something else than runs"):
        read(tmp_path / "other")


def test_a_plan_without_a_file_is_the_reference() -> None:
    """Correct work is measured beside the mistakes."""
    assert [plan for plan in plans() if not plan.file] == [Plan(course, RIGHT) for course in CHECKS]
