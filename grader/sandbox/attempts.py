"""What a worker should not be able to do, tried from inside one. The answers decide the level of isolation.

Imported by the warm parent, run in a throw-away worker under its lock-down. Each attempt gives True when it was
refused; an attempt that succeeds does no harm.
"""

from __future__ import annotations

import errno
import fcntl
import os
import resource
import socket
import tempfile
from collections.abc import Callable
from os import execv, fork  # the kernel's answer is wanted, not that of `grader.sandbox.rules`


def refused(secret: str, parent: int) -> dict[str, bool]:
    """Every attempt by name. `secret`: a file of gradmark; `parent`: the grader's process."""
    attempts: dict[str, Callable[[], object]] = {
        "read gradmark's files": lambda: _read(secret),
        "read other files": lambda: _read("/etc/passwd"),
        "write elsewhere": lambda: _write("/tmp"),
        "see other processes": lambda: _read(f"/proc/{parent}/status"),
        "see that files exist": lambda: os.stat(secret),
        "see that processes exist": lambda: os.getpgid(parent),
        "connect by TCP": lambda: _connect(socket.SOCK_STREAM),
        "send by UDP": lambda: _connect(socket.SOCK_DGRAM),
        "connect to a local service": _connect_local,
        "send signals": lambda: os.kill(parent, 0),
        "have signals sent": lambda: _signal_by_pipe(parent),
        "limit other processes": lambda: resource.prlimit(parent, resource.RLIMIT_CPU),
        "start processes": _fork,
        "run programs": lambda: execv("/nonexistent", ["x"]),
        "allocate outside its limit": lambda: os.memfd_create("x"),
        "raise its limits": _raise_limit,
    }
    return {name: _refused(name, attempt) for name, attempt in attempts.items()}


_REFUSALS = (errno.EPERM, errno.EACCES, errno.ENOSYS, errno.EAFNOSUPPORT, errno.EOPNOTSUPP)
_HIDDEN = (
    errno.ENOENT,
    errno.ESRCH,
    errno.EROFS,
)  # what is there outside is not there for the worker, or read only
_OUTSIDE = ("read", "write", "see", "limit", "have signals")


def _refused(name: str, attempt: Callable[[], object]) -> bool:
    hidden = _HIDDEN if name.startswith(_OUTSIDE) else ()
    try:
        attempt()
    except OSError as error:
        return error.errno in (*_REFUSALS, *hidden)
    except (ValueError, AttributeError):  # how `resource` words a refusal; what this system has not
        return True
    return False


def _read(path: str) -> None:
    with open(path, "rb") as file:
        file.read(1)


def _write(folder: str) -> None:
    with tempfile.NamedTemporaryFile(dir=folder):
        pass


def _connect(kind: int) -> None:
    with socket.socket(socket.AF_INET, kind) as connection:
        connection.settimeout(0.2)
        if kind == socket.SOCK_DGRAM:
            connection.sendto(b"x", ("127.0.0.1", 9))
        else:
            connection.connect(
                ("127.0.0.1", 9)
            )  # nobody listens: refused by the other side, not by the kernel


def _connect_local() -> None:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect("/nonexistent")


def _signal_by_pipe(pid: int) -> None:
    """Any signal, by the kernel's own hand, when the pipe is written to: Landlock knows of it from ABI 6."""
    reading, writing = os.pipe()
    try:
        fcntl.fcntl(reading, fcntl.F_SETOWN, pid)
    finally:
        os.close(reading)
        os.close(writing)


def _fork() -> None:
    if fork() == 0:
        os._exit(0)
    os.wait()


def _raise_limit() -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard + 1))
