"""Workers that are started, not forked: what a student's self-check on macOS runs. Tried on this system as well."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from grader import isolation
from grader.errors import Crashed, LimitExceeded, SandboxError, UsageError
from grader.results import Limits
from grader.sandbox import level, portable, spawned
from grader.sandbox.client import Function, Zygote

pytestmark = pytest.mark.skipif(os.name != "posix", reason="Windows has other workers: test_portable.py")
psutil = pytest.importorskip("psutil")
ROOT = Path(__file__).resolve().parents[2]
TASK = """
import os, sys
import numpy as np
def add(x): return x + 1
def crash(): os.abort()
def loop():
    while True: pass
def grow():
    kept = []
    while True: kept.append(np.ones(1 << 20))
def flood():
    while True: print("x" * 1000)
def fork(): os.fork()
def where(): return os.getcwd()
"""


@pytest.fixture
def spawning(monkeypatch):
    """A sandbox as on a system without fork."""
    monkeypatch.setattr(spawned, "FORKS", False)
    with Zygote.start(preload=("numpy",)) as zygote:
        yield zygote


def call(worker, name, *args):
    return worker.call(Function("cs231n.task", name), args)


def test_it_serves_as_a_forked_worker_does(spawning, submission):
    """Values, a crash with its place, another worker after it; the folder is removed."""
    folder = submission(task=TASK)
    with spawning.worker(folder, Limits()) as worker:
        assert call(worker, "add", 1).value.data == 2
        scratch = call(worker, "where").value.data
        with pytest.raises(Crashed, match=r"aborted \(SIGABRT\), in crash"):
            call(worker, "crash")
        assert not worker.alive
    assert not Path(scratch).exists()
    assert not [child for child in psutil.Process().children() if "plain" in " ".join(child.cmdline())]


def test_every_limit_holds_without_proc(spawning, submission):
    """Wall time, computing time, output and processes; memory is looked at from outside."""
    limits = Limits(call_seconds=10, call_cpu_seconds=0.3, memory_bytes=128 << 20, output_bytes=1 << 20)
    folder = submission(task=TASK)
    for name, words in (("loop", "computing time"), ("flood", "printed more than 1 MB")):
        with spawning.worker(folder, limits) as worker, pytest.raises(LimitExceeded, match=words):
            call(worker, name)
    limits = Limits(call_seconds=10, memory_bytes=128 << 20)
    with spawning.worker(folder, limits) as worker:
        with pytest.raises(LimitExceeded, match="fork tried to start a process"):
            call(worker, "fork")
        with pytest.raises(LimitExceeded, match="grow used more than 128 MB of memory"):
            call(worker, "grow")


def test_its_level_is_named_honestly(spawning):
    """It was refused next to nothing, so it is the lowest level, with what is not prevented."""
    assert spawning.isolation == level.PROCESS
    assert "not prevented: read other files" in spawning.isolation_detail
    assert set(spawning.missing) == {"namespaces", "Landlock", "seccomp"}
    assert spawning.versions["numpy"][0].isdigit()


def test_a_library_that_is_missing_is_told(monkeypatch, tmp_path):
    """The last words of the interpreter are in the message."""
    monkeypatch.setattr(spawned, "FORKS", False)
    with (
        Zygote.start(preload=("surely_not_there",)) as zygote,
        pytest.raises(SandboxError, match="surely_not_there"),
    ):
        zygote.worker(tmp_path, Limits())


def test_grading_on_windows_is_refused(monkeypatch):
    """Others' work is not run there; a student's own is (tests/check/test_windows.py)."""
    monkeypatch.setattr(portable, "NEEDED", True)
    with pytest.raises(UsageError) as refused:
        isolation.admit(*portable.LEVEL, "")
    assert "WSL 2" in refused.value.hint


ELSEWHERE = """
import os, sys
# Libraries have their own code for other systems, which is not here: they are imported as on this one.
import asyncio, concurrent.futures, h5py, hypothesis, jinja2, multiprocessing, numpy, PIL.Image, pytest, rich.progress
import subprocess, tempfile, tqdm, typer, typer.testing, urllib.request, xml.etree.ElementTree
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {hidden!r}: raise ImportError(name)
sys.meta_path.insert(0, Missing())
for name in ("resource", "fcntl", "landlockpy", "seccompy"): sys.modules.pop(name, None)
sys.platform = {system!r}
for name in {gone!r}:
    if hasattr(os, name): delattr(os, name)
import signal, socket, select
for name in ("pidfd_send_signal",):
    if hasattr(signal, name): delattr(signal, name)
del socket.SOCK_SEQPACKET
import grader.session, grader.doctor, grader.cli, grader.sandbox.client, grader.sandbox.plain
from grader.sandbox import spawned
print(spawned.FORKS)
"""


@pytest.mark.parametrize(
    ("system", "hidden", "gone"),
    [
        ("darwin", ["landlockpy", "seccompy"], ["pidfd_open"]),
        (
            "win32",
            ["landlockpy", "seccompy", "resource", "fcntl"],
            ["pidfd_open", "fork", "sysconf", "geteuid"],
        ),
    ],
)
def test_gradmark_is_imported_on_other_systems(system, hidden, gone):
    """Nothing that only Linux has is needed to import the session and the commands."""
    code = ELSEWHERE.format(system=system, hidden=hidden, gone=gone)
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("False\n", 0), done.stderr


@pytest.mark.slow
def test_a_whole_submission_is_graded_without_fork(tmp_path):
    """The reference gets full marks for a function, and the result says at which level."""
    code = (
        "from grader.sandbox import spawned; spawned.FORKS = False; from grader.cli import main; import sys;"
        f"sys.argv = ['gradmark', 'grade', {str(ROOT / 'reference')!r}, '-k', 'rnn_step_forward', '--json']; main()"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    grade = json.loads(done.stdout)
    assert grade["points"] == grade["max_points"] > 0
    assert grade["environment"]["isolation"] == "process"
    assert "! Student code is not isolated enough" in done.stderr
