"""A short run of the fuzzer, and that what it reports can be trusted. `make fuzz` sends a million frames."""

from __future__ import annotations

import os
import socket

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.errors import ProtocolViolation
from grader.sandbox import pack, wire
from grader.sandbox.streams import Closed, Incoming
from tests.fuzz.wire import exchange, fuzz

GOOD = b'{"type":"done","id":7,"values":[]}'


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_hostile_frames_end_as_declared(seed: int) -> None:
    """Whatever a frame holds, it is understood or refused, and no descriptor is left open."""
    before = len(os.listdir("/proc/self/fd"))
    ends = fuzz(250, seed)
    assert sum(ends.values()) == 250
    assert len(os.listdir("/proc/self/fd")) == before


def test_the_fuzzer_reaches_every_part() -> None:
    """A run has frames of each ending: understood, refused by the parser and by us, cut off, silent."""
    ends = fuzz(4000, 5)
    assert {"decoder: understood", "decoder: ValidationError", "decoder: DecodeError", "decoder: ProtocolViolation",
            "channel: Closed", "channel: understood", "channel: LimitExceeded"} <= set(ends)  # fmt: skip


def test_the_fuzzer_finds_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the check of an array's size against its bytes, a frame raises what nobody declared."""

    def careless(raw: memoryview, dtype: object, shape: list[int]) -> object:
        return [0] * (1 // shape[0]) if shape else None

    monkeypatch.setattr(pack, "_copy", careless)
    with pytest.raises(ZeroDivisionError):
        fuzz(4000, 5)


@settings(max_examples=150, deadline=None)
@given(
    st.binary(max_size=80) | st.just(wire.prefix(GOOD, 0) + GOOD), st.lists(st.integers(1, 90), max_size=6)
)
def test_any_pieces_of_any_bytes_are_taken_or_refused(data: bytes, cuts: list[int]) -> None:
    """Bytes in whatever pieces: a whole frame, a refusal, or waiting for more; never another exception."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        incoming, at, done = Incoming(ours), 0, False
        try:
            for cut in [*cuts, len(data)]:
                if data[at : at + cut]:
                    theirs.send(data[at : at + cut])
                at += cut
                done = done or incoming.advance()
        except (ProtocolViolation, Closed):
            return
        assert not done or incoming.header == GOOD


def test_silence_ends_at_the_deadline() -> None:
    """A peer that keeps its end open and writes half a frame, or nothing, is stopped."""
    assert exchange(wire.prefix(GOOD, 0) + GOOD[:-1], silent=True) == "LimitExceeded"
    assert exchange(b"", silent=True) == "LimitExceeded"
    assert exchange(wire.prefix(GOOD, 0) + GOOD, silent=True) == "understood"
