"""Which mistakes every test run makes, and which only `make test-slow` does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from checks.mistakes import Mistake
from tests.mutants import table
from tests.mutants.parts import PARTS


def every(mistakes: Iterable[Mistake]) -> list[Any]:
    """All mistakes as parameters of a test; those beyond a cover are marked slow.

    The cover makes a mistake in every function and has every check fail, so that a check that can no longer fail, or
    a function whose mistakes cost others, is seen in minutes. The rest tells apart mistakes of one function.
    """
    needed = cover(_shown(mistakes))
    marks = {True: (), False: (pytest.mark.slow,)}
    return [pytest.param(m, id=m.id, marks=marks[m.id in needed]) for m in mistakes]


def cover(shown: Mapping[str, frozenset[str]]) -> set[str]:
    """A small choice of keys whose sets hold together what all hold: each time the one that adds most, the first of equals."""
    chosen: set[str] = set()
    left = set().union(*shown.values())
    while left:
        best = max(shown, key=lambda id: len(shown[id] & left))
        chosen.add(best)
        left -= shown[best]
    return chosen


def _shown(mistakes: Iterable[Mistake]) -> dict[str, frozenset[str]]:
    """What each mistake is the proof of: its function, the checks that it must fail, and by the tables those it does."""
    failed: dict[str, list[str]] = {}
    for part in PARTS:
        file = table.path(part)
        failed |= table.results(part, file.read_text("utf-8") if file.exists() else "")
    return {m.id: frozenset({m.function, *m.caught_by, *failed[m.id]}) for m in mistakes}
