"""What a diagnosis may look at: two arrays of one shape, which elements are wrong, and what is known beside them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from grader.values import Array

CLOSE = 1e-6  # relative to the array's scale: "equal" for the purpose of a sentence
SPARE = 3  # elements beyond the fitted numbers that must agree, or a fit says nothing


@dataclass(frozen=True)
class Evidence:
    """`actual` and `expected` in float64; `wrong` marks elements outside the allowance.

    axes: sizes by name; dims: the name of each axis of the arrays, when known; given: inputs and upstream by name.
    """

    name: str
    actual: Array
    expected: Array
    wrong: Array
    axes: Mapping[str, int] = field(default_factory=dict)
    dims: tuple[str, ...] = ()
    given: Mapping[str, Array] = field(default_factory=dict)
    close: float = CLOSE

    @property
    def subject(self) -> str:
        """What sentences call the array."""
        return f"`{self.name}`"

    def equal(self, a: Array, b: Array) -> bool:
        """All elements agree, relative to the greatest of `b`; what is not finite agrees with nothing."""
        if a.shape != b.shape:
            return False
        scale = float(np.abs(b).max(initial=0.0)) or 1.0
        return bool(np.all(np.abs(a - b) <= self.close * scale))

    def multiple(self, a: Array, b: Array, spare: int = SPARE) -> float | None:
        """The number c with a = c b, from at least 1 + `spare` elements of `b` that are not zero; None without one."""
        scale = float(np.abs(b).max(initial=0.0))
        used = np.abs(b) > 1e-3 * scale
        if a.shape != b.shape or not np.isfinite(scale) or scale == 0 or used.sum() < 1 + spare:
            return None
        c = float((a * b).sum() / (b * b).sum())
        if not np.isfinite(c) or abs(c) * scale < 1e-300 or not self.equal(a, c * b):
            return None
        return c if np.ptp(a[used] / b[used]) <= 1e3 * self.close * abs(c) else None

    def part(self, block: tuple[slice | Array, ...]) -> Evidence:
        """The same for a block of the arrays; inputs of the whole shape are cut alike, the others are left out."""
        given = {k: v[block] for k, v in self.given.items() if v.shape == self.actual.shape}
        return replace(
            self,
            actual=self.actual[block],
            expected=self.expected[block],
            wrong=self.wrong[block],
            given=given,
        )

    def dim(self, axis: int) -> str:
        """The name of an axis; empty when it is not known."""
        if self.dims:
            return self.dims[axis]
        size, shape = self.expected.shape[axis], self.expected.shape
        if len(shape) == 3 and axis == 1 and self.axes.get("T") == size:
            return "T"
        return "N" if axis == 0 and len(shape) >= 2 and self.axes.get("N") == size else ""


Finder = Callable[[Evidence], str]


def slices(array: Array, axis: int) -> Iterator[Array]:
    """The array cut along an axis, one piece after the other."""
    return iter(np.moveaxis(array, axis, 0))


def number(value: float) -> str:
    """A number as a sentence shows it."""
    return f"{value:.6g}"
