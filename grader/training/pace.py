"""How long a whole run would take: found out with a step of one caption and one of three, before anything is trained.

Code that computes single elements in Python takes half a minute for what an array operation does in milliseconds. It
is right all the same, and is trained with a smaller model; the bars of that one see the same mistakes.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

FEW, MORE = 1, 3  # captions


@runtime_checkable
class Tried(Protocol):
    """A run of which a single step can be tried."""

    @property
    def steps(self) -> int:
        """How many steps it may take."""

    @property
    def batch(self) -> int:
        """How many captions a step takes."""

    @property
    def cpu_seconds(self) -> float:
        """CPU time of the student's worker so far."""

    def attempt(self, count: int) -> None:
        """Computes a step with so many captions, without taking it."""


def expected(run: Tried, seconds: float) -> float:
    """The CPU time of all steps of a run; where it is below `seconds`, an upper bound of it.

    A step takes a constant time and some for each caption. The first trial gives their sum, so at most that much for
    each caption. Only where this leaves it open a second trial tells the two apart.
    """
    first = _cost(run, FEW)
    most = first * run.batch * run.steps
    if most <= seconds or first * run.steps > seconds:
        return most
    each = (_cost(run, MORE) - first) / (MORE - FEW)
    return (first + max(each, 0.0) * (run.batch - FEW)) * run.steps


def _cost(run: Tried, count: int) -> float:
    before = run.cpu_seconds
    run.attempt(count)
    return run.cpu_seconds - before
