"""Sentences about the inputs: the array is one of them, a term made of them is missing, doubled or alone there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import combinations, product

import numpy as np

from grader.diagnose.evidence import Evidence, number
from grader.values import Array

MOST = 4096  # elements of an input that is tried; larger ones would make a report slow
MOST_TERMS = 400


@np.errstate(all="ignore")
def equal_to_input(e: Evidence) -> str:
    """The array is an input, or a product of two, and nothing else."""
    for text, term in _terms(e):
        c = e.multiple(e.actual, term, 2)
        if c is None or e.multiple(e.expected, term, 1) is not None:
            continue
        if abs(c - 1) < 1e-5:
            return f"{e.subject} is equal to {text}: what should be done with it is missing."
        if _plain(c):
            return f"{e.subject} is {number(c)} times {text}, and nothing else."
    return ""


def _inverse_sigmoid(x: Array) -> Array:
    return np.asarray(np.log(x / (1 - x)))


LINKS: Mapping[str, tuple[Callable[[Array], Array], float, float]] = {
    "": (lambda x: x, -np.inf, np.inf),
    " before the tanh": (np.arctanh, -0.9999, 0.9999),
    " before the exp": (np.log, 0.0, np.inf),
    " before the sigmoid": (_inverse_sigmoid, 1e-6, 1 - 1e-6),
}


@np.errstate(all="ignore")
def missing_term(e: Evidence) -> str:
    """What it is off by is a term made of the inputs, perhaps before a function was applied."""
    terms = list(_terms(e))
    for where, (link, low, high) in LINKS.items():
        if not all(np.all((v > low) & (v < high)) for v in (e.actual, e.expected)):
            continue
        difference = link(e.actual) - link(e.expected)
        if not np.isfinite(difference).all():
            continue
        for text, term in terms:
            c = e.multiple(difference, term)
            if c is not None:
                return _off_by(e, c, text, where)
    return ""


SHARES = {
    -1: "{0} is missing",
    1: "{0} is added that does not belong there, or twice",
    -2: "{0} has the wrong sign",
}


def _off_by(e: Evidence, c: float, text: str, where: str) -> str:
    for value, words in SHARES.items():
        if abs(c - value) < 1e-5:
            return f"{words.format(text)} in {e.subject}{where}: exactly that makes the difference."
    return f"{e.subject} is off by {number(c)} times {text}{where}."


POWERS = {
    1.0: "times",
    -1.0: "divided by",
    2.0: "times the square of",
    0.5: "times the root of",
    -0.5: "divided by the root of",
}


@np.errstate(all="ignore")
def missing_factor(e: Evidence) -> str:
    """The right numbers times an input, or divided by one."""
    for name, array in _fitting(e):
        if np.ptp(array) == 0:
            continue
        for power, words in POWERS.items():
            c = e.multiple(e.actual, e.expected * array**power, 2)
            if c is not None:
                also = "" if abs(c - 1) < 1e-5 else f" and times {number(c)}"
                return f"{e.subject} is the right one {words} `{name}`{also}."
    return ""


EXACT = 1e-9  # one number alone has to agree this well, as dozens of formulas are tried


def single_number(e: Evidence) -> str:
    """One number that differs from the right one by, or as, a sum, mean, length or product of the inputs."""
    if e.expected.size != 1:
        return ""
    actual, expected = float(e.actual.flat[0]), float(e.expected.flat[0])
    for text, value in _statistics(e.given):
        for words, target in _alternatives(expected, value).items():
            if expected != target and abs(actual - target) <= EXACT * abs(target):
                return f"{e.subject} {words.format(f'{text} ({number(value)} here)')}."
    return ""


def _alternatives(expected: float, value: float) -> dict[str, float]:
    """What the number would be, had `value` been put where it does not belong, or left out."""
    known = {
        "is {0}": value,
        "is half of {0}": value / 2,
        "is the right one times {0}": expected * value,
        "is the right one divided by {0}": expected / value if value else np.inf,
    }
    for times in (1.0, 0.5, 1.5, 2.0, 3.0):
        what = "{0}" if times == 1 else f"{times:g} times {{0}}"
        known |= {f"is too large by {what}": expected + times * value}
        known |= {f"is too small by {what}": expected - times * value}
    return known


def _statistics(given: Mapping[str, Array]) -> Iterator[tuple[str, float]]:
    """What may come of the inputs as one number, in words."""
    real = {k: v.astype(np.float64) for k, v in given.items() if v.dtype.kind == "f" and 0 < v.size <= MOST}
    lengths = {f"the length of `{k}`": float(np.sqrt((v * v).sum())) for k, v in real.items() if v.size > 1}
    for text, value in lengths.items():
        yield text, value
        yield f"the square of {text}", value * value
    for (a, one), (b, other) in combinations(lengths.items(), 2):
        yield f"the product of {a} and {b}", one * other
        yield f"the square of the product of {a} and {b}", (one * other) ** 2
    for k, v in real.items():
        yield f"the sum of `{k}`", float(v.sum())
        yield f"the mean of `{k}`", float(v.mean())
        yield f"the mean of `{k} ** 2`", float((v * v).mean())
        yield f"the mean of `({k} - 1) ** 2`", float(((v - 1) ** 2).mean())
    for (a, x), (b, y) in combinations(real.items(), 2):
        if x.shape == y.shape:
            yield f"the sum of `{a} * {b}`", float((x * y).sum())
            yield f"the mean of `{a} * {b}`", float((x * y).mean())


def _terms(e: Evidence) -> Iterator[tuple[str, Array]]:
    """Arrays of the shape, made of the inputs: themselves, their sums over axes, products of two."""
    count = 0
    for text, term in _all_terms(e):
        if term.size and np.ptp(term) > 0:
            count += 1
            yield text, term
        if count >= MOST_TERMS:
            return


def _all_terms(e: Evidence) -> Iterator[tuple[str, Array]]:
    shape = e.expected.shape
    if not shape or e.expected.size > MOST:
        return
    fitting = dict(_fitting(e))
    for name, array in fitting.items():
        yield f"`{name}`", array
    arrays = {
        k: v.astype(np.float64) for k, v in e.given.items() if v.dtype.kind in "fiub" and 0 < v.size <= MOST
    }
    for name, array in arrays.items():
        if array.ndim == len(shape) and array.shape == shape[::-1] and shape != shape[::-1]:
            yield f"`{name}` transposed", array.T
        for axes, total in _sums(array):
            if total.shape == shape:
                yield f"`{name}` summed over {axes}", total
    yield from _products(arrays, shape)
    for (a, x), (b, y) in product(fitting.items(), repeat=2):
        if a < b:
            yield f"`{a} * {b}`", x * y
    for a, x in fitting.items():
        yield f"`{a} ** 2`", x * x


def _sums(array: Array) -> Iterator[tuple[str, Array]]:
    if array.ndim > 1:
        yield "axis 0", array.sum(0)
        yield "the last axis", array.sum(-1)
    if array.ndim > 2:
        yield "axis 1", array.sum(1)
        yield "axes 0 and 1", array.sum((0, 1))


def _products(arrays: Mapping[str, Array], shape: tuple[int, ...]) -> Iterator[tuple[str, Array]]:
    for (a, x), (b, y) in product(arrays.items(), repeat=2):
        if x.ndim < 2 or y.ndim != 2:
            continue
        ways = {f"`{a} @ {b}`": (x, y), f"`{a} @ {b}.T`": (x, y.T)}
        if x.ndim == 2:
            ways[f"`{a}.T @ {b}`"] = (x.T, y)
        for text, (left, right) in ways.items():
            if left.shape[-1] == right.shape[0] and (*left.shape[:-1], right.shape[1]) == shape:
                yield text, left @ right


def _fitting(e: Evidence) -> Iterator[tuple[str, Array]]:
    """The inputs that broadcast to the shape, by trailing axes or by leading ones."""
    shape = e.expected.shape
    for name, array in e.given.items():
        if (
            array.dtype.kind not in "fiub"
            or array.size < 2
            or array.ndim > len(shape)
            or e.expected.size > MOST
        ):
            continue
        for view in (array, array.reshape(*array.shape, *[1] * (len(shape) - array.ndim))):
            try:
                yield name, np.broadcast_to(view, shape).astype(np.float64)
                break
            except ValueError:
                continue


def _plain(c: float) -> bool:
    return any(abs(abs(c) - value) < 1e-5 for value in (0.5, 1, 2))
