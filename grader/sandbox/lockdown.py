"""What a forked child gives up before it imports anything of a student. Each step is there because leaving it
out, or another order, let an attack through or broke an honest library.
"""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import os
import random
import signal
import sys
import tempfile
from typing import Any

import msgspec

from grader.sandbox import rules

with contextlib.suppress(ImportError):  # Windows, where nothing of this is called
    import resource

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 1, 4, 38
_CAPABILITY_VERSION_3 = 0x20080522
_FIRST_UID, _LAST_UID = 1_900_000_000, 2_000_000_000  # above every number that people and services are given
USERS = ("own user", "root without capabilities")  # one of them, for a worker that root started
LAYERS = ("namespaces", "Landlock", "seccomp")
_libc: Any = ctypes.CDLL(None, use_errno=True) if os.name == "posix" else None
_LINUX = sys.platform == "linux"


class Spec(msgspec.Struct):
    """What the grader asks of a new worker."""

    folder: str  # the submission: readable, first on sys.path
    scratch: str  # private and writable; removed with the worker
    memory_bytes: int  # on top of what the warm parent has
    cpu_seconds: int  # of the whole process; the last line of defence behind the limits per call
    file_bytes: int = 64 << 20  # largest file that may be written
    disk_bytes: int = 256 << 20  # of all files together
    disk_files: int = 10_000
    open_files: int = 256


def is_made_up(uid: int) -> bool:
    """Whether the user is one that root makes up for a worker."""
    return _FIRST_UID <= uid < _LAST_UID and os.geteuid() == 0


def prctl(option: int, value: int) -> None:
    """`prctl(2)` for options with one number; nothing where there is none. Raises `OSError`."""
    if _LINUX and _libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"prctl {option}")


def hide() -> None:
    """No other process of the same user may read the environment and memory of this one, or trace it."""
    prctl(_PR_SET_DUMPABLE, 0)


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
        TQDM_DISABLE="1",  # nobody sees a progress bar here, and it starts a thread
    )  # fmt: skip
    tempfile.tempdir = None
    sys.dont_write_bytecode = True
    sys.pycache_prefix = os.path.join(scratch, "pycache")  # never a .pyc of the submission
    os.chdir(scratch)


def limit_resources(spec: Spec, mapped: int) -> None:
    """Limits of the kernel. Address space is on top of what is `mapped` already: torch alone maps gigabytes."""
    if _LINUX:  # elsewhere the grader watches from outside
        _limit(resource.RLIMIT_AS, mapped + spec.memory_bytes)
        _limit(resource.RLIMIT_MEMLOCK, 64 << 10)
    _limit(resource.RLIMIT_CPU, spec.cpu_seconds, 5)  # a signal with a name, then one that can't be ignored
    _limit(resource.RLIMIT_FSIZE, spec.file_bytes)
    _limit(resource.RLIMIT_NOFILE, spec.open_files)
    _limit(resource.RLIMIT_CORE, 0)


def _limit(which: int, value: int, grace: int = 0) -> None:
    hard = resource.getrlimit(which)[1]
    soft, last = (n if hard == resource.RLIM_INFINITY else min(n, hard) for n in (value, value + grace))
    resource.setrlimit(which, (soft, last))


def _address_space(root: str) -> int:
    if not _LINUX:
        return 0
    with open(f"{root}/proc/self/statm") as file:
        return int(file.read().split()[0]) * resource.getpagesize()


