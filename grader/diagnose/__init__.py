"""What a wrong array looks like: at most two sentences, and only where the numbers support them.

Each pattern is a small function of the evidence; the first that holds speaks. None of them is a proof of the cause, so
a sentence says what was found before it says what that usually means. A pattern with fitted numbers needs more
elements than it fits, or it would hold for anything.
"""

from __future__ import annotations

import numpy as np

from grader.diagnose import order, place, scale, terms
from grader.diagnose.evidence import CLOSE, Evidence, Finder
from grader.diagnose.heat import heat_map

MOST = 1 << 16  # elements of an array that is looked at: half a second

WHOLE: tuple[Finder, ...] = (
    scale.zeros, scale.single, scale.factor, order.transposed, order.permuted, order.shifted,
    terms.equal_to_input, terms.missing_term, scale.offset, scale.function, terms.missing_factor,
    terms.single_number, scale.clipped,
)  # fmt: skip
PLACED: tuple[Finder, ...] = (place.masked, place.triangle, scale.cut, place.signs)
LOOSE: tuple[Finder, ...] = (
    scale.constant, order.broadcast, order.scaled_slices, order.moved_slices, order.elsewhere,
)  # fmt: skip
INSIDE: tuple[Finder, ...] = (scale.zeros, scale.factor, scale.offset, scale.constant, terms.equal_to_input)


@np.errstate(all="ignore")
def pattern(e: Evidence) -> str:
    """One or two sentences, the likeliest pattern first; empty if none holds."""
    if e.actual.size > MOST or not np.isfinite(e.actual).all():
        return ""
    return _told(e)


def _told(e: Evidence) -> str:
    if not e.wrong.any():
        return ""
    if e.equal(e.actual, e.expected):
        return scale.single(e)
    if whole := _first(WHOLE, e):
        return whole
    where, block = place.place(e)
    if block is not None:
        inside = _first(INSIDE, e.part(block)).replace(e.subject, "it", 1)
        rest = f" There {inside}" if inside else ""
        return where + rest
    return _first((*PLACED, *LOOSE), e)


def _first(finders: tuple[Finder, ...], e: Evidence) -> str:
    return next((sentence for find in finders if (sentence := find(e))), "")


__all__ = ["CLOSE", "Evidence", "heat_map", "pattern"]
