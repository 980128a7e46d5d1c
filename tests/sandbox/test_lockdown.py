"""What student code must not be able to do, tried for real in a locked worker.

These run at the strongest level that the machine offers; where a layer is missing they are skipped with the
level's own words, as the report would show it.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from grader.errors import CallError, LimitExceeded, Raised
from grader.results import Limits
from grader.sandbox import level
from grader.sandbox.client import Function, Zygote

ROOT = Path(__file__).resolve().parents[2]
SHORT = Limits(call_seconds=3, memory_bytes=512 << 20)


@pytest.fixture
def strict(zygote: Zygote, opened):
    if not level.reaches(zygote.isolation, level.STRICT):
        pytest.skip(f"this machine offers {zygote.isolation}: {', '.join(zygote.isolation_detail)}")
    return opened


def run(worker, *args):
    return worker.call(Function("cs231n.task", "f"), args)


def attempt(opened, body: str, *args):
    """Runs `body` as a function `f(*args)` of a submission."""
    indented = "\n    ".join(body.splitlines())
    text = (
        f"import ctypes, os, signal, socket, subprocess, sys, time, resource\ndef f(*args):\n    {indented}\n"
    )
    return run(opened(text, limits=SHORT), *args)


FORBIDDEN = {
    "read /etc/passwd": "open('/etc/passwd').read()",
    "read the reference": f"open({str(ROOT / 'reference/cs231n/rnn_layers.py')!r}).read()",
    "read the checks": f"open({str(ROOT / 'checks/__init__.py')!r}).read()",
    "read the grader": f"open({str(ROOT / 'grader/errors.py')!r}).read()",
    "list the checkout": f"os.listdir({str(ROOT)!r})",
    "list /tmp": "os.listdir('/tmp')",
    "list home": "os.listdir(os.path.expanduser('~' + 'root'))",
    "write /tmp": "open('/tmp/gradmark-was-here', 'w')",
    "write /dev/shm": "open('/dev/shm/gradmark-was-here', 'w')",
    "write its own submission": "open(__file__, 'a')",
    "write beside its submission": "open(__file__ + '.txt', 'w')",
    "remove its submission": "os.remove(__file__)",
    "link out": "os.link(__file__, 'copy')",
    "read through a link": "os.symlink('/etc/passwd', 'link'); open('link').read()",
    "list processes": "os.listdir('/proc')",
    "environment of the parent": "open(f'/proc/{args[0]}/environ').read()",
    "memory of the parent": "open(f'/proc/{args[0]}/mem', 'rb+')",
    "kill the parent": "os.kill(args[0], 9)",
    "stop the parent": "os.kill(args[0], signal.SIGSTOP)",
    "kill everybody": "os.kill(-1, 9)",
    "limit the parent": "resource.prlimit(args[0], resource.RLIMIT_CPU, (1, 1))",
    "priority of the parent": "os.setpriority(os.PRIO_PROCESS, args[0], 19)",
    "affinity of the parent": "os.sched_setaffinity(args[0], [0])",
    "fork": "os.fork()",
    "exec": "os.execv('/bin/sh', ['sh'])",
    "subprocess": "subprocess.run(['true'])",
    "system": "sys.exit(0) if os.system('true') == 0 else os.fork()",
    "multiprocessing": "import multiprocessing; multiprocessing.Process(target=print).start()",
    "new session": "os.setsid()",
    "tcp": "socket.create_connection(('127.0.0.1', 9))",
    "udp": "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', 9))",
    "listen": "socket.socket().bind(('', 0))",
    "name lookup": "socket.create_connection(('example.org', 80))",
    "unix socket": "socket.socket(socket.AF_UNIX).connect('/run/dbus/system_bus_socket')",
    "datagram pair": "socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)",
    "download": "import urllib.request; urllib.request.urlopen('http://127.0.0.1/')",
    "memfd": "os.memfd_create('x')",
    "shared memory": "from multiprocessing import shared_memory; shared_memory.SharedMemory(create=True, size=10)",
    "more memory": "resource.setrlimit(resource.RLIMIT_AS, (-1, -1))",
    "become root": "os.setuid(0); os.chroot('/')",
    "unshare": "ctypes.CDLL(None, use_errno=True).unshare(0x10000000) and os.fork()",
    "mount": "ctypes.CDLL(None, use_errno=True).mount(b'x', b'/', b'tmpfs', 0, 0) and os.fork()",
    "set the clock": "time.clock_settime(time.CLOCK_REALTIME, 0)",
}


# "Not found" is the answer where the worker has a file tree of its own.
REFUSALS = (
    "PermissionError", "FileNotFoundError", "OSError", "URLError", "gaierror", "ValueError", "processes", "network",
)  # fmt: skip


@pytest.mark.parametrize("what", FORBIDDEN)
def test_it_is_refused(strict, what):
    """The kernel refuses, the call fails with an exception of the student's, the worker and the grader live."""
    with pytest.raises((Raised, LimitExceeded)) as caught:
        attempt(strict, FORBIDDEN[what], os.getpid())
    error = caught.value
    assert (error.limit if isinstance(error, LimitExceeded) else error.kind) in REFUSALS, error
    assert not Path("/tmp/gradmark-was-here").exists()


