"""`gradmark export`: where things go, what is said, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from grader import cli
from tests.reports import class_sample, sample
from tests.reports.test_exports_tables import CANVAS, MOODLE


@pytest.fixture
def classroom(tmp_path: Path) -> Path:
    """The sample class, graded."""
    return class_sample.lay(tmp_path / "class", *class_sample.typical())


def export(*words: object) -> Result:
    """What the command says and returns."""
    return CliRunner().invoke(cli.app, ["export", *map(str, words)])


@pytest.mark.parametrize("to", ["gradebook", "junit", "json"])
def test_a_file_or_standard_output(classroom: Path, tmp_path: Path, to: str) -> None:
    """The same bytes go to --out or to standard output, where nothing else stands."""
    shown = export(classroom, "--to", to)
    done = export(classroom, "--to", to, "--out", tmp_path / "new" / "file")
    assert (shown.exit_code, done.exit_code) == (0, 0)
    assert shown.stdout_bytes == (tmp_path / "new" / "file").read_bytes()
    assert done.stdout == ""


def test_marks_are_filled_in_and_what_was_left_is_said(classroom: Path, tmp_path: Path) -> None:
    """The table goes to the file, remarks and a count to standard error; the table that was named stays as it was."""
    for to, text, words in (
        ("canvas", CANVAS, ["--column", "Assignment 3"]),
        ("moodle", MOODLE, ["--scale"]),
    ):
        table = tmp_path / f"{to}.csv"
        table.write_bytes(text.encode())
        done = export(classroom, "--to", to, "--gradebook", table, *words, "--out", tmp_path / "filled.csv")
        assert done.exit_code == 0, done.output
        assert "marks were filled in" in done.stderr
        assert "left as it was" in done.stderr
        assert table.read_bytes() == text.encode()
        assert (tmp_path / "filled.csv").read_bytes() != text.encode()


def test_a_class_has_a_results_json_for_each_hand_in(classroom: Path, tmp_path: Path) -> None:
    """In a folder each; without a folder the command says that it needs one."""
    assert export(classroom, "--to", "gradescope", "--out", tmp_path / "out").exit_code == 0
    found = sorted(path.relative_to(tmp_path / "out").as_posix() for path in tmp_path.glob("out/*/*"))
    assert found == [f"s{n}/results.json" for n in range(1, 7)]
    refused = export(classroom, "--to", "gradescope")
    assert refused.exit_code == 2
    assert "--out" in refused.output


def test_github_appends_to_the_steps_summary(
    classroom: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the step has written before stays; both together keep within a MiB; commands alone are printed."""
    summary = tmp_path / "summary.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    for before in (b"mine", b"x" * ((1 << 20) - 9_000)):
        summary.write_bytes(before)
        done = export(classroom / "submissions" / "s1", "--to", "github")
        assert done.exit_code == 0
        assert all(line.startswith("::") for line in done.stdout.splitlines())
        assert summary.read_bytes().startswith(before + b"\n<h2>")
        assert summary.stat().st_size <= 1 << 20


def test_a_result_json_alone_is_enough(classroom: Path) -> None:
    """A single submission is exported from its file; hidden checks are for --staff."""
    result = classroom / "submissions" / "s1" / "result.json"
    assert json.loads(export(result, "--to", "gradescope").stdout)["score"] == 24
    assert sample.SECRET not in export(result, "--to", "junit").stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--to", "excel"], "It is one of gradebook"),
        (["--to", "canvas"], "name the file with --gradebook"),
        (["--to", "canvas", "--gradebook", "none.csv"], "--column"),
        (["--to", "canvas", "--gradebook", "none.csv", "--column", "A"], "none.csv can't be read"),
        (["--to", "github"], "is for one submission"),
        (["--to", "json", "--out", "/dev/null/x"], "can't be written"),
    ],
)
def test_what_cant_be_done_is_said(classroom: Path, words: list[str], said: str) -> None:
    """Status 2, what is wrong and what to do; no traceback."""
    done = export(classroom, *words)
    assert done.exit_code == 2
    assert said in " ".join(done.output.split())


def test_other_folders_are_refused(tmp_path: Path, classroom: Path) -> None:
    """An empty folder, a damaged class.json, a single submission for a gradebook."""
    assert "holds neither" in export(tmp_path, "--to", "json").output
    assert "one submission" in export(classroom / "submissions" / "s1", "--to", "gradebook").output
    (classroom / "class.json").write_bytes(b"{}")
    refused = export(classroom, "--to", "json")
    assert refused.exit_code == 2
    assert "Grade the class again" in refused.output
