"""Job processes on this machine, behind a `concurrent.futures` executor: each keeps its grader warm.

The death of a job process costs time only: what it was grading is graded once more in a new one.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from multiprocessing.connection import Connection
from typing import Protocol

from grader.batch import job
from grader.batch.work import Broken, Done, Warm, Work
from grader.errors import UsageError
from grader.places import ROOT
from grader.scratch import Scratch

Heard = Callable[[str, bytes], None]
"""Hears the key and encoded outcomes of checks, a line each; nothing when the hand-in is begun."""

JOB = "grader.batch.job"
TRIES = 2
SILENCE_SECONDS = 120.0  # beyond the submission's own time: something in gradmark hangs
START_SECONDS = 300.0  # importing everything from a cold disk
CLOSE_SECONDS = 8.0


class Pool(Protocol):
    """Whoever can grade: this machine or a cluster."""

    def submit(self, work: Work, heard: Heard) -> Future[Done]:
        """Grades as soon as there is room. The future's exception is `Broken` when gradmark failed at it."""

    def close(self, *, at_once: bool = False) -> None:
        """Ends everything that is running. Without `at_once`, temporary files are removed first."""


class Job:
    """One job process, seen from the process that started it; it and its processes run on `core`, if that is given."""

    def __init__(self, scratch: str = "", core: int | None = None) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 (lives as long as the process)
            self._process = self._start(theirs.fileno(), _environment(scratch))
        self.core = core
        if core is not None:
            with contextlib.suppress(OSError):  # it may have ended already
                os.sched_setaffinity(self._process.pid, {core})
        self._socket, self._connection = ours, Connection(os.dup(ours.fileno()))
        self.pid = self._process.pid

    def _start(self, fd: int, environment: dict[str, str]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", JOB, str(fd)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._stderr,
            pass_fds=[fd],
            env=environment,
            start_new_session=True,  # an interrupt from the keyboard is for the starter to handle
        )

    def grade(self, work: Work, limit: float, heard: Heard) -> Done:
        """What became of it. Raises `Broken` when the process died, failed or fell silent for `limit` seconds."""
        heard(work.key, b"")
        try:
            self._connection.send_bytes(pickle.dumps(work))
            while True:
                if not self._connection.poll(limit):
                    raise Broken(f"Nothing was heard of the grading for {limit:g} s.")
                message = self._connection.recv_bytes()
                if message[:1] == job.ANSWER:
                    return _answer(message[1:])
                if message[:1] == job.FAULT:
                    raise _fault(*pickle.loads(message[1:]))
                if message[:1] == job.CHECK:
                    heard(work.key, message[1:])
        except (EOFError, OSError) as error:
            raise Broken(f"The process that graded it died{self._last_words()}") from error

    def warm(self, asked: Warm) -> None:
        """Lets it get ready; whatever is wrong is told when it grades."""
        with contextlib.suppress(OSError):
            self._connection.send_bytes(pickle.dumps(asked))

    def _last_words(self) -> str:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(5)
        status = self._process.poll()
        how = f" (signal {-status})" if status and status < 0 else f" (exit status {status})"
        with contextlib.suppress(ValueError, OSError):
            self._stderr.seek(0)
            return f"{how}. {self._stderr.read()[-3000:].decode('utf-8', 'replace')}".rstrip()
        return f"{how}."

    def hang_up(self) -> None:
        """Tells the process to end, and does not wait; whoever waits for its answer is told at once."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self, *, at_once: bool = False) -> None:
        """Ends the process, which cleans up behind itself unless `at_once`."""
        self.hang_up()
        if not at_once:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(CLOSE_SECONDS)
        self._process.kill()
        self._process.wait()
        self._connection.close()
        self._socket.close()
        self._stderr.close()


def _fault(message: str, hint: str, text: str, usage: bool) -> Exception:
    """What the job process failed with: something that no new process mends, or something of gradmark's."""
    return UsageError(message, hint) if usage else Broken(f"{message}\n{text}")


def _answer(data: bytes) -> Done:
    done = pickle.loads(data)
    assert isinstance(done, Done)
    return done


def _environment(scratch: str) -> dict[str, str]:
    """Ours, with one thread for each job and its temporary files in `scratch`."""
    own = {"TMPDIR": scratch, job.SCRATCH: scratch} if scratch else {}
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1", **own}


def patience(work: Work, submission_seconds: float) -> float:
    """How long a job process may be silent."""
    return max(START_SECONDS, (work.timeout or submission_seconds) + SILENCE_SECONDS) + work.more_seconds


def _cores(jobs: int) -> list[int]:
    """A core for each job when there are as many, else none: the processes of a job take turns, and calling one on
    another core takes longer."""
    if not hasattr(os, "sched_getaffinity"):  # macOS, Windows
        return []
    cores = sorted(os.sched_getaffinity(0))
    return cores if len(cores) == jobs else []


class LocalPool:
    """`jobs` job processes of this machine, each started when it is first needed, or by `warm`."""

    def __init__(self, jobs: int, submission_seconds: float) -> None:
        self._seconds = submission_seconds
        self._jobs = jobs
        self._threads = ThreadPoolExecutor(jobs, thread_name_prefix="gradmark-job")
        self._own = threading.local()
        self._lock = threading.Lock()
        self._running: list[Job] = []
        self._ready: list[Job] = []  # of those, the ones that nobody has used yet
        self._closed = False
        self._cores = _cores(jobs)
        self._scratch = Scratch("class")
        os.chmod(
            self._scratch.name, 0o711
        )  # the account that runs student code must get to its own folder in it

    def warm(self, asked: Warm) -> None:
        """Starts all job processes: they import for seconds, in which others may find out what there is to do."""
        with self._lock:
            for _ in range(self._jobs):
                self._ready.append(self._started())
                self._ready[-1].warm(asked)

    def submit(self, work: Work, heard: Heard) -> Future[Done]:
        """Grades in the next free job process; see `Pool`."""
        return self._threads.submit(self._grade, work, heard)

    def _grade(self, work: Work, heard: Heard) -> Done:
        for last in range(TRIES):
            own = self._job()
            try:
                return own.grade(work, patience(work, self._seconds), heard)
            except Broken:
                self._lose(own)
                if self._closed or last == TRIES - 1:
                    raise
        raise AssertionError

    def _job(self) -> Job:
        if getattr(self._own, "job", None) is None:
            with self._lock:
                if self._closed:
                    raise Broken("The run was stopped.")
                self._own.job = self._ready.pop() if self._ready else self._started()
        assert isinstance(self._own.job, Job)
        return self._own.job

    def _started(self) -> Job:
        new = Job(self._scratch.name, self._cores.pop() if self._cores else None)
        self._running.append(new)
        return new

    def _lose(self, lost: Job) -> None:
        self._own.job = None
        with self._lock:
            if lost in self._running:
                self._running.remove(lost)
                self._cores += [lost.core] if lost.core is not None else []
        if not self._closed:
            lost.close()

    def close(self, *, at_once: bool = False) -> None:
        """Ends all job processes; what was not begun is given up. May be called again, `at_once`."""
        self._closed = True
        self._threads.shutdown(wait=False, cancel_futures=True)
        with self._lock:
            running = list(self._running)
        for each in running:
            each.hang_up()
        for each in running:
            each.close(at_once=at_once)
        self._scratch.cleanup()
