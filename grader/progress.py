"""How far a run is, for whoever shows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from grader.results import CheckResult


@dataclass(frozen=True)
class Progress:
    """How far a run is: `current` is about to run or has just given `latest`."""

    done: int
    total: int
    current: str
    latest: CheckResult | None


Listener = Callable[[Progress], None]


class Counting:
    """Hears of every result, and passes on how far the run is."""

    def __init__(self, total: int, progress: Listener | None) -> None:
        self._done, self._total, self._progress = 0, total, progress

    def __call__(self, result: CheckResult) -> None:
        self._done += 1
        if self._progress is not None:
            self._progress(Progress(self._done, self._total, result.id, result))

    def tell(self, current: str) -> None:
        """What is being done within a check."""
        if self._progress is not None:
            self._progress(Progress(self._done, self._total, current, None))
