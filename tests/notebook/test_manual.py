"""Inline answers go to staff in one file and come back with points; notebooks become part of a grade."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from grader.cli import app
from grader.errors import SandboxError, UsageError
from grader.notebook import answers, execute, grading, manual
from grader.notebook.grading import Notebooks, Options
from grader.results import Grade, InlineAnswer, NotebookResult, Outcome, grade_from_json, to_json
from grader.scoring import rescored
from grader.session import REFERENCE, TEMPLATE, Grader
from tests.notebook.handins import TABLE, document, edit, solved
from tests.reports.sample import typical


def with_answers(submission: str = "ada", *texts: str) -> Grade:
    made = [
        InlineAnswer(id=f"rnn.{number}", title="T", question="Q", answer=text, max_points=3)
        for number, text in enumerate(texts or ("one", "=HYPERLINK(1)"), 1)
    ]
    notebook = NotebookResult(id="rnn", title="RNN", file="RNN_Captioning.ipynb", answers=tuple(made))
    return msgspec.structs.replace(typical(), submission=submission, notebooks=(notebook,))


def filled(text: str, points: str, comment: str = "good") -> str:
    rows = list(csv.DictReader(io.StringIO(text)))
    out = io.StringIO()
    writer = csv.DictWriter(out, rows[0].keys())
    writer.writeheader()
    for row in rows:
        writer.writerow(row | {"points": points, "comment": comment})
    return out.getvalue()


def test_answers_are_exported_question_by_question() -> None:
    """All first questions stand before all second ones; what a spreadsheet would run is text."""
    text = manual.export([with_answers("bob"), with_answers("ada")])
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [(row["question"], row["submission"]) for row in rows] == [
        ("rnn.1", "ada"), ("rnn.1", "bob"), ("rnn.2", "ada"), ("rnn.2", "bob"),
    ]  # fmt: skip
    assert rows[2]["answer"] == "'=HYPERLINK(1)"


def test_points_of_staff_become_a_part_of_the_grade() -> None:
    """Points and comments stand beside the answers; part and total count them, what is missing is undecided."""
    grade = with_answers()
    entries = manual.read(filled(manual.export([grade]), "2.5"), "a.csv")
    entries.pop(("ada", "rnn.2"))
    made = manual.apply(grade, entries)
    assert made.notebooks[0].answers[0].points == 2.5
    assert made.notebooks[0].answers[0].comment == "good"
    part = made.parts[-1]
    assert (part.id, part.points, part.max_points, part.undecided) == ("answers", 3, 6, 3)
    assert made.points == grade.points + 3
    assert made.max_points == grade.max_points + 6
    assert manual.apply(made, entries) == made, "entering twice counts once"


@pytest.mark.parametrize(
    ("points", "message"),
    [
        ("four", "'four' is no number"),
        ("3.5", "but there are 3 at most"),
        ("-1", "at most"),
        ("nan", "at most"),
    ],
)
def test_points_that_can_not_be_are_refused_with_their_line(points: str, message: str) -> None:
    """A typing error is not read as something else."""
    with pytest.raises(UsageError, match=message):
        manual.read(filled(manual.export([with_answers()]), points), "a.csv")


def test_other_files_and_double_rows_are_refused() -> None:
    """A CSV of something else, and two rows for one answer."""
    with pytest.raises(UsageError, match="has no column submission"):
        manual.read("name,mark\nada,3\n", "a.csv")
    text = manual.export([with_answers("ada", "one")])
    with pytest.raises(UsageError, match="a second row for ada rnn.1"):
        manual.read(text + text.split("\n", 1)[1], "a.csv")


def test_the_commands_write_and_read_the_file(tmp_path: Path) -> None:
    """`gradmark answers export` and `import`: the reports are written again with the points."""
    (tmp_path / "report").mkdir()
    result = tmp_path / "report" / "result.json"
    result.write_bytes(to_json(with_answers()))
    table = tmp_path / "answers.csv"
    runner = CliRunner()
    assert runner.invoke(app, ["answers", "export", str(tmp_path), "--out", str(table)]).exit_code == 0
    table.write_text(filled(table.read_text(encoding="utf-8-sig"), "3"))
    done = runner.invoke(app, ["answers", "import", str(table), str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert "2 of 2 answers have points" in done.output
    assert grade_from_json(result.read_bytes()).parts[-1].points == 6
    assert "good" in (tmp_path / "report" / "report.html").read_text()


def test_rows_of_nobody_are_refused(tmp_path: Path) -> None:
    """A row for an answer that is not in the results would be lost."""
    (tmp_path / "result.json").write_bytes(to_json(with_answers("bob")))
    (tmp_path / "a.csv").write_text(filled(manual.export([with_answers("ada")]), "3"))
    done = CliRunner().invoke(
        app, ["answers", "import", str(tmp_path / "a.csv"), str(tmp_path / "result.json")]
    )
    assert done.exit_code == 2
    assert "ada rnn.1" in done.output


class Handin:
    """As much of a collected submission as notebooks need."""

    def __init__(self, root: Path, *names: str) -> None:
        self.root, self.notebooks = root, tuple(root / name for name in names)


def graded(tmp_path: Path, *names: str) -> grading.Graded:
    for name in names:
        (tmp_path / name).write_text(json.dumps(solved(name.removesuffix(".ipynb"))))
    with Notebooks(TABLE, TEMPLATE) as notebooks:
        return notebooks.grade(Handin(tmp_path, *names), Options(run=False))  # type: ignore[arg-type]


def test_every_check_of_the_part_has_a_result(tmp_path: Path) -> None:
    """Handed in and right: passed. Not run: blocked. Not handed in: not attempted."""
    made = graded(tmp_path, "RNN_Captioning.ipynb", "Generative_Adversarial_Networks.ipynb")
    outcomes = {name: check.outcome for name, check in made.checks.items()}
    assert outcomes["notebook.rnn.cells"] is outcomes["notebook.rnn.outputs"] is Outcome.PASSED
    assert outcomes["notebook.rnn.runs"] is Outcome.BLOCKED
    assert outcomes["notebook.gan.minimax"] is Outcome.PASSED
    assert outcomes["notebook.lstm.cells"] is Outcome.NOT_ATTEMPTED
    assert len(outcomes) == 16


def test_our_own_fault_costs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When no worker can be started every check is errored: undecided, not lost."""

    def broken() -> None:
        raise SandboxError("no worker")

    monkeypatch.setattr(execute, "start", broken)
    (tmp_path / "RNN_Captioning.ipynb").write_text(json.dumps(solved()))
    with Notebooks(TABLE, TEMPLATE) as notebooks:
        made = notebooks.grade(Handin(tmp_path, "RNN_Captioning.ipynb"), Options())  # type: ignore[arg-type]
    assert {check.outcome for check in made.checks.values()} == {Outcome.ERRORED}


