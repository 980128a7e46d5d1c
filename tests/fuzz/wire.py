"""Hostile frames against the trusted side of the wire: the decoder, and a live channel.

    python -m tests.fuzz.wire [FRAMES] [--seed N]

Each frame is an answer with something wrong: values of other kinds, impossible numbers and shapes, changed bits,
deep nesting, noise. Every twentieth goes through a channel: cut, repeated, with wrong lengths, with silence or an
early close after it. Ends with status 1 at the first exception that is not declared; prints speed, the longest
wait and the memory of this process along the way.
"""

from __future__ import annotations

import argparse
import copy
import json
import os
import random
import socket
import sys
import time
from collections import Counter
from typing import Any

import msgspec

from grader.errors import LimitExceeded, ProtocolViolation
from grader.sandbox import wire
from grader.sandbox.channel import Process
from grader.sandbox.pack import Unpacker
from grader.sandbox.streams import Closed
from grader.sandbox.watch import Allowance

REFUSALS = (
    ProtocolViolation,
    msgspec.MsgspecError,
    RecursionError,
    ValueError,
)  # as `remote.Worker` declares them
ENDS = (ProtocolViolation, LimitExceeded, Closed)
LIVE = 20  # one of so many frames goes through a channel
SILENT = 50  # one of so many of those is followed by silence, until the deadline
ALLOWED = Allowance("f", wall=0.05, cpu=1e9, memory_bytes=1 << 40, output_bytes=1 << 20)

ODD: tuple[Any, ...] = (
    None, True, -1, 0, 7, 2**31, 2**53, 2**53 + 1, 2**63, 2**64, 10**400, -(10**30), 0.5, -0.0, 1e308, float("nan"),
    float("inf"), "", "a", "float64", "object", "V8", "O", "nan", "1e400", "\x00", "\ud800", "\x1b[2J", "é" * 50,
    "x" * 20_000, [], {}, [[]], {"type": "done"}, ["p", 1], ["a", "float64", [1]], ["h", 2**53], ["s", "list", []],
)  # fmt: skip


