"""A graded class under another rubric or other lateness: nothing is run, and every change is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.batch.regrade import Regraded, regrade
from grader.batch.store import read_class
from grader.errors import GradmarkError, RubricError, UsageError
from grader.results import grade_from_json
from tests.batch.classes import Class, by_id, rubric


def changes(done: Regraded) -> dict[str, tuple[int, int]]:
    """Who has other points: before and after."""
    return {change.student.id: (change.before, change.after) for change in done.changes}


def test_regrade_says_who_changed_and_why(folder_class: Class) -> None:
    """New points come from the stored results, with each check that made the difference; files agree with them."""
    before = by_id(folder_class.grade())
    done = regrade(folder_class.out, rubric('[points]\n"rnn_layers.rnn_step_forward.*" = 20\n'))
    after = by_id(read_class(folder_class.out))
    assert changes(done)["ana"] == (before["ana"].points, after["ana"].points)
    (ana,) = [change for change in done.changes if change.student.id == "ana"]
    assert any("rnn_step_forward" in reason and "20" in reason for reason in ana.reasons)
    grade = grade_from_json((folder_class.out / "submissions/ana/result.json").read_bytes())
    assert grade.points == after["ana"].points
    assert 'rnn_step_forward.*" = 20' in (folder_class.out / "rubric.toml").read_text()
    assert regrade(folder_class.out).changes == ()


def test_regrade_with_lateness(folder_class: Class, tmp_path: Path) -> None:
    """Late days from a list cost what the policy says, are told as the reason, and stay for the next time."""
    before = by_id(folder_class.grade())
    (tmp_path / "late.csv").write_text("id,late_days\nana,2\n")
    strict = rubric("[policy]\npenalty_per_day = 25\n")
    done = regrade(folder_class.out, strict, tmp_path / "late.csv")
    earned = before["ana"].earned
    assert changes(done) == {"ana": (earned, earned - earned // 2)}
    assert done.changes[0].reasons == (
        f"late: 0 -> {-(earned // 2)} points. 2 days late: 50% of the points earned.",
    )
    assert regrade(folder_class.out).changes == ()
    mild = rubric("[policy]\npenalty_per_day = 25\nlate_days = 2\n")
    assert changes(regrade(folder_class.out, mild)) == {"ana": (earned - earned // 2, earned)}


def test_regrade_is_what_grading_with_that_rubric_gives(folder_class: Class) -> None:
    """Rescored or graded, the gradebook is the same."""
    folder_class.grade()
    new = rubric('[points]\n"*.values" = 9\n[policy]\nextra_credit_cap = 1\ndrop = ["*.precision"]\n')
    regrade(folder_class.out, new)
    rescored = folder_class.bytes
    folder_class.grade(new)
    assert (folder_class.graded, folder_class.bytes) == ([], rescored)


def test_regrade_refuses_what_it_can_not_score(folder_class: Class, tmp_path: Path) -> None:
    """No class, a misspelt check, a damaged result: an error, and the gradebook stays as it was."""
    with pytest.raises(UsageError, match="class"):
        regrade(tmp_path / "nothing")
    folder_class.grade()
    before = folder_class.bytes
    with pytest.raises(RubricError, match="matches no check"):
        regrade(folder_class.out, rubric('[points]\n"rnn_layer.*" = 3\n'))
    (folder_class.out / "submissions/ben/result.json").write_text("{")
    with pytest.raises(GradmarkError, match="ben"):
        regrade(folder_class.out, rubric('[points]\n"*.values" = 9\n'))
    assert folder_class.bytes == before


def test_regrade_warns_of_limits_that_need_a_run(folder_class: Class) -> None:
    """Limits and tolerances change what checks find; a rescoring says that it can't know that."""
    folder_class.grade()
    assert regrade(folder_class.out, rubric("[limits]\ncall_seconds = 1\n")).warnings
    assert not regrade(folder_class.out).warnings
