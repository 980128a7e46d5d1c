"""A backward pass judged by itself when the forward pass that fills its cache is wrong.

The cache is the submission's own: only its forward pass knows the layout. So it runs, wrong as it is, and then the
reference's values go where its own stand (`checks.probes.mending`). What comes back is still judged by the reference.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from checks.declare import Layer
from grader.compare import unpack
from grader.errors import Failed
from grader.values import Array, ArrayValue, Handle, MappingValue, SequenceValue, Value

if TYPE_CHECKING:
    from grader.subject import Subject


def run(
    student: Subject, layer: Layer, many: Sequence[tuple[Mapping[str, Array], Sequence[Array]]]
) -> list[tuple[Value, Value]]:
    """For each pair of inputs and upstream gradients what backward returns, and what all these arrays hold then."""
    reference = student.mender
    assert reference is not None
    points = [
        [list(inputs.values()), list(upstream), *_right(reference, layer, inputs)]
        for inputs, upstream in many
    ]
    module = getattr(getattr(student, layer.module), layer.forward).target.module
    step = layer.step.forward if layer.step is not None else ""
    how = [module, layer.forward, layer.backward, step]
    choice = _best(student, reference, layer, many[0], [*how, points[0]])
    value = student.probe("mending", "gradients", *how, points, choice)
    return [(given, arrays) for given, arrays in (_items(item, 2) for item in _items(value, len(many)))]


def _best(
    student: Subject, reference: Subject, layer: Layer, first: tuple[Mapping[str, Array], Sequence[Array]],
    how: Sequence[Any],
) -> int:  # fmt: skip
    """The choice with which the first gradients come nearest to the reference's: the layout is the submission's own."""
    inputs, upstream = first
    if layer.step is not None or len(how[-1][3]) < 4:
        return 0
    callee = getattr(getattr(reference, layer.module), layer.forward)
    *_, cache = unpack(
        callee(*inputs.values(), returns=", ".join([*layer.outputs, "cache*"])), [*layer.outputs, "cache"], ""
    )
    assert isinstance(cache, Handle)
    right = _arrays([getattr(getattr(reference, layer.module), layer.backward)(*upstream, cache)])
    reference.release(cache)
    found = student.probe("mending", "choices", *how)
    tried = found.items if isinstance(found, SequenceValue) else ()
    far = [_distance(_arrays(_items(item, 2)[:1]), right) for item in tried]
    if len(far) < 2:
        return 0
    best = 1 + int(np.argmin(far[1:]))
    return (
        best if far[best] <= 1.000001 * far[0] + 1e-9 else 0
    )  # an order holds for all points, likeness for one


def _distance(mine: Sequence[Array], right: Sequence[Array]) -> float:
    if [a.shape for a in mine] != [b.shape for b in right]:
        return float("inf")
    return float(sum(np.abs(a - b).sum() for a, b in zip(mine, right, strict=True)))


def _items(value: Value, count: int) -> tuple[Value, ...]:
    """The items of a list that our own probe returned; what no probe gives ends the attempt."""
    if not isinstance(value, SequenceValue) or len(value.items) != count:
        raise Failed("The process gave something else than a list.")
    return value.items


def gradients(
    student: Subject, layer: Layer, many: Sequence[tuple[Mapping[str, Array], Sequence[Array]]]
) -> list[dict[str, Value]]:
    """The gradients by name for each pair of inputs and upstream gradients."""
    names = list(layer.gradients)
    values = [value for value, _ in run(student, layer, many)]
    return [dict(zip(names, unpack(value, names, layer.backward), strict=True)) for value in values]


def _right(reference: Subject, layer: Layer, inputs: Mapping[str, Array]) -> list[Any]:
    """The reference's outputs, what its cache holds besides, and the arguments of each of its steps."""
    returns = ", ".join([*layer.outputs, "cache"])
    value = getattr(getattr(reference, layer.module), layer.forward)(*inputs.values(), returns=returns)
    *outputs, cache = unpack(value, [*layer.outputs, "cache"], layer.forward)
    inner, more = _inner(_arrays([cache]), list(inputs.values()))
    return [_arrays(outputs), inner, more, _steps(reference, layer, inputs)]


def _inner(held: Sequence[Array], inputs: Sequence[Array]) -> tuple[list[Array], list[Array]]:
    """What a cache holds besides the inputs, and that side by side and unsquashed: gates are kept in many ways."""
    inner = [a for a in held if a.dtype.kind == "f" and not any(np.array_equal(a, b) for b in inputs)]
    gates = [a for a in inner if a.shape == inner[0].shape][:4]
    if len(gates) < 4:
        return inner, []
    with np.errstate(all="ignore"):
        before = [*(np.log(a / (1 - a)) for a in gates[:3]), np.arctanh(gates[3])]
    return inner, [*before, np.hstack(gates), np.hstack(before)]


def _steps(reference: Subject, layer: Layer, inputs: Mapping[str, Array]) -> list[list[Array]]:
    """The arguments of each step of a sequence; a state that the sequence is not given starts from zero."""
    if layer.step is None:
        return []
    x, start, *weights = inputs.values()
    state, found = [start, *(np.zeros_like(start) for _ in list(layer.step.outputs)[1:])], []
    callee = getattr(getattr(reference, layer.module), layer.step.forward)
    for t in range(x.shape[1]):
        found.append([x[:, t].copy(), *state, *weights])
        value = callee(*found[-1], returns=", ".join([*layer.step.outputs, "cache"]))
        state = _arrays(unpack(value, [*layer.step.outputs, "cache"], layer.step.forward)[:-1])
    return found


def _arrays(values: Sequence[Value]) -> list[Array]:
    """All arrays among the values and in them."""
    found: list[Array] = []
    for value in values:
        if isinstance(value, ArrayValue):
            found.append(value.data)
        elif isinstance(value, SequenceValue):
            found += _arrays(value.items)
        elif isinstance(value, MappingValue):
            found += _arrays(tuple(value.items.values()))
    return found
