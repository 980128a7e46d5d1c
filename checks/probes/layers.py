"""Running a layer forward and backward many times, on arrays that come as bundles."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any

from checks.probes.bundles import Bundle, opened


def outputs(module: str, forward: str, many: Bundle) -> list[Any]:
    """What forward returns for each set of inputs, with nothing in the place of its cache."""
    layer = getattr(importlib.import_module(module), forward)
    return [_without_cache(layer(*inputs)) for inputs in opened(many)]


def gradients(module: str, forward: str, backward: str, points: Bundle) -> list[Any]:
    """What backward returns for each pair of inputs and upstream gradients, right after its forward pass.

    The third of a point: inputs of another forward pass in between; none if it is empty.
    """
    layers = importlib.import_module(module)
    found = []
    for inputs, upstream, between in opened(points):
        cache = getattr(layers, forward)(*inputs)[-1]
        if between:
            getattr(layers, forward)(*between)
        found.append(getattr(layers, backward)(*upstream, cache))
    return found


def slopes(
    module: str, forward: str, backward: str, points: Bundle, offsets: Sequence[float]
) -> list[Any]:  # fmt: skip
    """The gradients as above, and what forward returns at each offset along a direction.

    The third of a point: a direction for each input, or None for one that stays where it is.
    """
    layers = importlib.import_module(module)
    found = []
    for inputs, upstream, directions in opened(points):
        moved = [
            [a.copy() if u is None else a + t * u for a, u in zip(inputs, directions, strict=True)]
            for t in offsets
        ]
        cache = getattr(layers, forward)(*inputs)[-1]
        given = getattr(layers, backward)(*upstream, cache)
        found.append([given, [_without_cache(getattr(layers, forward)(*there)) for there in moved]])
    return found


def left(module: str, forward: str, backward: str, point: Bundle) -> list[Any]:
    """What the inputs and the upstream gradients hold after a forward and a backward pass on them."""
    layers = importlib.import_module(module)
    inputs, upstream = opened(point)
    cache = getattr(layers, forward)(*inputs)[-1]
    getattr(layers, backward)(*upstream, cache)
    return [*inputs, *upstream]


def _without_cache(result: Any) -> Any:
    return [*result[:-1], None] if isinstance(result, tuple | list) else result
