"""The trusted decoder against anything that the other side may write."""

from __future__ import annotations

import os
import socket
import struct
import threading
import time

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grader.errors import CallError, ProtocolViolation
from grader.sandbox import wire
from grader.sandbox.channel import Process
from grader.sandbox.pack import Packer, Unpacker
from grader.sandbox.streams import Closed
from grader.sandbox.watch import Allowance

ALLOWED = Allowance("f", wall=0.4, cpu=5, memory_bytes=1 << 40, output_bytes=1 << 20)


def decode(header: bytes, payload: bytes):
    """What the grader does with an answer. Anything but a value is `ProtocolViolation` or a decoding error."""
    answer = wire.decode_answer(header)
    unpacker = Unpacker(1)
    unpacker.load(bytearray(payload))
    if isinstance(answer, wire.Done):
        values = unpacker.values(answer.values) + unpacker.values(answer.echoed)
        unpacker.finish()
        return values
    return answer


REFUSALS = (ProtocolViolation, msgspec.MsgspecError, RecursionError, ValueError)

odd = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8),
    st.sampled_from(["a", "p", "f", "s", "m", "h", "float64", "object", "V8", "nan", -1, 2**53, 2**63, 10**400, 1e308]),
)  # fmt: skip
json_values = st.recursive(
    odd,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)
arrays = st.tuples(st.just("a"), st.sampled_from(wire.DTYPES), st.lists(odd, max_size=4), odd, odd).map(list)
nodes = st.recursive(
    arrays | st.tuples(st.sampled_from("pfch"), odd, odd).map(list) | json_values,
    lambda inner: (
        st.lists(inner, max_size=4).map(lambda items: ["s", "list", items])
        | st.dictionaries(st.text(max_size=3), inner, max_size=3).map(lambda items: ["m", items])
    ),
    max_leaves=12,
)
answers = st.fixed_dictionaries(
    {
        "type": st.sampled_from(["done", "problem", "facts", "ready"]),
        "id": odd,
        "values": st.lists(nodes, max_size=3),
    },
    optional={
        "echoed": json_values,
        "stage": odd,
        "message": odd,
        "functions": json_values,
        "layers": json_values,
    },
)


def _dump(value) -> bytes:
    import json

    return json.dumps(value).encode("utf-8", "surrogatepass")


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(answers, st.binary(max_size=64))
def test_no_header_gets_past_the_decoder(answer, payload):
    """A well-formed but senseless answer is refused, or gives only trusted values."""
    try:
        found = decode(_dump(answer), payload)
    except REFUSALS:
        return
    assert isinstance(found, (tuple, wire.Ready, wire.Problem, wire.Outline))


def valid() -> tuple[bytes, bytes]:
    packer = Packer(1)
    values = [
        packer.node(v)
        for v in (np.arange(6.0).reshape(2, 3), [1, "x", {"a": np.float32(2)}], float("nan"), 1j)
    ]
    header = wire.encode_answer(wire.Done(7, values, warnings=["w"]))
    return header, b"".join(packer.buffers)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_no_flipped_byte_gets_past_the_decoder(data):
    """A valid answer with bytes changed, cut or repeated."""
    header, payload = valid()
    raw = bytearray(header)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(raw) - 1))
        raw[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=4))
    try:
        decode(bytes(raw), payload[: data.draw(st.integers(0, len(payload)))])
    except REFUSALS:
        return


@pytest.mark.parametrize(
    "node",
    [
        ["a", "float64", [2**40, 2**40], "numpy", False],
        ["a", "float64", [2**53], "numpy", False],
        ["a", "float64", [-1], "numpy", False],
        ["a", "float64", [0, 2**45], "numpy", False],
        ["a", "float64", [1] * 9, "numpy", False],
        ["a", "object", [1], "numpy", False],
        ["a", "float64", [1], "elsewhere", False],
        ["p", 10**400],
        ["p", 2**65],
        ["c", "x", "0"],
        ["h", -1, "x"],
        ["h", 1, "x" * 20_000],
        ["z"],
    ],
    ids=str,
)
def test_known_tricks_are_refused(node):
    """Shapes that overflow, types that run code when they are made, numbers without end."""
    import json

    header = json.dumps({"type": "done", "id": 1, "values": [node]}).encode()
    with pytest.raises(REFUSALS):
        decode(header, b"12345678")


def test_deep_nesting_is_refused():
    """Thousands of brackets end neither in a crash nor in a deep value."""
    deep = '["s","list",[' * 5000 + '["p",1]' + "]]" * 5000
    with pytest.raises(REFUSALS):
        decode(b'{"type":"done","id":1,"values":[' + deep.encode() + b"]}", b"")


def test_too_many_items_are_refused():
    """A flat list of 100,000 items is more than any answer holds."""
    many = ",".join(['["p",1]'] * 5000)
    with pytest.raises(ProtocolViolation, match="too deeply or holds too many"):
        decode(b'{"type":"done","id":1,"values":[["s","list",[' + many.encode() + b"]]]}", b"")


def test_the_payload_must_be_used_up():
    """Bytes that no array claims are refused; two arrays can't claim the same bytes."""
    header, payload = valid()
    with pytest.raises(ProtocolViolation, match="bytes too many"):
        decode(header, payload + b"x")
    with pytest.raises(ProtocolViolation, match="larger than what came"):
        decode(header, payload[:-1])


def test_bools_are_normalised():
    """A byte of 7 in a bool array would be a bool that equals neither True nor False."""
    (value,) = decode(b'{"type":"done","id":1,"values":[["a","bool",[3],"numpy",false]]}', b"\x00\x07\x01")
    assert value.data.view(np.uint8).tolist() == [0, 1, 1]


