"""The frames between grader and worker: a 16-byte prefix, a JSON header, then raw array bytes. Never pickle.

    prefix  = magic (4 bytes), length of the header (u32), length of the payload (u64), little endian
    header  = one `Request` or `Answer` as JSON
    payload = the bytes of every array of the header, in the order in which they are met, nothing between them

Arrays name no offset, so no two of them can claim the same bytes and a small payload can't grow when it is
decoded. The limits below are what the grader accepts; a worker that keeps to them is never refused.
"""

from __future__ import annotations

import struct
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

MAGIC = b"gmk1"
PREFIX = struct.Struct("<4sIQ")

MAX_HEADER = 256 << 10  # bytes
MAX_PAYLOAD = 256 << 20  # bytes: the largest model of the assignment has 24.6 M float32 parameters (98 MB)
MAX_DEPTH = 8  # lists in lists
MAX_NODES = 4096  # values in one header
MAX_DIMENSIONS = 8
MAX_TEXT = 16 << 10  # characters of one string

DTYPES = (
    "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
    "float16", "float32", "float64", "complex64", "complex128",
)  # fmt: skip

Origin = Literal["numpy", "torch", "scalar"]
Small = Annotated[int, Meta(ge=0, le=1 << 53)]
Text = Annotated[str, Meta(max_length=MAX_TEXT)]


class ArrayNode(msgspec.Struct, tag="a", array_like=True):
    """An array; its bytes are the next ones of the payload."""

    dtype: Annotated[str, Meta(max_length=16)]
    shape: Annotated[list[Small], Meta(max_length=MAX_DIMENSIONS)]
    origin: Origin = "numpy"
    requires_grad: bool = False


class PlainNode(msgspec.Struct, tag="p", array_like=True):
    """None, a bool, an int of 64 bits, a finite float, or a string."""

    value: bool | int | float | Text | None


class FloatNode(msgspec.Struct, tag="f", array_like=True):
    """A float that JSON can't write."""

    text: Literal["nan", "inf", "-inf"]


class ComplexNode(msgspec.Struct, tag="c", array_like=True):
    """A Python complex number, its parts as text (they may be NaN or infinite)."""

    real: Annotated[str, Meta(max_length=32)]
    imag: Annotated[str, Meta(max_length=32)]


class SequenceNode(msgspec.Struct, tag="s", array_like=True):
    """A list or tuple."""

    kind: Literal["list", "tuple"]
    items: list[Node]


class MappingNode(msgspec.Struct, tag="m", array_like=True):
    """A dict, its keys as text."""

    items: dict[str, Node]


class HandleNode(msgspec.Struct, tag="h", array_like=True):
    """An object that stays in the worker."""

    id: Small
    kind: Text = ""


Node = ArrayNode | PlainNode | FloatNode | ComplexNode | SequenceNode | MappingNode | HandleNode


class Arguments(msgspec.Struct, array_like=True):
    """The arguments of one evaluation."""

    positional: list[Node]
    named: dict[str, Node]


class CallRequest(msgspec.Struct, tag="call"):
    """Call `name` of a module, of an object behind a handle, or of a probe, once per item of `many`."""

    id: int
    kind: Literal["function", "method", "probe"]
    module: str
    name: str
    handle: int
    many: list[Arguments]
    returns: str = ""
    seed: int | None = None
    echo: bool = False
    release: list[int] = []
    watch: list[str] = []  # functions whose calls are to be noted
    told: bool = False  # by torch instead of the interpreter


class OutlineRequest(msgspec.Struct, tag="outline"):
    """Describe the functions of a module's source file."""

    id: int
    module: str


Request = CallRequest | OutlineRequest


class Facts(msgspec.Struct, array_like=True):
    """What the source of one function or method shows."""

    line: Small
    last: Small
    parameters: list[Text]
    untouched: bool


class Ready(msgspec.Struct, tag="ready"):
    """First frame of a worker: it is locked down and waits. `layers` names what was applied."""

    layers: list[Text] = []


class Seen(msgspec.Struct, array_like=True):
    """A call of a function that was watched for."""

    name: Text
    line: Small  # where the nearest function of the submission made it
    chain: Annotated[
        list[Text], Meta(max_length=16)
    ]  # that function and those that called it: "module:qualname"


class Done(msgspec.Struct, tag="done"):
    """The values of the calls, then (with echo) the arguments as the last call left them."""

    id: Small
    values: list[Node]
    echoed: list[Node] = []
    warnings: list[Text] = []
    seen: Annotated[list[Seen], Meta(max_length=64)] = []


class Outline(msgspec.Struct, tag="facts"):
    """Answer to an `OutlineRequest`: qualname -> facts, in the order of the file."""

    id: Small
    functions: dict[str, Facts]


Stage = Literal["start", "import", "name", "signature", "call", "memory", "limit", "result"]
Limit = Literal["", "disk", "files", "file size", "open files", "threads", "processes", "network"]


class Problem(msgspec.Struct, tag="problem"):
    """No value: what was raised and where, in words and facts that the worker collected."""

    id: Small
    stage: Stage
    kind: Text = ""  # class of the exception
    message: Text = ""
    where: Text = ""  # qualname of the innermost function of the student
    frames: Text = ""  # traceback, the student's frames only
    hint: Text = ""
    file: Text = ""  # relative to the submission's folder
    line: Small = 0
    missing: Text = ""  # a package that is not installed
    limit: Limit = ""  # or rule that was met, at the stage "limit"


Answer = Ready | Done | Outline | Problem

encode_request = msgspec.json.Encoder().encode
encode_answer = msgspec.json.Encoder().encode
decode_request = msgspec.json.Decoder(Request).decode
decode_answer = msgspec.json.Decoder(Answer).decode


def prefix(header: bytes, payload_length: int) -> bytes:
    """The 16 bytes that go before a header."""
    return PREFIX.pack(MAGIC, len(header), payload_length)
