"""Arrays that live in the worker across calls, to see what student code does to them."""

from __future__ import annotations

from typing import Any


def keep(*arrays: Any) -> tuple[Any, ...]:
    """The arrays themselves, to be kept as handles by the caller's `returns`."""
    return arrays


def read(*arrays: Any) -> tuple[Any, ...]:
    """What the arrays hold now."""
    return arrays
