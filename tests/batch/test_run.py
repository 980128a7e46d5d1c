"""A class is graded once: what is finished is kept, what changed is done again, nothing is lost or doubled."""

from __future__ import annotations

import json
from pathlib import Path

import filelock
import msgspec
import pytest

from grader.batch import run
from grader.batch.regrade import regrade
from grader.batch.store import Store, read_class
from grader.batch.work import Broken
from grader.class_results import Status
from grader.errors import GradmarkError, UsageError
from grader.results import Outcome, grade_from_json
from tests.batch.classes import Class, by_id, rubric
from tests.batch.conftest import LAYERS
from tests.submissions.build import files_of


def test_every_hand_in_has_a_status_and_a_report(folder_class: Class) -> None:
    """Graded, empty or unreadable: each student has a line, a result.json and a page, and the class is on the disk."""
    result = folder_class.grade()
    assert {s.id: str(s.status) for s in result.students} == {
        "ana": "graded", "ben": "graded", "cho": "graded", "dan": "empty", "eve": "unreadable",
    }  # fmt: skip
    assert read_class(folder_class.out) == result
    for student in result.students:
        assert student.attempt is not None
        grade = grade_from_json((folder_class.out / student.attempt.result).read_bytes())
        assert grade.points == student.points
        assert (folder_class.out / student.attempt.report).exists()
    eve = by_id(result)["eve"].attempt
    assert eve is not None
    assert "not a zip archive" in eve.message
    assert [problem.file for problem in result.problems] == ["readme.txt"]


def test_a_hand_in_that_could_not_be_judged_blames_nobody_wrongly(folder_class: Class) -> None:
    """An unreadable hand-in has no points and every check blocked, with the reason in the student's own report."""
    folder_class.grade()
    grade = grade_from_json((folder_class.out / "submissions/eve/result.json").read_bytes())
    assert {check.outcome for check in grade.checks} == {Outcome.BLOCKED}
    assert grade.max_points > grade.points == 0
    assert "not a zip archive" in grade.problems[0].message


def test_a_finished_class_is_not_graded_again(folder_class: Class) -> None:
    """The same command a second time runs nothing and leaves the same bytes."""
    folder_class.grade()
    before = folder_class.bytes
    folder_class.grade()
    assert folder_class.graded == []
    assert folder_class.display.told == [("begin", 5, 5)]
    assert folder_class.bytes == before


def test_processes_get_ready_only_where_there_is_work(folder_class: Class) -> None:
    """While a new class is planned; a class that is known may need none, and one that changed starts them later."""
    folder_class.grade()
    assert folder_class.pool is not None
    assert folder_class.pool.warmed == 1
    folder_class.grade()
    assert folder_class.pool is None
    (folder_class.path / "ana" / LAYERS).write_text("changed = 1\n")
    folder_class.grade()
    assert folder_class.pool is not None
    assert folder_class.pool.warmed == 0


def test_what_changed_is_graded_again(folder_class: Class) -> None:
    """A changed file re-runs its submission only; changed seed, selection, limits or tolerances re-run all."""
    folder_class.grade()
    (folder_class.path / "ana" / LAYERS).write_text("x = 1\n")
    folder_class.grade()
    assert folder_class.graded == ["ana"]
    every = ["ana", "ben.zip", "a3_code_submission.zip", "eve.zip"]
    for change in ({"seed": 8}, {"select": "rnn_backward"}, {"timeout": 5.0}):
        folder_class.grade()
        folder_class.grade(**change)
        assert folder_class.graded == every, change
    folder_class.grade()
    folder_class.grade(rubric("[limits]\ncall_seconds = 3\n"))
    assert folder_class.graded == every


