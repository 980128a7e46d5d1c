"""The command's edges: progress while a run goes on, and how every exception becomes a message and a status.

Exit status: 0 done (whatever the score), 1 a fault of gradmark, 2 something the user can mend, 130 Ctrl-C.
"""

from __future__ import annotations

import dataclasses
import functools
import os
import platform
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn, ParamSpec

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

import grader
from grader import trouble
from grader.errors import GradmarkError, UsageError
from grader.results import CheckResult, Outcome
from reports.student import ANOTHER
from reports.text import PROSE_LIMIT, clean

if TYPE_CHECKING:
    from grader.rubric import Rubric
    from grader.session import Progress

FAULT, USAGE, INTERRUPTED, TERMINATED, BROKEN_PIPE = 1, 2, 130, 143, 141

P = ParamSpec("P")


class Output(Console):
    """Standard output; when its reader has gone, that is an exception like any other (rich's own ends with 1)."""

    def on_broken_pipe(self) -> None:
        """Called by rich in place of a `BrokenPipeError`."""
        raise BrokenPipeError


class Chatter(Console):
    """Standard error, for progress: when its reader has gone it falls silent, and the run goes on."""

    def on_broken_pipe(self) -> None:
        """Called by rich in place of a `BrokenPipeError`."""
        self.quiet = True


@contextmanager
def shown(console: Console, quiet: bool = False) -> Iterator[Callable[[Progress], None]]:
    """A listener for a run's progress: a bar on a terminal, else one line for each check as it ends (not if `quiet`).

    `console` must have its file from the start: during the run `sys.stderr` is somebody else's.
    """
    if not console.is_terminal:
        yield lambda progress: None if quiet else _print_line(console, progress)
        return
    text = TextColumn("{task.description}", markup=False)
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), text)
    with Bar(*columns, console=console, transient=True, redirect_stdout=False, redirect_stderr=False) as bar:
        task = bar.add_task("starting", total=None)
        yield lambda progress: bar.update(
            task, completed=progress.done, total=progress.total, description=progress.current
        )


def discreet(listen: Callable[[Progress], None], rubric: Rubric) -> Callable[[Progress], None]:
    """`listen`, which hears of hidden checks only that they are done."""

    def heard(progress: Progress) -> None:
        if rubric.visibility(progress.current) == "hidden":
            latest = progress.latest and CheckResult(
                id=ANOTHER, title="", part="", function="", outcome=Outcome.PASSED
            )
            progress = dataclasses.replace(progress, current=ANOTHER, latest=latest)
        listen(progress)

    return heard


def _print_line(console: Console, progress: Progress) -> None:
    if progress.latest is None:
        return
    outcome = progress.latest.outcome
    mark = "" if outcome is Outcome.PASSED else f" {outcome.replace('_', ' ')}"
    line = f"[{progress.done}/{progress.total}] {progress.latest.id}{mark}"
    console.print(line, markup=False, highlight=False, soft_wrap=True)


def guarded(command: Callable[P, int]) -> Callable[P, NoReturn]:
    """`command`, whose exceptions reach the user as one clear message, and whose result is the exit status.

    The traceback of an unexpected exception goes to a file in the command's `out` folder (else the current or
    the temporary one).
    """

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> NoReturn:
        out = kwargs.get("out")
        with _terminated_like_interrupted() as received:
            status = _status(lambda: command(*args, **kwargs), out if isinstance(out, Path) else None)
        raise typer.Exit(TERMINATED if received else status)

    return run


def _status(command: Callable[[], int], out: Path | None) -> int:
    try:
        status = command()
        sys.stdout.flush()
    except (typer.Exit, typer.Abort, typer.BadParameter):
        raise
    except GradmarkError as error:
        _say(f"gradmark: {error.message}", error.hint)
        return USAGE if isinstance(error, UsageError) else FAULT
    except BrokenPipeError:
        _silence_stdout()
        return BROKEN_PIPE
    except KeyboardInterrupt:
        _say("\ngradmark: interrupted; no report was written.")
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001 (the outermost boundary: nobody else could report it)
        if told := trouble.of_this_machine(error):
            _say(f"gradmark: {told[0]}", told[1])
            return FAULT
        _report_crash(error, out)
        return FAULT
    return status


def _say(*lines: str) -> None:
    with suppress(BrokenPipeError):
        for line in filter(None, lines):  # may name a file of the submission: no terminal codes
            typer.echo(clean(line, PROSE_LIMIT), err=True)


def _silence_stdout() -> None:
    """Whoever read our output has gone: what is still buffered must not raise again at exit."""
    with suppress(OSError):  # standard output without a file descriptor needs no care
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _report_crash(error: Exception, out: Path | None) -> None:
    reason = f"{type(error).__name__}: {error}".splitlines()[0][:300]
    log = _write_crash_log(error, out)
    where = (
        f"The traceback is in {log}; please report it." if log else "No traceback could be written anywhere."
    )
    _say(f"gradmark: internal error, not the submission's fault: {reason}", where)


def _write_crash_log(error: Exception, out: Path | None) -> Path | None:
    name = f"gradmark-crash-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.log"
    for folder in (out, Path.cwd(), Path(tempfile.gettempdir())):
        if folder is None:
            continue
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(_crash_text(error), encoding="utf-8", errors="replace")
        except OSError:
            continue
        return folder / name
    return None


def _crash_text(error: Exception) -> str:
    versions = f"gradmark {grader.__version__}, Python {platform.python_version()}, {platform.platform()}"
    return f"{versions}\n{sys.argv!r}\n\n{''.join(traceback.format_exception(error))}"


@contextmanager
def _terminated_like_interrupted() -> Iterator[list[int]]:
    """SIGTERM unwinds like Ctrl-C, so that workers are ended and temporary folders removed; it is listed."""
    received: list[int] = []

    def stop(signum: int, frame: FrameType | None) -> None:
        received.append(signum)
        raise KeyboardInterrupt

    try:
        before = signal.signal(signal.SIGTERM, stop)
    except ValueError:  # not in the main thread: whoever runs us there looks after signals
        yield received
        return
    try:
        yield received
    finally:
        signal.signal(signal.SIGTERM, before)
