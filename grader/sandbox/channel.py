"""One worker's process as the grader sees it: its channel, its output, its limits and its end.

Every wait has a deadline, every buffer grows only with bytes that have arrived, and one loop watches the
channel, both output pipes, the clock, the CPU and the memory.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
from collections.abc import Sequence

from grader.errors import LimitExceeded, ProtocolViolation
from grader.sandbox.streams import Incoming, Outgoing, Output
from grader.sandbox.watch import TICK, Allowance, Usage, Watch, amount

_PIPE = 1 << 16  # bytes that a pipe holds


class Process:
    """Pipes and pidfd of one forked child."""

    def __init__(
        self, pid: int, pidfd: int, channel: socket.socket, stdout: int, stderr: int, kept: int, scratch: str,
        usage: Usage | None = None,
    ) -> None:  # fmt: skip
        self.pid = pid
        self.usage = usage or Usage(pid, scratch)
        self.layers: tuple[str, ...] = ()  # of its lock-down, as it says
        self._pidfd = pidfd
        self._channel = channel
        self._output = {stdout: Output(kept), stderr: Output(kept)}
        self._streams = (stdout, stderr)
        self._open = {stdout, stderr}
        self._printed = 0  # bytes in the current request
        self._writing = False
        self._poll, self._poll_output = select.poll(), select.poll()
        for fd in (channel.fileno(), stdout, stderr):
            os.set_blocking(fd, False)
            self._poll.register(fd, select.POLLIN)
        for fd in self._streams:
            self._poll_output.register(fd, select.POLLIN)

    def exchange(self, frame: Sequence[bytes | memoryview], allowed: Allowance) -> tuple[bytes, bytearray]:
        """Sends a frame (nothing: a worker announces itself) and waits for one.

        Raises `LimitExceeded`, `ProtocolViolation` or `Closed`.
        """
        if frame:
            self._must_be_quiet()
        self._printed = 0
        watch = Watch(self.usage, allowed)
        outgoing = Outgoing(self._channel, frame)
        incoming = Incoming(self._channel)
        self._want_to_write(not outgoing.advance())
        while True:
            events = self._poll.poll(TICK * 1000)
            watch.look()
            for fd, event in events:
                if fd in self._output:
                    self._drain(fd, allowed)
                    continue
                if event & select.POLLOUT and outgoing.advance():
                    self._want_to_write(False)
                if event & ~select.POLLOUT and incoming.advance():
                    self._settle(allowed)
                    return incoming.header, incoming.payload

    def _settle(self, allowed: Allowance) -> None:
        """After an answer: the output of this request is in the pipes already."""
        self._want_to_write(False)
        for fd, _ in self._poll_output.poll(0) if self._open else ():
            while self._drain(fd, allowed):
                pass

    def _must_be_quiet(self) -> None:
        try:
            waiting = self._channel.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return
        except OSError:
            waiting = b""
        if waiting:
            raise ProtocolViolation("The process wrote to the grader's channel without being asked.")

    def _want_to_write(self, wanted: bool) -> None:
        if wanted == self._writing:
            return
        self._writing = wanted
        self._poll.modify(self._channel, select.POLLIN | (select.POLLOUT if wanted else 0))

    def _drain(self, fd: int, allowed: Allowance) -> bool:
        """Reads what one output pipe holds; True when there may be more."""
        try:
            data = os.read(fd, _PIPE)
        except BlockingIOError:
            return False
        if not data:
            self._poll.unregister(fd)
            self._poll_output.unregister(fd)
            self._open.discard(fd)
            return False
        self._output[fd].add(data)
        self._printed += len(data)
        if self._printed > allowed.output_bytes:
            raise LimitExceeded(
                f"{allowed.label} printed more than {amount(allowed.output_bytes)} and was stopped.",
                "Remove the print calls inside its loops.",
                limit="output",
            )
        return True

    def drain_quietly(self) -> None:
        """Takes what a process that has ended left in its pipes (at most their capacity)."""
        unlimited = Allowance("", 0, 0, 0, 1 << 62)
        for fd in tuple(self._open):
            for _ in range(64):
                if not self._drain(fd, unlimited):
                    break

    def take_output(self) -> tuple[str, str]:
        """The kept part of stdout and stderr since the last time, as clean text."""
        first, second = (self._output[fd].take() for fd in self._streams)
        return first, second

    def kill(self) -> None:
        """Ends the process; it can't be refused."""
        self.usage.note_peak()
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    def ended(self, timeout: float) -> bool:
        """Waits for the process to end."""
        poll = select.poll()
        poll.register(self._pidfd, select.POLLIN)
        return bool(poll.poll(timeout * 1000))

    def close(self) -> None:
        """Closes every descriptor."""
        self._channel.close()
        self.usage.close()
        for fd in self._streams:
            os.close(fd)
        self._close_grip()

    def _close_grip(self) -> None:
        os.close(self._pidfd)
