"""How far a value may be off, by what it is: each tolerance with its reason."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, replace
from functools import cache
from types import MappingProxyType

import numpy as np

from grader.values import Array

_TINY = float(np.finfo(np.float64).tiny)


@dataclass(frozen=True)
class Tolerance:
    """Allowed: `relative * (|expected| + scale / 10)`, where scale is the largest |expected| of the array.

    The second term is what rounding of a sum leaves behind: it is relative to the terms, not to the result.
    """

    relative: float
    reason: str

    def allowance(self, expected: Array) -> Array:
        """How far each element may be off, in the units of `expected`."""
        magnitude = np.abs(expected)
        scale = float(magnitude.max(initial=0.0))
        return np.asarray(self.relative * (magnitude + scale / 10) + _TINY)


TOLERANCES: Mapping[str, Tolerance] = {
    "value": Tolerance(
        2e-5, "float64 inputs; a float32 buffer on the way (a finding of its own) stays inside"
    ),
    "gradient": Tolerance(2e-5, "as for values: the reference's gradient has no step-size error"),
    "precision": Tolerance(1e-9, "float64 in, float64 out: orders of summation differ by about 1e-14"),
    "float32": Tolerance(5e-4, "float32 inputs: correct solutions agree to 5e-6, after long sums to 1e-4"),
    "example": Tolerance(1e-6, "the handout prints eight decimals"),
    "numerical": Tolerance(1e-7, "joint directions with a step ladder: no false alarm at 1e-8 in 100 runs"),
    "element": Tolerance(1e-4, "one central difference at h = 1e-5 has an error of about 1e-6"),
}


_factors: ContextVar[Mapping[str, float]] = ContextVar("_factors", default=MappingProxyType({}))


def tolerance_of(name: str) -> Tolerance:
    """The tolerance of this name, with the factor that the rubric of the running session gives it."""
    return _scaled(name, _factors.get().get(name, 1.0))


@cache
def _scaled(name: str, factor: float) -> Tolerance:
    tolerance = TOLERANCES[name]
    return replace(tolerance, relative=tolerance.relative * factor)


@contextlib.contextmanager
def tolerance_factors(factors: Mapping[str, float]) -> Iterator[None]:
    """Widens or narrows tolerances by name for a while: the rubric's [tolerances]."""
    token = _factors.set(factors)
    try:
        yield
    finally:
        _factors.reset(token)
