"""seccomp: which system calls a worker may make. It needs threads, files and memory; no processes, no network.

A deny-list: numpy, torch and the C library use hundreds of calls and more with each version, while what must not
happen has names. How a call is refused matters as much: libraries fall back on ENOSYS but not on EPERM, `shutil`
gives up when `chmod` fails but not when it does nothing, libzmq aborts on any error but EOPNOTSUPP.
"""

from __future__ import annotations

import errno
import os
import platform

import seccompy
from seccompy import ArgCmp, CmpOp, Filter
from seccompy.syscalls import syscall_nr

# Other processes, namespaces, mounts, kernel services, shared memory between processes.
_REFUSED = (
    "fork", "vfork", "execve", "execveat", "ptrace", "process_vm_readv", "process_vm_writev",
    "process_madvise", "process_mrelease", "pidfd_open", "pidfd_getfd", "pidfd_send_signal", "kcmp",
    "rt_sigqueueinfo", "rt_tgsigqueueinfo", "tkill", "unshare", "setns", "chroot", "pivot_root", "mount",
    "umount2", "move_mount", "open_tree", "fsopen", "fsconfig", "fsmount", "fspick", "mount_setattr",
    "name_to_handle_at", "open_by_handle_at", "bpf", "perf_event_open", "userfaultfd", "keyctl",
    "add_key", "request_key", "shmget", "shmat", "shmctl", "semget", "semop", "semctl", "msgget",
    "msgsnd", "msgrcv", "mq_open", "mq_unlink", "setsid", "setpgid", "setpriority", "ioprio_set",
    "sched_setscheduler", "sched_setparam", "sched_setattr", "migrate_pages", "move_pages", "connect",
    "bind", "listen", "accept", "accept4", "init_module", "finit_module", "delete_module", "kexec_load",
    "kexec_file_load", "reboot", "swapon", "swapoff", "acct", "quotactl", "sethostname", "setdomainname",
    "syslog", "settimeofday", "clock_settime", "adjtimex", "clock_adjtime", "iopl", "ioperm",
    "lookup_dcookie", "personality", "vhangup", "uselib", "mknod", "mknodat",
    "quotactl_fd", "open_tree_attr", "file_setattr", "lsm_set_self_attr", "statmount", "listmount", "nfsservctl",
    "modify_ldt", "fanotify_init", "fanotify_mark", "inotify_init", "inotify_init1", "io_setup", "sysfs", "_sysctl",
)  # fmt: skip

# Not there as far as the C library is concerned: it has another way, or the caller is told that there is none.
_ABSENT = (
    "clone3", "io_uring_setup", "io_uring_enter", "io_uring_register", "memfd_create", "memfd_secret",
    "fchmodat2", "setxattrat", "removexattrat", "landlock_create_ruleset",
)  # fmt: skip

# Seem to succeed. Landlock does not cover them, and honest code does not notice.
_FAKED = (
    "chmod", "fchmod", "fchmodat", "chown", "fchown", "lchown", "fchownat", "setxattr", "lsetxattr",
    "fsetxattr", "removexattr", "lremovexattr", "fremovexattr", "utime", "utimes", "utimensat",
    "futimesat", "sync", "syncfs",
)  # fmt: skip

# Calls of kernels later than this list (it ends with Linux 6.17): as on the older kernel that everybody supports.
_LATER = range(470, 512)

_CLONE_THREAD = 0x10000
_AF_UNIX, _AF_NETLINK = 1, 16
_SOCK_STREAM, _SOCK_TYPE = 1, 0xF
_PRCTL = {"PDEATHSIG": 1, "DUMPABLE": 4, "CHILD_SUBREAPER": 36, "PTRACER": 0x59616D61, "SCHED_CORE": 62}
# Requests on a terminal that type for its owner, and those that name another process as the one to be signalled.
_IOCTL = {
    "TIOCSTI": 0x5412,
    "TIOCLINUX": 0x541C,
    "TIOCSETD": 0x5423,
    "FIOSETOWN": 0x8901,
    "SIOCSPGRP": 0x8902,
}
# Families of requests that change files which are open for reading only: flags, encryption, verity, clones.
_IOCTL_FAMILIES = (0x6600, 0x5800, 0x7600, 0x9400)
# A signal of any kind to any process of the user when a pipe is written to; being told of, or delaying, others' opens.
_FCNTL = {"SETOWN": 8, "SETSIG": 10, "SETOWN_EX": 15, "SETLEASE": 1024, "NOTIFY": 1026}
_X32 = 0x40000000  # the same calls under other numbers, where the kernel has the x32 ABI