@pytest.mark.parametrize(
    "body",
    [
        "ctypes.CDLL(None).ptrace(16, os.getppid(), 0, 0)",
        "ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)",
        "ctypes.CDLL(None).prctl(1, 0, 0, 0, 0)",
        "ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)",
        "ctypes.CDLL(None).syscall(425, 8, ctypes.byref(ctypes.create_string_buffer(200)))",  # io_uring_setup
        "ctypes.CDLL(None).shmget(1234, 4096, 0o1600)",
        "ctypes.CDLL(None).fork()",
        "ctypes.CDLL(None).vfork()",
        "ctypes.CDLL(None).execv(b'/bin/true', None)",
        "ctypes.CDLL(None).connect(os.open('/dev/null', 0), b'', 0)",
    ],
)
def test_kernel_interfaces_are_refused(strict, body):
    """Calls without a Python name fail as well."""
    assert attempt(strict, f"return {body}").value.data == -1


def test_chmod_seems_to_succeed_and_does_nothing(strict, submission):
    """Honest libraries call it on their own files; nobody's rights change."""
    folder = submission(task="x = 1\n")
    target = folder / "cs231n" / "__init__.py"
    before = target.stat().st_mode
    assert (
        attempt(strict, "return os.chmod(os.path.dirname(__file__) + '/__init__.py', 0o777)").value.data
        is None
    )
    assert target.stat().st_mode == before


HONEST = {
    "threads": "import threading; t = threading.Thread(target=time.sleep, args=(0,)); t.start(); t.join(); return 1",
    "torch threads": "import torch; torch.set_num_threads(2); x = torch.ones(600, 600)\n"
    "return float((x @ x).mean() / 600)",
    "backward": "import torch; x = torch.ones(3, requires_grad=True)\n"
    "(x * x).sum().backward()\nreturn float(x.grad[0] / 2)",
    "rnn": "import torch; return torch.nn.LSTM(3, 4)(torch.ones(2, 1, 3))[0].shape[0] - 1",
    "loader": "from torch.utils.data import DataLoader; return len(list(DataLoader([1, 2], batch_size=2)))",
    "temporary files": "import tempfile, shutil; f = tempfile.NamedTemporaryFile(delete=False)\nf.write(b'x')\n"
    "f.close()\n"
    "shutil.copy(f.name, 'b')\nreturn len(open('b').read())",
    "save and load": "import torch; torch.save({'a': torch.ones(1)}, 'm.pt'); return float(torch.load('m.pt')['a'])",
    "h5py": "import h5py; h5py.File('x.h5', 'w').create_dataset('a', data=[1]); return 1",
    "asyncio": "import asyncio; return asyncio.run(asyncio.sleep(0, 1))",
    "own submission": "return len(open(__file__).read()) > 0 and 1",
    "torchvision": "import torchvision.transforms as T; return 1 if T.Compose([T.ToTensor()]) else 0",
    "devices": "open('/dev/null', 'w').write('x'); return len(os.urandom(1))",
    "resources": "return int(resource.getrlimit(resource.RLIMIT_AS)[0] > 0)",
    "signal to itself": "signal.signal(signal.SIGUSR1, print); os.kill(os.getpid(), signal.SIGUSR1); return 1",
}


@pytest.mark.parametrize("what", HONEST)
def test_honest_work_is_not_disturbed(opened, what):
    """What coursework does legitimately works under the lock-down."""
    indented = "\n    ".join(HONEST[what].splitlines())
    worker = opened(
        f"import os, resource, signal, sys, time\ndef f():\n    {indented}\n", limits=Limits(call_seconds=30)
    )
    assert run(worker).value.data == 1


