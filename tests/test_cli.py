"""The command: arguments in, messages and exit status out. A fake grader stands in where its work does not matter."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from grader import __version__, console, session
from grader.cli import app
from grader.errors import CollectError, SandboxError
from grader.results import Grade, grade_from_json
from grader.rubric import parse
from grader.session import CheckInfo, Progress
from tests.reports import sample

CHECKS = (
    CheckInfo(
        "rnn_layers.rnn_forward.shapes",
        "returns what it should",
        "rnn",
        "rnn_forward",
        "The shapes are right.",
    ),
    CheckInfo("rnn_layers.rnn_forward.values", "values", "rnn", "rnn_forward", ""),
)
TOML = '[parts.rnn]\ntitle = "RNN"\n[points]\n"*" = 2\n"*.values" = 5\n'


class Fake:
    """Takes the place of `Grader`: gives `outcome`, or raises it; remembers what it was asked."""

    outcome: Grade | BaseException = sample.perfect()
    isolation, isolation_detail = "strict", ("Landlock", "seccomp")
    asked: dict[str, Any]

    def __init__(self, *, rubric: object = None, explain: bool = False) -> None:
        Fake.asked = {"rubric": rubric}
        self.rubric = parse(f'{TOML}[visibility]\n"*.gradient" = "hidden"\n')

    def __enter__(self) -> Fake:
        return self

    def __exit__(self, *_: object) -> None:
        Fake.asked["closed"] = True

    def grade(self, path: Path, *, progress: Callable[[Progress], None], **options: object) -> Grade:
        """The prepared outcome, with two checks of progress before it."""
        Fake.asked |= {"path": path, **options}
        for done, check in enumerate(sample.typical().checks[5:7], 1):
            progress(Progress(done, 2, check.id, check))
        if isinstance(Fake.outcome, BaseException):
            raise Fake.outcome
        return Fake.outcome


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Any]:
    """Runs `gradmark` in an empty folder, with the fake grader giving `outcome`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(session, "Grader", Fake)
    monkeypatch.setattr(session, "expected_checks", lambda select="": CHECKS)
    Fake.asked = {}

    def invoke(*arguments: str, outcome: Grade | BaseException | None = None) -> Any:
        Fake.outcome = outcome or sample.perfect()
        return CliRunner().invoke(app, arguments)

    return invoke


def test_a_graded_submission_ends_with_status_0(run: Callable[..., Any], tmp_path: Path) -> None:
    """The table, the seed and the path of the report are printed, both files are written, whatever the score."""
    for grade in (sample.perfect(), sample.untouched()):
        result = run("grade", "work.zip", outcome=grade)
        assert result.exit_code == 0
        assert f"Score: {grade.points} of {grade.max_points} points" in result.stdout
        assert "Seed: 231\nReport: gradmark-report/report.html" in result.stdout
        assert grade_from_json((tmp_path / "gradmark-report" / "result.json").read_bytes()) == grade
        assert Fake.asked["closed"]


def test_a_fault_of_the_grader_ends_with_status_1(run: Callable[..., Any], tmp_path: Path) -> None:
    """An errored check is shown, the report is written all the same, and the status tells scripts of it."""
    result = run("grade", "work.zip", outcome=sample.typical())
    assert result.exit_code == 1
    assert "Grader fault" in result.stdout
    assert (tmp_path / "gradmark-report" / "report.html").exists()


def test_for_a_student_nothing_of_a_hidden_check_is_printed_or_written(
    run: Callable[..., Any], tmp_path: Path
) -> None:
    """With --for-student no output and no file names it; its fault still makes the status 1."""
    plain, discreet = (
        run("grade", "work.zip", "--out", out, *more, outcome=sample.with_hidden())
        for out, more in (("staff", ()), ("student", ("--for-student",)))
    )
    assert sample.SECRET in plain.output
    assert "rnn_step_backward.gradient" in plain.stderr
    assert sample.SECRET not in discreet.output
    assert "rnn_step_backward.gradient" not in discreet.stderr  # hidden by the rubric
    assert plain.exit_code == discreet.exit_code == console.FAULT
    for out, shown in (("staff", True), ("student", False)):
        files = [path.read_text("utf-8") for path in (tmp_path / out).iterdir()]
        assert any(sample.SECRET in text for text in files) is shown


