"""Namespaces: what a worker no longer sees, that nothing it starts outlives it, and what happens without them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
import venv
from pathlib import Path

import pytest

from grader.errors import CallError, LimitExceeded
from grader.results import Limits
from grader.sandbox import level, nest
from grader.sandbox.client import Function, Zygote
from tests.sandbox import as_user

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="namespaces are Linux's")
ROOT = Path(__file__).resolve().parents[2]
LOOK = """
import os
def f(pid, path):
    seen = lambda p: os.path.lexists(p)
    try: there = bool(os.getpgid(pid))
    except ProcessLookupError: there = False
    return [seen(path), seen(path + "/errors.py"), seen("/etc/passwd"), seen("/home"), seen("/.outside/etc"), there]
def own(): return [os.getpid(), os.getppid(), __file__, os.getcwd(), os.environ["HOME"]]
def size(): s = os.statvfs("."); return [s.f_blocks * s.f_frsize, s.f_files]
"""


@pytest.fixture
def full(zygote, opened):
    if zygote.isolation != level.FULL:
        pytest.skip(f"this machine gives no namespaces: {zygote.missing.get('namespaces')}")
    return opened


def values(reply):
    return [item.data for item in reply.value.items]


def call(worker, name, *args):
    return values(worker.call(Function("cs231n.task", name), args))


def test_nothing_outside_can_even_be_asked_for(full):
    """Whether a file or a process exists is not answered: not of the checkout, the system or the grader."""
    assert call(full(LOOK), "f", os.getpid(), str(ROOT / "grader")) == [False] * 6


def test_a_worker_has_its_own_numbers_and_paths(full):
    """It learns neither its number on the machine nor the names of folders, which hold the student's name."""
    assert call(full(LOOK), "own") == [2, 0, "/submission/cs231n/task.py", "/scratch", "/scratch"]


def test_the_scratch_folder_has_the_limits_of_the_rubric(full):
    """The kernel itself ends writing at the byte."""
    assert call(full(LOOK, limits=Limits(disk_bytes=8 << 20, disk_files=50)), "size") == [8 << 20, 51]


def test_tracebacks_name_files_as_ever(full):
    """The worker's path of the submission is not in messages."""
    with pytest.raises(CallError) as caught:
        full("def f(): return 1 / 0\n").call(Function("cs231n.task", "f"))
    assert 'File "cs231n/task.py", line 1, in f' in caught.value.details[0].text


DAEMON = """
import os, sys, time
def f(path):
    for _ in range(3):
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                time.sleep(60)
            os._exit(0)
    time.sleep(0.2)
    return [1]
"""


def processes_called(name: str) -> list[int]:
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found += [int(entry.parent.name)] if name.encode() in entry.read_bytes() else []
        except OSError:
            continue
    return found


def descendants(pid: int) -> set[int]:
    found: set[int] = set()
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(entry.read_text().rsplit(")", 1)[1].split()[1])
        except OSError:
            continue
        if parent == pid:
            found |= {int(entry.parent.name)} | descendants(int(entry.parent.name))
    return found


def test_no_descendant_survives(submission, monkeypatch):
    """Even without the filter that refuses forks: daemons in sessions of their own end with the worker."""
    text = "import ctypes\n" + DAEMON.replace("os.fork()", "ctypes.CDLL(None).fork()")
    with Zygote.start(preload=("numpy",), without=("seccomp",)) as light:
        if "namespaces" in light.missing:
            pytest.skip(light.missing["namespaces"])
        before = descendants(light._parent._popen.pid)
        with light.worker(submission(task=text), Limits(call_seconds=10)) as worker:
            call(worker, "f", "")
            assert len(descendants(light._parent._popen.pid) - before) >= 5  # number 1, worker, three daemons
        assert descendants(light._parent._popen.pid) == before


