"""Takes away from this process what Windows has not, as far as the standard library survives it here.

Copied as `sitecustomize.py` into a student's package, so that the worker's interpreter is like that as well. Libraries
have their own code for Windows, which is not here: they are imported first, and keep what they hold.
"""

import importlib
import os
import select
import signal
import socket
import subprocess
import sys
import types
import warnings

FIRST = """
    asyncio concurrent.futures ctypes multiprocessing selectors shutil tempfile webbrowser zipfile _pytest.pathlib
    _pytest.python _pytest.terminal hypothesis hypothesis.internal.conjecture.engine jinja2 markdown_it msgspec nh3 numpy
    psutil pytest rich.console rich.panel rich.progress rich.table typer typer.testing watchfiles.main
"""
for name in FIRST.split():
    importlib.import_module(name)

MODULES = {
    "_posixshmem",
    "fcntl",
    "grp",
    "landlockpy",
    "pty",
    "pwd",
    "readline",
    "resource",
    "seccompy",
    "syslog",
    "termios",
    "tty",
}
GONE = {
    os: (
        "WEXITSTATUS", "WIFEXITED", "WIFSIGNALED", "WTERMSIG", "chown", "chroot", "confstr", "fchmod", "fchown", "fork",
        "forkpty", "geteuid", "getegid", "getgid", "getgroups", "getpgid", "getsid", "getuid", "initgroups", "killpg",
        "lchown", "memfd_create", "mkfifo", "mknod", "nice", "openpty", "pidfd_open", "pipe2", "posix_spawn",
        "posix_spawnp", "pread", "preadv", "pwrite", "register_at_fork", "sched_getaffinity", "sendfile", "set_blocking",
        "setegid", "seteuid", "setgid", "setgroups", "setpgid", "setresgid", "setresuid", "setsid", "setuid",
        "statvfs", "fstatvfs", "sysconf", "uname", "unshare", "wait", "wait3", "wait4", "waitid",
    ),
    signal: (
        "SIGALRM", "SIGBUS", "SIGCHLD", "SIGHUP", "SIGKILL", "SIGPIPE", "SIGUSR1", "SIGUSR2", "SIGXCPU", "SIGXFSZ",
        "alarm", "getitimer", "pidfd_send_signal", "pthread_kill", "pthread_sigmask", "setitimer", "sigpending", "sigwait",
    ),
    select: ("poll", "epoll", "EPOLLIN", "POLLIN", "POLLOUT"),
    socket: ("AF_UNIX", "SOCK_SEQPACKET", "recv_fds", "send_fds", "socketpair"),
}  # fmt: skip


class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in MODULES:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def no_such_method(*_):
    raise AttributeError


# The libraries' own way of starting and ending processes here is kept to themselves.
for library in (subprocess, sys.modules["psutil"]):
    for name, module in (("os", os), ("signal", signal), ("select", select)):
        setattr(library, name, types.SimpleNamespace(**vars(module)))
for module, names in GONE.items():
    for name in names:
        if hasattr(module, name):
            delattr(module, name)
for name in ("sendmsg", "recvmsg", "recvmsg_into"):
    setattr(socket.socket, name, property(no_such_method))
for name in MODULES:
    sys.modules.pop(name, None)
sys.meta_path.insert(0, Missing())
sys.platform = "win32"
# A file that is opened without a word on its encoding would be read as cp1252 there.
warnings.filterwarnings("error", category=EncodingWarning, module=r"(grader|checks|reports)\b")
