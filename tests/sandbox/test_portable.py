"""Workers with what every system has, as on Windows; tried on this system. The whole of it: tests/check/test_windows.py."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest

from grader.errors import Crashed, LimitExceeded, SandboxError
from grader.results import Limits
from grader.sandbox import connected, portable
from grader.sandbox.client import Function, Zygote

psutil = pytest.importorskip("psutil")
TASK = """
import os
import numpy as np
def add(x): return x + 1
def double(x): return 2 * x
def say(): print("caf\u00e9 \u2192")
def crash(): os.abort()
def loop():
    while True: pass
def grow():
    kept = []
    while True: kept.append(np.ones(1 << 20))
def flood():
    while True: print("x" * 1000)
def where(): return os.getcwd()
"""


@pytest.fixture
def starting(monkeypatch):
    """A sandbox as on a system without fork and Unix sockets."""
    monkeypatch.setattr(portable, "NEEDED", True)
    with Zygote.start(preload=("numpy",)) as zygote:
        yield zygote


def call(worker, name, *args):
    return worker.call(Function("cs231n.task", name), args)


def test_it_serves_as_a_forked_worker_does(starting, submission):
    """Values small and large, output, a crash with its place; its folders go with it, and no process stays."""
    import numpy as np

    large = np.arange(1 << 20, dtype=float)
    with starting.worker(submission(task=TASK), Limits()) as worker:
        assert call(worker, "add", 1).value.data == 2
        assert (call(worker, "double", large).value.data == 2 * large).all()
        call(worker, "say")
        assert worker.take_output() == ("caf\u00e9 \u2192\n", "")
        scratch = call(worker, "where").value.data
        with pytest.raises(Crashed, match=r"aborted \(SIGABRT\), in crash"):
            call(worker, "crash")
        assert not worker.alive
    assert not Path(scratch).exists()
    assert not [child for child in psutil.Process().children() if "connected" in " ".join(child.cmdline())]


def test_every_limit_but_that_of_the_disk_holds(starting, submission):
    """Wall time, computing time, output and memory, all looked at from outside."""
    limits = {
        "still running": ("loop", Limits(call_seconds=1, call_cpu_seconds=100)),
        "computing time": ("loop", Limits(call_seconds=100, call_cpu_seconds=0.3)),
        "printed more than 1 MB": (
            "flood",
            Limits(call_seconds=100, call_cpu_seconds=100, output_bytes=1 << 20),
        ),
        "of memory": ("grow", Limits(call_seconds=100, call_cpu_seconds=100, memory_bytes=128 << 20)),
    }
    for words, (name, limit) in limits.items():
        with starting.worker(submission(task=TASK), limit) as worker:
            with pytest.raises(LimitExceeded, match=words):
                call(worker, name)
            assert not worker.alive


def test_a_stranger_is_not_taken_for_the_worker():
    """Who connects without the secret is sent away, whoever was first."""

    class Running:
        def poll(self):
            return None

    token = bytes(range(connected.TOKEN_BYTES))
    with socket.create_server((connected.HERE, 0)) as listening:

        def both():
            for said in (b"x" * connected.TOKEN_BYTES, b"short", token):
                with socket.create_connection(listening.getsockname()) as stranger:
                    stranger.sendall(said + connected.PID.pack(7))

        threading.Thread(target=both).start()
        channel, pid = portable._called_back(listening, Running(), token)
        channel.close()
    assert pid == 7


def test_a_library_that_is_missing_is_told(monkeypatch, tmp_path):
    """The last words of the interpreter are in the message."""
    monkeypatch.setattr(portable, "NEEDED", True)
    with (
        Zygote.start(preload=("surely_not_there",)) as zygote,
        pytest.raises(SandboxError, match="surely_not_there"),
    ):
        zygote.worker(tmp_path, Limits())
