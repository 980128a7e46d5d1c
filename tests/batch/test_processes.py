"""The command on a class in real processes: killed, interrupted, out of disk; graded by a cluster.

Job processes are fakes of `tests.batch.fakes` except in the slow tests: what is tried here is who lives and who
dies, not the checks.
"""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from io import FileIO
from pathlib import Path
from typing import Any

import pytest

from grader import session
from grader.batch.store import read_class
from grader.class_results import Status
from tests.batch import fakes
from tests.batch.conftest import LAYERS, Make
from tests.batch.fakes import Forked
from tests.submissions.build import files_of

ROOT = Path(__file__).resolve().parents[2]
FAKE = (sys.executable, "-m", "tests.batch.fakes")
FORK = ()  # as FAKE, in a fork of this process
REAL = (sys.executable, "-m", "grader.cli")
SELECT = "rnn_step_forward"
ready = fakes.checks(SELECT), fakes.collected(session.CHECKS)  # inherited by the forks
pytestmark = pytest.mark.skipif(os.name == "nt", reason="POSIX signals")


@pytest.fixture
def eight(lay: Make) -> Path:
    """Eight hand-ins that differ."""
    layers = files_of("untouched")[LAYERS]
    return lay({f"student{i}/{LAYERS}": layers + f"\n# {i}\n".encode() for i in range(8)})


def heed_ctrl_c() -> None:
    """A shell starts its background jobs with SIGINT ignored, and so do their children."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@contextmanager
def started(
    path: Path, out: Path, *more: str, command: tuple[str, ...] = FORK, delay: float = 0.02,
    prepare: Callable[[], None] = heed_ctrl_c,
) -> Iterator[Run]:  # fmt: skip
    """A running `gradmark grade` on a class, killed if it is still there at the end."""
    asked = ("grade", str(path), "--out", str(out), "--seed", "7", "-k", SELECT, "--jobs", "2", *more)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "FAKE_DELAY": str(delay), "OMP_NUM_THREADS": "1"}
    environment["PYTHONDONTWRITEBYTECODE"] = "1"  # as below, where it is a new process
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    with open(reader, "rb", buffering=0) as said, open(writer, "wb") as told:
        if command:
            process: Any = subprocess.Popen(
                (*command, *asked),
                cwd=out.parent,
                env=environment,
                preexec_fn=prepare,
                stdout=told,
                stderr=told,
            )
        else:
            process = Forked(partial(_forked, asked, environment, prepare), told.fileno())
        try:
            yield Run(process, said)
        finally:
            process.kill()
            process.wait()


def _forked(asked: tuple[str, ...], environment: dict[str, str], prepare: Callable[[], None]) -> None:
    prepare()
    os.environ.update(environment)
    fakes.command(list(asked))


class Run:
    """A started command and what it says."""

    def __init__(self, process: Any, said: FileIO) -> None:
        self.process, self._said = process, said
        self.pid, self.poll, self.kill, self.send_signal = (
            process.pid, process.poll, process.kill, process.send_signal,
        )  # fmt: skip

    def end(self, timeout: float = 300) -> str:
        """Waits for its end; all that it said."""
        self.process.wait(timeout)
        return (self._said.read(1 << 20) or b"").decode()

    @property
    def status(self) -> int:
        return int(self.process.returncode)


def whole(path: Path, out: Path, command: tuple[str, ...] = FORK) -> bytes:
    """The gradebook of a run that nobody disturbs."""
    with started(path, out, command=command, delay=0) as process:
        said = process.end()
    assert process.status == 0, said
    return (out / "class.json").read_bytes()


def finished(out: Path) -> int:
    """How many hand-ins the journal calls done."""
    journal = out / "journal.jsonl"
    return journal.read_bytes().count(b'"event":"done"') if journal.exists() else 0


def until(true: Callable[[], Any], seconds: float = 60) -> Any:
    """What `true` gives as soon as it is something."""
    deadline = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.01)
    return found


def children(pid: int) -> list[int]:
    """The processes that a process has started and that are there."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()] + [
        int(child)
        for thread in Path(f"/proc/{pid}/task").iterdir()
        if thread.name != str(pid)
        for child in (thread / "children").read_text().split()
    ]


