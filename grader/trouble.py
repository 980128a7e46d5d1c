"""Trouble of this machine that is no mistake in gradmark: a full disk, missing rights, a library that is not there."""

from __future__ import annotations

import errno
import tempfile
from pathlib import Path

from grader import libraries

_RIGHTS = "Choose another folder (--out), or get the right to write there (`ls -ld` shows whose it is)."
_REMEDIES = {
    errno.ENOSPC: ("The disk is full", "Free some space, or choose a folder on another disk (--out, TMPDIR)."),
    errno.EDQUOT: ("The disk quota is used up", "Free some space, or choose another folder (--out, TMPDIR)."),
    errno.EROFS: ("The file system is read-only", "Choose a folder elsewhere (--out; TMPDIR for scratch files)."),
    errno.EACCES: ("Not allowed", _RIGHTS),
    errno.EPERM: ("Not allowed", _RIGHTS),
    errno.EMFILE: ("Too many files are open", "Raise the limit: `ulimit -n 4096`, or use --jobs 1."),
    errno.ENAMETOOLONG: ("A name is too long", "Choose a folder with a shorter path (--out)."),
}  # fmt: skip


def of_this_machine(error: BaseException) -> tuple[str, str] | None:
    """What happened and what to do, for an exception that the machine is behind; None for any other."""
    if isinstance(error, ImportError):
        return libraries.explained(f"{type(error).__name__}: {error}")
    if not isinstance(error, OSError):
        return None
    if error.errno == errno.ENOENT and "temporary directory" in str(error):
        return "There is no folder for temporary files that can be written.", (
            "Free space there and get the rights, or name another: TMPDIR=/path/to/folder gradmark ..."
        )
    if error.errno not in _REMEDIES:
        return None
    what, remedy = _REMEDIES[error.errno]
    return f"{what}: {_place(error)}.", remedy


def _place(error: OSError) -> str:
    """The path that the error is about; a write to an open file does not say which."""
    named = error.filename2 or error.filename
    if isinstance(named, bytes):
        named = named.decode(errors="replace")
    return (
        str(named) if isinstance(named, str | Path) else f"while writing (scratch files go to {_temporary()})"
    )


def _temporary() -> str:
    try:
        return tempfile.gettempdir()
    except OSError:
        return "no folder at all"
