"""Whether many results are right, seen at once: for right work this is all there is to compare.

Nothing is told here. What does not plainly agree is looked at one by one (`grader.compare.expect_close`), which knows
what to say; it decides, and this only acquits by the same tolerances.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from grader.compare import tolerance_of
from grader.values import Array, ArrayValue, ScalarValue, Value

TINY = np.finfo(np.float64).tiny

Pair = tuple[Value, Array, str]
"""A student's result, the right one, and the name of the tolerance."""


def agree(pairs: Sequence[Pair]) -> bool:
    """Whether every result is an array of real numbers of the right shape, with the right values in it."""
    found = [_numbers(value, right.shape) for value, right, _ in pairs]
    mine = [array for array in found if array is not None]
    sizes = [right.size for _, right, _ in pairs]
    if not pairs or len(mine) < len(pairs) or 0 in sizes:
        return False
    starts = np.cumsum([0, *sizes[:-1]])
    relative = np.array([tolerance_of(name).relative for _, _, name in pairs])
    with np.errstate(all="ignore"):  # a submission may return numbers whose differences overflow
        actual, expected = _flat(mine), _flat([right for _, right, _ in pairs])
        magnitude = np.abs(expected)
        scale = np.maximum.reduceat(magnitude, starts)
        allowance = np.repeat(relative, sizes) * (magnitude + np.repeat(scale, sizes) / 10) + TINY
        return bool((np.abs(actual - expected) <= allowance).all() and np.isfinite(actual).all())


def _numbers(value: Value, shape: tuple[int, ...]) -> Array | None:
    """The numbers of an array of this shape; None for what has to be looked at closely."""
    if isinstance(value, ScalarValue):
        return np.asarray(value.data) if shape == () and type(value.data) is float else None
    if not isinstance(value, ArrayValue) or value.data.shape != shape or value.data.dtype.kind not in "fiub":
        return None
    return value.data if value.origin == "numpy" or (value.origin == "scalar" and shape == ()) else None


def _flat(arrays: Sequence[Array]) -> Array:
    return np.concatenate([array.reshape(-1) for array in arrays], dtype=np.float64)