def test_a_thread_bomb_ends(strict):
    """Threads cost memory, which is limited; nothing outlives the worker."""
    with pytest.raises(CallError):
        attempt(
            strict, "import threading\nwhile True: threading.Thread(target=time.sleep, args=(60,)).start()"
        )


def test_a_signal_handler_does_not_save_from_the_limit(opened):
    """Ignoring signals and stopping oneself change nothing about the end."""
    worker = opened(
        "import os, signal\ndef f():\n    for n in range(1, 32):\n        try: signal.signal(n, signal.SIG_IGN)\n"
        "        except (OSError, ValueError): pass\n    os.kill(os.getpid(), signal.SIGSTOP)\n",
        limits=Limits(call_seconds=0.5),
    )
    with pytest.raises(LimitExceeded, match="still running"):
        run(worker)


WORDS = {  # what a call does -> the limit that it meets, in the words of the report
    "with open('big', 'wb') as file:\n    for _ in range(100): file.write(bytes(1 << 20))": (
        "file size",
        "f wrote a file of more than 4 MB.",
    ),
    "for n in range(100): open(str(n), 'wb').write(bytes(1 << 20))\ntime.sleep(5)": (
        "disk",
        "f wrote more than 16 MB to disk",
    ),
    "for n in range(5000): open(str(n), 'wb').close()\ntime.sleep(5)": (
        "disk files",
        "f made more than 1,000 files",
    ),
    "return [open('/dev/null') for _ in range(200)]": ("open files", "f had more than 100 files open."),
    "os.fork()": ("processes", "f tried to start a process, which is not allowed here."),
    "os.system('true')": ("processes", "f tried to start a process, which is not allowed here."),
    "subprocess.run(['true'])": ("processes", "f tried to start a process, which is not allowed here."),
    "import multiprocessing\nmultiprocessing.Pool(2)": (
        "processes",
        "f tried to start a process, which is not allowed here.",
    ),
    "import multiprocessing\nmultiprocessing.Process(target=print).start()": (
        "processes",
        "f tried to start a process, which is not allowed here.",
    ),
    "from torch.utils.data import DataLoader\nreturn list(DataLoader([1, 2], num_workers=2))": (
        "processes",
        "f tried to start a process, which is not allowed here.",
    ),
}
SMALL = Limits(
    call_seconds=20,
    file_bytes=4 << 20,
    disk_bytes=16 << 20,
    disk_files=1000,
    open_files=100,
    memory_bytes=512 << 20,
)


@pytest.mark.parametrize("body", WORDS)
def test_each_limit_has_its_words(opened, body):
    """What was too much, and the amount that the rubric allows; whatever the level, as these need no layer."""
    limit, words = WORDS[body]
    with pytest.raises(LimitExceeded) as caught:
        run(
            opened(
                f"import os, subprocess, time\ndef f():\n    {body.replace(chr(10), chr(10) + '    ')}\n",
                limits=SMALL,
            )
        )
    assert caught.value.message.removesuffix(" and was stopped.").rstrip(".") == words.rstrip(".")
    assert caught.value.limit in (limit, limit.split()[0], limit.split()[-1])


def test_a_loader_with_workers_gets_the_remedy(opened):
    """The commonest honest reason to start processes is named."""
    with pytest.raises(LimitExceeded) as caught:
        run(
            opened(
                "from torch.utils.data import DataLoader\ndef f(): return list(DataLoader([1], num_workers=1))\n"
            )
        )
    assert "num_workers=0" in caught.value.hint
    assert "line 2, in f" in caught.value.details[0].text


def test_the_network_is_named(opened, strict):
    """A download in graded code fails for one reason, which is said."""
    with pytest.raises(LimitExceeded, match=r"f tried to use the network, which is not allowed here\."):
        attempt(strict, "import urllib.request; urllib.request.urlopen('http://127.0.0.1/')")


def test_many_files_meet_the_limit_of_the_folder(opened):
    """The private folder as a whole is limited too, and removed with the worker."""
    worker = opened(
        "def f():\n    n = 0\n    while True:\n        n += 1\n        open(f'{n}', 'wb').write(bytes(1 << 24))\n",
        limits=Limits(call_seconds=20),
    )
    with pytest.raises(LimitExceeded, match="f wrote more than 256 MB to disk"):
        run(worker)


