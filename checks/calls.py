"""Calling a layer of a subject: inputs in, named outputs back, the cache left where it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from checks import mending
from checks.declare import Layer
from grader.compare import describe, expect_array, unpack
from grader.errors import ProtocolViolation
from grader.values import Array, ArrayValue, Handle, ScalarValue, SequenceValue, Value

if TYPE_CHECKING:
    from grader.subject import Callee, Subject


def function(subject: Subject, layer: Layer, name: str) -> Callee:
    """`subject.<module>.<name>`."""
    callee: Callee = getattr(getattr(subject, layer.module), name)
    return callee


def forward_returns(layer: Layer) -> str:
    """What forward returns, with the cache staying in the worker."""
    return ", ".join([*layer.outputs, "cache*"])


def upstream_names(layer: Layer) -> tuple[str, ...]:
    """The names of backward's first arguments: "dnext_h"."""
    return tuple(f"d{name}" for name in layer.outputs)


def apply_forward(
    subject: Subject, layer: Layer, inputs: Mapping[str, Array]
) -> tuple[dict[str, Value], Value]:
    """The outputs by name, and the cache. Raises `Failed` when the number of returned values is wrong."""
    value = function(subject, layer, layer.forward)(*inputs.values(), returns=forward_returns(layer))
    items = unpack(value, [*layer.outputs, "cache"], layer.forward)
    return dict(zip(layer.outputs, items, strict=False)), items[-1]


def apply_backward(
    subject: Subject,
    layer: Layer,
    inputs: Mapping[str, Array],
    upstream: Sequence[Array],
    between: Mapping[str, Array] | None = None,
) -> dict[str, Value]:
    """The gradients by name, from a fresh forward pass (a cache is used once: some backward passes consume it).

    `between` are inputs of another forward pass, made after the one whose cache is used.
    """
    if subject.mender is not None:
        return mending.gradients(subject, layer, [(inputs, upstream)])[0]
    _, cache = apply_forward(subject, layer, inputs)
    if between is not None:
        subject.release(apply_forward(subject, layer, between)[1])
    value = function(subject, layer, layer.backward)(
        *upstream, argument(cache), returns=", ".join(layer.gradients)
    )
    subject.release(cache)
    items = unpack(value, list(layer.gradients), layer.backward)
    return dict(zip(layer.gradients, items, strict=True))


def apply_forward_many(
    subject: Subject, layer: Layer, many: Sequence[Mapping[str, Array]]
) -> list[dict[str, Value]]:
    """The outputs for each set of inputs, from one round trip."""
    callee = function(subject, layer, layer.forward)
    values = callee.batch([list(inputs.values()) for inputs in many], returns=forward_returns(layer))
    found = []
    for value in values:
        items = unpack(value, [*layer.outputs, "cache"], layer.forward)
        subject.release(items[-1])
        found.append(dict(zip(layer.outputs, items, strict=False)))
    return found


def apply_backward_many(
    subject: Subject, layer: Layer, many: Sequence[tuple[Mapping[str, Array], Sequence[Array]]]
) -> list[dict[str, Value]]:
    """The gradients for each pair of inputs and upstream gradients, forward and backward in turn.

    Many pairs take one round trip; a single pair takes two plain calls, whose errors are worded better.
    """
    if len(many) == 1:
        return [apply_backward(subject, layer, *many[0])]
    if subject.mender is not None:
        return mending.gradients(subject, layer, many)
    module = function(subject, layer, layer.forward).target.module
    points = [[list(inputs.values()), list(upstream)] for inputs, upstream in many]
    values = subject.probe("layers", "gradients", module, layer.forward, layer.backward, points)
    names = list(layer.gradients)
    return [
        dict(zip(names, unpack(value, names, layer.backward), strict=True))
        for value in items_of(values, len(many))
    ]


