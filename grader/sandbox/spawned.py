"""Workers without a warm parent: each is a new interpreter, for systems where a process with torch can't be forked.

A worker takes about 3 s to start and is not isolated, only limited and apart from the answers. This is what a
student's self-check on macOS uses; `FORKS` says where it is not needed.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.metadata
import os
import platform
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec

from grader.errors import SandboxError
from grader.results import Limits
from grader.sandbox import lockdown
from grader.sandbox.channel import Process
from grader.sandbox.own import NOTHING, Own
from grader.sandbox.parent import (
    ATTEMPTS,
    START_SECONDS,
    Parent,
    await_worker,
    environment,
    interpreter,
    spec_of,
)
from grader.sandbox.watch import Usage

FORKS = sys.platform == "linux"
_MODULE = "grader.sandbox.plain"


class ForeignUsage(Usage):
    """What a process uses, as the system's own process table has it (there is no /proc)."""

    def __init__(self, pid: int, scratch: str) -> None:
        psutil: Any = importlib.import_module("psutil")  # no dependency where workers are forked
        self._process = psutil.Process(pid)
        self._gone = psutil.Error
        super().__init__(pid, scratch)

    def cpu_seconds(self) -> float:
        """CPU time of the process so far."""
        with contextlib.suppress(self._gone):
            times = self._process.cpu_times()
            return float(times.user + times.system)
        return 0.0

    def threads(self) -> int:
        """Threads of the process."""
        with contextlib.suppress(self._gone):
            return int(self._process.num_threads())
        return 0

    def note_peak(self) -> None:
        """The most that was seen; the system keeps no record."""
        self.grown()

    def settle(self) -> None:
        """From here on memory counts: the libraries are loaded."""
        self._resident_at_start = self._resident()

    def end(self) -> None:
        """Ends the process and what it has started."""
        with contextlib.suppress(self._gone):
            for process in (*self._process.children(recursive=True), self._process):
                with contextlib.suppress(self._gone):
                    process.kill()

    def close(self) -> None:
        """Nothing is open."""

    def _open(self) -> int:
        return -1

    def _resident(self) -> int:
        with contextlib.suppress(self._gone):
            return int(self._process.memory_info().rss)
        return 0


class SpawnedProcess(Process):
    """A worker's process that is our own child."""

    def __init__(
        self,
        popen: subprocess.Popen[bytes],
        channel: socket.socket,
        streams: tuple[int, int],
        kept: int,
        scratch: str,
    ) -> None:
        self.popen = popen
        usage = ForeignUsage(popen.pid, scratch)
        super().__init__(popen.pid, -1, channel, *streams, kept, scratch, usage)

    def kill(self) -> None:
        """Ends the process and what it started in its session."""
        self.usage.note_peak()
        with contextlib.suppress(OSError):
            os.killpg(self.pid, signal.SIGKILL)
        self.popen.kill()

    def ended(self, timeout: float) -> bool:
        """Waits for the process to end."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.popen.wait(timeout)
        return self.popen.poll() is not None

    def _close_grip(self) -> None:
        self.popen.wait()


class Spawner(Parent):
    """Takes the place of the warm parent: starts an interpreter for each worker."""

    def __init__(self, preload: tuple[str, ...], probes: tuple[str, ...], own: Own = NOTHING) -> None:
        self._preload, self._probes, self._own = preload, (*probes, ATTEMPTS), own.encode()
        self._restarts = 0
        self._closed = False

    @property
    def alive(self) -> bool:
        """It has no process that could end."""
        return not self._closed

    @property
    def versions(self) -> dict[str, str]:
        """Versions that a worker will import."""
        found = {"python": platform.python_version()}
        for name in self._preload:
            with contextlib.suppress(importlib.metadata.PackageNotFoundError):
                found[name] = importlib.metadata.version(name)
        return found

    @property
    def missing(self) -> dict[str, str]:
        """All layers."""
        return dict.fromkeys(lockdown.LAYERS, f"only Linux has it; this is {sys.platform}")

    def fork(self, folder: Path, scratch: Path, limits: Limits) -> Process:
        """A new worker, waiting. Raises `SandboxError`."""
        if self._closed:
            raise SandboxError("The sandbox is closed.")
        ours, theirs = socket.socketpair()
        out, err = os.pipe(), os.pipe()
        spec = msgspec.json.encode(spec_of(folder, scratch, limits)).decode()
        names = [",".join(part) for part in (self._preload, self._probes)]
        command = [*interpreter(), "-m", _MODULE, str(theirs.fileno()), *names, spec, self._own]
        with theirs:
            popen = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out[1], stderr=err[1], cwd="/", env=environment(),
                pass_fds=[theirs.fileno()],
            )  # fmt: skip
        os.close(out[1])
        os.close(err[1])
        process = SpawnedProcess(popen, ours, (out[0], err[0]), limits.kept_output_bytes, str(scratch))
        process.usage.disk_limits = (limits.disk_bytes, limits.disk_files)
        await_worker(process, START_SECONDS)
        process.usage.settle()
        return process

    def reaped(self, process: Process, timeout: float = 5.0) -> int | None:
        """The exit status, as `waitpid` gives it."""
        assert isinstance(process, SpawnedProcess)
        if not process.ended(timeout):
            return None
        code = process.popen.returncode
        return -code if code < 0 else code << 8

    def close(self) -> None:
        """No further worker is started."""
        self._closed = True