def test_options_reach_the_grader(run: Callable[..., Any], tmp_path: Path) -> None:
    """Path, seed, selection, time limit and rubric arrive as they were given."""
    (tmp_path / "own.toml").write_text(TOML)
    options = (
        "--seed",
        "7",
        "-k",
        "rnn and not lstm",
        "--timeout",
        "12.5",
        "--rubric",
        "own.toml",
        "--out",
        "there",
    )
    assert run("grade", "work", *options).exit_code == 0
    asked = Fake.asked
    assert (asked["path"], asked["seed"], asked["timeout"]) == (Path("work"), 7, 12.5)
    assert asked["select"] == "rnn and not lstm"
    assert asked["rubric"].parts["rnn"].title == "RNN"
    assert (tmp_path / "there" / "report.html").exists()


def test_without_options_the_grader_decides(run: Callable[..., Any]) -> None:
    """No seed, no limit and no rubric mean a fresh seed and gradmark's own."""
    run("grade", "work")
    assert [Fake.asked[name] for name in ("seed", "timeout", "rubric", "select")] == [None, None, None, ""]


def test_json_is_all_that_stands_on_standard_output(run: Callable[..., Any], tmp_path: Path) -> None:
    """With --json standard output is result.json byte for byte; progress and paths go to standard error."""
    result = run("grade", "work", "--json", outcome=sample.typical())
    assert result.stdout_bytes == (tmp_path / "gradmark-report" / "result.json").read_bytes()
    assert "Report: " in result.stderr
    assert "[1/2]" in result.stderr


def test_progress_without_a_terminal_is_lines(run: Callable[..., Any]) -> None:
    """Each check gives a line when it ends, with its outcome unless it passed."""
    lines = run("grade", "work").stderr.splitlines()
    assert lines == [
        "[1/2] rnn_layers.rnn_step_backward.worked_example",
        "[2/2] rnn_layers.rnn_step_backward.gradient failed",
    ]


def test_progress_on_a_terminal_is_a_bar() -> None:
    """On a terminal a bar counts the checks and is gone at the end, without a line for each."""
    out = io.StringIO()
    with console.shown(Console(file=out, force_terminal=True, width=100)) as listen:
        listen(Progress(1, 2, "rnn.[bold]x", None))
    assert "1/2" in out.getvalue()
    assert "rnn.[bold]x" in out.getvalue()
    assert out.getvalue().endswith("\x1b[2K")


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (CollectError("work.zip is not an archive.", "Zip it again."), 2),
        (SandboxError("No worker could be started.", "Free some memory."), 1),
    ],
)
def test_an_expected_error_is_its_message(run: Callable[..., Any], error: Exception, status: int) -> None:
    """What the user can mend is status 2, what gradmark failed at is 1; message and hint, nothing else."""
    result = run("grade", "work.zip", outcome=error)
    assert result.exit_code == status
    assert result.stderr.splitlines()[-2:] == [f"gradmark: {error.message}", error.hint]
    assert result.stdout == ""


def test_a_message_sends_no_terminal_codes(run: Callable[..., Any]) -> None:
    """An error may name a file that the student named: what it sends to the terminal is text."""
    result = run(
        "grade", "work.zip", outcome=CollectError("\x1b[31m\x1b]0;owned\x07evil\u202e.py is refused.")
    )
    assert "gradmark: evil⟨U+202E⟩.py is refused." in result.stderr
    assert "\x1b" not in result.output


def test_an_unexpected_error_leaves_a_log(run: Callable[..., Any], tmp_path: Path) -> None:
    """A bug gives one clear line and status 1; the traceback is in a file in the output folder."""
    result = run("grade", "work", "--out", "there", outcome=KeyError("spam"))
    assert result.exit_code == 1
    assert "gradmark: internal error, not the submission's fault: KeyError: 'spam'" in result.stderr
    assert "Traceback" not in result.output
    (log,) = (tmp_path / "there").glob("gradmark-crash-*.log")
    assert str(log.relative_to(tmp_path)) in result.stderr
    assert "Traceback (most recent call last)" in log.read_text()


def test_a_crash_log_goes_where_it_can(run: Callable[..., Any], tmp_path: Path) -> None:
    """When the output folder has vanished under a file's name, the log goes to the current folder."""

    class Spoiled(Exception):
        def __str__(self) -> str:
            (tmp_path / "there").rmdir()
            (tmp_path / "there").touch()
            return "spoiled"

    assert run("grade", "work", "--out", "there", outcome=Spoiled()).exit_code == 1
    assert len(list(tmp_path.glob("gradmark-crash-*.log"))) == 1


