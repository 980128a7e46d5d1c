"""The grader's side of values: arguments to nodes and bytes, a worker's nodes and bytes to trusted values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import msgspec
import numpy as np

from grader.errors import ProtocolViolation
from grader.sandbox import wire
from grader.sandbox.text import clean_line
from grader.values import Array, ArrayValue, Handle, MappingValue, ScalarValue, SequenceValue, Value


@dataclass(frozen=True, eq=False)
class Tensor:
    """An argument that arrives in the worker as a torch tensor (a leaf on the CPU)."""

    array: Array
    requires_grad: bool = False


Argument = Any
"""An array, numpy scalar, None, bool, int, float, complex, str, list, tuple or dict of them, `Handle`,
`Tensor`, or a `Value` that came back from a worker."""


_dtypes = {name: np.dtype(name) for name in wire.DTYPES}
_names = {dtype: name for name, dtype in _dtypes.items()}  # dtype.name is computed anew at each use
_SMALL = 1 << 16  # bytes: arrays up to here are copied sooner than looked at


class Packer:
    """Turns arguments into nodes; `buffers` holds the bytes of their arrays in order."""

    def __init__(self, generation: int) -> None:
        self.buffers: list[bytes | memoryview] = []
        self._generation = generation

    def node(self, value: Argument) -> wire.Node:
        """The node of one argument. Raises `TypeError` for what can't be sent."""
        kind = type(value)
        if kind is np.ndarray:
            return self._array(value, "numpy")
        if kind is str or kind is int or kind is bool or value is None:
            return wire.PlainNode(value)
        if kind is float:
            return plain_node(value)
        if kind is list:
            return wire.SequenceNode("list", [self.node(item) for item in value])
        if kind is tuple:
            return wire.SequenceNode("tuple", [self.node(item) for item in value])
        if kind is dict:
            return wire.MappingNode({str(key): self.node(item) for key, item in value.items()})
        return self._other(value)

    def _other(self, value: Argument) -> wire.Node:
        match value:
            case ArrayValue():
                return self._array(value.data, value.origin, value.requires_grad)  # type: ignore[arg-type]
            case Tensor():
                return self._array(value.array, "torch", value.requires_grad)
            case Handle():
                return self._handle(value)
            case ScalarValue():
                return self.node(value.data)
            case SequenceValue():
                return self.node(list(value.items) if value.kind == "list" else value.items)
            case MappingValue():
                return self.node(value.items)
            case np.ndarray():
                return self._array(value, "numpy")
            case np.generic():
                return self._array(np.asarray(value), "scalar")
            case bool() | int() | float() | complex() | str():
                return plain_node(value)
            case list() | tuple():
                kind = "list" if isinstance(value, list) else "tuple"
                return wire.SequenceNode(kind, [self.node(item) for item in value])  # type: ignore[arg-type]
            case Mapping():
                return wire.MappingNode({str(key): self.node(item) for key, item in value.items()})
        raise TypeError(f"a {type(value).__name__} can't be sent to a worker")

    def _array(self, array: Array, origin: wire.Origin, requires_grad: bool = False) -> wire.Node:
        name = _names.get(array.dtype)
        if name is not None and array.nbytes <= _SMALL and type(array) is np.ndarray:
            if array.size:
                self.buffers.append(array.tobytes())
            return wire.ArrayNode(name, list(array.shape), origin, requires_grad)
        name = name or array.dtype.name
        if name not in wire.DTYPES:
            raise TypeError(f"an array of {array.dtype} can't be sent to a worker")
        plain = np.ascontiguousarray(array, dtype=name).reshape(array.shape)
        if plain.size:
            self.buffers.append(plain.reshape(-1).view(np.uint8).data)
        return wire.ArrayNode(name, list(plain.shape), origin, requires_grad)

    def _handle(self, handle: Handle) -> wire.Node:
        if handle.generation != self._generation:
            raise ValueError(f"the {handle.kind or 'object'} belongs to a worker that is gone")
        return wire.HandleNode(handle.id)


class _NoHandles(Packer):
    """For arguments that mean the same in every worker."""

    def _handle(self, handle: Handle) -> wire.Node:
        raise _InWorker


class _InWorker(Exception):
    """An argument is an object of a worker."""


