"""What changed between two gradings: which check, how many points, and what the records show as a reason."""

from __future__ import annotations

import io
import json
from pathlib import Path

import msgspec
import pytest
from rich.console import Console
from typer.testing import CliRunner

from grader.class_results import Adjustment, Attempt, ClassResult, ClassRun, Status, StudentResult
from grader.cli import app
from grader.errors import UsageError
from grader.results import CheckResult, Grade, Outcome, to_json
from reports import diff, diff_class, diff_page, diff_text
from reports.diff import Kind
from reports.exports import source
from tests.reports import sample
from tests.reports.test_page import Parsed


def grade(*checks: CheckResult, seed: int = 1, sha: str = "a" * 64, **changes: object) -> Grade:
    """A grade of `checks`, of one file."""
    file = msgspec.structs.replace(sample.typical().files[0], sha256=sha)
    return msgspec.structs.replace(
        sample.perfect(), checks=checks, points=sum(c.points for c in checks), files=(file,),
        environment=sample.environment(seed=seed), **changes,
    )  # fmt: skip


def changed(old: Outcome, new: Outcome, **after: object) -> diff.CheckChange:
    """The one change between two grades of one check."""
    (only,) = diff.compare(grade(sample.check(outcome=old)), grade(sample.check(outcome=new), **after)).checks
    return only


def printed(found: diff.GradeDiff | diff_class.ClassDiff) -> str:
    """The terminal's view, on one line."""
    out = io.StringIO()
    diff_text.show(found, Console(file=out, width=200))
    return " ".join(out.getvalue().split())


def test_the_same_grade_twice_has_no_changes() -> None:
    """Nothing is listed, everything is counted."""
    found = diff.compare(sample.typical(), sample.typical())
    assert not found.changed
    assert found.same == len(sample.typical().checks)
    assert (found.checks, found.files, found.circumstances) == ((), (), ())


def test_another_seed_alone_is_no_change() -> None:
    """Messages hold other numbers for another seed; outcome, points and mistake decide."""
    old = grade(sample.check(outcome=Outcome.FAILED, message="off by 0.1"))
    new = grade(sample.check(outcome=Outcome.FAILED, message="off by 0.2"), seed=2)
    found = diff.compare(old, new)
    assert not found.changed
    assert [change.text for change in found.circumstances] == ["seed 1 -> 2"]


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        (Outcome.PASSED, Outcome.FAILED, Kind.WORSE),
        (Outcome.FAILED, Outcome.PASSED, Kind.BETTER),
        (Outcome.NOT_ATTEMPTED, Outcome.FAILED, Kind.OTHER),
        (Outcome.PASSED, Outcome.ERRORED, Kind.FAULT),
    ],
)
def test_a_check_goes_one_way(old: Outcome, new: Outcome, kind: Kind) -> None:
    """Fewer points are worse, more are better; a fault of gradmark is neither."""
    assert changed(old, new).kind is kind


def test_a_check_without_points_can_get_worse() -> None:
    """Where there are no points the outcome counts."""
    sides = [sample.check(outcome=o, points=0, max_points=0) for o in (Outcome.PASSED, Outcome.FAILED)]
    (only,) = diff.compare(grade(sides[0]), grade(sides[1])).checks
    assert only.kind is Kind.WORSE


def test_the_changed_file_of_the_module_is_the_first_reason() -> None:
    """An edit of the file that the check is about stands before another seed."""
    found = changed(Outcome.PASSED, Outcome.FAILED, sha="b" * 64, seed=2)
    assert found.why == ("cs231n/rnn_layers.py changed", "seed 1 -> 2")


def test_without_any_reason_the_answer_is_not_steady() -> None:
    """Same files, seed and versions, another outcome: said so, as it is staff's to look at."""
    assert changed(Outcome.PASSED, Outcome.FAILED).why == (diff.UNSTEADY,)


def test_a_new_rubric_is_the_reason_of_new_points() -> None:
    """Points that changed with the outcome the same come from the rubric and from nothing else."""
    old, new = sample.check(), sample.check(points=5, max_points=5)
    (only,) = diff.compare(grade(old), grade(new, seed=2, sha="b" * 64)).checks
    assert only.why == ("the rubric gives it 5 points, before 3",)
    assert diff_text.points(only) == "3 -> 5 of 5 points"


def test_checks_that_came_and_went() -> None:
    """A side that did not run a check says so; the worse ones stand first."""
    old = grade(sample.check("f.a"), sample.check("f.b"))
    new = grade(sample.check("f.b", Outcome.FAILED), sample.check("f.c"))
    found = diff.compare(old, new)
    assert [(c.id, c.kind) for c in found.checks] == [
        ("rnn_layers.f.b", Kind.WORSE),
        ("rnn_layers.f.c", Kind.NEW),
        ("rnn_layers.f.a", Kind.GONE),
    ]
    assert found.same == 0
    assert "passed -> not run" in printed(found)


