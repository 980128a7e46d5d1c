"""Which mistakes every test run makes, and which only `make test-slow` does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from checks.mistakes.declare import Mistake


def every(mistakes: Iterable[Mistake]) -> list[Any]:
    """All mistakes as parameters of a test; those beyond a cover are marked slow.

    The cover holds a mistake for every function and for every check, so that a check that can no longer fail, or a
    function whose mistakes cost others, is seen in minutes. The rest tells apart mistakes of one function.
    """
    return [_parameter(mistake, needed) for mistake, needed in _needed(mistakes)]


def _needed(mistakes: Iterable[Mistake]) -> Iterator[tuple[Mistake, bool]]:
    met: set[str] = set()
    for mistake in mistakes:
        shown = {mistake.function, *mistake.caught_by}
        yield mistake, not shown <= met
        met |= shown


def _parameter(mistake: Mistake, needed: bool) -> Any:
    return pytest.param(mistake, id=mistake.id, marks=() if needed else (pytest.mark.slow,))
