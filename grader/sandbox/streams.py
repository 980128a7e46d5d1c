"""Frames and output on their way between two processes: never blocking, never larger than what has arrived."""

from __future__ import annotations

import socket
from collections.abc import Sequence

from grader.errors import ProtocolViolation
from grader.sandbox import wire
from grader.sandbox.text import clean

CHUNK = 1 << 18  # bytes read at once: about what a socket holds


class Closed(Exception):
    """The worker's end of the channel is closed."""


class Outgoing:
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


class Incoming:
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
                data = self._channel.recv(max(min(self._end - len(self._buffer), CHUNK), 1 << 14))
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


class Output:
    """The beginning of a stream, and how much more there was."""

    def __init__(self, kept: int) -> None:
        self._limit = kept
        self._data = bytearray()
        self._dropped = 0

    def add(self, data: bytes) -> None:
        """Keeps what there is room for."""
        room = max(self._limit - len(self._data), 0)
        self._data += data[:room]
        self._dropped += max(len(data) - room, 0)

    def take(self) -> str:
        """What was kept since the last time, as clean text."""
        text = clean(self._data.decode("utf-8", "replace"), self._limit)
        if self._dropped:
            text += f"\n... ({self._dropped} more bytes were printed)"
        self._data, self._dropped = bytearray(), 0
        return text
