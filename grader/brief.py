"""Whether anybody will read why a check fails: a repetition that only asks whether it passes need not look closer."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar

_brief: ContextVar[bool] = ContextVar("_brief", default=False)


def is_brief() -> bool:
    """Nobody will read it: the first thing that is wrong is enough, and needs no explanation."""
    return _brief.get()


@contextlib.contextmanager
def briefly() -> Iterator[None]:
    """Meanwhile nobody reads it."""
    token = _brief.set(True)
    try:
        yield
    finally:
        _brief.reset(token)
