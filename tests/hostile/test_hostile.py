"""Every hostile submission: right verdict, right message, nothing left, and the next submission is none the worse."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec
import pytest
from _pytest.mark import ParameterSet

from grader.results import CheckResult, Grade, Outcome, to_json
from grader.sandbox import level
from grader.session import REFERENCE, Grader
from reports import page
from tests.hostile import state
from tests.submissions.hostile import catalogue
from tests.submissions.hostile.attack import Attack, lay_out

VICTIM = "rnn_step_forward"
HONEST = "rnn_step_forward.values"


def _marked(attacks: Iterable[Attack]) -> list[ParameterSet]:
    """Each as a parameter; of those beyond the first list only the representative ones are in every run."""
    slow = {attack.name for attack in catalogue.MORE} - catalogue.REPRESENTATIVE
    return [
        pytest.param(attack, id=attack.name, marks=[pytest.mark.slow] if attack.name in slow else [])
        for attack in attacks
    ]


ALL = (*catalogue.ATTACKS, *catalogue.MORE)


@pytest.fixture
def submission(own_temporary_folder: Path) -> Iterator[Path]:
    folder = own_temporary_folder / "hand-in"
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def graded(grader: Grader, attack: Attack, folder: Path) -> Grade:
    """The grade of a hostile submission, under the limit that the attack names."""
    before = grader.rubric.limits
    limits = msgspec.structs.replace(
        before, call_seconds=attack.seconds, call_cpu_seconds=max(attack.seconds, 2.0)
    )
    object.__setattr__(grader.rubric, "limits", limits)
    try:
        return grader.grade(lay_out(attack, REFERENCE, folder), seed=1, select=f"{VICTIM} or {attack.beside}")
    finally:
        object.__setattr__(grader.rubric, "limits", before)


@pytest.mark.parametrize("attack", _marked(ALL))
def test_a_hostile_submission_is_contained(tight: Grader, attack: Attack, submission: Path) -> None:
    """It gets the verdict it earns and a message that says why, reaches nothing, leaves nothing, harms nobody."""
    tight._zygote.versions  # noqa: B018 - waits until it is warm
    if not level.reaches(tight._zygote.isolation, attack.where):
        pytest.skip(f"this machine offers {tight._zygote.isolation}")
    table, folders, own = state.processes(), state.scratch_folders(), state.of_grader(tight)
    forks = state.Forks(tight)
    with forks.noted():
        grade = graded(tight, attack, submission)
    the_verdict_is_right(attack, grade)
    nothing_was_reached(attack, grade)
    it_can_be_read(grade)
    assert forks.survivors(table) == []
    assert state.scratch_folders() == folders
    assert state.left_over() == []
    assert state.of_grader(tight) == own
    honest(tight)


def honest(grader: Grader) -> None:
    """Correct work gets its full marks."""
    grade = grader.grade(REFERENCE, seed=2, select=HONEST)
    assert {check.outcome for check in grade.checks} == {Outcome.PASSED}, grade.checks


def the_verdict_is_right(attack: Attack, grade: Grade) -> None:
    mine = [check for check in grade.checks if check.function == VICTIM]
    beside = [check for check in grade.checks if check.function != VICTIM]
    assert not grade.faults, grade.faults
    assert beside
    if not attack.harms_itself:
        assert {check.outcome for check in beside} == {Outcome.PASSED}, first_bad(beside)
    assert all(attack.problem in said for said in [" ".join(p.message for p in grade.problems)])
    if attack.victim == "any":
        return
    if attack.victim == "passed":
        assert first_bad(mine) is None
        return
    bad = first_bad(mine)
    assert bad is not None, "it got full marks"
    assert bad.outcome == attack.victim, bad
    text = f"{bad.message} {bad.hint}"
    assert all(words in text for words in attack.says), text


def nothing_was_reached(attack: Attack, grade: Grade) -> None:
    said = "".join(check.stdout for check in grade.checks)
    assert "BREACH" not in said, said
    assert not attack.trying or "TRIED" in said, "the attack did not run"


def it_can_be_read(grade: Grade) -> None:
    """Neither terminal nor browser gets anything but text."""
    html = page.render(grade)
    assert "<script>alert" not in html
    assert "<img src=x" not in html
    assert not set(html) & set("\x1b\x07\x08\x00\x9b\u202e\u2066")
    assert not set(to_json(grade).decode()) & set("\x1b\x00")
    for check in grade.checks:
        text = f"{check.message}{check.hint}"
        assert len(text) < 5000
        assert not set(text) & set("\x1b\x07\x08\x00\x9b\u202e\u2066"), text


def first_bad(checks: list[CheckResult]) -> CheckResult | None:
    return next((check for check in checks if check.outcome is not Outcome.PASSED), None)


REAL = [attack for attack in ALL if attack.real]


@pytest.mark.parametrize("attack", _marked(REAL))
def test_an_attack_is_real(bare: Grader, attack: Attack, submission: Path) -> None:
    """Without isolation it reaches what it is after: the test above can fail."""
    grade = graded(bare, attack, submission)
    assert "BREACH" in "".join(check.stdout for check in grade.checks)


def test_there_are_enough(tmp_path: Path) -> None:
    """Sixty hostile submissions at least, each with a name of its own."""
    names = [attack.name for attack in ALL]
    assert len(catalogue.ATTACKS) >= 60
    assert len(names) == len(set(names))
    assert set(names) >= catalogue.REPRESENTATIVE
    assert all(attack.tries for attack in ALL)