def test_workers_do_not_see_each_other(opened, strict):
    """One worker's private folder is closed to the next."""
    first = opened("import os\ndef f():\n    open('note', 'w').write('x')\n    return os.getcwd()\n")
    place = run(first).value.data
    second = opened(
        "import os\ndef f(place):\n    try: return [*os.listdir(place), open(place + '/note').read()] and True\n"
        "    except OSError: return False\n"
    )
    assert run(second, place).value.data is False


def test_each_missing_layer_is_named():
    """Without a layer the level is lower, and what is not prevented is listed."""
    with Zygote.start(preload=("numpy",), without=("namespaces",)) as zygote:
        assert zygote.isolation in (level.STRICT, level.SECCOMP_ONLY, level.PROCESS)
        assert "not prevented: see that files exist" in zygote.isolation_detail
        assert zygote.missing["namespaces"] == "left out on request"
    with Zygote.start(preload=("numpy",), without=("namespaces", "landlock")) as zygote:
        assert zygote.isolation in (level.SECCOMP_ONLY, level.PROCESS)
        assert "not prevented: read other files" in zygote.isolation_detail
    with Zygote.start(preload=("numpy",), without=("namespaces", "landlock", "seccomp")) as zygote:
        assert zygote.isolation == level.PROCESS
        assert "not prevented: start processes" in zygote.isolation_detail


def test_levels_are_ordered():
    """`--require-isolation` compares levels by strength."""
    assert level.reaches("full", "strict")
    assert level.reaches("strict", "seccomp-only")
    assert level.reaches("process", "process")
    assert not level.reaches("seccomp-only", "strict")
    assert level.name({}) == level.PROCESS


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_root_becomes_nobody(tmp_path):
    """A worker started by root runs as a user of its own where that user can read the libraries."""
    from grader.sandbox import lockdown

    pid = os.fork()
    if pid == 0:
        layer = lockdown._leave_root(1_900_000_001, str(tmp_path))
        os._exit(0 if (layer, os.geteuid(), os.getgroups()) == ("own user", 1_900_000_001, []) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has rights to give up")
def test_root_without_capabilities_has_no_rights(tmp_path):
    """Where it must stay root, the kernel treats it like anybody: it can't raise limits or change owners."""
    from grader.sandbox import lockdown

    pid = os.fork()
    if pid == 0:
        lockdown._leave_root(0, str(tmp_path))
        lockdown._drop_capabilities()
        try:
            os.chown(tmp_path, 1, 1)
        except PermissionError:
            os._exit(0)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_the_parent_survives_everything_above(zygote, opened):
    """An honest worker after all of it is served by the same warm parent."""
    assert zygote._parent.alive
    assert run(opened("def f():\n    return 1\n")).value.data == 1
    assert signal.getsignal(signal.SIGCHLD) == signal.SIG_DFL


def test_libraries_are_granted_around_our_own_packages(tmp_path, monkeypatch):
    """Installed beside its libraries, gradmark's packages are left out of what a worker may read."""
    grants = pytest.importorskip("grader.sandbox.grants", reason="Landlock is Linux's", exc_type=ImportError)
    packages = tmp_path / "lib" / "python3" / "site-packages"
    for name in ("numpy", "reference", "checks", "torch"):
        (packages / name).mkdir(parents=True)
    (packages / "six.py").touch()
    monkeypatch.setattr("sys.prefix", str(tmp_path))
    rules = dict(grants.library_rules(str(packages / name) for name in ("reference", "checks", "absent")))
    readable = {path for path, access in rules.items() if access & grants.AccessFS.READ_FILE}
    assert {str(packages / name) for name in ("numpy", "torch", "six.py")} <= readable
    assert not readable & {
        str(packages / "reference"),
        str(packages / "checks"),
        str(packages),
        str(tmp_path / "lib"),
    }


def test_packages_installed_outside_the_interpreter_are_granted(tmp_path, monkeypatch):
    """A user's own site-packages, or those that a .pth file adds, can be read: torch imports some of itself late."""
    grants = pytest.importorskip("grader.sandbox.grants", reason="Landlock is Linux's", exc_type=ImportError)
    elsewhere, mine = tmp_path / "site-packages", tmp_path / "project"
    for folder in (elsewhere, mine):
        folder.mkdir()
    monkeypatch.setattr("sys.path", [str(mine), str(elsewhere)])
    rules = dict(grants.library_rules(()))
    assert str(elsewhere) in rules
    assert str(mine) not in rules
    assert str(elsewhere) in grants.places()
