"""The warm parent: a process with the heavy libraries imported that does nothing but fork workers on request.

Run as `python -s -P -m grader.sandbox.zygote FD PRELOAD PROBES WITHOUT MANY`. It holds no answers, names and seeds:
its memory is copied into every worker. It has one thread and runs no parallel region before forking
(libgomp's threads do not survive a fork, and a child that needs them hangs).
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import platform
import select
import signal
import socket
import sys
from typing import Any, NamedTuple

import msgspec

from grader.sandbox import lockdown, own, pages, warm, worker

_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))

MOST_OWN = 1 << 17  # bytes of what another assignment brings along: paths and names


def main() -> None:
    """Imports, warms up, announces itself, then serves until the control socket closes."""
    gc.disable()  # nothing of what is imported is garbage, and to look for some takes a quarter of the time
    control = socket.socket(fileno=int(sys.argv[1]))
    control.set_inheritable(False)
    others = own.decode(control.recv(MOST_OWN).decode())
    prepared = lockdown.Prepared(_ROOT, worker.OURS, tuple(sys.argv[4].split(",")), others.hidden)
    prepared.enter(control.fileno())
    preload, names = filter(None, sys.argv[2].split(",")), filter(None, sys.argv[3].split(","))
    versions = {"python": platform.python_version()}
    for name in preload:
        versions[name] = str(getattr(importlib.import_module(name), "__version__", ""))
    probes = {name: importlib.import_module(name) for name in names}
    warm.up()
    for module in probes.values():
        getattr(module, "warm_up", _nothing)()
    probes |= own.load(others)
    threads = len(os.listdir("/proc/self/task"))
    start = worker.start(_ROOT)
    gc.collect()
    if sys.argv[5]:
        pages.gather()
    gc.freeze()  # so that a collection in a child does not write to (and copy) every page
    gc.enable()
    prepared.finish()
    ready = {"ready": versions, "threads": threads, "missing": prepared.missing}
    control.send(json.dumps(ready).encode())
    Zygote(control, probes, prepared, start).run()


class Child(NamedTuple):
    """A worker: its number here, its number as the grader knows it, and the number 1 of its namespace (0: none)."""

    pid: int
    number: int
    init: int


class Zygote:
    """Forks on request and tells of every child that has ended."""

    def __init__(
        self, control: socket.socket, probes: dict[str, Any], prepared: lockdown.Prepared, start: worker.Start
    ) -> None:
        self._control = control
        self._probes = probes
        self._prepared = prepared
        self._start = start
        self._children: dict[int, Child] = {}  # by pidfd
        self._poll = select.poll()
        self._poll.register(control, select.POLLIN)

    def run(self) -> None:
        """Serves until the grader closes the control socket, then ends every child."""
        try:
            while all([self._handle(fd) for fd, _ in self._poll.poll()]):
                pass
        finally:
            self._end()

    def _handle(self, fd: int) -> bool:
        if fd in self._children:
            self._reap(fd)
            return True
        data, fds, _, _ = socket.recv_fds(self._control, 1 << 16, 3)
        if not data:
            return False
        self._fork(msgspec.json.decode(data, type=lockdown.Spec), fds)
        return True

    def _fork(self, spec: lockdown.Spec, fds: list[int]) -> None:
        nest = self._prepared.nest
        init = nest.open() if nest else 0
        parent = 0 if nest else os.getpid()  # a parent outside of its namespace has no number
        pid = os.fork()
        if pid == 0:
            worker.main(spec, (fds[0], fds[1], fds[2]), parent, self._probes, self._prepared, self._start)
        if nest:
            nest.leave()
        for fd in fds:
            os.close(fd)
        pidfd = os.pidfd_open(pid)
        child = Child(pid, nest.outer_pid(pidfd) if nest else pid, init)
        self._children[pidfd] = child
        self._poll.register(pidfd, select.POLLIN)
        socket.send_fds(self._control, [json.dumps({"forked": child.number}).encode()], [pidfd])

    def _reap(self, pidfd: int) -> None:
        child = self._children.pop(pidfd)
        self._poll.unregister(pidfd)
        os.close(pidfd)
        _, status = os.waitpid(child.pid, 0)
        self._clear(child)
        self._control.send(json.dumps({"exited": child.number, "status": status}).encode())

    def _clear(self, child: Child) -> None:
        """Nothing that a worker may have started outlives it."""
        if child.init:
            self._prepared.nest.end(child.init)

    def _end(self) -> None:
        """No zombie is left to whoever inherits our children."""
        for pidfd, child in self._children.items():
            signal.pidfd_send_signal(pidfd, signal.SIGKILL)
            os.waitpid(child.pid, 0)
            self._clear(child)


def _nothing() -> None:
    """Most probes need no warming up of their own."""


if __name__ == "__main__":
    main()