def test_a_changed_source_of_gradmark_grades_everything_again(
    folder_class: Class, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Results of other checks are not mixed with today's."""
    folder_class.grade()
    monkeypatch.setattr(run.version, "sources", lambda: "other")
    folder_class.grade()
    assert len(folder_class.graded) == 4


def test_other_points_run_nothing(folder_class: Class) -> None:
    """A rubric that only scores differently gives other points from the stored results, reports included."""
    before = by_id(folder_class.grade())
    after = by_id(
        folder_class.grade(rubric('[points]\n"*" = 0\n"rnn_layers.rnn_step_forward.values" = 50\n'))
    )
    assert folder_class.graded == []
    assert after["ana"].points in {0, 50} != before["ana"].points
    assert after["ana"].max_points == 50
    grade = grade_from_json((folder_class.out / "submissions/ana/result.json").read_bytes())
    assert grade.points == after["ana"].points


def test_without_a_seed_the_last_one_goes_on(folder_class: Class) -> None:
    """A resumed run draws what the interrupted one drew, though nobody remembers the seed."""
    first = folder_class.grade(seed=None)
    again = folder_class.grade(seed=None)
    assert first == again
    assert folder_class.graded == []


def test_all_students_share_inputs_unless_asked_otherwise(folder_class: Class) -> None:
    """One seed for all is fair and cheap; with own seeds each is derived from the class's and the student."""
    shared = folder_class.grade()
    own = folder_class.grade(own_seeds=True)
    seeds = [s.attempts[0].seed for s in own.students]
    assert {s.attempts[0].seed for s in shared.students} == {7}
    assert len(set(seeds)) == 5
    assert all(0 <= seed < 2**53 for seed in seeds)
    assert [s.attempts[0].seed for s in folder_class.grade(own_seeds=True).students] == seeds


def test_a_group_is_graded_once(gradescope: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Members share one result, one that did not come is empty, and each is a student of the class."""
    graded = Class(gradescope, "gradescope", tmp_path / "out", monkeypatch)
    students = by_id(graded.grade())
    assert students["0123"].attempts == students["0456"].attempts
    assert students["0123"].group == ("0123", "0456")
    assert graded.graded.count("a3_code_submission.zip") == 1
    assert students["dan@uni.edu"].status is Status.EMPTY
    assert students["00071"].name == "Ana Silva"


def test_attempts_and_late_marks_are_policy(
    canvas: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two attempts the rubric's counts; a late mark without a time costs one day."""
    graded = Class(canvas, "canvas", tmp_path / "out", monkeypatch)
    last = by_id(graded.grade(rubric("[policy]\npenalty_per_day = 50\n")))
    first = by_id(graded.grade(rubric('[policy]\nattempts = "first"\n')))
    assert (len(last["71"].attempts), last["71"].counted, first["71"].counted) == (2, 2, 1)
    ben = last["123"]
    assert ben.attempt is not None
    assert ben.attempt.late_days == 1
    assert ben.points == ben.earned - ben.earned // 2 < ben.earned
    assert [step.kind for step in ben.adjustments] == ["late"]
    assert first["123"].points == first["123"].earned


def test_a_roster_adds_who_is_missing(folder_class: Class, tmp_path: Path) -> None:
    """On the roster without a hand-in: missing; a hand-in of nobody on it: graded and marked."""
    (tmp_path / "roster.csv").write_text("sid,name\nana,Ana Silva\nzoe,Zoe\nben,Ben\n")
    students = by_id(folder_class.grade(roster=tmp_path / "roster.csv"))
    assert students["zoe"].status is Status.MISSING
    assert students["zoe"].max_points == students["ana"].max_points > 0
    assert (students["ana"].name, students["ana"].on_roster) == ("Ana Silva", True)
    assert (students["cho"].status, students["cho"].on_roster) == (Status.GRADED, False)


def test_a_crash_costs_no_points_and_is_tried_again(folder_class: Class) -> None:
    """What gradmark failed at is crashed, all its points undecided, its evidence kept; the next run grades it."""
    undisturbed = folder_class.grade()
    clean = folder_class.bytes
    folder_class.fail = lambda key: Broken("a bug\nat line 1") if key == "ben" else None
    (folder_class.path / "ben.zip").touch()
    (folder_class.out / "journal.jsonl").unlink()
    ben = by_id(folder_class.grade())["ben"]
    assert (ben.status, ben.points, ben.undecided) == (Status.CRASHED, 0, ben.max_points)
    grade = grade_from_json((folder_class.out / "submissions/ben/result.json").read_bytes())
    assert {check.outcome for check in grade.checks} == {Outcome.ERRORED}
    assert "as drawn" in str(grade.checks[0].details)
    assert (folder_class.out / "submissions/ben/checks.jsonl").exists()
    folder_class.fail = lambda key: None
    assert folder_class.grade() == undisturbed
    assert folder_class.graded == ["ben.zip"]
    assert folder_class.bytes == clean


def test_a_machine_that_can_not_grade_stops_the_run(
    folder_class: Class, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When gradmark fails at one after the other, that is not 300 crashed students but one error."""
    monkeypatch.setattr(run, "FAILURES", 3)
    folder_class.fail = lambda key: Broken("no memory")
    with pytest.raises(GradmarkError, match="3 submissions in a row: no memory"):
        folder_class.grade()


def test_an_error_that_is_the_users_stops_the_run(folder_class: Class) -> None:
    """What no retry mends ends the run with its message, and the next run goes on."""
    folder_class.fail = lambda key: UsageError("The disk is full.") if key == "cho" else None
    with pytest.raises(UsageError, match="disk is full"):
        folder_class.grade()
    assert not (folder_class.out / "class.json").exists()
    folder_class.fail = lambda key: None
    folder_class.grade()
    assert folder_class.graded == ["a3_code_submission.zip", "eve.zip"]


@pytest.mark.parametrize("cut", [1, 40, 10_000])
def test_a_torn_journal_costs_what_was_torn(folder_class: Class, cut: int) -> None:
    """A last line that is half there, or a journal that is gone, means grading again, to the same gradebook."""
    folder_class.grade()
    before = folder_class.bytes
    journal = folder_class.out / "journal.jsonl"
    journal.write_bytes(journal.read_bytes()[:-cut])
    folder_class.grade()
    assert folder_class.bytes == before
    folder_class.grade()
    assert folder_class.graded == []


def test_a_result_that_vanished_is_made_again(folder_class: Class) -> None:
    """The journal alone is no result."""
    folder_class.grade()
    before = folder_class.bytes
    (folder_class.out / "submissions/ana/result.json").unlink()
    folder_class.grade()
    assert (folder_class.graded, folder_class.bytes) == (["ana"], before)


def test_two_runs_exclude_each_other(folder_class: Class) -> None:
    """The second one names the folder and the first one's process; when the first is gone it goes ahead."""
    folder_class.grade()
    with (
        filelock.FileLock(folder_class.out / ".lock"),
        pytest.raises(UsageError, match=r"Another .*process \d+"),
    ):
        folder_class.grade()
    folder_class.grade()
    with filelock.FileLock(folder_class.out / ".lock"), pytest.raises(UsageError, match="Another"):
        regrade(folder_class.out)


def test_each_check_is_on_the_disk_when_it_is_known(
    folder_class: Class, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Outcomes are journalled one by one, and the journal goes when the whole result is there."""
    seen = []
    checked = Store.checked

    def watched(store: Store, key: str, result: bytes) -> None:
        checked(store, key, result)
        seen.append((key, len(store.known_checks(key))))

    monkeypatch.setattr(Store, "checked", watched)
    folder_class.grade()
    counts = [count for key, count in seen if key == "ana"]
    assert counts == list(range(1, len(counts) + 1))
    assert len(counts) > 10
    assert not list(folder_class.out.rglob("checks.jsonl"))
    assert ("ana", len(counts)) in folder_class.display.told


def test_the_gradebook_has_no_time_and_no_machine(folder_class: Class) -> None:
    """Nothing in class.json says when, where or how often: paths are relative."""
    folder_class.grade()
    text = folder_class.bytes.decode()
    assert str(folder_class.out) not in text
    assert str(folder_class.path) not in text
    assert not {"started", "seconds", "platform", "pid"} & set(json.loads(text)["run"])


def test_a_gradebook_survives_its_own_json(folder_class: Class) -> None:
    """What is written is what is read back; anything else is refused."""
    result = folder_class.grade()
    assert read_class(folder_class.out) == result
    for content in (b"", b"{}", b'{"format_version": 99}', msgspec.json.encode(result)[:-5]):
        (folder_class.out / "class.json").write_bytes(content)
        with pytest.raises(UsageError, match=r"class\.json"):
            read_class(folder_class.out)


def test_files_keep_their_bytes(folder_class: Class) -> None:
    """What was handed in is only read."""
    before = {path: path.read_bytes() for path in folder_class.path.rglob("*") if path.is_file()}
    folder_class.grade()
    assert {path: path.read_bytes() for path in folder_class.path.rglob("*") if path.is_file()} == before
    assert files_of("untouched")[LAYERS] == (folder_class.path / "ana" / LAYERS).read_bytes()
