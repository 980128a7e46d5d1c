"""The command tells a class from a submission, and says what became of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from grader import session
from grader.cli import app
from grader.cli_class import ClassOptions, form_of
from grader.errors import UsageError
from grader.session import REFERENCE
from tests.batch import fakes
from tests.batch.classes import Class


@pytest.fixture
def folder_class(folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Class:
    """A class whose grading needs no torch, also when the command does it."""
    monkeypatch.setattr(session, "expected_checks", fakes.checks)
    return Class(folders, "folders", tmp_path / "out", monkeypatch)


def test_options_of_a_class_make_no_class_of_a_submission() -> None:
    """A single submission is refused with them, rather than graded as something else; notebooks are for both."""
    assert form_of(REFERENCE, ClassOptions()) == form_of(REFERENCE, ClassOptions(notebooks="fast")) == ""
    assert form_of(REFERENCE, ClassOptions(as_class=True)) == "folders"
    assert form_of(REFERENCE, ClassOptions(form="canvas")) == "canvas"
    with pytest.raises(UsageError, match="not recognised as a class"):
        form_of(REFERENCE, ClassOptions(jobs=2))
    with pytest.raises(UsageError, match="zip is unknown"):
        form_of(REFERENCE, ClassOptions(form="zip"))


def test_the_command_grades_a_class_and_lists_everyone(folder_class: Class) -> None:
    """`gradmark grade FOLDER` shows each student, what was left aside and where the gradebook is."""
    asked = [
        "grade",
        str(folder_class.path),
        "--out",
        str(folder_class.out),
        "--seed",
        "7",
        "-k",
        "word_embedding",
    ]
    done = CliRunner().invoke(app, asked)
    assert done.exit_code == 0, done.output
    said = " ".join(done.stdout.split())
    assert "class: 5 students" in said
    assert "eve unreadable 0 eve.zip is not a zip archive" in said
    assert "readme.txt: is neither a folder nor an archive" in said
    assert "Seed: 7" in said
    assert f"Gradebook: {folder_class.out / 'class.json'}".replace(" ", "") in done.stdout.replace(
        "\n", ""
    ).replace(" ", "")
    assert "[5/5]" in done.stderr


def test_the_command_gives_the_gradebook_as_json(folder_class: Class) -> None:
    """With --json standard output is class.json byte for byte."""
    asked = [
        "grade",
        str(folder_class.path),
        "--out",
        str(folder_class.out),
        "-k",
        "word_embedding",
        "--json",
    ]
    assert CliRunner().invoke(app, asked).stdout_bytes == folder_class.bytes


def test_the_command_regrades_and_says_why(folder_class: Class, tmp_path: Path) -> None:
    """`gradmark regrade DIR` lists who changed by how much and for which check; nothing is run."""
    folder_class.grade()
    (tmp_path / "new.toml").write_text(
        'extends = "default"\n[points]\n"rnn_layers.word_embedding_forward.*" = 30\n'
    )
    done = CliRunner().invoke(app, ["regrade", str(folder_class.out), "--rubric", str(tmp_path / "new.toml")])
    assert done.exit_code == 0, done.output
    assert "word_embedding_forward" in done.stdout
    assert "of 30" in done.stdout
    assert "students have other points than before." in done.stdout
    refused = CliRunner().invoke(app, ["regrade", str(tmp_path)])
    assert refused.exit_code == 2
    assert "class.json" in refused.stderr
