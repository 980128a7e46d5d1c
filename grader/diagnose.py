"""What a wrong array looks like: one sentence, and only where the numbers support it.

Each pattern is a small function of (actual, expected); the first that holds speaks. None of them is a proof of
the cause, so a sentence says what was found before it says what that usually means.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from grader.values import Array

CLOSE = 1e-6  # relative to the array's scale: "equal" for the purpose of a sentence


def pattern(actual: Array, expected: Array, name: str, axes: Mapping[str, int]) -> str:
    """The first pattern that holds, as a sentence; empty if none does."""
    for find in _PATTERNS:
        sentence = find(actual, expected, name, axes)
        if sentence:
            return sentence
    return ""


def _equal(a: Array, b: Array) -> bool:
    if a.shape != b.shape:
        return False
    scale = float(np.abs(b).max(initial=0.0)) or 1.0
    return bool(np.all(np.abs(a - b) <= CLOSE * scale))


def _zeros(actual: Array, expected: Array, name: str, axes: Mapping[str, int]) -> str:
    if actual.size > 1 and not actual.any():
        return f"`{name}` is all zeros: is it filled before it is returned?"
    return ""


def _factor(actual: Array, expected: Array, name: str, axes: Mapping[str, int]) -> str:
    norm = float((expected * expected).sum())
    if norm == 0:
        return ""
    factor = float((actual * expected).sum()) / norm
    if factor == 0 or not _equal(actual, factor * expected):
        return ""
    if abs(factor + 1) < CLOSE:
        return f"`{name}` has the wrong sign everywhere."
    return f"`{name}` is {factor:.6g} times the expected array{_guess(factor, axes)}."


def _guess(factor: float, axes: Mapping[str, int]) -> str:
    candidates: list[tuple[str, float]] = []
    for axis, size in axes.items():
        if size > 1:
            candidates += [(axis, size), (f"1/{axis}", 1 / size), (f"sqrt({axis})", size**0.5)]
            candidates += [(f"1/sqrt({axis})", size**-0.5)]
    hits = [text for text, value in candidates if abs(abs(factor) - value) < CLOSE * value]
    return f" ({' or '.join(hits)} is {abs(factor):.6g} here)" if hits else ""


def _transposed(actual: Array, expected: Array, name: str, axes: Mapping[str, int]) -> str:
    if expected.ndim >= 2 and _equal(actual, np.swapaxes(expected, -1, -2)):
        return f"`{name}` is the transpose of what it should be."
    if expected.ndim == 2 and _equal(actual, expected.T.reshape(expected.shape)):
        return (
            f"`{name}` holds the right numbers with the axes swapped: a reshape where a transpose is needed."
        )
    return ""


def _steps(actual: Array, expected: Array, name: str, axes: Mapping[str, int]) -> str:
    """Arrays over (N, T, ...): which time steps, or which rows of the batch, are right."""
    steps = axes.get("T", 0)
    if expected.ndim != 3 or expected.shape[1] != steps or steps < 2:
        return ""
    right = [_equal(actual[:, t], expected[:, t]) for t in range(steps)]
    if right[0] and not any(right[1:]):
        return f"Only the first time step of `{name}` is right: what goes from one step to the next is lost or wrong."
    if right[-1] and not any(right[:-1]):
        return f"Only the last time step of `{name}` is right: what comes from later steps is lost or wrong."
    if _equal(actual[:, ::-1], expected):
        return f"`{name}` is in reversed order of time."
    if _equal(actual[:, 1:], expected[:, :-1]) or _equal(actual[:, :-1], expected[:, 1:]):
        return f"`{name}` is shifted by one time step."
    return ""


def _rows(actual: Array, expected: Array, name: str, axes: Mapping[str, int]) -> str:
    if expected.ndim < 2 or expected.shape[0] < 2:
        return ""
    right = [_equal(actual[n], expected[n]) for n in range(expected.shape[0])]
    if right[0] and not any(right[1:]):
        return f"Only the first row of `{name}` is right: does an index or a `break` stop after it?"
    return ""


def _offset(actual: Array, expected: Array, name: str, axes: Mapping[str, int]) -> str:
    difference = actual - expected
    if expected.size > 1 and _equal(difference, np.full_like(difference, difference.flat[0])):
        return f"`{name}` is off by the same {difference.flat[0]:.6g} everywhere: is a term missing or added?"
    return ""


_PATTERNS: tuple[Callable[[Array, Array, str, Mapping[str, int]], str], ...] = (
    _zeros,
    _factor,
    _transposed,
    _steps,
    _rows,
    _offset,
)