def items_of(values: Value, count: int | None = None) -> tuple[Value, ...]:
    """The items, this many, of a list that one of our own probes returned.

    Raises `ProtocolViolation` for what no probe gives: something in the submission meddles.
    """
    if not isinstance(values, SequenceValue) or count not in (None, len(values.items)):
        raise ProtocolViolation(
            f"The process gave {describe(values)} where a list was due.",
            "Does the code replace parts of Python?",
        )
    return values.items


def argument(value: Value) -> Handle | Array | None:
    """A returned value as an argument of the next call."""
    if isinstance(value, Handle):
        return value
    if isinstance(value, ArrayValue):
        return value.data
    return None


def outputs_of_many(
    subject: Subject, layer: Layer, many: Sequence[Mapping[str, Array]], sizes: Mapping[str, int]
) -> list[list[Array]]:
    """The outputs as arrays, in order, for each set of inputs."""
    return [
        [
            expect_array(value, layer.shape(name, sizes), name=name, function=layer.forward)
            for name, value in outputs.items()
        ]
        for outputs in apply_forward_many(subject, layer, many)
    ]


def loss_of(
    subject: Subject,
    layer: Layer,
    inputs: Mapping[str, Array],
    upstream: Sequence[Array],
    sizes: Mapping[str, int],
) -> Callable[[Sequence[Mapping[str, Array]]], Array]:
    """F(inputs) = sum over the outputs of <upstream, output>, evaluated for many inputs in one frame."""
    callee = function(subject, layer, layer.forward)

    def evaluate(points: Sequence[Mapping[str, Array]]) -> Array:
        values = callee.batch([list(point.values()) for point in points], returns=forward_returns(layer))
        return np.array([_contract(subject, layer, value, upstream, sizes) for value in values])

    return evaluate


def _contract(
    subject: Subject, layer: Layer, value: Value, upstream: Sequence[Array], sizes: Mapping[str, int]
) -> float:
    items = unpack(value, [*layer.outputs, "cache"], layer.forward)
    subject.release(items[-1])
    total = 0.0
    for (name, item), weights in zip(zip(layer.outputs, items, strict=False), upstream, strict=True):
        out = expect_array(item, layer.shape(name, sizes), name=name, function=layer.forward)
        total += float((out * weights).sum())
    return total


def arrays_after_backward(
    subject: Subject, layer: Layer, inputs: Mapping[str, Array], upstream: Sequence[Array]
) -> dict[str, Value]:
    """What the inputs and the upstream gradients hold after a forward and a backward pass on the same arrays."""
    names = [*inputs, *upstream_names(layer)]
    if subject.mender is not None:
        ((_, arrays),) = mending.run(subject, layer, [(inputs, upstream)])
        return dict(zip(names, items_of(arrays, len(names)), strict=True))
    kept = subject.probe(
        "arrays", "keep", *inputs.values(), *upstream, returns=", ".join(f"{n}*" for n in names)
    )
    handles = [argument(item) for item in unpack(kept, names, "keep")]
    forward, backward = (function(subject, layer, name) for name in (layer.forward, layer.backward))
    value = forward(*handles[: len(inputs)], returns=forward_returns(layer))
    cache = unpack(value, [*layer.outputs, "cache"], layer.forward)[-1]
    backward(*handles[len(inputs) :], argument(cache), returns=", ".join(layer.gradients))
    after = subject.probe("arrays", "read", *handles)
    items = items_of(after, len(names))
    subject.release(cache, *(h for h in handles if isinstance(h, Handle)))
    return dict(zip(names, items, strict=True))


def trusted(value: Value) -> Array:
    """An array or a scalar from the reference, which needs no inspection."""
    if isinstance(value, ArrayValue):
        return value.data
    assert isinstance(value, ScalarValue), value
    return np.asarray(value.data)


def float32(array: Array) -> Array:
    """Floating-point arrays in single precision, others as they are."""
    return array.astype(np.float32) if array.dtype.kind == "f" else array


def float64(array: Array) -> Array:
    """Floating-point arrays in double precision, others as they are."""
    return array.astype(np.float64) if array.dtype.kind == "f" else array
