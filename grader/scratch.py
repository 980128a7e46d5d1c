"""Temporary folders: made so that another run can tell whether they are still in use, removed whatever is in them.

A folder is in use while the process that made it holds a lock on it; the kernel drops the lock with the process. So
what a killed run left behind is known at the next start, and removed then.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import stat
import tempfile
import time
import weakref
from collections.abc import Callable
from types import TracebackType

try:
    import fcntl
except ImportError:  # Windows, where no folder is ever taken for a stale one
    fcntl = None  # type: ignore[assignment]

PREFIX, SUFFIX = "gradmark-", ".scratch"
STALE_SECONDS = 60.0  # younger ones may be another run's that has not locked them yet
_NAME = re.compile(rf"{PREFIX}[a-z-]*\w{{8}}{re.escape(SUFFIX)}")
_FOLDER = getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)


class Scratch:
    """A temporary folder: `with Scratch() as path`. It goes with `cleanup`, or with the process."""

    def __init__(self, kind: str = "") -> None:
        self.name = tempfile.mkdtemp(SUFFIX, PREFIX + (f"{kind}-" if kind else ""))
        self._remove = weakref.finalize(self, _remove_locked, self.name, _lock(self.name))

    def cleanup(self) -> None:
        """Removes the folder; again: does nothing."""
        self._remove()

    def __enter__(self) -> str:
        return self.name

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.cleanup()


def _lock(path: str) -> int:
    """A descriptor that holds the lock; -1 where this file system or this system has none."""
    if fcntl is None:
        return -1
    fd = os.open(path, os.O_RDONLY | _FOLDER)
    with contextlib.suppress(OSError):
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return fd


def _remove_locked(path: str, fd: int) -> None:
    remove(path)
    if fd >= 0:
        os.close(fd)


def remove(path: str) -> None:
    """Removes a folder with all that is in it, as far as it can be; never raises, never follows a link.

    Unlike `shutil.rmtree` it takes folders of any depth and folders that nobody may look into.
    """
    with contextlib.suppress(OSError):
        if os.name == "nt":
            return _remove_simply(path)
        os.chmod(path, 0o700)
    with contextlib.suppress(OSError):
        fd = os.open(path, os.O_RDONLY | _FOLDER)
        try:
            _empty(fd)
        finally:
            os.close(fd)
    with contextlib.suppress(OSError):
        os.rmdir(path)


def _remove_simply(path: str) -> None:
    import shutil

    shutil.rmtree(path, ignore_errors=True)


def _empty(top: int) -> None:
    """Folders are moved to the top before they are emptied, so that depth costs neither descriptors nor stack."""
    while folders := _clear(top, lambda name, own: None):
        for folder in folders:
            with contextlib.suppress(OSError):
                os.chmod(folder, 0o700, dir_fd=top)  # whoever was in there is gone: nobody puts a link here
            inside = os.open(folder, os.O_RDONLY | _FOLDER, dir_fd=top)
            try:
                _clear(inside, lambda name, own: _lift(name, own, top))
            finally:
                os.close(inside)
            os.rmdir(folder, dir_fd=top)


def _clear(folder: int, deal_with: Callable[[str, int], None]) -> list[str]:
    """Removes the files of an open folder; its folders are listed, and handed to `deal_with`."""
    folders = []
    with os.scandir(folder) as entries:
        names = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
    for name, is_folder in names:
        if is_folder:
            deal_with(name, folder)
            folders.append(name)
        else:
            os.unlink(name, dir_fd=folder)
    return folders


def _lift(name: str, folder: int, top: int) -> None:
    try:
        os.rmdir(name, dir_fd=folder)
    except OSError:
        with contextlib.suppress(OSError):  # a folder is moved only by who may write into it
            os.chmod(name, 0o700, dir_fd=folder)
        os.rename(name, secrets.token_hex(16), src_dir_fd=folder, dst_dir_fd=top)


def sweep(theirs: Callable[[int], bool] = lambda uid: False) -> list[str]:
    """Removes what runs that were killed left in the folder for temporary files; gives the names.

    Only folders of this user's own, and of users for which `theirs` holds: those that a run by root makes up.
    """
    if fcntl is None:
        return []
    removed, top = [], tempfile.gettempdir()
    with contextlib.suppress(OSError):
        for name in filter(_NAME.fullmatch, os.listdir(top)):
            if _is_stale(os.path.join(top, name), theirs):
                removed.append(name)
    return removed


def _is_stale(path: str, theirs: Callable[[int], bool]) -> bool:
    """Whether nobody uses the folder: then it is removed, while its lock is held here."""
    try:
        seen = os.lstat(path)
        if seen.st_uid != os.geteuid() and not theirs(seen.st_uid):
            return False
        if time.time() - seen.st_mtime < STALE_SECONDS or not stat.S_ISDIR(seen.st_mode):
            return False
        fd = os.open(path, os.O_RDONLY | _FOLDER)
    except OSError:
        return False
    try:
        if not os.path.samestat(seen, os.fstat(fd)):
            return False
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        remove(path)
    except OSError:  # in use
        return False
    finally:
        os.close(fd)
    return True