@pytest.mark.parametrize(
    ("answer", "value"),
    [
        ("$\\min_x \\max_y f(x, y) = 0$", "right (0)"),
        ("The minimax value is 0.", "right (0)"),
        ("so min max f is zero", "right (0)"),
        ("it evaluates to 1", "wrong, 1 instead of 0"),
        ("minmax of f = -1", "wrong, -1 instead of 0"),
        ("I am not sure", "none was found; please look"),
    ],
)
def test_the_claimed_value_is_read_from_a_sentence(answer: str, value: str) -> None:
    """However it is put; what is not understood is left to staff."""
    assert answers.minimax(answer)[-1].endswith(value)


def test_a_table_that_was_turned_is_read_as_well() -> None:
    """Steps as rows, x and y as columns."""
    rows = "\n".join(
        f"| {t} | {x} | {y} |"
        for t, (x, y) in enumerate(zip((1, -1, -2, -1, 1, 2, 1), (1, 2, 1, -1, -2, -1, 1), strict=True))
    )
    said = answers.minimax(f"| t | x | y |\n|---|---|---|\n{rows}\n\nIt is 0.")
    assert said[:2] == ("the updates of y: right", "the updates of x: right")


def test_the_reference_answers_its_own_questions() -> None:
    """Every question of our five notebooks is found with a text or a place for a picture, and none is empty by mistake."""
    from grader.notebook.match import match
    from grader.notebook.steps import load

    for family in load(TABLE, TEMPLATE):
        script = family[0]
        assert script.own
        assert (REFERENCE / "notebooks" / script.file.replace(".ipynb", ".py")).is_file()
        found = answers.collect(
            match(script, document(solved(script.file.removesuffix(".ipynb")), script.file))
        )
        for question, answer in zip(script.questions, found, strict=True):
            assert question.picture or len(answer.answer) > 60, answer.id
            assert answer.question, answer.id


def test_a_notebook_that_can_not_be_read_is_not_missing(tmp_path: Path) -> None:
    """Its checks fail with the reason; it is not said that it was not handed in."""
    (tmp_path / "LSTM_Captioning.ipynb").write_bytes(b'{"cells": [')
    with Notebooks(TABLE, TEMPLATE) as notebooks:
        made = notebooks.grade(Handin(tmp_path, "LSTM_Captioning.ipynb"), Options(run=False))  # type: ignore[arg-type]
    check = made.checks["notebook.lstm.cells"]
    assert check.outcome is Outcome.FAILED
    assert "LSTM_Captioning.ipynb is not a notebook: its JSON breaks off" in check.message


def test_a_grade_holds_notebooks_where_they_are_asked_for(grader: Grader, altered, tmp_path: Path) -> None:
    """Off by default; asked for, the part has its points, the records are kept, and suspicious things are flagged."""
    folder = altered()
    notebook = edit(solved(), '"rnn_step_forward", at_most=1e-7', '"rnn_step_forward", at_most=9')
    (folder / "RNN_Captioning.ipynb").write_text(json.dumps(notebook))
    without = grader.grade(folder, select="rnn_step_forward", seed=1)
    assert without.notebooks == ()
    assert {part.id for part in without.parts} == {"rnn"}
    made = grader.grade(folder, select="rnn_step_forward", seed=1, notebooks=Options(run=False))
    part = next(part for part in made.parts if part.id == "notebooks")
    assert (part.points, part.max_points) == (1, 10)
    assert [flag.subject for flag in made.flags if flag.kind == "notebook"] == ["RNN_Captioning.ipynb"]
    assert grade_from_json(to_json(made)) == made


def test_points_of_staff_survive_another_rubric(grader: Grader) -> None:
    """A class that is graded on, or scored by another rubric, keeps what was entered by hand."""
    grade = grader.grade(TEMPLATE, select="rnn_step_forward", seed=1)
    notebooks = with_answers(grade.submission).notebooks
    text = manual.export([msgspec.structs.replace(grade, notebooks=notebooks)])
    entered = manual.apply(
        msgspec.structs.replace(grade, notebooks=notebooks), manual.read(filled(text, "2"), "a.csv")
    )
    assert entered.points == 4
    assert rescored(entered, grader.rubric) == entered
