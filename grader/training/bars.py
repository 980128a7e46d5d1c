"""The thresholds of the training checks, from `training_bars.toml`: data, with their evidence beside them."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from grader.errors import UsageError


@dataclass(frozen=True)
class Bar:
    """One threshold: `metric` has to come below or above `value`; up to `nearly` another seed is tried.

    Where not even `far` was reached at any time in the first half of the steps, the rest of them is not taken.
    """

    metric: str
    title: str
    value: float
    better: Literal["below", "above"]
    nearly: float
    typical: float  # the median of right runs, for messages
    far: float | None = None
    alone: str = ""  # what it means when this bar alone is missed

    def met(self, value: float) -> bool:
        """Whether the bar is met; NaN never meets it."""
        return value <= self.value if self.better == "below" else value >= self.value

    def near(self, value: float) -> bool:
        """Whether it is met or missed by little."""
        return value <= self.nearly if self.better == "below" else value >= self.nearly

    def hopeless(self, values: Sequence[float]) -> bool:
        """Whether none of these reaches `far`; NaN never does."""
        if self.far is None:
            return False
        return not any(value <= self.far if self.better == "below" else value >= self.far for value in values)


Bars = Mapping[str, Mapping[str, tuple[Bar, ...]]]  # profile -> check -> bars


def load(path: Path) -> Bars:
    """The bars by profile and check. Raises `UsageError`, naming the entry, for what makes no sense."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} can't be read: {error}.", "Make it anew: gradmark calibrate.") from error
    return {
        profile: {
            name: tuple(
                _bar(path, f"{profile}.{name}.{metric}", metric, entry) for metric, entry in metrics.items()
            )
            for name, metrics in checks.items()
        }
        for profile, checks in content.items()
    }


def _bar(path: Path, place: str, metric: str, entry: Any) -> Bar:
    try:
        better = entry["better"]
        numbers = [float(entry[key]) for key in ("bar", "near", "typical")]
        far = float(entry["far"]) if "far" in entry else None
        title, alone = str(entry["title"]), str(entry.get("alone", ""))
    except (TypeError, KeyError, ValueError) as error:
        raise UsageError(
            f"{path}: [{place}] lacks or has a wrong {error}.", "Run gradmark calibrate."
        ) from error
    if better not in ("below", "above") or not all(map(math.isfinite, numbers)):
        raise UsageError(f'{path}: [{place}] needs better = "below" or "above" and finite numbers.')
    bar = Bar(metric, title, numbers[0], better, numbers[1], numbers[2], far, alone)
    if far is not None and bar.near(far):
        raise UsageError(f"{path}: [{place}] far = {far} has to lie beyond near = {bar.nearly}.")
    return bar
