"""What a forked child gives up before it imports anything of a student. Each step is there because leaving it
out, or another order, let an attack through or broke an honest library.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
import tempfile
from typing import Any

import msgspec

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 1, 4, 38
_libc = ctypes.CDLL(None, use_errno=True)


class Spec(msgspec.Struct):
    """What the grader asks of a new worker."""

    folder: str  # the submission: readable, first on sys.path
    scratch: str  # private and writable; removed with the worker
    memory_bytes: int  # on top of what the warm parent has
    cpu_seconds: int  # of the whole process; the last line of defence behind the limits per call
    file_bytes: int = 64 << 20  # largest file that may be written


def prctl(option: int, value: int) -> None:
    """`prctl(2)` for options with one number. Raises `OSError`."""
    if _libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"prctl {option}")


def detach(parent: int) -> None:
    """Own session, no inherited signal handling, dies with `parent`."""
    os.setsid()
    prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before the line above
        os._exit(1)
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGPIPE, signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def keep_only(channel: int, stdout: int, stderr: int) -> int:
    """Leaves open fd 0 (/dev/null), 1, 2 and the channel, whose number is given back: 3."""
    null = os.open(os.devnull, os.O_RDONLY)
    high = [os.dup(fd) for fd in (null, stdout, stderr, channel)]  # clear of 0..3
    for target, fd in enumerate(high):
        os.dup2(fd, target, inheritable=target < 3)
    os.closerange(4, os.sysconf("SC_OPEN_MAX"))
    return 3


def clean_environment(scratch: str) -> None:
    """An environment that says nothing of the machine; temporary files go to the private folder."""
    threads = {key: value for key, value in os.environ.items() if key.endswith("_NUM_THREADS")}
    os.environ.clear()
    os.environ.update(threads)
    os.environ.update(
        PATH="/usr/bin:/bin", LANG="C.UTF-8", HOME=scratch, TMPDIR=scratch, MPLCONFIGDIR=scratch,
        MPLBACKEND="Agg", CUDA_VISIBLE_DEVICES="", TORCH_HOME=scratch,
    )  # fmt: skip
    tempfile.tempdir = None
    sys.dont_write_bytecode = True
    sys.pycache_prefix = os.path.join(scratch, "pycache")  # never a .pyc of the submission
    os.chdir(scratch)


def limit_resources(spec: Spec) -> None:
    """Limits of the kernel. Address space is relative to the size at the fork: torch alone maps gigabytes."""
    _limit(resource.RLIMIT_AS, _address_space() + spec.memory_bytes)
    _limit(resource.RLIMIT_CPU, spec.cpu_seconds)
    _limit(resource.RLIMIT_FSIZE, spec.file_bytes)
    _limit(resource.RLIMIT_NOFILE, 256)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_MEMLOCK, 64 << 10)


def _limit(which: int, value: int) -> None:
    hard = resource.getrlimit(which)[1]
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(which, (value, value))


def _address_space() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[0]) * resource.getpagesize()


def apply(spec: Spec) -> list[str]:
    """All steps that need no more than this process; gives the names of the layers in force."""
    clean_environment(spec.scratch)
    limit_resources(spec)
    prctl(_PR_SET_NO_NEW_PRIVS, 1)
    prctl(_PR_SET_DUMPABLE, 0)
    return ["process", "rlimits", "no new privileges"]


def forget(prefixes: tuple[str, ...], keep: dict[str, Any]) -> None:
    """Takes our own packages out of `sys.modules` and off `sys.path`: `import grader` finds nothing."""
    for name in list(sys.modules):
        if name.partition(".")[0] in prefixes and name not in keep:
            del sys.modules[name]
