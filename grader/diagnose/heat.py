"""A small map of where an array is wrong, for the report."""

from __future__ import annotations

import numpy as np

from grader.diagnose.evidence import Evidence
from grader.results import MOST_CELLS, HeatMap
from grader.values import Array


def heat_map(e: Evidence) -> tuple[HeatMap, ...]:
    """The share of wrong elements over the two axes that tell most; none when every element is wrong, or few are there.

    Larger arrays are pooled to at most `MOST_CELLS` rows and columns.
    """
    if e.wrong.ndim < 2 or e.wrong.size < 4 or e.wrong.all() or not e.wrong.any():
        return ()
    rows, columns = _telling(e.wrong)
    others = tuple(i for i in range(e.wrong.ndim) if i not in (rows, columns))
    share = _pooled(_pooled(e.wrong.mean(others), 0), 1)
    return (
        HeatMap(
            title=f"Where `{e.name}` is wrong",
            rows=_label(e, rows),
            columns=_label(e, columns),
            shape=(e.wrong.shape[rows], e.wrong.shape[columns]),
            cells=tuple(tuple(round(float(cell), 4) for cell in row) for row in share),
        ),
    )


def _telling(wrong: Array) -> tuple[int, int]:
    """The two axes along which the share of wrong elements differs most, in their order."""
    spread = {}
    for axis in range(wrong.ndim):
        share = wrong.mean(tuple(i for i in range(wrong.ndim) if i != axis))
        spread[axis] = float(np.ptp(share))
    first, second = sorted(sorted(spread, key=lambda axis: -spread[axis])[:2])
    return first, second


def _pooled(array: Array, axis: int) -> Array:
    pieces = np.array_split(array, min(MOST_CELLS, array.shape[axis]), axis)
    return np.stack([piece.mean(axis) for piece in pieces], axis)


def _label(e: Evidence, axis: int) -> str:
    words = {"T": "time step", "N": "batch"}
    name = e.dim(axis)
    return f"axis {axis}" + (f" ({words.get(name, name)})" if name else "")
