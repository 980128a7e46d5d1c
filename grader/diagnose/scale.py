"""Sentences about all elements at once: constant, scaled, shifted, put through a function, rounded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import combinations, permutations

import numpy as np

from grader.diagnose.evidence import Evidence, number
from grader.values import Array

SHARP = 1e-10  # relative: no chance agreement of two single numbers
SINGLE = 2e-6  # relative: what float32 on the way leaves behind
PLAIN = {
    "2": 2.0,
    "4": 4.0,
    "10": 10.0,
    "(ln 2)": float(np.log(2)),
}  # factors that need no size to be guessed


def zeros(e: Evidence) -> str:
    """All zeros."""
    if e.actual.size > 1 and not e.actual.any():
        autograd = e.name.startswith("gradient of ")
        why = "does the output depend on it?" if autograd else "is it filled before it is returned?"
        return f"{e.subject} is all zeros: {why}"
    return ""


def single(e: Evidence) -> str:
    """Right up to the precision of float32."""
    scale = float(np.abs(e.expected).max(initial=0.0))
    greatest = float(np.abs(e.actual - e.expected).max(initial=0.0))
    if e.actual.size > 1 and 0 < greatest <= SINGLE * scale:
        return (
            f"{e.subject} is right up to float32 (relative difference {number(greatest / scale)}): "
            "an array on the way is float32."
        )
    return ""


def constant(e: Evidence) -> str:
    """One number everywhere."""
    first = e.actual.flat[0]
    if e.actual.size > 2 and np.all(e.actual == first) and np.ptp(e.expected) > 0:
        return f"{e.subject} is {number(first)} everywhere."
    return ""


def factor(e: Evidence) -> str:
    """The right numbers times one factor; of a single number only when the factor means something."""
    found = e.multiple(e.actual, e.expected, min(2, e.expected.size - 1))
    if found is None or abs(found - 1) < 10 * e.close:
        return ""
    guess = _guess(found, e.axes, e.close)
    if abs(found + 1) < 10 * e.close:
        return f"{e.subject} has the wrong sign{' everywhere' if e.expected.size > 1 else ''}."
    several = int((e.expected != 0).sum()) > 1
    array = "array" if e.expected.ndim else "value"
    return f"{e.subject} is {number(found)} times the expected {array}{guess}." if guess or several else ""


def _guess(found: float, axes: Mapping[str, int], close: float) -> str:
    """What the factor may be by its formula, the simplest kind that fits: " (T is 4 here)"."""
    for known in _sizes({k: v for k, v in axes.items() if v > 1}):
        hits = [text for text, value in known.items() if abs(abs(found) - value) < 10 * close * value]
        if hits and known.keys() & PLAIN.keys():
            return f" ({hits[0]})"
        if hits:
            return f" ({' or '.join(hits[:3])} is {number(abs(found))} here)"
    return ""


def _sizes(axes: Mapping[str, int]) -> Iterator[dict[str, float]]:
    """Formulas and their values: sizes, their roots and inverses; plain numbers; products, ratios, one less."""
    one = {axis: float(size) for axis, size in axes.items()}
    one |= {f"sqrt({axis})": size**0.5 for axis, size in axes.items()}
    yield one | {f"1/{text}": 1 / value for text, value in one.items()}
    yield {**PLAIN, **{f"1/{text}": 1 / value for text, value in PLAIN.items()}}
    pairs = list(combinations(axes, 2))
    two = {f"{a}*{b}": float(axes[a] * axes[b]) for a, b in pairs} | {f"2{a}": 2.0 * axes[a] for a in axes}
    two |= {f"{a}^2": float(axes[a]) ** 2 for a in axes}
    yield two | {f"1/({text})": 1 / value for text, value in two.items()}
    less = {f"({a}-1)/{a}": 1 - 1 / axes[a] for a in axes}
    less |= {f"{a}/({a}-1)": axes[a] / (axes[a] - 1) for a in axes}
    yield less | {f"{a}/{b}": axes[a] / axes[b] for a, b in permutations(axes, 2)}


def offset(e: Evidence) -> str:
    """Off by one number everywhere; of a single number only when the difference means something, to the last digits."""
    if e.expected.size == 1:
        off = float((e.actual - e.expected).flat[0])
        guess = _guess(off, e.axes, SHARP) if e.axes else ""
        return f"{e.subject} is off by {number(off)}{guess}: is a term missing or added?" if guess else ""
    difference, alike = e.actual - e.expected, np.ptp(e.expected) == 0
    first = difference.flat[0]
    if e.expected.size > 1 + alike and e.equal(difference, np.full_like(difference, first)):
        return f"{e.subject} is off by the same {number(first)} everywhere: is a term missing or added?"
    return ""


def _softplus(x: Array) -> Array:
    return np.asarray(np.logaddexp(0, x))


FUNCTIONS: Mapping[str, Callable[[Array], Array]] = {
    "tanh": np.tanh,
    "exp": np.exp,
    "log": np.log,
    "the absolute value": np.abs,
    "the square": np.square,
    "the square root": np.sqrt,
    "the sigmoid": lambda x: 0.5 * (1 + np.tanh(x / 2)),
    "ReLU": lambda x: np.maximum(x, 0),
    "1 - x": lambda x: 1 - x,
    "1 / x": lambda x: 1 / x,
    "log(1 + exp(x))": _softplus,
    "rounding to integers": np.round,
    "cutting to integers": np.trunc,
    "float16": lambda x: x.astype(np.float16).astype(np.float64),
}


@np.errstate(all="ignore")
def function(e: Evidence) -> str:
    """A function applied once too often, or not at all."""
    if e.expected.size > 1 and np.ptp(e.expected) == 0:
        return ""
    for text, apply in FUNCTIONS.items():
        if _revealing(e, apply(e.expected), e.actual):
            return f"{e.subject} is what the right values become by {text}: is it applied once too often?"
        if _revealing(e, apply(e.actual), e.expected):
            return f"{e.subject} becomes right by {text}: is that step missing?"
    return ""


def _revealing(e: Evidence, made: Array, wanted: Array) -> bool:
    """The function gives what is wanted, and more than one or two numbers of it."""
    different = np.unique(np.round(wanted, 9)).size
    exact = bool(np.all(np.abs(made - wanted) <= 1e-9 * np.abs(wanted).max(initial=0.0)))
    return e.equal(made, wanted) and (
        different > 2 or (e.expected.size == 1 and exact and bool(wanted.any()))
    )


def clipped(e: Evidence) -> str:
    """Numbers beyond a bound on either side are that bound; the others are right."""
    low, high = float(e.actual.min()), float(e.actual.max())
    above, below = e.wrong & (e.expected > high), e.wrong & (e.expected < low)
    if low != -high or not high or not above.any() or not below.any() or e.wrong.sum() < 3 or e.wrong.all():
        return ""
    if (
        np.all(above | below == e.wrong)
        and np.all(e.actual[above] == high)
        and np.all(e.actual[below] == low)
    ):
        return (
            f"{e.subject} is clipped to the range from {number(low)} to {number(high)}: only the "
            f"{int(e.wrong.sum())} elements that belong outside it are wrong."
        )
    return ""


def cut(e: Evidence) -> str:
    """Numbers beyond a bound are that bound; the others are right."""
    low, high = float(e.actual.min()), float(e.actual.max())
    if e.wrong.sum() < 2 or e.wrong.all() or not np.isfinite([low, high]).all():
        return ""
    for bound, side, hit in ((high, "above", e.expected > high), (low, "below", e.expected < low)):
        if np.all(e.actual[e.wrong] == bound) and np.all(hit[e.wrong]):
            return (
                f"{e.subject} is cut off at {number(bound)}: only the {int(e.wrong.sum())} elements "
                f"that belong {side} it are wrong."
            )
    return ""
