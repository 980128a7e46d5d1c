"""Calling a layer of a subject: inputs in, named outputs back, the cache left where it is."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from checks import mending
from checks.declare import Layer
from checks.probes.bundles import bundled
from grader.compare import describe, expect_array, unpack
from grader.errors import CallError, ProtocolViolation
from grader.values import Array, ArrayValue, Handle, ScalarValue, SequenceValue, Value

if TYPE_CHECKING:
    from grader.sandbox.client import Argument
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
    """The outputs for each set of inputs, from one round trip.

    A single set takes a plain call, whose errors are worded better.
    """
    if len(many) > 1:
        return right_outputs(subject, layer, many)
    outputs, cache = apply_forward(subject, layer, many[0])
    subject.release(cache)
    return [outputs]


Point = tuple[Mapping[str, Array], Sequence[Array], Mapping[str, Array] | None]
"""Inputs, upstream gradients, and inputs of another forward pass in between, if there is one."""


def apply_backward_many(subject: Subject, layer: Layer, many: Sequence[Point]) -> list[dict[str, Value]]:
    """The gradients for each point, forward and backward in turn.

    Many points take one round trip; a single one takes two plain calls, whose errors are worded better.
    """
    if len(many) == 1:
        return [apply_backward(subject, layer, *many[0])]
    if subject.mender is not None:
        return mending.gradients(subject, layer, [(inputs, upstream) for inputs, upstream, _ in many])
    return _gradients(subject, layer, many)


def right_outputs(
    subject: Subject, layer: Layer, many: Sequence[Mapping[str, Array]]
) -> list[dict[str, Value]]:
    """The outputs by a call whose answer the reference remembers: no cache is kept."""
    module = function(subject, layer, layer.forward).target.module
    inputs = bundled([list(arrays.values()) for arrays in many])
    with told_of("outputs", layer.forward):
        values = subject.probe("layers", "outputs", module, layer.forward, inputs)
    return [
        dict(zip(layer.outputs, unpack(value, [*layer.outputs, "cache"], layer.forward), strict=False))
        for value in items_of(values, len(many))
    ]


def right_gradients(
    reference: Subject, layer: Layer, many: Sequence[tuple[Mapping[str, Array], Sequence[Array]]]
) -> list[dict[str, Value]]:
    """The reference's gradients, by calls whose answers it remembers."""
    return _gradients(reference, layer, [(*pair, None) for pair in many])


def _gradients(subject: Subject, layer: Layer, many: Sequence[Point]) -> list[dict[str, Value]]:
    points = [
        [list(inputs.values()), list(upstream), list((between or {}).values())]
        for inputs, upstream, between in many
    ]
    values, names = probed(subject, layer, "gradients", bundled(points)), list(layer.gradients)
    return [
        dict(zip(names, unpack(value, names, layer.backward), strict=True))
        for value in items_of(values, len(many))
    ]


def probed(subject: Subject, layer: Layer, probe: str, *args: Argument) -> Value:
    """What one of `checks.probes.layers` gives for a layer; what goes wrong in it is told of the layer's functions."""
    module = function(subject, layer, layer.forward).target.module
    with told_of(probe, f"{layer.forward} or {layer.backward}"):
        return subject.probe("layers", probe, module, layer.forward, layer.backward, *args)


@contextlib.contextmanager
def told_of(probe: str, functions: str) -> Iterator[None]:
    """Errors in a probe name what it called instead."""
    try:
        yield
    except CallError as error:
        error.message = re.sub(rf"\b{probe}\b", functions, error.message, count=1)
        raise


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
    found = contracted(layer, value, upstream, sizes)
    if isinstance(value, SequenceValue):
        subject.release(value.items[-1])
    return found


def contracted(layer: Layer, value: Value, upstream: Sequence[Array], sizes: Mapping[str, int]) -> float:
    """The sum over forward's outputs of <upstream, output>; form is judged here."""
    outputs = unpack(value, [*layer.outputs, "cache"], layer.forward)[:-1]
    total = 0.0
    for (name, item), weights in zip(zip(layer.outputs, outputs, strict=True), upstream, strict=True):
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
    after = probed(subject, layer, "left", bundled([list(inputs.values()), list(upstream)]))
    return dict(zip(names, items_of(after, len(names)), strict=True))


def trusted(value: Value) -> Array:
    """An array or a scalar from the reference, which needs no inspection."""
    if isinstance(value, ArrayValue):
        return value.data
    assert isinstance(value, ScalarValue), value
    return np.asarray(value.data)


def float32(array: Array) -> Array:
    """Floating-point arrays in single precision, others as they are."""
    return array.astype(np.float32, copy=False) if array.dtype.kind == "f" else array


def float64(array: Array) -> Array:
    """Floating-point arrays in double precision, others as they are."""
    return array.astype(np.float64, copy=False) if array.dtype.kind == "f" else array