def alive(pid: int) -> bool:
    """Whether a process runs (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def kill_somewhere(process: Run, out: Path, drawn: random.Random, whom: str) -> None:
    """`kill -9` of the command or of a job process, a moment after a drawn number of hand-ins."""
    goal = drawn.randrange(7)
    until(lambda: finished(out) >= goal or process.poll() is not None)
    time.sleep(drawn.random() * 0.15)
    jobs = children(process.pid) if process.poll() is None else []
    if whom == "job" and jobs:
        os.kill(drawn.choice(jobs), signal.SIGKILL)
    elif whom == "command":
        process.kill()
        process.end()
        until(lambda: not any(alive(job) for job in jobs), 20)


def disturbed(path: Path, out: Path, seed: int, command: tuple[str, ...] = FORK) -> bytes:
    """The gradebook after kills at drawn moments, each run resumed by the same command."""
    drawn = random.Random(seed)
    for whom in drawn.sample(("command", "job", "command"), 3):
        with started(path, out, command=command) as process:
            kill_somewhere(process, out, drawn, whom)
            if whom == "job":
                process.end()
    return whole(path, out, command)


def test_kills_at_random_moments_change_nothing(eight: Path, tmp_path: Path) -> None:
    """Whoever is killed with -9 and whenever: the same command ends with the same bytes, and leaves no process."""
    undisturbed = whole(eight, tmp_path / "whole")
    assert disturbed(eight, tmp_path / "killed", seed=3) == undisturbed


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(7))
def test_many_kills_of_real_graders_change_nothing(eight: Path, tmp_path: Path, seed: int) -> None:
    """Twenty-one kills of real commands and real job processes: byte for byte the undisturbed gradebook."""
    undisturbed = whole(eight, tmp_path / "whole", REAL)
    assert disturbed(eight, tmp_path / "killed", seed, REAL) == undisturbed


def test_what_was_finished_before_a_kill_is_not_graded_again(eight: Path, tmp_path: Path) -> None:
    """The resumed run begins with what was finished, and says so."""
    out = tmp_path / "out"
    with started(eight, out) as process:
        until(lambda: finished(out) >= 3)
        process.kill()
        process.end()
    kept = finished(out)
    with started(eight, out, delay=0) as process:
        said = process.end(60)
    assert f"{kept} of 8 submissions are known from before" in said
    assert finished(out) == 8


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interruption_ends_cleanly(eight: Path, tmp_path: Path, number: int, status: int) -> None:
    """Ctrl-C or SIGTERM: a message that the command goes on later, the right status, no process left behind."""
    out = tmp_path / "out"
    with started(eight, out, delay=0.05) as process:
        until(lambda: finished(out) >= 1)
        jobs = children(process.pid)
        process.send_signal(number)
        said = process.end(60)
    assert process.status == status
    assert "of 8 submissions are graded. The same command goes on from here." in said
    assert "Traceback" not in said
    assert len(jobs) == 2
    assert not any(alive(job) for job in jobs)


def test_a_second_ctrl_c_does_not_wait(eight: Path, tmp_path: Path) -> None:
    """Two interruptions in a row end the command, also while it cleans up, and leave a folder to go on from."""
    out = tmp_path / "out"
    with started(eight, out, delay=0.05) as process:
        until(lambda: finished(out) >= 1)
        jobs = children(process.pid)
        process.send_signal(signal.SIGINT)
        time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        said = process.end(60)
    assert process.status == 130
    assert "Traceback" not in said
    until(lambda: not any(alive(job) for job in jobs), 20)
    assert whole(eight, out) == whole(eight, tmp_path / "whole")


def test_a_second_run_into_the_folder_is_refused(eight: Path, tmp_path: Path) -> None:
    """It names the process that is there; when that one is killed, nothing stale is in the way."""
    out = tmp_path / "out"
    with started(eight, out, delay=30) as first:
        until(lambda: (out / "journal.jsonl").exists() and (out / "journal.jsonl").stat().st_size)
        with started(eight, out) as second:
            said = second.end(60)
        assert second.status == 2
        assert f"process {first.pid} on" in said
        first.kill()
        first.end()
    assert json.loads(whole(eight, out))["max_points"] > 0


@pytest.mark.parametrize("bytes_each", [60, 3_000])
def test_a_full_disk_is_told_and_costs_nothing(eight: Path, tmp_path: Path, bytes_each: int) -> None:
    """No file may grow beyond a few bytes: one clear message, and with room again the same gradebook."""
    out = tmp_path / "out"

    def crammed() -> None:
        sys.dont_write_bytecode = True  # compiled files would be cut, and others would read them
        resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_each, bytes_each))

    with started(eight, out, delay=0, prepare=crammed) as process:
        said = process.end(60)
    assert process.status in {1, 2}
    assert "gradmark: " in said
    assert "File too large" in said or "The disk is full" in said
    assert "Traceback" not in said
    assert not (out / "class.json").exists()
    assert whole(eight, out) == whole(eight, tmp_path / "whole")


def test_a_hand_in_that_kills_every_job_is_errored(eight: Path, tmp_path: Path) -> None:
    """Two deaths over one hand-in: its points are undecided, the status tells staff, the others have theirs."""
    out = tmp_path / "out"
    clean = read_of(whole(eight, tmp_path / "whole"))
    (eight / "student5" / LAYERS).write_text("KILL THE JOB")
    with started(eight, out, delay=0) as process:
        process.end(60)
    assert process.status == 1
    students = {student.id: student for student in read_class(out).students}
    assert students["student5"].status is Status.CRASHED
    assert students["student5"].undecided == students["student5"].max_points
    assert {id: s.points for id, s in students.items() if id != "student5"} == {
        id: points for id, points in clean.items() if id != "student5"
    }


def read_of(gradebook: bytes) -> dict[str, int]:
    """Points by student."""
    return {student["id"]: student["points"] for student in json.loads(gradebook)["students"]}


@contextmanager
def cluster(preload: str, workers: int = 2, **more: Any) -> Iterator[Any]:
    """A Dask cluster of worker processes on this machine."""
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=None, preload=[preload],
        **more,
    ) as local:  # fmt: skip
        yield local


def test_a_cluster_gives_the_same_gradebook(eight: Path, tmp_path: Path) -> None:
    """Two worker processes, one of them killed half-way: byte for byte what this machine gives by itself."""
    undisturbed = whole(eight, tmp_path / "whole")
    out = tmp_path / "out"
    with (
        cluster("tests.batch.fakes") as local,
        started(eight, out, "--cluster", local.scheduler_address, command=FAKE, delay=0) as process,
    ):
        until(lambda: finished(out) >= 2 or process.poll() is not None)
        if process.poll() is None:
            os.kill(next(iter(local.workers.values())).pid, signal.SIGKILL)
        said = process.end(120)
    assert process.status == 0, said
    assert (out / "class.json").read_bytes() == undisturbed


def test_what_trains_goes_to_the_workers_with_a_gpu(eight: Path, tmp_path: Path) -> None:
    """By Dask's resources; without training, or with it on the CPU, every worker takes its part."""
    distributed = pytest.importorskip("distributed")
    with cluster("tests.batch.fakes", 1, resources={"GPU": 1}) as local:
        local.new_spec["options"]["resources"] = {}  # of the second worker
        local.scale(2)
        for number, (asked, alone) in enumerate(
            [(("--training",), True), (("--training", "--device", "cpu"), False), ((), False)]
        ):
            out = tmp_path / f"out{number}"
            address = local.scheduler_address
            with started(eight, out, "--cluster", address, *asked, command=FAKE, delay=0.05) as process:
                said = process.end(120)
            assert process.status == 0, said
            with distributed.Client(local) as client:
                ran = client.run(_begun)
            assert (min(ran.values()) == 0) == alone
            assert max(ran.values()) > 0


