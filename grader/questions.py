"""What a call into the reference is, in few bytes that are the same on every machine.

A call is known by its target, its arguments and what it depends on: an object that lives in the worker is known by the
call that made it and by those that it took part in since, and what was done for its effect is known by its order.
Numbers are rounded first, since two machines may differ in the last digit of a logarithm.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from grader.sandbox import wire
from grader.sandbox.pack import Argument, Packer
from grader.sandbox.targets import Method, Reply, Target
from grader.values import Array, Handle, MappingValue, ScalarValue, SequenceValue, Value

BITS_DOUBLE, BITS_SINGLE = 30, 14  # of a number that count: far from what rounding changes
Identity = tuple[int, int]  # of an object in a worker: the worker's generation, the object's number


class Questions:
    """The keys of the calls of one check after another."""

    def __init__(self) -> None:
        self._effects = b""
        self._objects: dict[Identity, bytes] = {}

    def begin(self) -> None:
        """Another check begins: what was called before is no concern of it."""
        self._effects = b""
        self._objects.clear()

    @property
    def effects(self) -> bytes:
        """What was called for its effect so far."""
        return self._effects

    @effects.setter
    def effects(self, before: bytes) -> None:
        self._effects = before

    def key(
        self, target: Target, args: Sequence[Argument], kwargs: Mapping[str, Argument], more: Sequence[Any]
    ) -> bytes:
        """The key of a call that is about to be made."""
        packer = _Rounded(self._objects)
        nodes = [[packer.node(value) for value in args], {k: packer.node(v) for k, v in kwargs.items()}]
        made = self._objects.get(_identity(target.handle), b"") if isinstance(target, Method) else b""
        place = made.hex() if isinstance(target, Method) else target.module
        head = msgspec.json.encode([type(target).__name__, place, target.name, *more])
        return _digest(self._effects, head, msgspec.json.encode(nodes), *packer.buffers)

    def answered(
        self,
        key: bytes,
        target: Target,
        args: Sequence[Argument],
        kwargs: Mapping[str, Argument],
        reply: Reply,
    ) -> None:
        """The call was made: its objects are others now, and it may have been made for its effect."""
        values = (reply.value, *reply.echoed)
        used = [handle for value in (*args, *kwargs.values()) for handle in _handles(value)]
        used += [target.handle] if isinstance(target, Method) else []
        for handle in used:
            self._objects[_identity(handle)] = _digest(self._objects.get(_identity(handle), b""), key)
        for number, handle in enumerate(handle for value in values for handle in _handles(value)):
            self._objects[_identity(handle)] = _digest(key, b"%d" % number)
        if not used and all(value == ScalarValue(None) for value in values):
            self._effects = key


class _Rounded(Packer):
    """Arguments with rounded numbers, and with objects as what made them."""

    def __init__(self, objects: Mapping[Identity, bytes]) -> None:
        super().__init__(0)
        self._objects = objects

    def node(self, value: Argument) -> wire.Node:
        """The node of one argument."""
        if isinstance(value, float) and not isinstance(value, np.generic):
            value = float(rounded(np.array(value)))
        return super().node(value)

    def _array(self, array: Array, origin: wire.Origin, requires_grad: bool = False) -> wire.Node:
        return super()._array(rounded(array), origin, requires_grad)

    def _handle(self, handle: Handle) -> wire.Node:
        return wire.PlainNode(f"object {self._objects.get(_identity(handle), b'').hex()}")


def rounded(array: Array) -> Array:
    """The array with as many binary digits as two machines agree upon; integers as they are."""
    if array.dtype.kind == "c":
        made: Array = rounded(array.real) + 1j * rounded(array.imag)
        return made.astype(array.dtype)
    if array.dtype.kind != "f":
        return array
    bits = BITS_DOUBLE if array.dtype.itemsize >= 8 else BITS_SINGLE
    with np.errstate(all="ignore"):
        mantissa, exponent = np.frexp(array.astype(np.float64))
        found: Array = np.ldexp(np.round(np.ldexp(mantissa, bits)), exponent - bits) + 0.0  # no -0
    return found.astype(array.dtype)


def _identity(handle: Handle) -> Identity:
    return handle.generation, handle.id


def _handles(value: Argument | Value) -> Iterator[Handle]:
    """The objects among a value and everything in it."""
    if isinstance(value, Handle):
        yield value
    elif isinstance(value, SequenceValue | list | tuple):
        for item in value.items if isinstance(value, SequenceValue) else value:
            yield from _handles(item)
    elif isinstance(value, MappingValue | Mapping):
        for item in (value.items if isinstance(value, MappingValue) else value).values():
            yield from _handles(item)


def _digest(*parts: bytes | memoryview) -> bytes:
    found = hashlib.blake2b(digest_size=16)
    for part in parts:
        found.update(len(part).to_bytes(8, "little"))
        found.update(part)
    return found.digest()