class Prepared:
    """What the warm parent makes once for all its children: rules to compile, folders to list, libraries to load.

    `missing` says of each layer that this machine does not offer why. Made before the first fork: under the
    lock-down itself the bindings could not be loaded any more.
    """

    def __init__(
        self, root: str, ours: tuple[str, ...], without: tuple[str, ...] = (), hidden: tuple[str, ...] = ()
    ) -> None:
        self.landlock: list[Any] | None = None
        self.seccomp: Any = None
        self.nest: Any = None
        self.missing: dict[str, str] = {}
        self.reachable = False
        self._without = without
        self._nested = False
        self.mapped = 0  # bytes of address space at the fork
        if sys.platform != "linux":
            self.missing = dict.fromkeys(LAYERS, f"only Linux has it; this is {sys.platform}")
            return
        from grader.sandbox import grants, syscalls

        self._hidden = [*(os.path.join(root, name) for name in ours), *hidden]
        self._places = grants.places()
        if self._wanted("Landlock", grants.available(), "this kernel has none, or has it switched off"):
            self.landlock = grants.library_rules(self._hidden)
        if self._wanted("seccomp", syscalls.available(), "this kernel takes no filters for this processor"):
            self.seccomp = syscalls.build()
        self.reachable = all(map(_reachable, (sys.prefix, sys.base_prefix)))

    def _wanted(self, layer: str, offered: bool, why_not: str) -> bool:
        if layer.lower() in self._without:
            self.missing[layer] = "left out on request"
        elif not offered:
            self.missing[layer] = why_not
        return layer not in self.missing

    def enter(self, control: int) -> None:
        """The calling process goes on in namespaces of its own, where there are any: early, while it is small."""
        if sys.platform != "linux" or not self._wanted("namespaces", True, ""):
            return
        from grader.sandbox import nest

        if why := nest.problem(self._places, self._hidden):
            self.missing["namespaces"] = why
            return
        nest.enter([control])
        self._nested = True

    def finish(self) -> None:
        """After the last import: from here on the warm parent sees the libraries only."""
        if self._nested:
            from grader.sandbox import nest

            self.nest = nest.Nest(self._places, self._hidden)
        if sys.platform == "linux":
            hide()


def apply(spec: Spec, prepared: Prepared) -> list[str]:
    """All of it, in this order; gives the names of the layers in force. Raises `OSError` when one is refused.

    The own file tree needs rights and goes first. As root the identity goes next (its files and rights would
    pass the other layers' gaps), rights after the limits (raising limits is one); the filter of system calls
    comes last, as it refuses what the others need. `spec` then names the folders as the worker sees them.
    """
    layers = ["own process", "limits", "clean environment"]
    uid = _unused_uid(spec, prepared)
    layers += _settle(spec, prepared)
    clean_environment(spec.scratch)
    limit_resources(spec, prepared.mapped)
    if _LINUX and os.geteuid() == 0:
        layers.append(_leave_root(uid, spec.scratch))
    if _LINUX:
        _drop_capabilities()
    prctl(_PR_SET_NO_NEW_PRIVS, 1)
    hide()
    prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)  # a change of user has cleared it
    if prepared.landlock is not None:
        from grader.sandbox import grants

        grants.restrict(prepared.landlock, spec.folder, spec.scratch)
        layers.append(f"Landlock ABI {grants.version()}")
    rules.install(spec.scratch)
    faulthandler.enable(
        2, all_threads=False
    )  # what a crash says of itself: read by `verdicts.place_of_crash`
    if prepared.seccomp is not None:
        from grader.sandbox import syscalls

        syscalls.restrict(prepared.seccomp)
        layers.append("seccomp")
    return layers


def _settle(spec: Spec, prepared: Prepared) -> list[str]:
    if prepared.nest is None:
        prepared.mapped = _address_space("")
        return []
    from grader.sandbox import nest

    prepared.mapped = _address_space(nest.OUTSIDE)
    nest.settle(spec.folder, spec.disk_bytes, spec.disk_files)
    spec.folder, spec.scratch = nest.SUBMISSION, nest.SCRATCH
    return ["own network, processes and files"]


def _unused_uid(spec: Spec, prepared: Prepared) -> int:
    """A user that owns nothing, for a worker started by root; 0 where that user could not read the libraries."""
    if os.geteuid() != 0:
        return 0
    if prepared.nest is not None:
        from grader.sandbox import nest

        open_to_all = os.stat(nest.OUTSIDE + spec.folder).st_mode & 0o005 == 0o005
    else:
        open_to_all = prepared.reachable and _reachable(spec.folder) and _reachable(spec.scratch)
    return random.SystemRandom().randrange(_FIRST_UID, _LAST_UID) if open_to_all else 0


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
            return USERS[0]
        except OSError:  # a user namespace that does not map this number
            os.chown(scratch, 0, 0)
    return USERS[1]


def _drop_capabilities() -> None:
    """Rights of root and of the first user of a user namespace; a no-op for everybody else."""
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    if _libc.capset(header, (ctypes.c_uint32 * 6)()) != 0:
        raise OSError(ctypes.get_errno(), "capset")