def test_many_reasons_are_cut() -> None:
    """Five other versions are not five reasons to read at every check."""
    other = sample.environment(gradmark="9", python="9", numpy="9", torch="9", platform="9", seed=9)
    new = msgspec.structs.replace(grade(sample.check(outcome=Outcome.FAILED)), environment=other)
    (only,) = diff.compare(grade(sample.check()), new).checks
    assert only.why[-1] == "or one of 2 other differences"
    assert len(only.why) == diff.MOST_REASONS + 1


@pytest.mark.parametrize("raw", sample.HOSTILE)
def test_hostile_text_is_only_text(raw: str) -> None:
    """In page and terminal names, ids, files and messages of the results are text."""
    found = diff.compare(sample.typical(), sample.hostile(raw))
    page = Parsed(diff_page.render(found))
    harmless = Parsed(diff_page.render(diff.compare(sample.typical(), sample.hostile("harmless"))))
    page.elements["code"] = harmless.elements["code"] = 0  # `quoted` words are set as code
    assert page.elements == harmless.elements
    assert not any(mark in printed(found) for mark in "\x1b\x07\x08\x00\x9b\u202e\u2066")


def write_class(folder: Path, grades: dict[str, Grade], **changes: object) -> Path:
    """A class of one attempt each in `folder`."""
    students = []
    for name, each in grades.items():
        result = folder / "submissions" / name / "result.json"
        result.parent.mkdir(parents=True)
        result.write_bytes(to_json(each))
        attempt = Attempt(
            key=name, number=1, file=f"{name}.zip", sha256="", seed=1, status=Status.GRADED,
            result=str(result.relative_to(folder)),
        )  # fmt: skip
        students.append(
            StudentResult(
                id=name, status=Status.GRADED, attempts=(attempt,), counted=1, points=each.points, **changes
            )
        )
    run = ClassRun(gradmark="0.1.0", seed=1, checks="c" * 64, rubric="r" * 64)
    made = ClassResult(name="spring", form="folders", run=run, max_points=9, students=tuple(students))
    (folder / "class.json").write_bytes(to_json(made))
    return folder


def classes(tmp_path: Path) -> diff_class.ClassDiff:
    """Ana loses a check, Bo changes nothing, Cy is new."""
    right, wrong = grade(sample.check()), grade(sample.check(outcome=Outcome.FAILED), sha="b" * 64)
    old = write_class(tmp_path / "old", {"ana": right, "bo": right})
    new = write_class(tmp_path / "new", {"ana": wrong, "bo": right, "cy": right})
    found = diff_class.between(source.read(old), source.read(new))
    assert isinstance(found, diff_class.ClassDiff)
    return found


def test_a_class_is_compared_student_by_student(tmp_path: Path) -> None:
    """Who changed, by which checks, and how many did not; over all of them by check."""
    found = classes(tmp_path)
    assert [(s.id, s.before, s.points_after) for s in found.students] == [
        ("ana", "graded", 0),
        ("cy", None, 3),
    ]
    assert found.same == 1
    assert found.checks == (diff_class.CheckTally(id="rnn_layers.rnn_step_forward.values", worse=1),)
    said = printed(found)
    assert "ana: 3 -> 0 (-3) points" in said
    assert "Why: cs231n/rnn_layers.py changed" in said
    assert "cy: 0 -> 3 (+3) points, not in the class -> graded" in said
    assert "ana 3 -> 0 (-3) points" in Parsed(diff_page.render(found)).words


def test_lateness_is_a_reason_of_its_own(tmp_path: Path) -> None:
    """Points that changed without any check are explained by the policy's step."""
    late = (Adjustment(kind="late", points=-2, reason="Two days late."),)
    old = write_class(tmp_path / "old", {"ana": grade(sample.check())})
    new = write_class(tmp_path / "new", {"ana": grade(sample.check())}, adjustments=late)
    found = diff_class.between(source.read(old), source.read(new))
    assert found.students[0].reasons == ("late: 0 -> -2 points. Two days late.",)


def test_a_class_and_a_submission_can_not_be_compared(tmp_path: Path) -> None:
    """Two kinds of grading: refused with what each is."""
    write_class(tmp_path / "class", {"ana": grade(sample.check())})
    one = tmp_path / "class/submissions/ana"
    with pytest.raises(UsageError, match=r"is a class, .* is a single submission"):
        diff_class.between(source.read(tmp_path / "class"), source.read(one))


def test_the_command(tmp_path: Path) -> None:
    """`gradmark diff` prints text or JSON, writes the page, and ends with 0 whatever changed, 2 for what is no result."""
    for name, outcome in (("old", Outcome.PASSED), ("new", Outcome.FAILED)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "result.json").write_bytes(to_json(grade(sample.check(outcome=outcome))))
    old, new = str(tmp_path / "old"), str(tmp_path / "new" / "result.json")
    shown = CliRunner().invoke(app, ["diff", old, new, "--json", "--html", str(tmp_path / "x" / "d.html")])
    assert shown.exit_code == 0
    assert json.loads(shown.stdout)["checks"][0]["kind"] == "worse"
    assert "What changed" in (tmp_path / "x" / "d.html").read_text()
    assert "1 worse" in CliRunner().invoke(app, ["diff", old, new]).stdout
    assert CliRunner().invoke(app, ["diff", old, str(tmp_path)]).exit_code == 2
