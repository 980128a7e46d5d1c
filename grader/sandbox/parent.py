"""The warm parent as the grader sees it: started by exec, asked to fork, restarted once when it died."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import select
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import msgspec

from grader import libraries
from grader.errors import CallError, SandboxError
from grader.results import Limits
from grader.sandbox import lockdown, wire
from grader.sandbox.channel import Process
from grader.sandbox.own import NOTHING, Own
from grader.sandbox.streams import Closed
from grader.sandbox.text import clean_line
from grader.sandbox.watch import Allowance

ATTEMPTS = "grader.sandbox.attempts"  # the probe that shows which level of isolation is in force
START_SECONDS = 120.0  # importing torch from a cold disk
FORK_SECONDS = 30.0
_ROOT = Path(__file__).resolve().parents[2]
# Freed memory is kept for the next array, and large arrays get large pages (glibc): a fault per 4 kB adds up.
_ALLOCATOR = {
    "MALLOC_MMAP_THRESHOLD_": str(256 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(512 << 20),
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
}
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


class Parent:
    """Owns the zygote's process and its control socket. Safe to use from several threads."""

    def __init__(
        self, preload: tuple[str, ...], probes: tuple[str, ...], without: tuple[str, ...], own: Own = NOTHING,
        many: bool = False,
    ) -> None:  # fmt: skip
        names = [",".join(names) for names in (preload, (*probes, ATTEMPTS), without, ("many",) * many)]
        self._arguments = names
        self._greeting = own.encode().encode()  # by the socket: every worker can read the command's arguments
        self._lock = threading.RLock()
        if sys.platform == "linux":
            lockdown.hide()
        self._restarts = 0
        self._closed = False
        self._start()
        atexit.register(self.close)

    @property
    def alive(self) -> bool:
        """The warm parent's process is there."""
        return not self._closed and self._popen.poll() is None

    @property
    def restarts(self) -> int:
        """Warm parents that died and were replaced; their workers died with them."""
        return self._restarts

    @property
    def versions(self) -> dict[str, str]:
        """What the warm parent imported, with versions; waits until it has."""
        with self._lock:
            try:
                self._until_ready()
            except _Gone as error:
                raise _told("The warm parent could not start.", self._said()) from error
            return dict(self._versions)

    @property
    def missing(self) -> dict[str, str]:
        """The layers of isolation that this machine does not offer, with the reason; waits until it is known."""
        return dict(self._missing) if self.versions else {}

    def fork(self, folder: Path, scratch: Path, limits: Limits) -> Process:
        """A new worker, locked down and waiting. Raises `SandboxError`; restarts a dead warm parent once."""
        with self._lock:
            if self._closed:
                raise SandboxError("The sandbox is closed.")
            try:
                return self._fork(folder, scratch, limits)
            except _Gone:
                self._restart()
            try:
                return self._fork(folder, scratch, limits)
            except _Gone as error:
                raise _told("No worker could be started: the warm parent died.", self._said()) from error

    def _restart(self) -> None:
        self._stop()
        self._restarts += 1
        self._start()

    def _start(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command = [*interpreter(), "-m", "grader.sandbox.zygote", str(theirs.fileno())]
        self._control = ours
        ours.send(self._greeting)
        self._exits: dict[int, int] = {}
        self._versions: dict[str, str] = {}
        self._missing: dict[str, str] = {}
        self._last_words = ""
        with theirs:
            self._popen = subprocess.Popen(
                [*command, *self._arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                cwd="/",
                env=environment(),
                pass_fds=[theirs.fileno()],
                start_new_session=True,  # an interrupt from the keyboard is for the grader to handle
            )

    def _until_ready(self) -> None:
        if self._versions:
            return
        message, _ = self._receive(START_SECONDS)
        if message.get("threads") != 1:
            raise SandboxError(
                f"The warm parent has {message.get('threads')} threads; forking it would not be safe.",
                "One of the preloaded packages starts threads when it is imported.",
            )
        self._versions, self._missing = message["ready"], message["missing"]

    def _fork(self, folder: Path, scratch: Path, limits: Limits) -> Process:
        self._until_ready()
        spec = spec_of(folder, scratch, limits)
        ours, theirs = socket.socketpair()
        out, err = os.pipe(), os.pipe()
        try:
            with theirs:
                pid, pidfd = self._request(spec, [theirs.fileno(), out[1], err[1]])
        except BaseException:
            ours.close()
            os.close(out[0])
            os.close(err[0])
            raise
        finally:
            os.close(out[1])
            os.close(err[1])
        process = Process(pid, pidfd, ours, out[0], err[0], limits.kept_output_bytes, str(scratch))
        process.usage.disk_limits = (limits.disk_bytes, limits.disk_files)
        await_worker(process, FORK_SECONDS)
        return process

    def _request(self, spec: lockdown.Spec, fds: list[int]) -> tuple[int, int]:
        try:
            socket.send_fds(self._control, [msgspec.json.encode(spec)], fds)
        except OSError as error:
            raise _Gone from error
        while True:
            message, received = self._receive(FORK_SECONDS)
            if "forked" in message:
                self._exits.pop(message["forked"], None)
                return message["forked"], received[0]

    def _receive(self, timeout: float) -> tuple[dict[str, Any], list[int]]:
        """The next message of the warm parent that is not the end of a worker; those are noted."""
        deadline = time.monotonic() + timeout
        while True:
            if not _readable(self._control, deadline - time.monotonic()):
                raise SandboxError(f"The warm parent did not answer for {timeout:g} s.")
            try:
                data, fds, _, _ = socket.recv_fds(self._control, 1 << 16, 1)
            except OSError as error:
                raise _Gone from error
            if not data:
                raise _Gone
            message = json.loads(data)
            if "exited" not in message:
                return message, fds
            self._exits[message["exited"]] = message["status"]

    def reaped(self, process: Process, timeout: float = 5.0) -> int | None:
        """Waits until the warm parent has reaped the process: its exit status, None when that is gone."""
        deadline = time.monotonic() + timeout
        with self._lock:
            while process.pid not in self._exits:
                try:
                    if not _readable(self._control, deadline - time.monotonic()):
                        return None
                    data, fds, _, _ = socket.recv_fds(self._control, 1 << 16, 1)
                except OSError:
                    return None
                if not data:
                    return None
                message = json.loads(data)
                if "exited" in message:
                    self._exits[message["exited"]] = message["status"]
                for fd in fds:  # of a worker that was asked for when an interrupt came
                    os.close(fd)
            return self._exits.pop(process.pid)

    def _said(self) -> str:
        """The last line that a warm parent which has ended wrote."""
        stream = self._popen.stderr
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._popen.wait(10)  # with torch half imported, its end takes seconds
        if stream is None or self._popen.poll() is None:
            return ""
        os.set_blocking(stream.fileno(), False)
        self._last_words += (stream.read() or b"").decode("utf-8", "replace")
        lines = self._last_words.split("\n")
        return next(
            (line for line in reversed(lines) if line.strip()), f"Exit status {self._popen.returncode}."
        )

    def _stop(self) -> None:
        self._control.close()  # the warm parent sees it, kills and reaps its children, and ends
        try:
            self._popen.wait(5)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()
        if self._popen.stderr is not None:
            self._popen.stderr.close()

    def close(self) -> None:
        """Ends the warm parent with every worker."""
        with self._lock:
            if not self._closed:
                self._closed = True
                atexit.unregister(self.close)
                with contextlib.suppress(OSError):
                    self._stop()


class _Gone(Exception):
    """The warm parent has ended."""


def _readable(control: socket.socket, timeout: float) -> bool:
    poll = select.poll()
    poll.register(control, select.POLLIN)
    return bool(poll.poll(max(timeout, 0) * 1000))


def _told(what: str, said: str) -> SandboxError:
    """The error of a process that could not start; a library that is missing or broken is told as that."""
    found = libraries.explained(said.rpartition("\n")[2])
    return SandboxError(*found) if found else SandboxError(f"{what} {said}".strip())


def spec_of(folder: Path, scratch: Path, limits: Limits) -> lockdown.Spec:
    """What a new worker is told of its limits and places."""
    return lockdown.Spec(
        folder=str(folder),
        scratch=str(scratch),
        memory_bytes=limits.memory_bytes,
        cpu_seconds=int(limits.cpu_budget) + 60,
        file_bytes=limits.file_bytes,
        disk_bytes=limits.disk_bytes,
        disk_files=limits.disk_files,
        open_files=limits.open_files,
    )


def await_worker(process: Process, seconds: float) -> None:
    """Waits until the worker says that it is locked down. Raises `SandboxError`."""
    allowed = Allowance("the start of a worker", seconds, seconds, 1 << 40, 1 << 20)
    try:
        header, _ = process.exchange([], allowed)
        answer = wire.decode_answer(header)
    except Closed:
        process.drain_quietly()
        said = process.take_output()[1].strip()
        process.close()
        raise _told("A worker could not be started.", said) from None
    except CallError as error:  # nothing of a submission runs before it: that it is slow is no fault of one
        process.kill()
        process.close()
        raise SandboxError(
            f"A worker could not be started: {error.message}", "Is the machine overloaded, or was it asleep?"
        ) from None
    if not isinstance(answer, wire.Ready):
        problem = answer.message if isinstance(answer, wire.Problem) else ""
        process.kill()
        process.close()
        raise SandboxError(f"A worker could not be started: {problem}")
    process.layers = tuple(clean_line(layer, 80) for layer in answer.layers[:20])


def interpreter() -> list[str]:
    """The interpreter as this process runs it, without what users add to it."""
    return [sys.executable, "-s", "-P", *(["-B"] if sys.dont_write_bytecode else [])]


def environment() -> dict[str, str]:
    """All that the warm parent is told: `/proc/self/environ` shows it to every worker."""
    return {
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(_ROOT),
        "CUDA_VISIBLE_DEVICES": "",
        "TQDM_DISABLE": "1",  # read when tqdm is imported, as torch does; see `lockdown.clean_environment`
        **dict.fromkeys(_THREADS, "1"),
        **_ALLOCATOR,
    }