class Maker:
    """Makes hostile frames from a seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def frame(self) -> tuple[bytes, bytes]:
        """Header and payload."""
        pick = self._random.random()
        if pick < 0.03:
            return self._random.randbytes(self._random.randrange(200)), b""
        if pick < 0.04:
            return self._deep(), b""
        answer = self._answer()
        for _ in range(self._random.randrange(3)):
            self._spoil(answer)
        header = json.dumps(answer).encode("utf-8", "surrogatepass")
        if pick < 0.4:
            header = self._flipped(header)
        return header, self._random.randbytes(self._random.choice((0, 0, 8, 48, 49, 200)))

    def stream(self, header: bytes, payload: bytes) -> bytes:
        """The bytes of a frame as a hostile process may write them."""
        lengths = [len(header), len(payload)]
        if self._random.random() < 0.3:
            lengths[self._random.randrange(2)] = self._random.choice(
                (
                    0,
                    1,
                    len(header) - 1,
                    len(header) + 1,
                    wire.MAX_HEADER,
                    wire.MAX_HEADER + 1,
                    wire.MAX_PAYLOAD,
                    2**32 - 1,
                )
            )
        magic = b"HTTP" if self._random.random() < 0.03 else wire.MAGIC
        raw = wire.PREFIX.pack(magic, max(lengths[0], 0) & 0xFFFFFFFF, max(lengths[1], 0)) + header + payload
        pick = self._random.random()
        if pick < 0.2:
            return raw[: self._random.randrange(len(raw))]
        return raw * 2 if pick < 0.25 else self._flipped(raw) if pick < 0.4 else raw

    def choice(self, among: int) -> bool:
        """True once in so many times."""
        return self._random.randrange(among) == 0

    def _answer(self) -> dict[str, Any]:
        kind = self._random.choice(("done", "done", "done", "problem", "facts", "ready"))
        answer: dict[str, Any] = {"type": kind, "id": 7}
        if kind == "done":
            answer |= {"values": [self._node(0) for _ in range(self._random.randrange(4))], "warnings": ["w"]}
            answer |= {"echoed": [self._node(0)], "seen": [["torch.tensor", 3, ["cs231n.rnn:f"]]]}
        elif kind == "problem":
            answer |= {"stage": "call", "kind": "ValueError", "message": "m", "line": 3, "frames": "f"}
        elif kind == "facts":
            answer |= {"functions": {"f": [1, 2, ["x"], False]}}
        return answer

    def _node(self, depth: int) -> Any:
        pick = self._random.randrange(9 if depth < 4 else 6)
        if pick < 3:
            shape = [
                self._random.choice((0, 1, 2, 3, 2**20, 2**40, 2**53))
                for _ in range(self._random.randrange(4))
            ]
            return [
                "a",
                self._random.choice(wire.DTYPES),
                shape,
                self._random.choice(("numpy", "torch", "scalar")),
                False,
            ]
        if pick < 6:
            return self._random.choice(
                (["p", 1.5], ["f", "nan"], ["c", "1", "nan"], ["h", 3, "dict"], ["p", "text"])
            )
        items = [self._node(depth + 1) for _ in range(self._random.randrange(4))]
        return ["m", {str(i): item for i, item in enumerate(items)}] if pick == 8 else ["s", "list", items]

    def _spoil(self, value: Any) -> None:
        """Puts something odd at a random place inside of `value`."""
        while True:
            keys = list(value) if isinstance(value, dict) else range(len(value))
            if not keys:
                return
            key = self._random.choice(keys)
            inner = value[key]
            if isinstance(inner, (dict, list)) and inner and self._random.random() < 0.7:
                value = inner
                continue
            value[key] = copy.deepcopy(self._random.choice(ODD))  # a list may be spoiled in its turn
            return

    def _flipped(self, raw: bytes) -> bytes:
        changed = bytearray(raw)
        for _ in range(self._random.randrange(1, 5)):
            at = self._random.randrange(len(changed) or 1)
            changed[at : at + self._random.randrange(3)] = self._random.randbytes(self._random.randrange(3))
        return bytes(changed)

    def _deep(self) -> bytes:
        depth = self._random.choice((9, 100, 1000, 20_000))
        return b'{"type":"done","id":7,"values":' + b'[["s","list",' * depth + b"[]" + b"]]" * depth + b"}"


def decode(header: bytes, payload: bytes) -> str:
    """What `Worker` does with an answer: how it ended. Anything but a value or a declared refusal is raised."""
    try:
        answer = wire.decode_answer(header)
        unpacker = Unpacker(1)
        unpacker.load(bytearray(payload))
        if isinstance(answer, wire.Done):
            unpacker.values(answer.values)
            unpacker.values(answer.echoed)
            unpacker.finish()
    except REFUSALS as refusal:
        return type(refusal).__name__
    return "understood"


def exchange(stream: bytes, silent: bool) -> str:
    """What a channel makes of these bytes, which are there before it looks: how it ended."""
    ours, theirs = socket.socketpair()
    out, err = os.pipe(), os.pipe()
    process = Process(os.getpid(), os.pidfd_open(os.getpid()), ours, out[0], err[0], 1000, "/nonexistent")
    try:
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)
        theirs.setblocking(False)
        if stream:
            theirs.send(stream)
        if not silent:
            theirs.close()
        header, payload = process.exchange([], ALLOWED)
        return decode(header, bytes(payload))
    except ENDS as end:
        return type(end).__name__
    finally:
        process.close()
        theirs.close()
        for fd in (out[1], err[1]):
            os.close(fd)


def fuzz(frames: int, seed: int, report: bool = False) -> Counter[str]:
    """Sends so many frames: how each ended. With `report`, prints what memory and time it takes."""
    maker, ends, longest = Maker(seed), Counter[str](), 0.0
    started = time.perf_counter()
    for number in range(frames):
        header, payload = maker.frame()
        begun = time.perf_counter()
        if number % LIVE == 0:
            silent = maker.choice(SILENT)
            ends[f"channel: {exchange(maker.stream(header, payload), silent)}"] += 1
        else:
            ends[f"decoder: {decode(header, payload)}"] += 1
        longest = max(longest, time.perf_counter() - begun)
        if report and number % max(frames // 10, 1) == max(frames // 10, 1) - 1:
            print(
                f"{number + 1:>9,} frames  {time.perf_counter() - started:6.1f} s  longest {1e3 * longest:5.1f} ms  "
                f"resident {resident() / 2**20:6.1f} MiB  descriptors {len(os.listdir('/proc/self/fd'))}",
                flush=True,
            )
    return ends


def resident() -> int:
    """Bytes of memory of this process."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def main() -> int:
    """Fuzzes and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("frames", nargs="?", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=None)
    options = parser.parse_args()
    seed = random.SystemRandom().randrange(2**32) if options.seed is None else options.seed
    print(f"seed {seed}, resident {resident() / 2**20:.1f} MiB")
    for end, count in sorted(fuzz(options.frames, seed, report=True).items()):
        print(f"{count:>9,}  {end}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
