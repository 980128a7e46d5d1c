"""Whole training runs: minutes each, so outside the normal run of the tests."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec
import pytest

from grader.assignment import bundled
from grader.calibrate import Plan, _laid_out, plans, run
from grader.errors import UsageError
from grader.results import Outcome
from grader.session import REFERENCE, TEMPLATE, Grader, collected
from grader.training.context import Options
from grader.training.evidence import CHECKS, RIGHT, Trial, at_most, read, report, summary, table
from tests.submissions.build import HERE, STYLES


@pytest.mark.slow
@pytest.mark.parametrize(
    "folder", [REFERENCE, *(HERE / style for style in STYLES)], ids=lambda path: path.name
)
def test_correct_work_in_every_style_passes_every_training_check(grader: Grader, folder: Path) -> None:
    """Other loops, classes of one's own, the original's form: all of them learn; two captioners in Python loops over
    single elements do so at a smaller size."""
    grade = grader.grade(folder, select="check_training", training=Options())
    assert [(c.id, c.message) for c in grade.checks if c.outcome is not Outcome.PASSED] == []
    assert {c.id for c in grade.checks} == set(CHECKS.values())
    smaller = {c.id for c in grade.checks if any("a much smaller model" in said for said in c.advice)}
    slow = {"training.rnn.overfit", "training.lstm.overfit"}
    assert smaller == (slow if folder.name == "loops" else set())


@pytest.mark.slow
@pytest.mark.parametrize("seed", [15, 17, 19])
def test_an_ignored_temperature_never_meets_the_bars(grader: Grader, seed: int) -> None:
    """With these seeds it did, when the temperature was 0.2."""
    (plan,) = (plan for plan in plans("simclr") if plan.variation == "simclr.temperature")
    with _laid_out(plan) as folder:
        (check,) = grader.grade(folder, seed=seed, select=CHECKS["simclr"], training=Options()).checks
    assert check.outcome is Outcome.FAILED, check.message


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


def trial(course: str, seed: int, outcome: str, loss: float, variation: str = RIGHT) -> Trial:
    right = variation == RIGHT
    metrics = {"loss": loss}
    return Trial(
        "cpu", course, variation, right, True, seed, outcome, 10.0 * seed, metrics, metrics, 2.0, 500
    )


def test_the_table_counts_runs_and_shows_their_range() -> None:
    """One row for each check and variation."""
    rows = list(table([trial("rnn", 1, "passed", 0.5), trial("rnn", 2, "failed", 3.0)]))
    assert rows[2:] == ["| rnn | reference | 2 | 1 | 10 to 20 | loss 0.5 to 3 | loss 0.5 to 3 | 2 | 500 |"]


def test_the_summary_says_how_often_the_bars_may_be_wrong() -> None:
    """None of 20 failed: that the true rate is 14 % can't be excluded yet. Mistakes that no bar sees don't count."""
    right = [trial("rnn", seed, "passed", 0.5) for seed in range(20)]
    wrong = [trial("rnn", seed, "failed", 9.0, "wrong") for seed in range(60)]
    unseen = msgspec.structs.replace(trial("rnn", 1, "passed", 0.5, "no_mask"), seen=False)
    assert list(summary([*right, *wrong, unseen]))[2:] == ["| rnn | 20 | 0 | 13.9% | 60 | 0 | 4.9% |"]
    assert at_most(1, 20) == pytest.approx(0.216, abs=1e-3)
    assert at_most(3, 3) == 1.0


def test_the_report_names_the_mistakes_that_no_bar_sees() -> None:
    """The page says what was run and what came of it."""
    unseen = msgspec.structs.replace(trial("rnn", 1, "passed", 0.5, "no_mask"), seen=False)
    text = "\n".join(
        report([trial("rnn", 1, "passed", 0.5), trial("rnn", 1, "failed", 9.0, "wrong"), unseen])
    )
    assert "1 runs of correct work" in text
    assert "1 runs of 1 mistakes" in text
    assert "no_mask (not seen)" in text


def test_runs_are_read_back_but_for_a_line_that_was_cut_off(tmp_path: Path) -> None:
    """An interrupted calibration goes on where it ended; another file is refused."""
    whole = msgspec.json.encode(trial("rnn", 1, "passed", 0.5)) + b"\n"
    (tmp_path / "runs.jsonl").write_bytes(whole + whole[:20])
    assert read(tmp_path / "runs.jsonl") == [trial("rnn", 1, "passed", 0.5)]
    (tmp_path / "other").write_bytes(b"{}\n")
    with pytest.raises(UsageError, match="something else than runs"):
        read(tmp_path / "other")


def test_a_plan_without_a_file_is_the_reference() -> None:
    """Correct work is measured beside the mistakes."""
    assert [plan for plan in plans() if plan.right] == [Plan(course, RIGHT) for course in CHECKS]
    assert all(bool(plan.file) is not plan.right for plan in plans())


def test_other_solutions_are_trained_where_they_differ(tmp_path: Path) -> None:
    """A solution of the same code as the reference's is not trained once more; comments make no difference."""
    shutil.copytree(REFERENCE, tmp_path / "anna", ignore=shutil.ignore_patterns("__pycache__", "notebooks"))
    layers = tmp_path / "anna" / "cs231n" / "rnn_layers.py"
    layers.write_text(layers.read_text() + "\n# mine\n")
    assert [plan for plan in plans(others=[tmp_path / "anna"]) if plan.right] == [
        Plan(course, RIGHT) for course in CHECKS
    ]
    layers.write_text(layers.read_text() + "\nEXTRA = 1\n")
    own = [plan for plan in plans(others=[tmp_path / "anna"]) if plan.variation == "anna"]
    assert [plan.course for plan in own] == ["rnn", "lstm"]
    assert all(plan.right and plan.folder == tmp_path / "anna" for plan in own)


def test_a_calibration_of_nothing_is_refused(tmp_path: Path) -> None:
    """An unknown course, a folder that is not there."""
    with pytest.raises(UsageError, match="no training check 'gru'"):
        plans("gru")
    with pytest.raises(UsageError, match="is no folder"):
        plans(others=[tmp_path / "nobody"])


def test_a_run_that_says_nothing_about_the_work_is_not_noted(tmp_path: Path) -> None:
    """A solution that lacks a model is left out of its course, after one look."""
    said: list[str] = []
    plan = Plan("rnn", "untouched", folder=TEMPLATE)
    assert run(tmp_path / "runs.jsonl", Options(), 3, [plan], said.append) == []
    assert said[0].startswith("rnn untouched seed 1: not_attempted")
    assert [line for line in said if "seed 2" in line] == []
    assert not (tmp_path / "runs.jsonl").exists()


def test_nothing_stands_in_for_wrong_functions_in_training() -> None:
    """A failed run is not repeated with stand-ins, from which no model learns enough."""
    specs = [check.spec for check in collected("training", bundled()) if check.spec.id in CHECKS.values()]
    assert len(specs) == len(CHECKS)
    assert all(spec.uses and not spec.stand_ins for spec in specs)
