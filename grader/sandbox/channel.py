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
import time
from collections.abc import Sequence
from dataclasses import dataclass

from grader.errors import LimitExceeded, ProtocolViolation
from grader.sandbox import wire
from grader.sandbox.text import clean

TICK = 0.02  # seconds between looks at CPU and memory: the fastest allocator gets 37 MB further meanwhile
SLACK_BYTES = 64 << 20  # on top of the memory limit before the process is killed; the kernel's limit is exact
DISK_BYTES = 256 << 20  # of all files in a worker's private folder
DISK_FILES = 10_000
_DISK_TICK = 0.25  # seconds between looks at the folder: 200 files take a millisecond
_PAGE = os.sysconf("SC_PAGE_SIZE")
_CHUNK = 1 << 20


class Closed(Exception):
    """The worker's end of the channel is closed; `partial` is True in the middle of a frame."""


@dataclass(frozen=True)
class Allowance:
    """What one request may use, and the name of the called function for messages."""

    label: str
    wall: float
    cpu: float
    memory_bytes: int
    output_bytes: int


class Process:
    """Pipes and pidfd of one forked child."""

    def __init__(
        self, pid: int, pidfd: int, channel: socket.socket, stdout: int, stderr: int, kept: int, scratch: str
    ) -> None:
        self.pid = pid
        self.scratch = scratch
        self.layers: tuple[str, ...] = ()  # of its lock-down, as it says
        self.peak_bytes = 0
        self._pidfd = pidfd
        self._channel = channel
        self._clock = (~pid << 3) | 2  # CLOCK_PROCESS_CPUTIME_ID of another process, all threads: 0.5 us
        self._statm = os.open(f"/proc/{pid}/statm", os.O_RDONLY)
        self._resident_at_start = self.resident()
        self._output = {stdout: _Output(kept), stderr: _Output(kept)}
        self._streams = (stdout, stderr)
        self._open = {stdout, stderr}
        self._printed = 0  # bytes in the current request
        self._writing = False
        self._poll = select.poll()
        for fd in (channel.fileno(), stdout, stderr):
            os.set_blocking(fd, False)
            self._poll.register(fd, select.POLLIN)

    def cpu_seconds(self) -> float:
        """CPU time of the process so far; 0 when it is gone."""
        try:
            return time.clock_gettime(self._clock)
        except OSError:
            return 0.0

    def resident(self) -> int:
        """Bytes of memory in use; 0 when the process is gone."""
        try:
            return int(os.pread(self._statm, 128, 0).split()[1]) * _PAGE
        except (OSError, IndexError):
            return 0

    def exchange(self, frame: Sequence[bytes | memoryview], allowed: Allowance) -> tuple[bytes, bytearray]:
        """Sends a frame (nothing: a worker announces itself) and waits for one.

        Raises `LimitExceeded`, `ProtocolViolation` or `Closed`.
        """
        if frame:
            self._must_be_quiet()
        self._printed = 0
        watch = _Watch(self, allowed)
        outgoing = _Outgoing(self._channel, frame)
        incoming = _Incoming(self._channel)
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
        for fd in tuple(self._open):
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
            data = os.read(fd, _CHUNK)
        except BlockingIOError:
            return False
        if not data:
            self._poll.unregister(fd)
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
        self.note_peak()
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    def ended(self, timeout: float) -> bool:
        """Waits for the process to end."""
        poll = select.poll()
        poll.register(self._pidfd, select.POLLIN)
        return bool(poll.poll(timeout * 1000))

    def note_peak(self) -> None:
        """Brings `peak_bytes` up to date with what the kernel has counted."""
        with contextlib.suppress(OSError, StopIteration), open(f"/proc/{self.pid}/status") as file:
            line = next(line for line in file if line.startswith("VmHWM"))
            self.peak_bytes = max(self.peak_bytes, int(line.split()[1]) * 1024)

    def grown(self) -> int:
        """Bytes of memory more than at the fork."""
        resident = self.resident()
        self.peak_bytes = max(self.peak_bytes, resident)
        return resident - self._resident_at_start

    def close(self) -> None:
        """Closes every descriptor."""
        self._channel.close()
        for fd in (*self._streams, self._statm, self._pidfd):
            os.close(fd)