def available() -> bool:
    """Whether this kernel takes filters for this processor."""
    return seccompy.supported()


def build() -> Filter:
    """The filter that is the same for every worker. Compiled once, in the warm parent."""
    made = _Rules()
    for name in _REFUSED:
        made.refuse(name, errno.EPERM)
    for name in _ABSENT:
        made.refuse(name, errno.ENOSYS)
    for name in _FAKED:
        made.refuse(name, 0)
    made.refuse("clone", errno.EPERM, ArgCmp(0, CmpOp.MASKED_EQ, 0, _CLONE_THREAD))
    made.refuse("socket", errno.EOPNOTSUPP, ArgCmp(0, CmpOp.MASKED_EQ, _AF_NETLINK, 0xFFFFFFFF))
    made.refuse("socket", errno.EAFNOSUPPORT)
    # A datagram socket from a pair could still be sent to any path.
    made.refuse("socketpair", errno.EPERM, ArgCmp(0, CmpOp.NE, _AF_UNIX))
    for kind in (2, 3, 4, 5, 10):
        made.refuse("socketpair", errno.EPERM, ArgCmp(1, CmpOp.MASKED_EQ, kind, _SOCK_TYPE))
    for option in _PRCTL.values():
        # The kernel looks at the lower half of the number alone.
        made.refuse("prctl", errno.EPERM, ArgCmp(0, CmpOp.MASKED_EQ, option, 0xFFFFFFFF))
    for request in _IOCTL.values():
        made.refuse("ioctl", errno.EPERM, ArgCmp(1, CmpOp.MASKED_EQ, request, 0xFFFFFFFF))
    for family in _IOCTL_FAMILIES:
        made.refuse("ioctl", errno.EPERM, ArgCmp(1, CmpOp.MASKED_EQ, family, 0xFF00))
    for command in _FCNTL.values():
        made.refuse("fcntl", errno.EPERM, ArgCmp(1, CmpOp.MASKED_EQ, command, 0xFFFFFFFF))
    for number in _LATER:
        made.refuse_number(number, errno.ENOSYS)
    # Limits and affinity of other processes of the same user.
    for name in ("prlimit64", "sched_setaffinity"):
        made.refuse(name, errno.EPERM, unless=ArgCmp(0, CmpOp.EQ, 0))
    assert made.filter.program
    return made.filter


def own_signals_only(pid: int) -> Filter:
    """A second filter, as the number is known in the child only: signals go to itself."""
    made = _Rules()
    for name in ("kill", "tgkill"):
        made.refuse(name, errno.EPERM, ArgCmp(0, CmpOp.NE, pid))
    return made.filter


def restrict(prepared: Filter) -> None:
    """Puts the calling process (of one thread) under both filters, for good. Raises `OSError`."""
    own_signals_only(os.getpid()).load()
    prepared.load()


class _Rules:
    """A filter under construction; names that this processor does not have are left out."""

    def __init__(self) -> None:
        self.filter = Filter()
        self._twice = platform.machine().lower() in ("x86_64", "amd64")

    def refuse(
        self, name: str, error: int, condition: ArgCmp | None = None, unless: ArgCmp | None = None
    ) -> None:
        """`name` fails with `error` (0: does nothing and succeeds) where `condition` holds and `unless` does not."""
        number = _number(name)
        if number is not None:
            self.refuse_number(number, error, condition, unless)

    def refuse_number(
        self, number: int, error: int, condition: ArgCmp | None = None, unless: ArgCmp | None = None
    ) -> None:
        """The same for a call by its number."""
        for call in (number, number | _X32) if self._twice else (number,):
            if unless is not None:
                self.filter.allow(call, args=[unless])
                self.filter.errno(call, error)
            else:
                self.filter.errno(call, error, args=[condition] if condition is not None else None)


def _number(name: str) -> int | None:
    try:
        return syscall_nr(name)
    except (ValueError, KeyError, OSError):
        return None
