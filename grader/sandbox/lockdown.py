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
_CAPABILITY_VERSION_3 = 0x20080522
_FIRST_UID = 1_900_000_000  # above every number that people and services are given
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


class Prepared:
    """What the warm parent makes once for all its children: rules to compile, folders to list, libraries to load.

    `layers` names what this machine offers. Made before the first fork: under the lock-down itself the
    bindings could not be loaded any more.
    """

    def __init__(self, root: str, ours: tuple[str, ...], without: tuple[str, ...] = ()) -> None:
        self.landlock: list[Any] | None = None
        self.seccomp: Any = None
        if sys.platform != "linux":
            return
        from grader.sandbox import grants, syscalls

        if "landlock" not in without and grants.available():
            self.landlock = grants.library_rules(os.path.join(root, name) for name in ours)
        if "seccomp" not in without and syscalls.available():
            self.seccomp = syscalls.build()
        self.reachable = all(map(_reachable, (sys.prefix, sys.base_prefix)))


def apply(spec: Spec, prepared: Prepared) -> list[str]:
    """All of it, in this order; gives the names of the layers in force. Raises `OSError` when one is refused.

    As root the identity goes first (its files and rights would pass the other layers' gaps), rights after the
    limits (raising limits is one); the filter of system calls comes last, as it refuses what the others need.
    """
    layers = ["own process", "limits", "clean environment"]
    uid = _unused_uid(spec, prepared)
    clean_environment(spec.scratch)
    limit_resources(spec)
    if os.geteuid() == 0:
        layers.append(_leave_root(uid, spec.scratch))
    prctl(_PR_SET_NO_NEW_PRIVS, 1)
    prctl(_PR_SET_DUMPABLE, 0)
    prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)  # a change of user has cleared it
    if prepared.landlock is not None:
        from grader.sandbox import grants

        grants.restrict(prepared.landlock, spec.folder, spec.scratch)
        layers.append(f"Landlock ABI {grants.version()}")
    if prepared.seccomp is not None:
        from grader.sandbox import syscalls

        syscalls.restrict(prepared.seccomp)
        layers.append("seccomp")
    return layers


def _unused_uid(spec: Spec, prepared: Prepared) -> int:
    """A user that owns nothing, for a worker started by root; 0 where that user could not read the libraries."""
    if (
        os.geteuid() != 0
        or not prepared.reachable
        or not _reachable(spec.folder)
        or not _reachable(spec.scratch)
    ):
        return 0
    return _FIRST_UID + os.getpid()


def _reachable(path: str) -> bool:
    """Whether a user without rights gets into every folder on the way to `path`."""
    parts = os.path.realpath(path).split(os.sep)
    ways = (os.sep.join(parts[:n]) or os.sep for n in range(1, len(parts)))
    return all(os.stat(way).st_mode & 0o001 for way in ways)


def _leave_root(uid: int, scratch: str) -> str:
    """Becomes the user `uid` for good, or (0) stays root without any of its rights."""
    if uid:
        try:
            os.chown(scratch, uid, uid)
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
            return "own user"
        except OSError:  # a user namespace that does not map this number
            os.chown(scratch, 0, 0)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    if _libc.capset(header, (ctypes.c_uint32 * 6)()) != 0:
        raise OSError(ctypes.get_errno(), "capset")
    return "root without capabilities"