def _begun(dask_worker: Any = None) -> int:
    """How many tasks a worker has begun since it was last asked."""
    begun = sum("executing" in entry for entry in dask_worker.state.log)
    before = getattr(dask_worker, "gradmark_begun", 0)
    dask_worker.gradmark_begun = begun
    return begun - before


@pytest.mark.slow
def test_a_cluster_of_real_graders_gives_the_same_gradebook(eight: Path, tmp_path: Path) -> None:
    """The same with the graders themselves: all checks of a function, and a worker killed half-way."""
    undisturbed = whole(eight, tmp_path / "whole", REAL)
    out = tmp_path / "out"
    with (
        cluster("grader.batch.cluster") as local,
        started(eight, out, "--cluster", local.scheduler_address, command=REAL, delay=0) as process,
    ):
        until(lambda: finished(out) >= 2 or process.poll() is not None, 120)
        killed = process.poll() is None
        if killed:
            os.kill(next(iter(local.workers.values())).pid, signal.SIGKILL)
        said = process.end(240)
    assert process.status == 0, said
    assert killed
    assert (out / "class.json").read_bytes() == undisturbed


def test_a_scheduler_that_is_not_there_is_told(
    eight: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong address is wrong usage, with the address."""
    pytest.importorskip("distributed")
    from grader.batch import cluster as clusters
    from grader.errors import UsageError

    monkeypatch.setattr(clusters, "CONNECT_SECONDS", 1)
    with pytest.raises(UsageError, match="127.0.0.1:9"):
        clusters.ClusterPool("tcp://127.0.0.1:9", 10)
