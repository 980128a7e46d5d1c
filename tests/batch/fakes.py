"""A grader that needs no torch: outcomes follow from content, seed and check alone, as a real one's do.

As a program (`python -m tests.batch.fakes`) it is the command with job processes of this kind; as a job process and
as a preload of Dask's workers it puts itself in place, too.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from functools import cache
from pathlib import Path
from typing import Any

from grader import cli, plugin, session
from grader.batch import job, pool, work
from grader.batch.pool import Heard
from grader.batch.work import Bench, Done, Work
from grader.collect import collect
from grader.results import CheckResult, Environment, Grade, Outcome
from grader.rubric import Rubric
from grader.scoring import score
from grader.session import TEMPLATE, CheckInfo, Progress
from grader.subject import MODULES

DELAY = "FAKE_DELAY"  # seconds for each check
JOB = "tests.batch.fakes"
OUTCOMES = (Outcome.PASSED, Outcome.PASSED, Outcome.FAILED, Outcome.NOT_ATTEMPTED)

checks = cache(session.expected_checks)
_collect = cache(plugin.collect)


def collected(folder: Path, select: str = "", modules: Iterable[str] = MODULES) -> list[plugin.Collected]:
    """As pytest finds them, which takes a second, once."""
    return _collect(folder, select, tuple(modules))


class FakeGrader:
    """Takes the place of `grader.session.Grader`; `disturb` is called before each submission."""

    graded: list[str]
    disturb: Callable[[Path], None] = staticmethod(lambda path: None)

    def __init__(self, *, rubric: Rubric, **_: object) -> None:
        self.rubric = rubric
        self.lost_parents = 0
        self.graded = []

    def grade(
        self, path: Path, *, seed: int, select: str, timeout: float | None, progress: Callable[..., None], **_: object
    ) -> Grade:  # fmt: skip
        """A grade of what is really collected; the rest is made up."""
        type(self).disturb(path)
        self.graded.append(path.name)
        with tempfile.TemporaryDirectory(prefix="gradmark-") as scratch:
            submission = collect(path, TEMPLATE, Path(scratch))
            if any(b"KILL THE JOB" in file.read_bytes() for file in submission.root.rglob("*.py")):
                os.kill(os.getpid(), signal.SIGKILL)
        content = "".join(record.sha256 for record in submission.files)
        results = []
        for done, info in enumerate(checks(select), 1):
            time.sleep(float(os.environ.get(DELAY, "0")))
            results.append(_result(info, content, seed))
            progress(Progress(done, len(checks(select)), info.id, results[-1]))
        environment = Environment(
            gradmark="0", python="3", numpy="2", torch="2", platform="x", seed=seed, isolation="none",
            started=str(time.time()), seconds=time.perf_counter(), selection=select,
        )  # fmt: skip
        return score(
            results, self.rubric, submission=submission.id, environment=environment,
            problems=submission.problems, files=submission.files,
        )  # fmt: skip

    def close(self) -> None:
        """Nothing to end."""


def _result(info: CheckInfo, content: str, seed: int) -> CheckResult:
    drawn = hashlib.sha256(f"{content}{seed}{info.id}".encode()).digest()[0] % len(OUTCOMES)
    return CheckResult(
        id=info.id, title=info.title, part=info.part, function=info.function, outcome=OUTCOMES[drawn],
        message="as drawn", seconds=time.perf_counter(),
    )  # fmt: skip


class InlinePool:
    """Grades in this thread, at once; `fail` says what is raised for a key."""

    def __init__(self, bench: Bench, fail: Callable[[str], Exception | None]) -> None:
        self._bench, self._fail = bench, fail
        self.warmed = 0

    def submit(self, task: Work, heard: Heard) -> Future[Done]:
        """As `Pool.submit`."""
        import msgspec

        future: Future[Done] = Future()
        heard(task.key, b"")
        if error := self._fail(task.key):
            heard(task.key, msgspec.json.encode(_result(checks(task.select)[0], "", 0)))
            future.set_exception(error)
            return future
        try:
            future.set_result(self._bench.grade(task, lambda r: heard(task.key, msgspec.json.encode(r))))
        except Exception as error:  # noqa: BLE001 (as an executor does)
            future.set_exception(error)
        return future

    def warm(self, asked: object) -> None:
        """It has no processes; counts how often it was asked."""
        self.warmed += 1

    def close(self, *, at_once: bool = False) -> None:
        """Nothing to end."""


def install() -> None:
    """Job processes that are started from here are fakes."""
    pool.JOB = JOB
    work.Grader = FakeGrader  # type: ignore[assignment, misc]


class Forked:
    """A forked process with the face of `subprocess.Popen`: what it imports is there already."""

    def __init__(self, body: Callable[[], None], err: int, keep: int = 2) -> None:
        self.returncode: int | None = None
        self.pid = os.fork()
        if self.pid == 0:
            status = 70
            try:
                os.dup2(err, 1)
                os.dup2(err, 2)
                os.closerange(3, max(keep, 3))  # ends of others' sockets, and pytest's own files, came along
                os.closerange(max(keep, 2) + 1, 4096)
                body()
                status = 0
            except SystemExit as end:
                status = end.code if isinstance(end.code, int) else 1
            except BaseException:  # noqa: BLE001 (there is nobody above)
                os.write(2, traceback.format_exc().encode())
            finally:
                sys.stdout.flush()
                os._exit(status)

    def poll(self) -> int | None:
        """The status, once it has ended."""
        if self.returncode is None:
            with contextlib.suppress(ChildProcessError):  # another thread has just heard of its end
                pid, status = os.waitpid(self.pid, os.WNOHANG)
                self.returncode = os.waitstatus_to_exitcode(status) if pid else None
        return self.returncode

    def wait(self, timeout: float = 300) -> int:
        """The status when it has ended."""
        deadline = time.monotonic() + timeout
        while (status := self.poll()) is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired("forked", timeout)
            time.sleep(0.005)
        return status

    def send_signal(self, number: int) -> None:
        """Unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """With SIGKILL."""
        self.send_signal(signal.SIGKILL)


class ForkedJob(pool.Job):
    """A fake job process that starts in no time."""

    def _start(self, fd: int, environment: dict[str, str]) -> Any:
        def body() -> None:
            os.setsid()
            os.environ.update(environment)
            sys.argv = ["job", str(fd)]
            job.main()

        return Forked(body, self._stderr.fileno(), keep=fd)


def command(arguments: list[str]) -> None:
    """`gradmark` with `arguments`, to be run in a fork."""
    install()
    pool.Job = ForkedJob  # type: ignore[misc]
    sys.argv = ["gradmark", *arguments]
    sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115 (pytest's are another file)
    sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115
    session.expected_checks = checks  # type: ignore[assignment]
    plugin.collect = collected  # type: ignore[assignment]
    cli.main()


def dask_setup(worker: object) -> None:
    """Called by Dask when this module is a worker's preload."""
    install()


def main() -> None:
    """A job process when it is given a file descriptor, else the command."""
    install()
    if sys.argv[1].isdecimal():
        job.main()
    else:
        cli.main()


if __name__ == "__main__":
    main()