def test_ctrl_c_is_status_130(run: Callable[..., Any], tmp_path: Path) -> None:
    """An interruption says so, closes the grader and leaves no report."""
    result = run("grade", "work", outcome=KeyboardInterrupt())
    assert result.exit_code == 130
    assert "interrupted; no report was written" in result.stderr
    assert Fake.asked["closed"]
    assert list((tmp_path / "gradmark-report").iterdir()) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("grade",),
        ("grade", "work", "--seed", "-1"),
        ("grade", "work", "--seed", str(2**53)),
        ("grade", "work", "--seed", "1.5"),
        ("grade", "work", "--timeout", "0"),
        ("grade", "work", "--timeout", "nan"),
        ("grade", "work", "--timeout", "inf"),
        ("grade", "work", "--rubric", "missing.toml"),
        ("grade", "work", "--out", "/dev/null/below"),
        ("grade", "work", "more"),
        ("grade", "--unknown"),
        ("mark", "work"),
        ("render", "missing.json"),
        ("template", "missing"),
    ],
)
def test_wrong_usage_is_status_2_before_any_work(run: Callable[..., Any], arguments: tuple[str, ...]) -> None:
    """Nothing is started for an impossible wish, and something is said about it."""
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stderr.strip()
    assert "Traceback" not in result.output
    assert not Fake.asked


def test_list_shows_checks_and_points(run: Callable[..., Any], tmp_path: Path) -> None:
    """Every check with what it claims and is worth, and the sum."""
    (tmp_path / "own.toml").write_text(f'{TOML}[parts.notebooks]\ntitle = "Notebooks"\n')
    result = run("list", "--rubric", "own.toml")
    assert result.exit_code == 0
    said = " ".join(result.stdout.split())
    assert "rnn_layers.rnn_forward.shapes 2 The shapes are right." in said
    assert "2 checks, 7 points" in said


def test_list_as_json(run: Callable[..., Any], tmp_path: Path) -> None:
    """The same for programs."""
    (tmp_path / "own.toml").write_text(f'{TOML}[parts.notebooks]\ntitle = "Notebooks"\n')
    rows = json.loads(run("list", "--json", "--rubric", "own.toml").stdout)
    assert [(row["id"], row["points"], row["part"]) for row in rows] == [
        ("rnn_layers.rnn_forward.shapes", 2, "rnn"),
        ("rnn_layers.rnn_forward.values", 5, "rnn"),
    ]
    assert rows[0]["claim"] == "The shapes are right."


def test_render_makes_the_same_page_again(run: Callable[..., Any], tmp_path: Path) -> None:
    """From result.json alone, beside it or elsewhere, byte for byte."""
    run("grade", "work")
    page = (tmp_path / "gradmark-report" / "report.html").read_bytes()
    assert run("render", "gradmark-report/result.json", "--out", "again").exit_code == 0
    assert (tmp_path / "again" / "report.html").read_bytes() == page
    (tmp_path / "gradmark-report" / "report.html").unlink()
    assert run("render", "gradmark-report/result.json").exit_code == 0
    assert (tmp_path / "gradmark-report" / "report.html").read_bytes() == page


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"\xff\xfe", b'{"format_version": 99}', b'{"format_version": 1}']
)
def test_render_refuses_what_is_no_result(run: Callable[..., Any], tmp_path: Path, content: bytes) -> None:
    """Anything but a result of a known format is status 2 with the file's name."""
    (tmp_path / "result.json").write_bytes(content)
    result = run("render", "result.json")
    assert result.exit_code == 2
    assert "gradmark: result.json: " in result.stderr
    assert not (tmp_path / "report.html").exists()


def test_template_is_made_and_checked(run: Callable[..., Any], tmp_path: Path) -> None:
    """A fresh handout passes --check; after a change of the reference it is named as stale, with status 1."""
    solved = tmp_path / "solved" / "cs231n" / "layer.py"
    solved.parent.mkdir(parents=True)
    solved.write_text("def f():\n    # BEGIN SOLUTION: return one\n    return 1\n    # END SOLUTION\n")
    assert run("template", "solved", "handout").exit_code == 0
    assert "return 1" not in (tmp_path / "handout" / "cs231n" / "layer.py").read_text()
    assert run("template", "--check", "solved", "handout").exit_code == 0
    solved.write_text(solved.read_text().replace("f()", "g()"))
    result = run("template", "--check", "solved", "handout")
    assert result.exit_code == 1
    assert "cs231n/layer.py" in result.stderr


def test_version_and_help(run: Callable[..., Any]) -> None:
    """--version names the version; every command's help has an example."""
    assert run("--version").stdout == f"gradmark {__version__}\n"
    for command in ("grade", "list", "template", "render"):
        result = run(command, "--help")
        assert result.exit_code == 0
        assert f"  gradmark {command}" in result.stdout


def test_no_arguments_show_the_help(run: Callable[..., Any]) -> None:
    """The bare command tells what there is."""
    assert "Commands:" in run().output
