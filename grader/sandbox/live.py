"""The worker's side of values: live objects to nodes and bytes, and back. Runs beside student code.

Objects are taken by their bytes alone: no `__array__`, `__eq__`, `__repr__` or pickling hook is asked. The
functions used here are bound when the warm parent imports this file, so that replacing `numpy.asarray` later
does not change what is sent (no defence: student code shares this process; the grader trusts nothing).
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

import numpy as np

from grader.sandbox import wire

_asarray, _ascontiguous = np.asarray, np.ascontiguousarray
_ndarray, _generic, _uint8 = np.ndarray, np.generic, np.uint8
_tobytes = np.ndarray.tobytes
_modules = sys.modules
_name_of_class = type.__dict__["__name__"].__get__  # a metaclass may define `__name__` to be anything
_dtypes = {name: np.dtype(name) for name in wire.DTYPES}
_names = {dtype: name for name, dtype in _dtypes.items()}  # dtype.name is computed anew at each use
_SMALL = 1 << 16  # bytes: arrays up to here are copied sooner than looked at

TEXT_BUDGET = 96 << 10  # characters of all strings of one answer together


class Objects:
    """The objects that stay in the worker, by number."""

    def __init__(self) -> None:
        self._objects: dict[int, Any] = {}
        self._next = 1

    def keep(self, thing: Any, kind: str = "") -> wire.HandleNode:
        """Keeps `thing` and gives the node that stands for it."""
        number, self._next = self._next, self._next + 1
        self._objects[number] = thing
        return wire.HandleNode(number, kind or type_name(thing))

    def get(self, number: int) -> Any:
        return self._objects[number]

    def release(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            self._objects.pop(number, None)


class Reviver:
    """Makes the arguments of a call: every array is a fresh, writable, C-contiguous copy."""

    def __init__(self, payload: memoryview, objects: Objects) -> None:
        self._payload = payload
        self._offset = 0
        self._objects = objects

    def object(self, node: wire.Node) -> Any:
        """The live object of a node."""
        match node:
            case wire.ArrayNode():
                return self._array(node)
            case wire.PlainNode():
                return node.value
            case wire.SequenceNode():
                items = [self.object(item) for item in node.items]
                return items if node.kind == "list" else tuple(items)
            case wire.MappingNode():
                return {key: self.object(item) for key, item in node.items.items()}
            case wire.HandleNode():
                return self._objects.get(node.id)
            case wire.FloatNode():
                return float(node.text)
            case wire.ComplexNode():
                return complex(float(node.real), float(node.imag))

    def _array(self, node: wire.ArrayNode) -> Any:
        array = _ndarray(tuple(node.shape), _dtypes[node.dtype], self._payload, self._offset).copy()
        self._offset += array.nbytes
        if node.origin == "scalar":
            return array[()]
        return _tensor(array, node.requires_grad) if node.origin == "torch" else array


def _tensor(array: Any, requires_grad: bool) -> Any:
    import torch

    return torch.from_numpy(array).requires_grad_(requires_grad)


class Describer:
    """Turns what a call returned into nodes; `buffers` holds the bytes of the arrays in order.

    What is not plain data, too large, too deep or too much stays in the worker behind a handle. `last`: the answer
    goes out before student code runs again, so that a copy of the bytes is as good as a look at them later: what one
    call of many returned must not change with the next.
    """

    def __init__(self, objects: Objects, last: bool = False) -> None:
        self._most_copied = _SMALL if last else 0
        self.buffers: list[bytes | memoryview] = []
        self.length = 0
        self._objects = objects
        self._count = 0
        self._text = 0

    def node(self, thing: Any, depth: int = 0) -> wire.Node:
        kind = type(thing)
        if thing is None or kind is bool or kind is float or kind is complex or kind is int or kind is str:
            return self._plain(thing, kind)
        if isinstance(thing, (_ndarray, _generic)):
            return self._array(thing, "numpy" if isinstance(thing, _ndarray) else "scalar", thing)
        if isinstance(thing, (list, tuple, dict)):
            return self._container(thing, depth)
        torch = _modules.get("torch")
        if torch is not None and isinstance(thing, torch.Tensor):
            return self._tensor(torch, thing)
        return self._objects.keep(thing)

    def _plain(self, thing: Any, kind: type) -> wire.Node:
        if kind is str:
            return self._string(thing)
        if kind is int and not -(1 << 63) <= thing < 1 << 63:
            return self._objects.keep(thing, "int of more than 64 bits")
        if kind is complex:
            return wire.ComplexNode(repr(thing.real), repr(thing.imag))
        if kind is float and not abs(thing) < float("inf"):
            return wire.FloatNode("nan" if thing != thing else "inf" if thing > 0 else "-inf")
        return wire.PlainNode(thing)

    def _string(self, thing: str) -> wire.Node:
        self._text += len(thing)
        if len(thing) > wire.MAX_TEXT or self._text > TEXT_BUDGET:
            return self._objects.keep(thing, f"str of {len(thing)} characters")
        return wire.PlainNode(thing.encode("utf-8", "replace").decode("utf-8"))

    def _array(self, thing: Any, origin: wire.Origin, owner: Any, requires_grad: bool = False) -> wire.Node:
        array = _asarray(thing)
        name = _names.get(array.dtype) or array.dtype.name
        if name not in wire.DTYPES or array.ndim > wire.MAX_DIMENSIONS:
            kind = f"{type_name(owner)} of {array.dtype.name[:40]}, {array.ndim} dimensions"
            return self._objects.keep(owner, kind)
        # Before anything is made contiguous: a broadcast view of one number can claim any size.
        if array.nbytes + self.length > wire.MAX_PAYLOAD or max(array.shape, default=0) > 1 << 40:
            return self._objects.keep(owner, f"{type_name(owner)} of {array.nbytes} bytes")
        shape = list(array.shape)
        if (
            array.size
            and array.nbytes <= self._most_copied
            and array.dtype in _names
            and type(array) is _ndarray
        ):
            self.buffers.append(_tobytes(array))
            self.length += array.nbytes
        elif array.size:
            native = _ascontiguous(array, dtype=name)
            self.buffers.append(memoryview(native.reshape(-1).view(_uint8).data))
            self.length += array.nbytes
        return wire.ArrayNode(name, shape, origin, requires_grad)

    def _tensor(self, torch: Any, thing: Any) -> wire.Node:
        if thing.layout is not torch.strided or thing.is_quantized or thing.device.type == "meta":
            return self._objects.keep(thing, f"{type_name(thing)} ({thing.layout}, {thing.device.type})")
        if thing.dtype is torch.bfloat16 or str(thing.dtype).removeprefix("torch.") not in wire.DTYPES:
            return self._objects.keep(thing, f"{type_name(thing)} of {thing.dtype}")
        plain = torch.Tensor.detach(thing).cpu().resolve_conj().resolve_neg()
        return self._array(plain.numpy(), "torch", thing, bool(thing.requires_grad))

    def _container(self, thing: Any, depth: int) -> wire.Node:
        if depth >= wire.MAX_DEPTH or self._count + len(thing) > wire.MAX_NODES:
            return self._objects.keep(thing, f"{type_name(thing)} of {len(thing)} items")
        self._count += len(thing)  # reserved before descending, so that later siblings still fit
        if isinstance(thing, dict):
            items = dict.items(thing)
            return wire.MappingNode({self._key(key): self.node(item, depth + 1) for key, item in items})
        if isinstance(thing, list):
            return wire.SequenceNode("list", [self.node(item, depth + 1) for item in list.__iter__(thing)])
        return wire.SequenceNode("tuple", [self.node(item, depth + 1) for item in tuple.__iter__(thing)])

    def _key(self, key: Any) -> str:
        text = str(key) if type(key) in (str, int, bool, float) else type_name(key)
        self._text += len(text)
        return text[:200].encode("utf-8", "replace").decode("utf-8")


def type_name(thing: Any) -> str:
    """The name of an object's class, bounded."""
    return str.__getitem__(_name_of_class(type(thing)), slice(80))
