"""The words for a rule that student code met. Runs in the worker; the kernel enforces the rules, not this.

Refused by the kernel alone, `DataLoader(num_workers=2)` would say "Permission denied" and nothing of the reason.
"""

from __future__ import annotations

import errno
import os
from typing import Any, NoReturn

from grader.sandbox.wire import Limit


class ProcessRefused(PermissionError):
    """Code tried to start a process or another program."""

    def __init__(self) -> None:
        super().__init__(errno.EPERM, "starting a process is not allowed here")


_scratch = "."
_STARTERS = (
    "fork", "forkpty", "system", "posix_spawn", "posix_spawnp", "execv", "execve", "execvp", "execvpe", "execl",
    "execle", "execlp", "execlpe", "spawnv", "spawnve", "spawnvp", "spawnvpe", "startfile",
)  # fmt: skip


def install(scratch: str) -> None:
    """Everything in Python that starts processes raises `ProcessRefused`; files are written to `scratch`."""
    global _scratch
    _scratch = scratch
    for name in _STARTERS:
        if hasattr(os, name):
            setattr(os, name, _refuse)
    import subprocess

    subprocess.Popen._execute_child = _refuse  # type: ignore[attr-defined]
    try:
        import _multiprocessing  # type: ignore[import-not-found]
    except ImportError:
        return

    class SemLock(_multiprocessing.SemLock):  # type: ignore[misc]
        """The first thing that a pool or a loader with workers makes."""

        def __new__(cls, *_: Any, **__: Any) -> NoReturn:
            raise ProcessRefused

    _multiprocessing.SemLock = SemLock


def _refuse(*_: Any, **__: Any) -> NoReturn:
    raise ProcessRefused


_number_of: Any = OSError.__dict__["errno"].__get__  # a subclass may define `errno` to be anything
_BY_NUMBER: dict[int | None, Limit] = {
    errno.ENOSPC: "disk",
    errno.EFBIG: "file size",
    errno.EMFILE: "open files",
    errno.EAFNOSUPPORT: "network",
}
_BY_WORDS: tuple[tuple[str, Limit], ...] = (
    ("No space left on device", "disk"),
    ("File too large", "file size"),
    ("Too many open files", "open files"),
    ("Address family not supported by protocol", "network"),
    ("can't start new thread", "threads"),
)


def broken(error: BaseException, message: str) -> Limit:
    """The limit or rule that made this exception happen; "" for none. A student may forge it, to no avail."""
    kind = type(error)
    if issubclass(kind, ProcessRefused):
        return "processes"
    if not issubclass(kind, OSError | RuntimeError):
        return ""
    found = _BY_NUMBER.get(_number_of(error), "") if issubclass(kind, OSError) else ""
    found = found or next((limit for words, limit in _BY_WORDS if words in message), "")
    return "files" if found == "disk" and _no_more_files() else found


def _no_more_files() -> bool:
    try:
        state = os.statvfs(_scratch)
    except OSError:
        return False
    return state.f_files > 0 and state.f_ffree == 0
