"""One hand-in in a warm process: what happens to the process from outside is never the student's fault."""

from __future__ import annotations

import dataclasses
import os
import re
import signal
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from grader.batch import job, pool
from grader.batch import work as works
from grader.batch.work import KILLED, Bench, Broken, Done, Work, seed_of
from grader.class_results import Status
from grader.results import CheckResult, Grade, Outcome, grade_from_json
from grader.rubric import parse
from grader.sandbox import verdicts
from grader.session import default_rubric
from tests.batch.fakes import FakeGrader


class Disturbed(FakeGrader):
    """Grades whose first check says something else each time; warm parents may die in between."""

    said: list[str]
    dying = 0

    def grade(self, path: Path, **options: Any) -> Grade:
        grade = super().grade(path, **options)
        self.lost_parents += type(self).dying
        first = msgspec.structs.replace(grade.checks[0], message=type(self).said.pop(0))
        return msgspec.structs.replace(grade, checks=(first, *grade.checks[1:]))


@pytest.fixture
def task(folders: Path, tmp_path: Path) -> Work:
    """The hand-in of one student."""
    rubric = default_rubric()
    (tmp_path / "out").mkdir()
    return Work(
        "ana",
        folders / "ana",
        tmp_path / "out" / "ana",
        3,
        "rnn_step_forward",
        None,
        rubric.text,
        rubric.source,
    )


def graded(monkeypatch: pytest.MonkeyPatch, task: Work, *said: str, dying: int = 0) -> Done:
    """What becomes of the hand-in when its first check says these, one for each time it is graded."""
    Disturbed.said, Disturbed.dying = list(said), dying
    monkeypatch.setattr(works, "Grader", Disturbed)
    return Bench().grade(task, lambda result: None)


def test_the_message_of_a_killed_worker_is_the_one_that_is_looked_for() -> None:
    """Otherwise nothing would ever be graded a second time."""
    assert KILLED in verdicts._SIGNALS[signal.SIGKILL]


def test_a_worker_killed_from_outside_costs_nothing(monkeypatch: pytest.MonkeyPatch, task: Work) -> None:
    """A grade in which a worker was killed is made once more, and the second one counts, whatever it says."""
    graded(monkeypatch, task, f"the process was {KILLED}", "fine")
    assert grade_from_json((task.out / "result.json").read_bytes()).checks[0].message == "fine"
    graded(monkeypatch, task, f"the process was {KILLED}", f"again {KILLED}")
    assert grade_from_json((task.out / "result.json").read_bytes()).checks[0].message.startswith("again")


def test_an_ordinary_grade_is_made_once(monkeypatch: pytest.MonkeyPatch, task: Work) -> None:
    """Failing work is not graded twice."""
    assert graded(monkeypatch, task, "wrong") == Done(Status.GRADED)
    assert Disturbed.said == []


def test_a_lost_warm_parent_is_no_verdict(monkeypatch: pytest.MonkeyPatch, task: Work) -> None:
    """When the warm parent died meanwhile, its workers died with it: nothing is written, it is to be done again."""
    with pytest.raises(Broken, match="warm parent"):
        graded(monkeypatch, task, "crashed", dying=1)
    assert not (task.out / "result.json").exists()


def test_a_machine_that_does_not_see_the_folders_is_told(monkeypatch: pytest.MonkeyPatch, task: Work) -> None:
    """A cluster's worker without the shared folders fails, and does not call the hand-in unreadable."""
    with pytest.raises(Broken, match="is not there"):
        graded(monkeypatch, dataclasses.replace(task, path=task.path / "nowhere"), "x")


def test_outcomes_travel_together_and_in_order() -> None:
    """Those of some milliseconds in one message, a line each; none is lost, none told twice."""
    sent: list[bytes] = []
    outcomes = job._Outcomes(SimpleNamespace(send_bytes=sent.append))  # type: ignore[arg-type]
    results = [
        CheckResult(id=f"m.f.{n}", title="", part="", function="f", outcome=Outcome.PASSED, message="a\nb")
        for n in range(5)
    ]
    for result in results:
        outcomes.add(result)
    outcomes.send()
    outcomes.send()
    assert len(sent) < len(results)
    assert {message[:1] for message in sent} == {job.CHECK}
    lines = [line for message in sent for line in message[1:].split(b"\n")]
    assert [msgspec.json.decode(line, type=CheckResult) for line in lines] == results


def test_an_outcome_is_told_though_the_next_check_takes_long() -> None:
    """Nobody has to wait for a second outcome."""
    told = threading.Event()
    outcomes = job._Outcomes(SimpleNamespace(send_bytes=lambda _: told.set()))  # type: ignore[arg-type]
    outcomes.add(CheckResult(id="m.f.a", title="", part="", function="f", outcome=Outcome.PASSED))
    assert told.wait(30)


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system binds no process to a core")
def test_jobs_keep_to_a_core_only_when_there_is_one_for_each(monkeypatch: pytest.MonkeyPatch) -> None:
    """With fewer jobs than cores the system knows better where there is room."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3, 5})
    assert pool._cores(2) == [3, 5]
    assert pool._cores(1) == []
    assert pool._cores(3) == []


def test_seeds_of_students_differ_and_stay() -> None:
    """A seed of one's own follows from the class's and the student alone, and is exact in JSON."""
    seeds = {(c, key): seed_of(c, key) for c in (1, 2) for key in ("ana", "ben", "ana+2")}
    assert len(set(seeds.values())) == 6
    assert seeds[1, "ana"] == seed_of(1, "ana")
    assert all(0 <= seed < 2**53 for seed in seeds.values())


def test_the_readme_shows_a_policy_that_works() -> None:
    """The example is a rubric as it stands."""
    readme = Path(__file__).resolve().parents[2] / "README.md"
    (example,) = re.findall(
        r"```toml\n(extends = \"default\"\n\[policy\].*?)```", readme.read_text(), re.DOTALL
    )
    assert parse(example).policy.penalty_per_day == 10
