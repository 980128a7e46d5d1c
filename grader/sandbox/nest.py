"""Namespaces: a worker with a network, processes and a file tree of its own, where the kernel gives them.

    warm parent, once  own network (empty), own shared memory, own processes, own mounts; then a root folder that
                       holds the libraries and nothing else, with everything else below `OUTSIDE`
    each worker        own processes and mounts: the submission at `SUBMISSION` (read only), an empty `SCRATCH`
                       with a size limit; then `OUTSIDE` is let go (4 ms in all)

What is not mounted can't even be asked for (`stat`), and whatever a worker has started ends with its process
number 1, which the warm parent holds. Root does all this by its own rights, anybody else in a user namespace.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import sys
from collections.abc import Iterable
from typing import Any

from seccompy.syscalls import syscall_nr

SUBMISSION, SCRATCH, OUTSIDE = "/submission", "/scratch", "/.outside"
LAYER = "namespaces"

_NEWNS, _NEWUTS, _NEWIPC, _NEWUSER, _NEWPID, _NEWNET = (
    0x20000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000,
)  # fmt: skip
_RDONLY, _NOSUID, _NODEV, _NOEXEC, _REMOUNT, _BIND, _REC, _PRIVATE = 1, 2, 4, 8, 32, 4096, 16384, 1 << 18
_MNT_DETACH = 2
_PR_SET_PDEATHSIG = 1
_MOST_LINKS = 40
_MOUNT_SETATTR, _AT_FDCWD, _AT_RECURSIVE = 442, -100, 0x8000
# Any folder that exists: what is in it can still be reached below OUTSIDE, but not while the tree is made.
_BASES = ("/tmp", "/var/tmp", "/mnt", "/media", "/srv", "/opt", "/home", "/run")
_libc = ctypes.CDLL(None, use_errno=True)


def problem(places: Iterable[str], hidden: Iterable[str]) -> str:
    """Why this machine does not give namespaces, by trying all of it in a child; nothing when it does."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _rehearse(writing, list(places), list(hidden))
    os.close(writing)
    with open(reading, "rb") as answer:
        said = answer.read().decode("utf-8", "replace")
    os.waitpid(child, 0)
    return "" if said == "fine" else said or "the attempt ended without a word"


def _rehearse(writing: int, places: list[str], hidden: list[str]) -> None:
    """Does what the warm parent and a worker do. Never returns."""
    try:
        enter(())
        nest = Nest(places, hidden)
        init = nest.open()
        worker = os.fork()
        if worker == 0:
            settle(sys.prefix, 1 << 20, 100)
            os.write(writing, b"fine")
            os._exit(0)
        nest.leave()
        os.waitpid(worker, 0)
        nest.end(init)
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is the reason
        os.write(writing, str(error).encode("utf-8", "replace")[:1000])
    finally:
        os._exit(0)


def enter(close: Iterable[int]) -> None:
    """The calling process goes on as number 1 of its own namespaces; the original waits for it and ends as it does.

    Early, while there is little to copy. `close`: descriptors that are not for the one that waits. Raises `OSError`.
    """
    uid, gid = os.geteuid(), os.getegid()
    flags = _NEWNS | _NEWNET | _NEWIPC | _NEWUTS | _NEWPID
    if uid != 0 or _libc.unshare(flags) != 0:
        _checked(_libc.unshare(flags | _NEWUSER), "a user namespace")
        for name, text in (
            ("setgroups", "deny"),
            ("uid_map", f"{uid} {uid} 1"),
            ("gid_map", f"{gid} {gid} 1"),
        ):
            with open(f"/proc/self/{name}", "w") as file:
                file.write(text)
    _mount(None, "/", None, _REC | _PRIVATE)
    child = os.fork()
    if child == 0:
        _checked(_libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "the end of both at once")
        return
    for fd in close:
        os.close(fd)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    os._exit(status if status >= 0 else 128 - status)


class Nest:
    """The warm parent's tree, entered for good once everything is imported, and its workers' process numbers."""

    def __init__(self, places: Iterable[str], hidden: Iterable[str]) -> None:
        self._home = os.open("/proc/self/ns/pid", os.O_RDONLY)
        self._holding: dict[int, int] = {}  # pid of a process number 1 -> the pipe whose end ends it
        cat = shutil.which("cat", path="/usr/bin:/bin")
        if cat is None:
            raise OSError("there is no program `cat`, which holds a worker's process numbers")
        self._cat = cat
        _move_into([*places, cat], hidden)

    def open(self) -> int:
        """The next fork is into new process numbers; gives the pid of their number 1."""
        _checked(_libc.unshare(_NEWPID), "a namespace for processes")
        reading, writing = os.pipe()
        actions: list[tuple[Any, ...]] = [(os.POSIX_SPAWN_DUP2, reading, 0)]
        actions += [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_WRONLY, 0) for fd in (1, 2)]
        try:
            init = os.posix_spawn(self._cat, ["gradmark-worker"], {}, file_actions=actions, setsid=True)
        finally:
            os.close(reading)
        self._holding[init] = writing
        return init

    def leave(self) -> None:
        """Later forks are into the warm parent's own process numbers again."""
        _checked(_libc.setns(self._home, _NEWPID), "back to the own processes")

    def outer_pid(self, pidfd: int) -> int:
        """The number by which the grader knows the process, which has another one here."""
        with open(f"{OUTSIDE}/proc/self/fdinfo/{pidfd}") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("Pid:"))

    def end(self, init: int) -> None:
        """Ends every process below `init`, whatever became of the worker."""
        os.kill(init, signal.SIGKILL)
        os.waitpid(init, 0)
        os.close(self._holding.pop(init))


