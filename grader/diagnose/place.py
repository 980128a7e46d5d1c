"""Sentences about where an array is wrong: time steps, rows, columns, quarters, masks, triangles."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from grader.diagnose.evidence import Evidence
from grader.values import Array

QUARTERS = ("first", "second", "third", "last")
Block = tuple[slice | Array, ...]


def wrong_along(e: Evidence, axis: int) -> list[int]:
    """The positions along an axis at which anything is wrong."""
    others = tuple(i for i in range(e.wrong.ndim) if i != axis)
    return [int(i) for i in np.flatnonzero(e.wrong.any(others))]


def place(e: Evidence) -> tuple[str, Block | None]:
    """Where all that is wrong lies, as a sentence and as a block; nothing when it is everywhere."""
    for axis in _by_meaning(e):
        n, bad = e.expected.shape[axis], wrong_along(e, axis)
        if n > 1 and len(bad) < n:
            right = [i for i in range(n) if i not in bad]
            block: list[slice | Array] = [slice(None)] * e.expected.ndim
            block[axis] = np.array(bad)
            return _sentence(e, axis, bad, right, n), tuple(block)
    return "", None


def _by_meaning(e: Evidence) -> list[int]:
    """The axes that say most first: time, batch, then the last to the first."""
    axes = sorted(range(e.expected.ndim), reverse=True)
    return sorted(axes, key=lambda axis: {"T": 0, "N": 1}.get(e.dim(axis), 2))


def _sentence(e: Evidence, axis: int, bad: Sequence[int], right: Sequence[int], n: int) -> str:
    if e.dim(axis) == "T":
        if list(right) == [0]:
            return (
                f"Only the first time step of {e.subject} is right: "
                "what goes from one step to the next is lost or wrong."
            )
        if list(right) == [n - 1]:
            return f"Only the last time step of {e.subject} is right: what comes from later steps is lost or wrong."
        return f"{e.subject} is wrong at {_listed('time step', bad, n)} alone; {_rest(right, n)}."
    noun = "row" if axis == 0 else "column" if axis == e.expected.ndim - 1 else f"slice along axis {axis}"
    if list(right) == [0] and axis == 0 and n > 2:
        return f"Only the first row of {e.subject} is right: does an index or a `break` stop after it?"
    quarter = _quarter(e, axis, bad, n)
    if quarter:
        return f"{e.subject} is wrong in the {quarter} quarter of its {noun}s alone (of {n}): one gate of the four."
    return f"{e.subject} is wrong in {_listed(noun, bad, n)} alone; {_rest(right, n)}."


def _rest(right: Sequence[int], n: int) -> str:
    return "the other is right" if len(right) == 1 else f"the other {len(right)} of {n} are right"


def _quarter(e: Evidence, axis: int, bad: Sequence[int], n: int) -> str:
    if e.dim(axis) != "G" or n % 4:
        return ""
    quarters = {i // (n // 4) for i in bad}
    return QUARTERS[quarters.pop()] if len(quarters) == 1 else ""


def _listed(noun: str, bad: Sequence[int], n: int) -> str:
    if list(bad) == [0]:
        return f"the first {noun}"
    if list(bad) == [n - 1]:
        return f"the last {noun}"
    noun, along, axis = noun.partition(" along ")  # "slice along axis 1"
    if len(bad) == 1:
        return f"{noun} {bad[0]}{along}{axis}"
    if list(bad) == list(range(bad[0], bad[-1] + 1)):
        return f"{noun}s {bad[0]} to {bad[-1]}{along}{axis}"
    return f"{noun}s {', '.join(map(str, bad[:8]))}{' and more' if len(bad) > 8 else ''}{along}{axis}"


def masked(e: Evidence) -> str:
    """Wrong only where an input that is a mask is on, or off."""
    for name, mask in e.given.items():
        if mask.dtype.kind != "b" or mask.all() or not mask.any() or mask.ndim > e.wrong.ndim:
            continue
        view = mask.reshape(*mask.shape, *[1] * (e.wrong.ndim - mask.ndim))
        if view.shape[: mask.ndim] != e.wrong.shape[: mask.ndim]:
            continue
        where = np.broadcast_to(view, e.wrong.shape)
        for on, hit in (("on", where), ("off", ~where)):
            if e.wrong.sum() > 1 and not (e.wrong & ~hit).any() and _mostly(e.wrong, hit):
                return f"{e.subject} is wrong only where `{name}` is {on} ({_share(e.wrong, hit)})."
    return ""


def triangle(e: Evidence) -> str:
    """Wrong only above, below, on or off the diagonal of the last two axes."""
    if e.wrong.ndim < 2 or e.wrong.shape[-1] != e.wrong.shape[-2] or e.wrong.shape[-1] < 3 or e.wrong.all():
        return ""
    n = e.wrong.shape[-1]
    row, column = np.mgrid[:n, :n]
    for words, hit in (
        ("on the diagonal", row == column), ("above the diagonal", column > row), ("below the diagonal", column < row),
        ("off the diagonal", column != row),
    ):  # fmt: skip
        where = np.broadcast_to(hit, e.wrong.shape)
        if not (e.wrong & ~where).any() and _mostly(e.wrong, where):
            return f"{e.subject} is wrong only {words} ({_share(e.wrong, where)})."
    return ""


def signs(e: Evidence) -> str:
    """Wrong only where the right value is negative, positive or zero."""
    if e.wrong.all() or e.wrong.sum() < 3:
        return ""
    for words, hit in (("negative", e.expected < 0), ("positive", e.expected > 0), ("zero", e.expected == 0)):
        if not (e.wrong & ~hit).any() and _mostly(e.wrong, hit) and (~hit).sum() > 1:
            return f"{e.subject} is wrong only where the right value is {words} ({_share(e.wrong, hit)})."
    return ""


def _share(wrong: Array, hit: Array) -> str:
    return f"{int(wrong.sum())} of {int(hit.sum())} elements there"


def _mostly(wrong: Array, hit: Array) -> bool:
    return bool(hit.any() and wrong.sum() >= 0.8 * hit.sum())