class _Watch:
    """Compares what a request has used with what it may use, every `TICK`."""

    def __init__(self, process: Process, allowed: Allowance) -> None:
        self._process, self._allowed = process, allowed
        self._start = self._last = time.monotonic()
        self._folder_seen = self._start
        self._cpu = process.cpu_seconds()

    def look(self) -> None:
        """Raises `LimitExceeded` when one of wall time, CPU time and memory is used up."""
        now = time.monotonic()
        if now - self._last < TICK:
            return
        self._last, allowed = now, self._allowed
        if now - self._start > allowed.wall:
            raise LimitExceeded(
                f"{allowed.label} was still running after {seconds(allowed.wall)} and was stopped.",
                "Look for a loop that never ends or far more work than the task needs.",
                limit="time",
            )
        if self._process.cpu_seconds() - self._cpu > allowed.cpu:
            raise LimitExceeded(
                f"{allowed.label} used more than {seconds(allowed.cpu)} of computing time and was stopped.",
                "Look for a loop that never ends or far more work than the task needs.",
                limit="cpu",
            )
        if self._process.grown() > allowed.memory_bytes + SLACK_BYTES:
            raise LimitExceeded(
                f"{allowed.label} used more than {amount(allowed.memory_bytes)} of memory and was stopped.",
                limit="memory",
            )
        if now - self._folder_seen > _DISK_TICK:
            self._folder_seen = now
            self._look_at_folder()

    def _look_at_folder(self) -> None:
        size, count = folder_size(self._process.scratch)
        if size > DISK_BYTES:
            what = f"{amount(DISK_BYTES)} of files"
        elif count > DISK_FILES:
            what = f"{DISK_FILES} files"
        else:
            return
        raise LimitExceeded(f"{self._allowed.label} wrote more than {what} and was stopped.", limit="disk")


def folder_size(folder: str) -> tuple[int, int]:
    """Bytes on disk and number of the files in a folder; looks no further when there are too many."""
    size = count = 0
    todo = [folder]
    while todo and count <= DISK_FILES:
        with contextlib.suppress(OSError), os.scandir(todo.pop()) as entries:
            for entry in entries:
                count += 1
                size += entry.stat(follow_symlinks=False).st_blocks * 512
                if entry.is_dir(follow_symlinks=False):
                    todo.append(entry.path)
                if count > DISK_FILES:
                    break
    return size, count


class _Outgoing:
    """A frame on its way out, without blocking: a worker that never reads can't hold the grader up."""

    def __init__(self, channel: socket.socket, frame: Sequence[bytes | memoryview]) -> None:
        self._channel = channel
        self._left = [memoryview(part) for part in frame]

    def advance(self) -> bool:
        """Sends what fits now; True when all is sent."""
        while self._left:
            try:
                sent = self._channel.sendmsg(self._left[:64])
            except BlockingIOError:
                return False
            except OSError as error:
                raise Closed from error
            while sent:
                first = self._left[0]
                if sent < len(first):
                    self._left[0] = first[sent:]
                    break
                sent -= len(first)
                del self._left[0]
        return True


class _Incoming:
    """A frame on its way in; lengths are checked before a byte of what they promise is kept."""

    def __init__(self, channel: socket.socket) -> None:
        self.header = b""
        self.payload = bytearray()
        self._channel = channel
        self._buffer = bytearray()
        self._header_end = 0
        self._end = 0  # of the frame; 0 until the prefix is there

    def advance(self) -> bool:
        """Reads what is there now; True when the frame is complete."""
        while True:
            try:
                data = self._channel.recv(max(min(self._end - len(self._buffer), _CHUNK), 1 << 14))
            except BlockingIOError:
                return False
            except OSError as error:
                raise Closed from error
            if not data:
                raise Closed
            self._buffer += data
            if self._complete():
                return True

    def _complete(self) -> bool:
        if not self._end and len(self._buffer) >= wire.PREFIX.size:
            self._read_prefix()
        if not self._end or len(self._buffer) < self._end:
            return False
        if len(self._buffer) > self._end:
            raise ProtocolViolation("The process wrote more than an answer.")
        self.header = bytes(self._buffer[wire.PREFIX.size : self._header_end])
        del self._buffer[: self._header_end]
        self.payload = self._buffer
        return True

    def _read_prefix(self) -> None:
        magic, header, payload = wire.PREFIX.unpack_from(self._buffer)
        if magic != wire.MAGIC or not 0 < header <= wire.MAX_HEADER:
            raise ProtocolViolation("The process wrote something that is not an answer.")
        if payload > wire.MAX_PAYLOAD:
            raise ProtocolViolation("The process announced an answer of impossible size.")
        self._header_end = wire.PREFIX.size + header
        self._end = self._header_end + payload


class _Output:
    """The beginning of a stream, and how much more there was."""

    def __init__(self, kept: int) -> None:
        self._limit = kept
        self._data = bytearray()
        self._dropped = 0

    def add(self, data: bytes) -> None:
        room = max(self._limit - len(self._data), 0)
        self._data += data[:room]
        self._dropped += max(len(data) - room, 0)

    def take(self) -> str:
        text = clean(self._data.decode("utf-8", "replace"), self._limit)
        if self._dropped:
            text += f"\n... ({self._dropped} more bytes were printed)"
        self._data, self._dropped = bytearray(), 0
        return text


def amount(size: int) -> str:
    """Bytes for a reader: "2 GB", "64 MB"."""
    for unit, scale in (("GB", 1 << 30), ("MB", 1 << 20), ("kB", 1 << 10)):
        if size >= scale:
            return f"{size / scale:.3g} {unit}"
    return f"{size} bytes"


def seconds(value: float) -> str:
    """Seconds for a reader: "10 s", "0.5 s"."""
    return f"{value:.3g} s"
