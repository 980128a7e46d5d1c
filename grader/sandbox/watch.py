"""What a worker uses, measured from outside, and what a request may use."""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import dataclass

from grader.errors import LimitExceeded

TICK = 0.02  # seconds between looks at CPU and memory: the fastest allocator gets 37 MB further meanwhile
SLACK_BYTES = 64 << 20  # on top of the memory limit before the process is killed; the kernel's limit is exact
_DISK_TICK = 0.25  # seconds between looks at the folder: 200 files take a millisecond
MOST_THREADS = 1000  # small stacks make memory no limit: 2 GB hold 60,000, and the machine has 32,768 in all
_FOLDER, _HANDLE = (
    kind | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
    for kind in (os.O_RDONLY, getattr(os, "O_PATH", 0))
)
_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


@dataclass(frozen=True)
class Allowance:
    """What one request may use, and the name of the called function for messages."""

    label: str
    wall: float
    cpu: float
    memory_bytes: int
    output_bytes: int


class Usage:
    """CPU, memory and disk of one process; all of it is 0 when the process is gone."""

    def __init__(self, pid: int, scratch: str) -> None:
        self.scratch = scratch
        self.disk_limits = (256 << 20, 10_000)  # bytes and number of all files
        self.peak_bytes = 0
        self._pid = pid
        self._clock = (~pid << 3) | 2  # CLOCK_PROCESS_CPUTIME_ID of another process, all threads: 0.5 us
        self._statm = self._open()
        self._stat = self._open_stat()
        self._resident_at_start = self._resident()

    def cpu_seconds(self) -> float:
        """CPU time of the process so far."""
        try:
            return time.clock_gettime(self._clock)
        except OSError:
            return 0.0

    def grown(self) -> int:
        """Bytes of memory more than at the fork."""
        resident = self._resident()
        self.peak_bytes = max(self.peak_bytes, resident)
        return resident - self._resident_at_start

    def threads(self) -> int:
        """Threads of the process."""
        with contextlib.suppress(OSError, IndexError):
            return int(os.pread(self._stat, 1024, 0).rpartition(b")")[2].split()[17])
        return 0

    def note_peak(self) -> None:
        """Brings `peak_bytes` up to date with what the kernel has counted."""
        with contextlib.suppress(OSError, StopIteration), open(f"/proc/{self._pid}/status") as file:
            line = next(line for line in file if line.startswith("VmHWM"))
            self.peak_bytes = max(self.peak_bytes, int(line.split()[1]) * 1024)

    def settle(self) -> None:
        """Memory counts from here on. A forked process has its libraries from the start."""

    def close(self) -> None:
        """Closes what is needed to look."""
        os.close(self._statm)
        if self._stat >= 0:
            os.close(self._stat)

    def _open_stat(self) -> int:
        with contextlib.suppress(OSError):
            return os.open(f"/proc/{self._pid}/stat", os.O_RDONLY)
        return -1

    def _open(self) -> int:
        return os.open(f"/proc/{self._pid}/statm", os.O_RDONLY)

    def _resident(self) -> int:
        try:
            return int(os.pread(self._statm, 128, 0).split()[1]) * _PAGE
        except (OSError, IndexError):
            return 0


class Watch:
    """Compares what a request has used with what it may use, every `TICK`."""

    def __init__(self, usage: Usage, allowed: Allowance) -> None:
        self._usage, self._allowed = usage, allowed
        self._start = self._last = time.monotonic()
        self._folder_seen = self._start
        self._cpu = usage.cpu_seconds()

    def look(self) -> None:
        """Raises `LimitExceeded` when one of wall time, CPU time and memory is used up."""
        now = time.monotonic()
        if now - self._last < TICK:
            return
        self._last, allowed = now, self._allowed
        if now - self._start > allowed.wall:
            raise LimitExceeded(
                f"{allowed.label} was still running after {seconds(allowed.wall)} and was stopped.",
                "Look for a loop that never ends or far more work than the task needs.",
                limit="time",
            )
        if self._usage.cpu_seconds() - self._cpu > allowed.cpu:
            raise LimitExceeded(
                f"{allowed.label} used more than {seconds(allowed.cpu)} of computing time and was stopped.",
                "Look for a loop that never ends or far more work than the task needs.",
                limit="cpu",
            )
        if self._usage.grown() > allowed.memory_bytes + SLACK_BYTES:
            raise LimitExceeded(
                f"{allowed.label} used more than {amount(allowed.memory_bytes)} of memory and was stopped.",
                limit="memory",
            )
        if self._usage.threads() > MOST_THREADS:
            raise LimitExceeded(
                f"{allowed.label} {THREADS_TEXT} and was stopped.",
                "Start no threads inside its loops.",
                limit="threads",
            )
        if now - self._folder_seen > _DISK_TICK:
            self._folder_seen = now
            self._look_at_folder()

    def _look_at_folder(self) -> None:
        most_bytes, most_files = self._usage.disk_limits
        size, count = folder_size(self._usage.scratch, most_files)
        if size > most_bytes:
            what = disk_text(most_bytes)
        elif count > most_files:
            what = files_text(most_files)
        else:
            return
        raise LimitExceeded(f"{self._allowed.label} {what} and was stopped.", limit="disk")


