"""Running a layer forward and backward many times."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any


def outputs(module: str, forward: str, many: Sequence[Sequence[Any]]) -> list[Any]:
    """What forward returns, but for its cache, for each set of inputs."""
    layer = getattr(importlib.import_module(module), forward)
    return [list(layer(*inputs))[:-1] for inputs in many]


def gradients(
    module: str,
    forward: str,
    backward: str,
    points: Sequence[tuple[Sequence[Any], Sequence[Any], Sequence[Any]]],
) -> list[Any]:
    """What backward returns for each pair of inputs and upstream gradients, right after its forward pass.

    The third of a point: inputs of another forward pass in between; none if it is empty.
    """
    layers = importlib.import_module(module)
    found = []
    for inputs, upstream, between in points:
        cache = getattr(layers, forward)(*inputs)[-1]
        if between:
            getattr(layers, forward)(*between)
        found.append(getattr(layers, backward)(*upstream, cache))
    return found


def slopes(
    module: str, forward: str, backward: str, points: Sequence[tuple[Sequence[Any], Sequence[Any], Sequence[Any]]],
    offsets: Sequence[float],
) -> list[Any]:  # fmt: skip
    """The gradients as above, and what forward returns (but for its cache) at each offset along a direction.

    The third of a point: a direction for each input, or None for one that stays where it is.
    """
    layers = importlib.import_module(module)
    found = []
    for inputs, upstream, directions in points:
        moved = [
            [a.copy() if u is None else a + t * u for a, u in zip(inputs, directions, strict=True)]
            for t in offsets
        ]
        cache = getattr(layers, forward)(*inputs)[-1]
        given = getattr(layers, backward)(*upstream, cache)
        found.append([given, [list(getattr(layers, forward)(*there))[:-1] for there in moved]])
    return found


def left(
    module: str, forward: str, backward: str, inputs: Sequence[Any], upstream: Sequence[Any]
) -> list[Any]:
    """What the inputs and the upstream gradients hold after a forward and a backward pass on them."""
    layers = importlib.import_module(module)
    cache = getattr(layers, forward)(*inputs)[-1]
    getattr(layers, backward)(*upstream, cache)
    return [*inputs, *upstream]
