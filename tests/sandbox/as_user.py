"""Runs a command as an unprivileged user, for tests that run as root (in a container, say).

Where the interpreter or the checkout lies in a folder that only root may enter, a mount namespace shows it to
that user too: the machine itself is left as it is.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

UID = 12345
ROOT = Path(__file__).resolve().parents[2]
_NEWNS, _BIND, _REC, _PRIVATE = 0x20000, 4096, 16384, 1 << 18


@contextmanager
def folder() -> Iterator[Path]:
    """A temporary folder of that user's, which it can reach."""
    path = Path(tempfile.mkdtemp(prefix="gradmark-user-", dir="/tmp"))
    os.chown(path, UID, UID)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def run(arguments: Sequence[str], home: Path, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    """Python with `arguments`, from the checkout. Skips the test where it can't be done."""
    if os.name == "nt" or os.geteuid() != 0:
        pytest.skip("only root can become another user; the other tests run as one")
    environment = {
        "PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": str(home), "TMPDIR": str(home),
        "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1",
    }  # fmt: skip
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=environment, preexec_fn=_become_user, capture_output=True,
        text=True, timeout=timeout, check=False,
    )  # fmt: skip


def _become_user() -> None:
    _show([Path(sys.base_prefix), Path(sys.prefix), ROOT])
    os.setgroups([])
    os.setresgid(UID, UID, UID)
    os.setresuid(UID, UID, UID)


def _show(places: list[Path]) -> None:
    closed: dict[Path, list[Path]] = {}
    for place in places:
        way = next((p for p in reversed(place.parents) if not p.stat().st_mode & 0o001), None)
        if way is not None:
            closed.setdefault(way, []).append(place)
    if not closed:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    flags = ctypes.c_ulong(_BIND | _REC)
    if libc.unshare(_NEWNS) or libc.mount(None, b"/", None, ctypes.c_ulong(_REC | _PRIVATE), None):
        raise PermissionError("the interpreter lies in a folder of root's, and mounts are refused")
    for way, hidden in closed.items():
        handles = [os.open(place, os.O_PATH) for place in hidden]
        libc.mount(b"tmpfs", os.fsencode(way), b"tmpfs", 0, b"mode=755")
        for place, handle in zip(hidden, handles, strict=True):
            place.mkdir(parents=True)
            libc.mount(f"/proc/self/fd/{handle}".encode(), os.fsencode(place), None, flags, None)