THREADS_TEXT = f"started more than {MOST_THREADS:,} threads"


def disk_text(most: int) -> str:
    """What a call did that needed more room than `most` bytes."""
    return f"wrote more than {amount(most)} to disk"


def files_text(most: int) -> str:
    """What a call did that made more than `most` files."""
    return f"made more than {most:,} files"


def folder_size(folder: str, most_files: int) -> tuple[int, int]:
    """Bytes on disk and number of the files in a folder; looks no further when there are too many.

    By descriptors, as paths end at 4 kB, and by one at a time, as there may be thousands of levels.
    """
    size = count = 0
    trail: list[
        tuple[int, list[str]]
    ] = []  # from the top: which folder it is, and its folders to be looked into
    with contextlib.suppress(OSError), _Place(folder) as place:
        while count <= most_files:
            inside, more, folders = _listed(place.fd, most_files - count)
            size, count = size + more, count + inside
            trail.append((place.identity, folders))
            while trail and not _enter_next(place, trail[-1][1]):
                trail.pop()
                if trail and not place.leave(trail[-1][0]):
                    return size, count  # it was moved meanwhile
            if not trail:
                break
    return size, count


class _Place:
    """An open folder that is changed for one in it, or for the one that it is in. Raises `OSError`."""

    def __init__(self, folder: str) -> None:
        self.fd = os.open(folder, _FOLDER)

    def __enter__(self) -> _Place:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.fd)

    @property
    def identity(self) -> int:
        return os.fstat(self.fd).st_ino

    def enter(self, name: str) -> None:
        self._become(_look_into(self.fd, name))

    def leave(self, expected: int) -> bool:
        """Goes up; False when that leads elsewhere than where it came from."""
        self._become(os.open("..", _FOLDER, dir_fd=self.fd))
        return self.identity == expected

    def _become(self, fd: int) -> None:
        os.close(self.fd)
        self.fd = fd


def _enter_next(place: _Place, folders: list[str]) -> bool:
    while folders:
        with contextlib.suppress(OSError):  # it may be gone by now
            place.enter(folders.pop())
            return True
    return False


def _listed(folder: int, most: int) -> tuple[int, int, list[str]]:
    """Number and bytes of what an open folder holds, and its folders; one more than `most` at the most."""
    count, size, folders = 0, 0, []
    with os.scandir(folder) as entries:
        for entry in entries:
            count += 1
            size += entry.stat(follow_symlinks=False).st_blocks * 512
            if entry.is_dir(follow_symlinks=False):
                folders.append(entry.name)
            if count > most:
                break
    return count, size, folders


def _look_into(parent: int, name: str) -> int:
    """Opens a folder, also one that its maker has closed to everybody (and can fill all the same: mode 0300)."""
    try:
        return os.open(name, _FOLDER, dir_fd=parent)
    except PermissionError:
        handle = os.open(name, _HANDLE, dir_fd=parent)
        try:
            os.chmod(f"/proc/self/fd/{handle}", 0o700)  # by descriptor: never what a link leads to
        finally:
            os.close(handle)
        return os.open(name, _FOLDER, dir_fd=parent)


def amount(size: int) -> str:
    """Bytes for a reader: "2 GB", "64 MB"."""
    for unit, scale in (("GB", 1 << 30), ("MB", 1 << 20), ("kB", 1 << 10)):
        if size >= scale:
            return f"{size / scale:.3g} {unit}"
    return f"{size} bytes"


def seconds(value: float) -> str:
    """Seconds for a reader: "10 s", "0.5 s"."""
    return f"{value:.3g} s"
