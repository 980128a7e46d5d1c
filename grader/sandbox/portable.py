"""Workers with what every system has: a connection to this machine's own address, files for output, a process table.

For Windows, which has neither fork nor Unix sockets, `poll`, process groups or signals. As in `spawned` each worker is
a new interpreter, limited from outside and apart from the answers, but not isolated. Its use of disk is not limited.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import select
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import msgspec

from grader.errors import LimitExceeded, SandboxError
from grader.results import Limits
from grader.sandbox import level
from grader.sandbox.channel import Process
from grader.sandbox.connected import HERE, PID, TOKEN_BYTES, Channel, exactly
from grader.sandbox.own import NOTHING, Own
from grader.sandbox.parent import START_SECONDS, await_worker, environment, interpreter, spec_of
from grader.sandbox.spawned import ForeignUsage, Spawner
from grader.sandbox.streams import CHUNK, Incoming, Outgoing, Output
from grader.sandbox.watch import TICK, Allowance, Watch, amount
from grader.scratch import Scratch

NEEDED = not all(
    hasattr(*one) for one in ((os, "fork"), (os, "killpg"), (select, "poll"), (socket, "AF_UNIX"))
)
_MODULE = "grader.sandbox.connected"
_KEPT = (
    "SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT", "PATH", "NUMBER_OF_PROCESSORS",
    "PROCESSOR_ARCHITECTURE", "PROCESSOR_IDENTIFIER", "PROGRAMDATA",
)  # fmt: skip
_SIGNALS = {  # what Windows gives as exit status, in the words of other systems
    0xC0000005: signal.SIGSEGV,
    0xC00000FD: signal.SIGSEGV,  # the stack is used up
    0xC0000409: signal.SIGABRT,
    3: signal.SIGABRT,
    0xC000001D: signal.SIGILL,
    0xC0000094: signal.SIGFPE,
}
LEVEL = (level.PROCESS, ("own process", "limits", "not prevented: all that you may do yourself"))


class Printed:
    """What a worker writes to one of its streams: a file that is read as it grows."""

    def __init__(self, file: Path, kept: int) -> None:
        self.writing: IO[bytes] = file.open("wb")
        self._reading = file.open("rb", buffering=0)
        self._output = Output(kept)

    def read(self) -> int:
        """Takes what is new; how many bytes that was."""
        count = 0
        while data := self._reading.read(CHUNK):
            self._output.add(data)
            count += len(data)
        return count

    def take(self) -> str:
        """The kept part since the last time."""
        return self._output.take()

    def close(self) -> None:
        """Closes both ends."""
        self.writing.close()
        self._reading.close()


class PortableProcess(Process):
    """A worker's process, its connection and the files that it writes to."""

    def __init__(
        self, popen: subprocess.Popen[bytes], pid: int, channel: Channel, printed: Sequence[Printed], files: Scratch,
        scratch: str,
    ) -> None:  # fmt: skip
        channel.setblocking(False)
        self._files = files
        self.pid = pid  # of the interpreter: `popen` may be a launcher that has started it
        self.popen = popen
        self.usage = ForeignUsage(pid, scratch)
        self.layers = ()
        self._channel = channel
        self._printed_to = tuple(printed)
        self._printed = 0

    def exchange(self, frame: Sequence[bytes | memoryview], allowed: Allowance) -> tuple[bytes, bytearray]:
        """As `Process.exchange`."""
        if frame:
            self._must_be_quiet()
        self._printed = 0
        watch = Watch(self.usage, allowed)
        outgoing, incoming = Outgoing(self._channel, frame), Incoming(self._channel)
        sent = outgoing.advance()
        while True:
            ready = select.select([self._channel], [] if sent else [self._channel], [], TICK)
            watch.look()
            self._read(allowed)
            if ready[1] and outgoing.advance():
                sent = True
            if ready[0] and incoming.advance():
                self._read(allowed)  # what this request printed is in the files by now
                return incoming.header, incoming.payload

    def _read(self, allowed: Allowance) -> None:
        self._printed += sum(printed.read() for printed in self._printed_to)
        if self._printed > allowed.output_bytes:
            raise LimitExceeded(
                f"{allowed.label} printed more than {amount(allowed.output_bytes)} and was stopped.",
                "Remove the print calls inside its loops.",
                limit="output",
            )

    def drain_quietly(self) -> None:
        """Takes what a process that has ended left in its files."""
        for printed in self._printed_to:
            printed.read()

    def take_output(self) -> tuple[str, str]:
        """As `Process.take_output`."""
        first, second = (printed.take() for printed in self._printed_to)
        return first, second

    def kill(self) -> None:
        """Ends the process, and a launcher that waits for it."""
        self.usage.note_peak()
        assert isinstance(self.usage, ForeignUsage)
        self.usage.end()
        self.popen.kill()

    def ended(self, timeout: float) -> bool:
        """Waits for the process to end."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.popen.wait(timeout)
        return self.popen.poll() is not None

    def close(self) -> None:
        """Closes everything."""
        self._channel.close()
        for printed in self._printed_to:
            printed.close()
        self.popen.wait()
        self._files.cleanup()


class Starter(Spawner):
    """Takes the place of the warm parent: starts an interpreter for each worker, which calls back."""

    def __init__(self, preload: tuple[str, ...], probes: tuple[str, ...], own: Own = NOTHING) -> None:
        super().__init__(preload, probes, own)
        self._probes = probes  # not the attempts, which are those of other systems

    def fork(self, folder: Path, scratch: Path, limits: Limits) -> Process:
        """A new worker, waiting. Raises `SandboxError`."""
        if self._closed:
            raise SandboxError("The sandbox is closed.")
        files = Scratch("output")
        printed = [Printed(Path(files.name) / name, limits.kept_output_bytes) for name in ("out", "err")]
        token = secrets.token_bytes(TOKEN_BYTES)
        spec = msgspec.json.encode(spec_of(folder, scratch, limits)).decode()
        names = [",".join(part) for part in (self._preload, self._probes)]
        with socket.create_server((HERE, 0)) as listening:
            port = str(listening.getsockname()[1])
            popen = subprocess.Popen(
                [*interpreter(), "-m", _MODULE, port, *names, spec, self._own], stdin=subprocess.PIPE,
                stdout=printed[0].writing, stderr=printed[1].writing, cwd=scratch, env=_environment(),
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
            )  # fmt: skip
            assert popen.stdin is not None
            with contextlib.suppress(OSError), popen.stdin:
                popen.stdin.write(token)  # other users can see the command, and may connect
            channel, pid = _called_back(listening, popen, token)
        if channel is None:
            raise _not_started(popen, printed)
        process = PortableProcess(popen, pid, channel, printed, files, str(scratch))
        await_worker(process, START_SECONDS)
        process.usage.settle()
        return process

    def reaped(self, process: Process, timeout: float = 5.0) -> int | None:
        """The exit status, as `waitpid` gives it elsewhere."""
        assert isinstance(process, PortableProcess)
        if not process.ended(timeout):
            return None
        code = process.popen.returncode
        number = -code if code < 0 else _SIGNALS.get(code if os.name == "nt" else 0, 0)
        return number or (code & 0xFF) << 8


def _called_back(
    listening: socket.socket, popen: subprocess.Popen[bytes], token: bytes
) -> tuple[Channel | None, int]:
    """The connection of whoever knows the secret, and its process; None when the process ends first."""
    end = time.monotonic() + START_SECONDS
    listening.settimeout(0.1)
    while time.monotonic() < end and popen.poll() is None:
        with contextlib.suppress(OSError):  # nobody yet, or somebody who goes away
            accepted, _ = listening.accept()
            channel = Channel(fileno=accepted.detach())
            channel.settimeout(START_SECONDS)
            if secrets.compare_digest(bytes(exactly(channel, TOKEN_BYTES)), token):
                return channel, PID.unpack(exactly(channel, PID.size))[0]
            channel.close()
    return None, 0


def _not_started(popen: subprocess.Popen[bytes], printed: Sequence[Printed]) -> SandboxError:
    popen.kill()
    popen.wait()
    for one in printed:
        one.read()
    lines = printed[1].take().strip().splitlines()
    for one in printed:
        one.close()
    return SandboxError(f"A worker could not be started. {lines[-1] if lines else ''}".strip())


def _environment() -> dict[str, str]:
    """As elsewhere, with what this system's own libraries need; text is UTF-8, whatever the system prefers."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return {**environment(), **kept, "PYTHONUTF8": "1"}
