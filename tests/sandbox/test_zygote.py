"""The warm parent: what it holds, how it ends, and that nothing is left behind."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from grader.errors import Crashed, ImportFailed, LimitExceeded, SandboxError
from grader.results import Limits
from grader.sandbox.client import Function, Probe, Zygote
from grader.sandbox.parent import Parent

TASK = """
import os, sys
def add(x): return x + 1
def crash(): os.abort()
def loop():
    while True: pass
def modules(): return sorted(sys.modules)
def path(): return sys.path
def environment(): return dict(os.environ)
def descriptors(): return sorted(int(n) for n in os.listdir("/proc/self/fd"))
def where(): return os.getcwd()
class Text(str): pass
def TEXT(): return Text("abcd")
"""


@pytest.fixture
def light():
    """A warm parent without torch: it starts in a tenth of a second and may be harmed."""
    with Zygote.start(preload=("numpy",)) as started:
        yield started


def task(name: str) -> Function:
    return Function("cs231n.task", name)


def plain(value):
    """A value as Python lists and dicts."""
    items = getattr(value, "items", None)
    if isinstance(items, dict):
        return {key: plain(item) for key, item in items.items()}
    return [plain(item) for item in items] if items is not None else value.data


def children(pid: int) -> list[int]:
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = entry.read_text().rsplit(")", 1)[1].split()
            found += [int(entry.parent.name)] if int(fields[1]) == pid else []
    return found


def test_nothing_of_gradmark_is_in_a_worker(opened):
    """No answers, no checks, no test machinery: neither imported, nor importable, nor on the path."""
    worker = opened(TASK)
    loaded = plain(worker.call(task("modules")).value)
    tops = {name.partition(".")[0] for name in loaded}
    assert not tops & {"reference", "checks", "reports", "tests", "pytest", "_pytest", "hypothesis", "grader"}
    root = str(Path(__file__).resolve().parents[2])
    assert root not in plain(worker.call(task("path")).value)


@pytest.mark.parametrize("name", ["reference", "checks", "grader", "grader.compare", "reports", "tests"])
def test_gradmark_can_not_be_imported(opened, name):
    """`import reference` fails like that of any package which is not there."""
    worker = opened(f"import {name}\n")
    with pytest.raises(ImportFailed, match=f"the package {name.partition('.')[0]} is not installed here"):
        worker.call(task("f"))


def test_the_environment_is_clean(opened, monkeypatch):
    """Names, tokens and paths of the grader's environment do not reach student code."""
    monkeypatch.setenv("SECRET_TOKEN", "x")
    worker = opened(TASK)
    environment = plain(worker.call(task("environment")).value)
    assert "SECRET_TOKEN" not in environment
    assert environment["HOME"] == environment["TMPDIR"] == plain(worker.call(task("where")).value)
    assert not any(
        "gradmark" in value or "main" in value
        for key, value in environment.items()
        if key not in ("HOME", "TMPDIR", "MPLCONFIGDIR", "TORCH_HOME")
    )


def test_a_worker_has_four_descriptors(opened):
    """Standard input, output, error and the channel; the fifth is the one that lists them."""
    assert plain(opened(TASK).call(task("descriptors")).value) == [0, 1, 2, 3, 4]


def test_versions_are_those_of_the_worker(zygote):
    """The report names the versions that student code ran with."""
    assert zygote.versions["python"] == sys.version.split()[0]
    assert zygote.versions["torch"][0].isdigit()


def test_probes_get_live_objects(submission):
    """A probe is our own function beside the student's objects."""
    started = Zygote.start(preload=("numpy",), probes=("grader.sandbox.text",))
    with started as zygote, zygote.worker(submission(task=TASK), Limits()) as worker:
        worker.call(task("add"), (1,))
        text = worker.call(task("TEXT"), returns="text*").value
        assert text.kind == "Text"
        assert (
            plain(worker.call(Probe("grader.sandbox.text", "clean_line"), (text, 3)).value)
            == "abc ... (1 more characters)"
        )


def test_a_killed_parent_is_restarted_once(light, submission):
    """The next worker comes from a new warm parent, without a word."""
    folder = submission(task=TASK)
    with light.worker(folder, Limits()) as worker:
        parent = light._parent._popen
        os.kill(parent.pid, signal.SIGKILL)
        with pytest.raises((SandboxError, Crashed)):
            worker.call(task("loop"))
    with light.worker(folder, Limits()) as worker:
        assert plain(worker.call(task("add"), (1,)).value) == 2
    assert light._parent._popen is not parent


