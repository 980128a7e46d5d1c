"""The same work on a running Dask cluster, whose workers see the class and the output folder under the same paths.

Each thread of a worker keeps a job process of its own warm (see `grader.batch.pool`), so student code is as
isolated there as here. When a worker dies, Dask gives what it had to another one.
"""

from __future__ import annotations

import contextlib
import queue
import secrets
from concurrent.futures import Future
from typing import Any

import grader
from grader.batch.pool import TRIES, Heard, Job, patience
from grader.batch.work import Broken, Done, Work
from grader.errors import UsageError

try:
    import distributed
except ImportError as error:
    raise UsageError(
        f"--cluster needs a package that is missing: {error.name}.", "pip install 'gradmark[cluster]'"
    ) from error

CONNECT_SECONDS = 15
WORKERS_SECONDS = 60
GPU = "GPU"  # a resource of Dask's workers
IDLE: queue.SimpleQueue[Job] = queue.SimpleQueue()  # of this worker process


class ClusterPool:
    """A Dask cluster by the address of its scheduler.

    `gpu`: of workers that were started with a resource called GPU (`dask worker --resources "GPU=1"`), one takes as
    many submissions at a time as it has of that; where no worker has it, all of them grade.
    """

    def __init__(self, address: str, submission_seconds: float, gpu: bool = False) -> None:
        self._seconds = submission_seconds
        self._topic = f"gradmark-{secrets.token_hex(8)}"
        self._heard: Heard | None = None
        self._client = _connected(address)
        try:
            self._client.wait_for_workers(1, timeout=WORKERS_SECONDS)
            self._same_version()
        except TimeoutError as error:
            self._client.close()
            raise UsageError(
                f"The scheduler at {address} has no workers.", "Start some: dask worker."
            ) from error
        except BaseException:
            self._client.close()
            raise
        self._client.subscribe_topic(self._topic, self._told)
        self._executor = self._client.get_executor(pure=False, resources=self._resources() if gpu else None)

    def _same_version(self) -> None:
        """Two versions of gradmark could give two grades for the same work."""
        found = self._client.run(_version)
        for worker, version in found.items():
            if version != grader.__version__:
                raise UsageError(
                    f"The worker {worker} has gradmark {version}, this is {grader.__version__}.",
                    "Install the same version everywhere.",
                )

    def _resources(self) -> dict[str, float] | None:
        """What a submission needs of a worker: a GPU, if any worker has one."""
        return {GPU: 1} if any(self._client.run(_gpus).values()) else None

    def submit(self, work: Work, heard: Heard) -> Future[Done]:
        """Grades on any worker; see `Pool`."""
        self._heard = heard
        told: Future[Done] = Future()
        inner = self._executor.submit(
            _grade, work, self._seconds, self._topic, key=f"{self._topic}-{work.key}"
        )
        inner.add_done_callback(lambda done: _pass_on(done, told))
        return told

    def _told(self, event: tuple[Any, Any]) -> None:
        _, (key, results) = event
        for result in results:
            if self._heard is not None:
                self._heard(key, result.encode("latin-1"))

    def close(self, *, at_once: bool = False) -> None:
        """Gives up what was not begun, ends the workers' job processes, and leaves the cluster."""
        with contextlib.suppress(Exception):
            self._executor.shutdown(wait=False, cancel_futures=True)
        with contextlib.suppress(Exception):
            if not at_once:
                self._client.run(_release)
        with contextlib.suppress(Exception):
            self._client.close(timeout=2 if at_once else 10)


def _connected(address: str) -> Any:
    try:
        return distributed.Client(  # type: ignore[no-untyped-call]
            address, timeout=CONNECT_SECONDS, set_as_default=False
        )
    except (OSError, ValueError, TimeoutError) as error:
        raise UsageError(
            f"No Dask scheduler answers at {address}: {str(error).splitlines()[0][:200]}",
            "Give the address that `dask scheduler` prints, such as tcp://10.0.0.5:8786.",
        ) from error


def _pass_on(done: Future[Done], told: Future[Done]) -> None:
    error = done.exception()
    if error is None:
        told.set_result(done.result())
    elif isinstance(error, Broken | UsageError):
        told.set_exception(error)
    else:  # the worker died with it, more often than Dask allows
        told.set_exception(Broken(f"The cluster failed at it: {type(error).__name__}: {error}"))


def _gpus(dask_worker: Any = None) -> float:
    return float(dask_worker.state.total_resources.get(GPU, 0))


def _version() -> str:
    return grader.__version__


def _grade(work: Work, submission_seconds: float, topic: str) -> Done:
    """Runs in a thread of a worker."""
    worker = distributed.get_worker()

    def heard(key: str, result: bytes) -> None:
        worker.log_event(topic, (key, [result.decode("latin-1")]))

    for last in range(TRIES):
        own = _taken()
        try:
            done = own.grade(work, patience(work, submission_seconds), heard)
        except Broken:
            own.close()
            if last == TRIES - 1:
                raise
        else:
            IDLE.put(own)
            return done
    raise AssertionError


def _taken() -> Job:
    try:
        return IDLE.get_nowait()
    except queue.Empty:
        return Job()


def _release() -> None:
    """Ends the idle job processes of a worker."""
    with contextlib.suppress(queue.Empty):
        while True:
            IDLE.get_nowait().close()
