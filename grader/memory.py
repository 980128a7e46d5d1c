"""Memory that was freed, given back: the C library keeps what it may need again, some 25 kB for each submission."""

from __future__ import annotations

import ctypes
import sys
from functools import cache
from typing import Any


def give_back() -> None:
    """Returns what the heap holds unused to the system, where the C library can do so (glibc): a millisecond or two."""
    trim = _trim()
    if trim is not None:
        trim(0)


@cache
def _trim() -> Any:
    return getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