def packed(
    many: Sequence[tuple[Sequence[Argument], Mapping[str, Argument]]],
) -> list[bytes | memoryview] | None:
    """The arguments of some calls as bytes; None when one of them is an object that lives in a worker."""
    packer = _NoHandles(0)
    try:
        nodes = [
            (
                [packer.node(value) for value in args],
                {name: packer.node(value) for name, value in kwargs.items()},
            )
            for args, kwargs in many
        ]
    except _InWorker:
        return None
    return [msgspec.json.encode(nodes), *packer.buffers]


def plain_node(value: bool | int | float | complex | str | None) -> wire.Node:
    """The node of a Python scalar."""
    if isinstance(value, complex):
        return wire.ComplexNode(repr(value.real), repr(value.imag))
    if isinstance(value, float) and not (abs(value) < float("inf")):
        return wire.FloatNode("nan" if value != value else "inf" if value > 0 else "-inf")
    return wire.PlainNode(value)


class Unpacker:
    """Turns the nodes of an answer into trusted values; every size is checked before anything is made.

    Raises `ProtocolViolation` for whatever does not add up.
    """

    def __init__(self, generation: int) -> None:
        self._payload = memoryview(b"")
        self._offset = 0
        self._count = 0
        self._generation = generation

    def load(self, payload: bytearray) -> None:
        """Takes the payload of the answer that is to be unpacked."""
        self._payload = memoryview(payload)

    def values(self, nodes: Sequence[wire.Node]) -> tuple[Value, ...]:
        """The values of `nodes`, in order."""
        return tuple(self._value(node, 0) for node in nodes)

    def finish(self) -> None:
        """Checks that the arrays of the answer used up its payload."""
        if self._offset != len(self._payload):
            raise ProtocolViolation(f"the answer carried {len(self._payload) - self._offset} bytes too many")

    def _value(self, node: wire.Node, depth: int) -> Value:
        self._count += 1
        if depth > wire.MAX_DEPTH or self._count > wire.MAX_NODES:
            raise ProtocolViolation("the answer is nested too deeply or holds too many items")
        match node:
            case wire.ArrayNode():
                return self._array(node)
            case wire.PlainNode():
                return ScalarValue(_bounded(node.value))
            case wire.SequenceNode():
                return SequenceValue(tuple([self._value(item, depth + 1) for item in node.items]), node.kind)
            case wire.MappingNode():
                items = {_key(key): self._value(item, depth + 1) for key, item in node.items.items()}
                return MappingValue(items)
            case wire.HandleNode():
                return Handle(node.id, clean_line(node.kind, 100), self._generation)
            case wire.FloatNode():
                return ScalarValue(float(node.text))
            case wire.ComplexNode():
                return ScalarValue(_complex(node))

    def _array(self, node: wire.ArrayNode) -> ArrayValue:
        dtype = _dtypes.get(node.dtype)
        if dtype is None:
            raise ProtocolViolation("the answer holds an array of an unknown type")
        size = prod(node.shape) * dtype.itemsize
        if size > len(self._payload) - self._offset:
            raise ProtocolViolation("the answer promised an array that is larger than what came")
        if max(node.shape, default=0) > 1 << 40:  # (0, 2**50) has no bytes but numpy may still refuse it
            raise ProtocolViolation("the answer holds an array of an impossible shape")
        data = _copy(self._payload[self._offset : self._offset + size], dtype, node.shape)
        self._offset += size
        return ArrayValue(data, node.origin, node.requires_grad)


def _copy(raw: memoryview, dtype: np.dtype[Any], shape: Sequence[int]) -> Array:
    """An array in bytes of its own, which nothing can write to."""
    try:
        if dtype == np.bool_:  # a byte of 7 would be a bool that is neither True nor False
            data: Array = (np.frombuffer(raw, np.uint8) != 0).reshape(tuple(shape))
            data.flags.writeable = False
            return data
        return np.ndarray(tuple(shape), dtype, bytes(raw))
    except ValueError as error:
        raise ProtocolViolation("the answer holds an array of an impossible shape") from error


def _bounded(value: bool | int | float | str | None) -> bool | int | float | str | None:
    if isinstance(value, int) and not -(1 << 63) <= value < 1 << 64:
        raise ProtocolViolation("the answer holds an integer of more than 64 bits")
    return value


def _complex(node: wire.ComplexNode) -> complex:
    try:
        return complex(float(node.real), float(node.imag))
    except ValueError as error:
        raise ProtocolViolation("the answer holds a complex number that is none") from error


def _key(key: str) -> str:
    return clean_line(key, 200)