def test_a_killed_warm_parent_takes_everything_along(submission):
    """Number 1 of the outer namespace: the kernel ends all that is below it."""
    with Zygote.start(preload=("numpy",)) as light:
        if "namespaces" in light.missing:
            pytest.skip(light.missing["namespaces"])
        with light.worker(submission(task=LOOK), Limits()):
            everyone = descendants(light._parent._popen.pid)
            assert len(everyone) >= 3
            os.kill(light._parent._popen.pid, signal.SIGKILL)
            deadline = time.monotonic() + 10
            while any(_runs(pid) for pid in everyone) and time.monotonic() < deadline:
                time.sleep(0.02)
            assert not any(_runs(pid) for pid in everyone)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_the_mounts_of_the_machine_stay_as_they_are(full):
    """Nothing of a worker's or the warm parent's tree is seen outside."""
    before = Path("/proc/self/mountinfo").read_text()
    full(LOOK).call(Function("cs231n.task", "own"))
    assert Path("/proc/self/mountinfo").read_text() == before
    assert not Path("/submission").exists()


def test_a_project_may_lie_anywhere(tmp_path):
    """An interpreter and a submission below the very folder in which the tree would usually be made."""
    if not os.path.realpath(tmp_path).startswith("/tmp/"):
        pytest.skip("temporary folders of this run are elsewhere")
    venv.create(tmp_path / "project" / ".venv", symlinks=True, with_pip=False)
    (place,) = (tmp_path / "project" / ".venv" / "lib").glob("*/site-packages")
    (place / "others.pth").write_text("\n".join(path for path in sys.path if path.endswith("site-packages")))
    code = REFUSING.partition("refused = ")[0] + REFUSING[REFUSING.index("with Zygote") :]
    done = subprocess.run(
        [tmp_path / "project" / ".venv" / "bin" / "python", "-c", code],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    name, missing, _ = json.loads(done.stdout)
    if "user namespace" in missing.get("namespaces", ""):
        pytest.skip(missing["namespaces"])
    assert (name, missing) == (level.FULL, {})


def test_the_tree_is_made_where_it_hides_nothing(tmp_path):
    """Not in a folder that a library lies in, holds, or is led to by a link; no such folder is a named refusal."""
    one, two, three = (tmp_path / name for name in ("one", "two", "three"))
    for folder in (one, two, three):
        (folder / "lib").mkdir(parents=True)
    (one / "link").symlink_to(two / "lib")
    candidates = [str(tmp_path / "missing"), *map(str, (one, two, three))]
    assert nest.base_for(["/usr/lib"], candidates) == str(one)
    assert nest.base_for([str(one / "lib")], candidates) == str(two)
    assert nest.base_for([str(one / "link" / "x")], candidates) == str(three)
    assert nest.base_for([str(tmp_path / "other")], [str(tmp_path / "other"), str(three)]) == str(three)
    with pytest.raises(OSError, match="no folder"):
        nest.base_for([str(tmp_path)], candidates)


REFUSING = """
import errno, json, sys
from pathlib import Path
from seccompy import Filter
from seccompy.syscalls import syscall_nr
from grader.sandbox import lockdown
from grader.sandbox.client import Zygote
refused = Filter()
for name in {names!r}:
    refused.errno(syscall_nr(name), {error})
lockdown.prctl(38, 1)
refused.load()
with Zygote.start(preload=("numpy",)) as zygote:
    print(json.dumps([zygote.isolation, zygote.missing, zygote.isolation_detail]))
"""


@pytest.mark.parametrize(
    ("names", "error", "lowest", "words"),
    [
        # Docker's default profile, Ubuntu's AppArmor, a container that forbids pivots, kernels before 5.12
        (("unshare",), 1, level.STRICT, "a user namespace: Operation not permitted"),
        (("mount",), 13, level.STRICT, "mounting /: Permission denied"),
        pytest.param(("pivot_root",), 1, level.STRICT, "a root folder of its own: ", marks=pytest.mark.slow),
        pytest.param(("mount_setattr",), 38, level.STRICT, "read only: Function not", marks=pytest.mark.slow),
        (("unshare", "landlock_create_ruleset"), 1, level.SECCOMP_ONLY, "a user namespace"),
    ],
)
def test_what_the_machine_refuses_lowers_the_level_by_one(names, error, lowest, words):
    """Tried for real under a filter that refuses as Docker, AppArmor and old kernels do; the reason is kept."""
    pytest.importorskip("seccompy")
    code = REFUSING.format(names=names, error=error)
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    name, missing, detail = json.loads(done.stdout)
    assert words in missing["namespaces"]
    assert name == lowest
    assert "not prevented: see that files exist" in detail


USER = """
import json, os, sys
from pathlib import Path
from grader.errors import CallError
from grader.results import Limits
from grader.sandbox.client import Function, Zygote
import tempfile
folder = Path(tempfile.mkdtemp())
(folder / "cs231n").mkdir()
(folder / "cs231n" / "task.py").write_text({text!r})
said = {{"uid": os.getuid()}}
with Zygote.start(preload=("numpy",)) as zygote:
    said["level"], said["missing"] = zygote.isolation, zygote.missing
    with zygote.worker(folder, Limits(memory_bytes=256 << 20, disk_bytes=1 << 20, disk_files=100)) as worker:
        for name in ("read", "parent", "fork", "fill", "memory", "honest"):
            try:
                said[name] = str(worker.call(Function("cs231n.task", name), (os.getpid(), str(folder))).value.data)
            except CallError as error:
                said[name] = error.message
print(json.dumps(said))
"""
USER_TASK = """
import os
import numpy as np
def read(pid, folder): return open(folder + "/cs231n/task.py").read()
def parent(pid, folder): return open(f"/proc/{pid}/environ").read()
def fork(pid, folder): return os.fork()
def fill(pid, folder): return open("x", "wb").write(bytes(1 << 22))
def memory(pid, folder): return np.ones(1 << 28)[0]
def honest(pid, folder): return float(np.tanh(np.ones((3, 3))).sum() > 0)
"""


def test_an_unprivileged_user_gets_the_same_isolation():
    """Root is not needed for any layer: the level, the refusals and the limits are those of a user without rights."""
    with as_user.folder() as home:
        done = as_user.run(["-c", USER.format(text=textwrap.dedent(USER_TASK))], home)
        left = sorted(path.name for path in home.iterdir() if path.name.startswith("gradmark-"))
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    if said["level"] != level.FULL:
        pytest.skip(f"an unprivileged user gets {said['level']} here: {said['missing']}")
    assert said["uid"] == as_user.UID
    assert "FileNotFoundError" in said["read"]
    assert "FileNotFoundError" in said["parent"]
    assert said["fork"] == "fork tried to start a process, which is not allowed here."
    assert said["fill"] == "fill wrote more than 1 MB to disk."
    assert said["memory"].startswith("memory used more than 256 MB of memory")
    assert said["honest"] == "1.0"
    assert left == []


@pytest.mark.slow
def test_every_attempt_as_an_unprivileged_user():
    """The whole of the lock-down's and the limits' tests once more, without root."""
    with as_user.folder() as home:
        files = [f"tests/sandbox/test_{name}.py" for name in ("lockdown", "failures", "zygote", "nest")]
        arguments = ["-m", "pytest", "-q", "-m", "not slow", f"--basetemp={home}/pytest", *files]
        done = as_user.run(arguments, home, timeout=600)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]


@pytest.mark.slow
def test_every_attempt_without_namespaces():
    """Level strict, as in Docker: the same attempts are refused and the same limits hold."""
    files = [f"tests/sandbox/test_{name}.py" for name in ("lockdown", "failures")]
    command = [sys.executable, "-m", "pytest", "-q", *files]
    environment = {**os.environ, "GRADMARK_TEST_WITHOUT": "namespaces"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    assert " skipped" not in done.stdout


def test_the_grader_itself_can_not_be_looked_into(zygote):
    """Its environment and memory are closed to other processes of the same user."""
    import ctypes

    zygote.versions  # noqa: B018
    assert ctypes.CDLL(None).prctl(3, 0, 0, 0, 0) == 0


def test_a_limit_of_the_kernel_is_the_verdicts_limit(full):
    """A thread that goes on writing after the folder is full changes nothing."""
    body = "def f():\n    while True: open('x', 'ab').write(bytes(1 << 20))\n"
    with pytest.raises(LimitExceeded, match="f wrote more than 2 MB to disk"):
        full(body, limits=Limits(disk_bytes=2 << 20)).call(Function("cs231n.task", "f"))
