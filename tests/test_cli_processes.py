"""The command in real processes: a whole run, signals in the middle of it, closed pipes, poor terminals."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from grader.results import grade_from_json

ROOT = Path(__file__).resolve().parent.parent
COMMAND = (sys.executable, "-m", "grader.cli")


def environment() -> dict[str, str]:
    """The environment of a real run."""
    return {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


def _heed_ctrl_c() -> None:
    """A shell starts its background jobs with SIGINT ignored, and so do their children: these tests send it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@contextmanager
def started(folder: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """A running `gradmark` in `folder`, killed if it is still there at the end."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = subprocess.Popen(
        (*COMMAND, *arguments), cwd=folder, env=environment(), preexec_fn=_heed_ctrl_c, **pipes
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_a_real_submission_is_graded(tmp_path: Path) -> None:
    """The reference gets full marks for a function, through the whole of gradmark."""
    selection = ("-k", "rnn_step_forward", "--seed", "3", "--json")
    with started(tmp_path, "grade", str(ROOT / "reference"), *selection) as process:
        out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err.decode()
    grade = grade_from_json(out)
    assert grade.points == grade.max_points > 0
    assert grade.environment.seed == 3
    assert (tmp_path / "gradmark-report" / "report.html").exists()


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_in_the_middle_ends_cleanly(tmp_path: Path, number: int, status: int) -> None:
    """Ctrl-C or SIGTERM after the first check: a message, the right status, no report, no traceback."""
    with started(tmp_path, "grade", str(ROOT / "reference")) as process:
        assert process.stderr is not None
        first = process.stderr.readline()
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
    assert first.startswith(b"[1/")
    assert process.returncode == status
    assert err.endswith(b"gradmark: interrupted; no report was written.\n")
    assert b"Traceback" not in err
    assert not list((tmp_path / "gradmark-report").iterdir())


@pytest.mark.skipif(os.name == "nt", reason="POSIX pipes")
@pytest.mark.parametrize("arguments", [("list",), ("list", "--json"), ("--help",)])
def test_a_closed_pipe_is_quiet(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """When nobody reads on, the command ends without a word."""
    with started(tmp_path, *arguments) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        said = process.stderr.read()
    assert said == b""


@pytest.mark.skipif(os.name == "nt", reason="POSIX pipes")
def test_nobody_watching_the_progress_does_not_cost_the_grade(tmp_path: Path) -> None:
    """With standard error closed at the other end the run goes on to its report."""
    with started(tmp_path, "grade", str(ROOT / "reference"), "-k", "rnn_step_forward", "--json") as process:
        assert process.stderr is not None
        process.stderr.close()
        assert process.stdout is not None
        out = process.stdout.read()
    assert [check.outcome for check in grade_from_json(out).checks if check.outcome != "passed"] == []


def test_a_terminal_without_unicode_gets_a_summary(tmp_path: Path) -> None:
    """Characters that the output's encoding lacks are replaced, not an error."""
    script = (
        "import sys, grader.session as session; from tests import test_cli; from tests.reports import sample\n"
        "test_cli.Fake.outcome = sample.hostile('\\u6f22 \\u00e9'); session.Grader = test_cli.Fake\n"
        "sys.argv = ['gradmark', 'grade', 'x']; import grader.cli; grader.cli.main()"
    )
    asked = {**environment(), "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(
        (sys.executable, "-c", script), cwd=tmp_path, env=asked, capture_output=True, timeout=60
    )
    assert b"Score: 0 of 10 points" in done.stdout, done.stderr.decode()
    assert b"Traceback" not in done.stderr
