"""Sentences about right numbers in wrong places: transposed, permuted, shifted, broadcast, summed over an axis."""

from __future__ import annotations

from itertools import permutations

import numpy as np

from grader.diagnose.evidence import SPARE, Evidence, slices
from grader.values import Array


def transposed(e: Evidence) -> str:
    """The transpose, or its numbers laid out in the wrong shape."""
    actual, expected = e.actual, e.expected
    if expected.ndim < 2 or not _various(expected):
        return ""
    if e.equal(actual, np.swapaxes(expected, -1, -2)):
        return f"{e.subject} is the transpose of what it should be."
    for order in permutations(range(expected.ndim)):
        if order == tuple(range(expected.ndim)):
            continue
        moved = expected.transpose(order).reshape(expected.shape)
        if e.equal(actual, moved):
            return f"{e.subject} holds the right numbers with the axes swapped: a reshape where a transpose is needed."
    return ""


def permuted(e: Evidence) -> str:
    """The right slices along one axis, in another order."""
    for axis in range(e.expected.ndim):
        order = _order(e, axis)
        if order is None:
            continue
        n, time = len(order), e.dim(axis) == "T"
        if order == list(range(n))[::-1] and n > 2:
            return f"{e.subject} is in reversed order {'of time' if time else _along(e, axis)}."
        shift = order[0]
        if order == [(i + shift) % n for i in range(n)] and n > 2:
            step = shift if shift <= n // 2 else shift - n
            return f"{e.subject} is shifted by {abs(step)} {_along(e, axis)}, and wraps around at the end."
        return f"{e.subject} holds the right slices in another order {_along(e, axis)}: {_shown(order)}."
    return ""


def shifted(e: Evidence) -> str:
    """Shifted by one along an axis; what falls out at one end is lost."""
    for axis in range(e.expected.ndim):
        actual, expected = np.moveaxis(e.actual, axis, 0), np.moveaxis(e.expected, axis, 0)
        if len(actual) < 3 or not _various(expected[:-1]) or not _various(expected[1:]):
            continue
        if e.equal(actual[1:], expected[:-1]) or e.equal(actual[:-1], expected[1:]):
            what = "one time step" if e.dim(axis) == "T" else f"one {_along(e, axis)}"
            return f"{e.subject} is shifted by {what}."
    return ""


def elsewhere(e: Evidence) -> str:
    """The same numbers, in other places."""
    if e.expected.size < 4 or not _various(e.expected):
        return ""
    if e.equal(np.sort(e.actual, axis=None), np.sort(e.expected, axis=None)):
        return f"{e.subject} holds the right numbers in wrong places: look at a reshape, a transpose or an index."
    return ""


def broadcast(e: Evidence) -> str:
    """The same all along an axis: a sum, a mean or one slice of what should be there, repeated."""
    for axis in range(e.expected.ndim):
        n = e.expected.shape[axis]
        first = np.take(e.actual, [0], axis)
        if n < 2 or e.actual.size < SPARE or not e.equal(e.actual, np.repeat(first, n, axis)):
            continue
        if e.equal(e.expected, np.repeat(np.take(e.expected, [0], axis), n, axis)):
            continue
        sources = {
            "the sum": e.expected.sum(axis, keepdims=True), "the mean": e.expected.mean(axis, keepdims=True),
            "the maximum": e.expected.max(axis, keepdims=True),
            **{f"slice {i}": np.take(e.expected, [i], axis) for i in (0, n - 1)},
        }  # fmt: skip
        for text, source in sources.items():
            if first.size > 1 and e.equal(first, source):
                return (
                    f"{e.subject} has {text} of the right values everywhere {_along(e, axis)}: "
                    "is it reduced too early, or broadcast?"
                )
        return (
            f"{e.subject} is the same all {_along(e, axis)}, which it should not be: "
            "is something summed, averaged or broadcast?"
        )
    return ""


def scaled_slices(e: Evidence) -> str:
    """Each slice along one axis is the right one times a factor of its own."""
    if e.expected.ndim < 2:
        return ""
    for axis in range(e.expected.ndim):
        pairs = list(zip(slices(e.actual, axis), slices(e.expected, axis), strict=True))
        factors = [e.multiple(a, b, 2) for a, b in pairs]
        known = [f for f in factors if f is not None]
        if len(known) < 2 or any(f is None and b.any() for f, (_, b) in zip(factors, pairs, strict=True)):
            continue
        return (
            f"Each slice of {e.subject} {_along(e, axis)} is the right one times a factor of its own "
            f"({min(known):.4g} to {max(known):.4g}): is it scaled or normalised along the wrong axis?"
        )
    return ""


def moved_slices(e: Evidence) -> str:
    """What it is off by does not change along an axis."""
    difference = e.actual - e.expected
    for axis in range(e.expected.ndim):
        n = e.expected.shape[axis]
        first = np.take(difference, [0], axis)
        if n < 3 or first.size < 2 or not first.any():
            continue
        if e.equal(difference, np.repeat(first, n, axis)):
            return (
                f"What {e.subject} is off by is the same all {_along(e, axis)}: a term that does not depend on it "
                "is missing or wrong."
            )
    return ""


def _along(e: Evidence, axis: int) -> str:
    name = e.dim(axis)
    words = {"T": "along time (axis {0})", "N": "along the batch (axis {0})"}
    return words.get(name, f"along axis {axis}" + (f" ({name})" if name else "")).format(axis)


def _order(e: Evidence, axis: int) -> list[int] | None:
    """For each slice of `actual` which slice of `expected` it is, if that is one-to-one and not the identity."""
    n = e.expected.shape[axis]
    if n < 2 or n > 64 or not _various(e.expected) or e.expected.size < 4:
        return None
    wanted, order = list(slices(e.expected, axis)), []
    for piece in slices(e.actual, axis):
        hits = [i for i, other in enumerate(wanted) if i not in order and e.equal(piece, other)]
        if not hits:
            return None
        order.append(hits[0])
    return order if order != sorted(order) else None


def _shown(order: list[int]) -> str:
    return ", ".join(map(str, order[:12])) + (", ..." if len(order) > 12 else "")


def _various(array: Array) -> bool:
    """At least three different numbers, so that an order means something."""
    return bool(np.unique(np.round(array, 12)).size > 2)
