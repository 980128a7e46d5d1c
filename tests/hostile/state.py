"""What an attack could leave behind: processes, files, descriptors, and changes of the grader's own state."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grader.session import Grader
from tests.submissions.hostile.attack import LEFT

FIRST_UID = 1_900_000_000  # users that a grader run by root makes up for its workers
SHARED = ("/tmp", "/var/tmp", "/dev/shm", "/run", "/run/lock", "/", "/root", "/home", "/etc")


@dataclass(frozen=True)
class Process:
    """A line of the process table."""

    pid: int
    parent: int
    session: int
    uid: int


def processes() -> dict[int, Process]:
    """Every process of the machine that is not a zombie's reader's own thread, by number."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            fields = (folder / "stat").read_text().rsplit(")", 1)[1].split()
            found[int(folder.name)] = Process(
                int(folder.name), int(fields[1]), int(fields[3]), folder.stat().st_uid
            )
    return found


class Forks:
    """Remembers every worker that the grader starts, so that its session and user can be looked for later."""

    def __init__(self, grader: Grader) -> None:
        self.pids: set[int] = set()
        self._parent = grader._zygote._parent

    @contextlib.contextmanager
    def noted(self) -> Iterator[None]:
        """While it lasts, the numbers of new workers are collected."""
        original = self._parent.fork

        def fork(*args: Any, **kwargs: Any) -> Any:
            process = original(*args, **kwargs)
            self.pids.add(process.pid)
            return process

        self._parent.fork = fork  # type: ignore[method-assign]
        try:
            yield
        finally:
            del self._parent.fork  # type: ignore[method-assign]

    def survivors(self, before: dict[int, Process]) -> list[Process]:
        """Processes that a worker started, or that are new below the warm parent, by session, user or descent."""
        now = processes()
        suspects = {p for p in now.values() if p.session in self.pids or p.pid in self.pids}
        suspects |= {now[pid] for pid in descendants(now, self._parent._popen.pid) if pid not in before}
        suspects |= {p for p in now.values() if p.uid >= FIRST_UID and not _has_warm_parent(p, now)}
        return [p for p in suspects if p.pid not in before]


def _has_warm_parent(process: Process, table: dict[int, Process]) -> bool:
    """Whether it is the worker of some grader of this machine, not an orphan."""
    while process.parent in table:
        process = table[process.parent]
        with contextlib.suppress(OSError):
            if b"grader.sandbox.zygote" in (Path("/proc") / str(process.pid) / "cmdline").read_bytes():
                return True
    return False


def descendants(table: dict[int, Process], top: int) -> set[int]:
    """The numbers of all processes below `top`."""
    found: set[int] = set()
    todo = [top]
    while todo:
        here = todo.pop()
        children = {p.pid for p in table.values() if p.parent == here} - found
        found |= children
        todo += children
    return found


def left_over() -> list[str]:
    """Files with the mark of an attack, anywhere that several programs may write."""
    found = []
    for place in (*SHARED, tempfile.gettempdir(), str(Path(__file__).parents[2])):
        with contextlib.suppress(OSError):
            found += [entry.path for entry in os.scandir(place) if LEFT in entry.name]
    return found


def scratch_folders() -> set[str]:
    """The private folders of this run's workers and submissions that are still there."""
    with os.scandir(tempfile.gettempdir()) as entries:
        return {entry.name for entry in entries if entry.name.startswith("gradmark-")}


def of_grader(grader: Grader) -> dict[str, Any]:
    """The state of this process that an attack must not change."""
    return {
        "descriptors": len(os.listdir("/proc/self/fd")),
        "environment": dict(os.environ),
        "folder": os.getcwd(),
        "threads": threading.active_count(),
        "signals": [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD)],
        "limits": [resource.getrlimit(which) for which in (resource.RLIMIT_NOFILE, resource.RLIMIT_AS)],
        "affinity": os.sched_getaffinity(grader._zygote._parent._popen.pid),
        "parent": grader._zygote._parent._popen.pid,
        "parent alive": grader._zygote._parent.alive,
        "parent stopped": _status(grader._zygote._parent._popen.pid) in "TtZ",
        "restarts": grader._zygote._parent._restarts,
    }


def _status(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