def test_a_parent_that_can_not_start_says_why(tmp_path):
    """A library that is not there is named, with the command that installs it."""
    with Zygote.start(preload=("surely_not_there",)) as zygote:
        with pytest.raises(SandboxError, match="surely_not_there is not installed for ") as caught:
            zygote.worker(tmp_path, Limits())
        assert "pip install surely_not_there" in caught.value.hint
        with pytest.raises(SandboxError, match="surely_not_there"):
            zygote.versions  # noqa: B018


def test_a_closed_zygote_refuses(light, tmp_path):
    """After `close` there is no process to ask."""
    light.close()
    light.close()
    with pytest.raises(SandboxError, match="The sandbox is closed"):
        light.worker(tmp_path, Limits())


def test_nothing_is_left_behind(light, submission):
    """After crashes, limits and closing: no process, no zombie, no descriptor, no folder."""
    folder = submission(task=TASK)
    temporary = Path(__import__("tempfile").gettempdir())
    light.versions  # noqa: B018
    before = len(os.listdir("/proc/self/fd"))
    for name in ("add", "crash", "loop", "add") * 3:
        with (
            light.worker(folder, Limits(call_seconds=0.1)) as worker,
            contextlib.suppress(Crashed, LimitExceeded),
        ):
            scratch = worker._scratch.name
            worker.call(task(name), (1,) if name == "add" else ())
        assert not Path(scratch).exists()
        assert Path(scratch).parent == temporary
    assert len(os.listdir("/proc/self/fd")) == before
    (warm,) = children(light._parent._popen.pid) or (
        light._parent._popen.pid,
    )  # below the one that waits for it
    assert children(warm) == []
    pid = light._parent._popen.pid
    light.close()
    assert not Path(f"/proc/{pid}").exists()


def test_the_workers_end_with_the_grader(submission, tmp_path):
    """A grader that is killed takes the warm parent and its workers with it."""
    folder = submission(task=TASK)
    code = f"""
import os, pathlib
from grader.sandbox.client import *
from grader.results import Limits
zygote = Zygote.start(preload=("numpy",))
worker = zygote.worker(pathlib.Path({str(folder)!r}), Limits())
print(zygote._parent._popen.pid, worker._process.pid, flush=True)
os.kill(os.getpid(), 9)
"""
    root = Path(__file__).resolve().parents[2]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}  # a killed grader can't remove its worker's folder
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, cwd=root, env=environment, check=False)
    pids = [int(word) for word in done.stdout.split()]
    assert len(pids) == 2
    deadline = time.monotonic() + 5
    while any(_runs(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not any(_runs(pid) for pid in pids)


def test_a_forgotten_worker_leaves_no_folder(submission, tmp_path):
    """A grader that ends without closing anything still removes the private folders."""
    folder, private = submission(task=TASK), tmp_path / "private"
    private.mkdir()
    code = f"""
import pathlib
from grader.sandbox.client import *
from grader.results import Limits
zygote = Zygote.start(preload=("numpy",))
worker = zygote.worker(pathlib.Path({str(folder)!r}), Limits())
print(len(list(pathlib.Path({str(private)!r}).iterdir())))
"""
    root = Path(__file__).resolve().parents[2]
    environment = {**os.environ, "TMPDIR": str(private)}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, cwd=root, env=environment, check=False)
    assert (done.stdout, done.stderr) == ("1\n", "")
    assert list(private.iterdir()) == []


def _runs(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    return False


def test_several_threads_may_share_a_zygote(light, submission):
    """Workers are opened and closed from several threads at once without mixing up answers."""
    from concurrent.futures import ThreadPoolExecutor

    folder = submission(task=TASK)

    def one(number: int) -> int:
        with light.worker(folder, Limits()) as worker:
            return plain(worker.call(task("add"), (number,)).value)

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(one, range(12))) == list(range(1, 13))


@pytest.mark.skipif(sys.platform != "linux", reason="a warm parent's control socket")
def test_a_worker_that_nobody_waits_for_any_more() -> None:
    """An interrupt while a worker is being forked: the end of another one is still told, and nothing stays open."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    parent = object.__new__(Parent)
    parent._lock, parent._exits, parent._control = threading.RLock(), {}, ours  # type: ignore[assignment]
    with ours, theirs:
        socket.send_fds(theirs, [json.dumps({"forked": 5}).encode()], [0])
        theirs.send(json.dumps({"exited": 7, "status": 3}).encode())
        before = len(os.listdir("/proc/self/fd"))
        assert parent.reaped(SimpleNamespace(pid=7)) == 3  # type: ignore[arg-type]
        assert len(os.listdir("/proc/self/fd")) == before
