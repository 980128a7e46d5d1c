"""Landlock: which files a worker may see. Everything else is refused by the kernel, for root too.

    read   the interpreter's and the system's libraries, the submission's own folder
    write  the worker's private folder
    none   gradmark itself with the reference solution, other submissions, home folders, /tmp, /etc, other processes

Landlock grants whole folders and can't take a part back, so a folder that holds one of ours is granted child by
child (about 200 rules, 1 ms). It has no say over UNIX sockets (before ABI 9), `chmod` and `stat`: see `syscalls`.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterable, Iterator

import landlockpy
from landlockpy import AccessFS, Ruleset, Scope

_READ = AccessFS.READ_FILE | AccessFS.READ_DIR
_LIST = AccessFS.READ_DIR
_DEVICE = AccessFS.READ_FILE | AccessFS.WRITE_FILE
_OWN = (
    _READ | AccessFS.WRITE_FILE | AccessFS.TRUNCATE | AccessFS.REFER | AccessFS.MAKE_REG | AccessFS.MAKE_DIR
    | AccessFS.REMOVE_FILE | AccessFS.REMOVE_DIR | AccessFS.MAKE_SYM
)  # fmt: skip

_SYSTEM = (
    "/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/etc/ld.so.cache", "/etc/localtime",
    "/usr/share/zoneinfo", "/usr/share/fonts", "/etc/fonts", "/usr/share/fontconfig",
    "/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/filesystems",
    "/sys/devices/system/cpu", "/sys/devices/system/node",
)  # fmt: skip
_INSTALLED = ("site-packages", "dist-packages")
_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")

Rules = list[tuple[str, AccessFS]]


def available() -> bool:
    """Whether this kernel has Landlock, has it switched on, and nothing refuses the question (old Dockers do)."""
    try:
        return landlockpy.supported()
    except OSError:
        return False


def version() -> int:
    """The kernel's Landlock ABI."""
    return landlockpy.abi_version()


def library_rules(ours: Iterable[str]) -> Rules:
    """What every worker may read: all libraries but the folders in `ours`. Made once, in the warm parent."""
    hidden = {os.path.realpath(path) for path in ours}
    places = dict.fromkeys(os.path.realpath(path) for path in (*_libraries(), *_SYSTEM))
    rules = [rule for place in places for rule in _around(place, hidden)]
    return rules + [(device, _DEVICE) for device in _DEVICES]


def places() -> list[str]:
    """What the rules grant, as paths to show in a file tree of a worker's own; of /proc it has its own."""
    return [path for path in (*_libraries(), *_SYSTEM, *_DEVICES) if not path.startswith("/proc/")]


def _libraries() -> list[str]:
    """The interpreter's, and installed packages elsewhere: the user's own site, one that a .pth file adds.

    torch imports some of itself late (to print a tensor, for one): unreadable, that would look like a student's fault.
    """
    prefixes = {sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix}
    installed = [path for path in sys.path if os.path.basename(path) in _INSTALLED]
    return [os.path.join(prefix, name) for prefix in prefixes for name in ("lib", "lib64")] + installed


def _around(place: str, hidden: set[str]) -> Iterator[tuple[str, AccessFS]]:
    """Rules for everything below `place` but what lies in `hidden`; names in folders are not secret."""
    if place in hidden or not os.path.exists(place):
        return
    if not any(path.startswith(place + os.sep) for path in hidden):
        yield place, _READ if os.path.isdir(place) else AccessFS.READ_FILE
        return
    yield place, _LIST
    for entry in os.scandir(place):
        if not entry.is_symlink():
            yield from _around(entry.path, hidden)


def restrict(libraries: Rules, folder: str, scratch: str) -> None:
    """Puts the calling process (of one thread) under the rules, for good. Raises `OSError`."""
    rules = [*libraries, (folder, _READ), (scratch, _OWN), (os.path.realpath("/proc/self"), _READ)]
    with Ruleset(scoped=Scope.ABSTRACT_UNIX_SOCKET | Scope.SIGNAL) as ruleset:
        for path, access in rules:
            with contextlib.suppress(FileNotFoundError):  # a library that was uninstalled meanwhile
                ruleset.allow_path(path, access)
        ruleset.restrict()