def test_a_good_answer_is_understood():
    """The packer's nodes are the unpacker's values: the two sides agree."""
    array, items, nan, imaginary = decode(*valid())
    assert np.array_equal(array.data, np.arange(6.0).reshape(2, 3))
    assert items.items[2].items["a"].origin == "scalar"
    assert nan.data != nan.data
    assert imaginary.data == 1j


# What a stream may do, in miniature: the peer is a thread at the other end of a socket pair.

GOOD = b'{"type":"done","id":1,"values":[]}'


def frame(
    header: bytes,
    payload: bytes = b"",
    *,
    magic: bytes = wire.MAGIC,
    head: int | None = None,
    pay: int | None = None,
) -> bytes:
    lengths = (len(header) if head is None else head, len(payload) if pay is None else pay)
    return struct.pack("<4sIQ", magic, *lengths) + header + payload


def drip(peer: socket.socket) -> None:
    for byte in frame(GOOD, b"", head=1000):
        peer.send(bytes([byte]))
        time.sleep(0.01)
    time.sleep(1)


def flood(peer: socket.socket) -> None:
    while True:
        peer.send(frame(GOOD) * 100)


def random_flood(peer: socket.socket) -> None:
    while True:
        peer.send(os.urandom(1 << 16))


def endless_payload(peer: socket.socket) -> None:
    peer.send(frame(GOOD, pay=1 << 27))
    while True:
        peer.send(bytes(1 << 10))
        time.sleep(0.001)


def pass_descriptor(peer: socket.socket) -> None:
    read, write = os.pipe()
    socket.send_fds(peer, [frame(GOOD)], [read] * 20)
    os.close(read)
    os.close(write)


STREAMS = {
    "silence": (lambda peer: time.sleep(1), CallError),
    "early close": (lambda peer: None, Closed),
    "close in the prefix": (lambda peer: peer.send(frame(GOOD)[:7]), Closed),
    "close in the header": (lambda peer: peer.send(frame(GOOD)[:-3]), Closed),
    "close in the payload": (lambda peer: peer.send(frame(GOOD, b"x" * 10, pay=20)), Closed),
    "drip": (drip, CallError),
    "flood of frames": (flood, ProtocolViolation),
    "flood of noise": (random_flood, ProtocolViolation),
    "wrong magic": (lambda peer: peer.send(frame(GOOD, magic=b"HTTP")), ProtocolViolation),
    "empty header": (lambda peer: peer.send(frame(b"")), ProtocolViolation),
    "huge header": (lambda peer: peer.send(frame(GOOD, head=2**32 - 1)), ProtocolViolation),
    "header just too large": (
        lambda peer: peer.send(frame(GOOD, head=wire.MAX_HEADER + 1)),
        ProtocolViolation,
    ),
    "huge payload": (lambda peer: peer.send(frame(GOOD, pay=2**64 - 1)), ProtocolViolation),
    "payload just too large": (
        lambda peer: peer.send(frame(GOOD, pay=wire.MAX_PAYLOAD + 1)),
        ProtocolViolation,
    ),
    "promised payload": (
        lambda peer: (peer.send(frame(GOOD, pay=wire.MAX_PAYLOAD)), time.sleep(1)),
        CallError,
    ),
    "slow payload": (endless_payload, CallError),
    "two answers": (lambda peer: peer.send(frame(GOOD) * 2), ProtocolViolation),
    "answer and a byte": (lambda peer: peer.send(frame(GOOD) + b"x"), ProtocolViolation),
    "text": (lambda peer: peer.send(b"loss: 0.1\n" * 10), ProtocolViolation),
    "half a frame, then silence": (lambda peer: (peer.send(frame(GOOD)[:30]), time.sleep(1)), CallError),
    "descriptors": (pass_descriptor, None),
    "never reads": (lambda peer: time.sleep(1), CallError),
    "reads a little": (lambda peer: (peer.recv(10), time.sleep(1)), CallError),
}


def process_of(channel: socket.socket) -> tuple[Process, list[int]]:
    out, err = os.pipe(), os.pipe()
    return Process(os.getpid(), os.pidfd_open(os.getpid()), channel, out[0], err[0], 1000, "/nonexistent"), [
        out[1],
        err[1],
    ]


@pytest.mark.parametrize("name", STREAMS)
def test_hostile_streams_end_in_time(name):
    """Each is an error of its own or a frame, within the limit, without memory for what was only promised."""
    behave, expected = STREAMS[name]
    ours, theirs = socket.socketpair()

    def peer() -> None:
        with theirs:
            try:
                theirs.recv(1, socket.MSG_PEEK)
                behave(theirs)
            except OSError:
                pass

    thread = threading.Thread(target=peer, daemon=True)
    thread.start()
    process, ends = process_of(ours)
    start = time.monotonic()
    request = bytes(64 << 20) if "reads" in name else b"x"
    if expected is None:
        assert process.exchange([request], ALLOWED)[0] == GOOD
    else:
        with pytest.raises(expected):
            process.exchange([request], ALLOWED)
    assert time.monotonic() - start < 3
    process.close()
    for end in ends:
        os.close(end)
    thread.join(3)


def test_an_answer_before_the_question_is_refused():
    """What lies in the channel before a request was written by nobody who was asked."""
    ours, theirs = socket.socketpair()
    process, ends = process_of(ours)
    theirs.send(frame(GOOD))
    with pytest.raises(ProtocolViolation, match="without being asked"):
        process.exchange([b"x"], ALLOWED)
    process.close()
    theirs.close()
    for end in ends:
        os.close(end)


def test_descriptors_are_not_taken_in():
    """Descriptors that come with a frame are not received: they would fill the grader's table."""
    before = len(os.listdir("/proc/self/fd"))
    test_hostile_streams_end_in_time("descriptors")
    assert len(os.listdir("/proc/self/fd")) == before