def settle(folder: str, size: int, files: int) -> None:
    """A worker's own tree, before it gives up its rights. Raises `OSError`."""
    _checked(_libc.unshare(_NEWNS), "a namespace for mounts")
    _mount(OUTSIDE + folder, SUBMISSION, None, _BIND | _REC)
    _read_only(SUBMISSION)
    options = f"size={size},nr_inodes={files + 1},mode=700"
    _mount("tmpfs", SCRATCH, "tmpfs", _NOSUID | _NODEV | _NOEXEC, options)
    with contextlib.suppress(
        OSError
    ):  # refused where /proc is covered in part, as in Docker: then there is none
        _mount("proc", "/proc", "proc", _NOSUID | _NODEV | _NOEXEC)
    os.chdir("/")
    _checked(_libc.umount2(os.fsencode(OUTSIDE), _MNT_DETACH), "letting go of the machine's files")


def _move_into(places: Iterable[str], hidden: Iterable[str]) -> None:
    places = [place for place in places if os.path.exists(place)]
    base = base_for(places)
    _mount("tmpfs", base, "tmpfs", _NOSUID | _NODEV, "mode=755")
    _furnish(base, places, hidden)
    os.chdir(base)
    pivot = syscall_nr("pivot_root")
    _checked(_libc.syscall(pivot, b".", os.fsencode(OUTSIDE[1:])), "a root folder of its own")
    os.chdir("/")
    _mount(None, "/", None, _REMOUNT | _BIND | _RDONLY | _NOSUID | _NODEV)


def base_for(places: Iterable[str], candidates: Iterable[str] = _BASES) -> str:
    """The first folder that may be covered by the new tree: no place lies in it, leads through it or holds it.

    Raises `OSError` when there is none.
    """
    ways = [way for place in places for way in _ways(place)]
    for base in candidates:
        free = not any(_within(way, base) for way in ways) and not any(_within(base, place) for place in ways)
        if free and os.path.isdir(base) and os.path.realpath(base) == base:
            return base
    raise OSError("there is no folder in which a worker's file tree could be made")


def _ways(path: str) -> list[str]:
    """The path, and what it is called after each link on the way to it."""
    found = [path]
    while (link := _first_link(found[-1])) and len(found) < _MOST_LINKS:
        rest = os.path.relpath(found[-1], link)
        found.append(os.path.normpath(os.path.join(os.path.dirname(link), os.readlink(link), rest)))
    return found


def _first_link(path: str) -> str:
    parts = path.split(os.sep)
    ways = (os.sep.join(parts[: n + 1]) for n in range(1, len(parts)))
    return next((way for way in ways if os.path.islink(way)), "")


def _furnish(base: str, places: Iterable[str], hidden: Iterable[str]) -> None:
    shown: list[str] = []
    for place in sorted({_lead_to(base, place) for place in places}):
        if not any(_within(place, other) for other in shown):
            _bind(base, place)
            shown.append(place)
    for name in hidden:
        if os.path.isdir(name) and any(_within(os.path.realpath(name), place) for place in shown):
            _mount("tmpfs", base + os.path.realpath(name), "tmpfs", _RDONLY | _NOSUID | _NODEV, "size=4k")
    for name in (SUBMISSION, SCRATCH, OUTSIDE, "/proc"):
        os.makedirs(base + name, exist_ok=True)


def _lead_to(base: str, path: str) -> str:
    """Makes the folders and links that lead to `path`; gives the path without links."""
    real = ""
    parts = path.strip("/").split("/")
    for number, part in enumerate(parts):
        here = f"{real}/{part}"
        if os.path.islink(here):
            target = os.readlink(here)
            if not os.path.lexists(base + here):
                os.symlink(target, base + here)
            return _lead_to(base, os.path.normpath(os.path.join(real or "/", target, *parts[number + 1 :])))
        if number < len(parts) - 1:
            os.makedirs(base + here, exist_ok=True)
        real = here
    return real


def _bind(base: str, place: str) -> None:
    target = base + place
    if os.path.isdir(place):
        os.makedirs(target, exist_ok=True)
    else:
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o644))
    _mount(place, target, None, _BIND | _REC)
    _read_only(target)


def _within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder + os.sep)


def _mount(source: str | None, target: str, kind: str | None, flags: int, options: str = "") -> None:
    texts = (os.fsencode(text) if text is not None else None for text in (source, target, kind))
    done = _libc.mount(*texts, ctypes.c_ulong(flags), os.fsencode(options) or None)
    _checked(done, f"mounting {target}")


def _read_only(target: str) -> None:
    """What is mounted at `target` and below it can't be written any more, whoever asks."""
    attributes = (ctypes.c_uint64 * 4)(_RDONLY | _NOSUID, 0, 0, 0)
    done = _libc.syscall(
        _MOUNT_SETATTR, _AT_FDCWD, os.fsencode(target), _AT_RECURSIVE, attributes, ctypes.sizeof(attributes)
    )
    _checked(done, f"making {target} read only")


def _checked(done: int, what: str) -> None:
    if done != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
