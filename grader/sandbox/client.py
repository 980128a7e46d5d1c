"""The trusted side of the sandbox: `Zygote` starts the warm parent and its workers, `Worker` calls into one.

    with Zygote.start() as zygote, zygote.worker(folder, Limits()) as worker:
        forward = Function("cs231n.rnn_layers", "rnn_forward")
        reply = worker.call(forward, (x, h0, Wx, Wh, b), returns="h, cache*")

Student code never runs in this process and torch is never imported here. What comes back is data
(`grader.values`) or one of the errors below `grader.errors.CallError`; `SandboxError` is our own machinery.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from grader.errors import SandboxError
from grader.results import Limits
from grader.sandbox import forms, level, lockdown, portable, spawned
from grader.sandbox.own import NOTHING, Own, load
from grader.sandbox.pack import Argument, Tensor, packed
from grader.sandbox.parent import ATTEMPTS, Parent
from grader.sandbox.remote import Worker
from grader.sandbox.targets import Function, Method, Probe, Reply, Target
from grader.scratch import Scratch, sweep
from grader.values import MappingValue, ScalarValue

__all__ = [
    "Argument",
    "Function",
    "Method",
    "Own",
    "Probe",
    "Reply",
    "Target",
    "Tensor",
    "Worker",
    "Zygote",
    "packed",
]


class Zygote:
    """The warm parent. `start` returns at once; the first `worker` waits for its imports (about 2 s)."""

    def __init__(self, parent: Parent) -> None:
        self._parent = parent
        self._layers: tuple[str, ...] = ()
        self._isolation: tuple[str, tuple[str, ...]] | None = None
        self._workers: weakref.WeakSet[Worker] = weakref.WeakSet()

    @classmethod
    def start(
        cls,
        preload: Sequence[str] = ("numpy", "torch"),
        probes: Sequence[str] = (),
        without: Sequence[str] = (),
        own: Own = NOTHING,
        many: bool = False,
    ) -> Zygote:
        """Starts a warm parent with `preload` and our own helper modules `probes` imported.

        `without` leaves out layers of the lock-down ("landlock", "seccomp"), to measure what they cost; `own` is what
        another assignment than gradmark's brings along; `many` workers are worth a longer start.
        """
        sweep(lockdown.is_made_up)
        load(own)
        forms.declared.cache_clear()  # another assignment's probes may have the same names
        if portable.NEEDED:
            return cls(portable.Starter(tuple(preload), tuple(probes), own))
        if not spawned.FORKS:
            return cls(spawned.Spawner(tuple(preload), tuple(probes), own))
        return cls(Parent(tuple(preload), tuple(probes), tuple(without), own, many))

    @property
    def alive(self) -> bool:
        """The warm parent's process is there."""
        return self._parent.alive

    @property
    def restarts(self) -> int:
        """Warm parents that died and were replaced; their workers died with them."""
        return self._parent.restarts

    @property
    def versions(self) -> dict[str, str]:
        """Versions in the worker: python, and each preloaded package."""
        return self._parent.versions

    @property
    def missing(self) -> dict[str, str]:
        """The layers that this machine does not offer, each with the reason."""
        return self._parent.missing

    @property
    def isolation(self) -> str:
        """Name of the level of isolation in force (`grader.sandbox.level`), by trying it out once."""
        return self._tried()[0]

    @property
    def isolation_detail(self) -> tuple[str, ...]:
        """The layers in force, and what is not prevented."""
        return self._tried()[1]

    def _tried(self) -> tuple[str, tuple[str, ...]]:
        if isinstance(self._parent, portable.Starter):
            return portable.LEVEL  # the attempts are those of other systems
        if self._isolation is None:
            with Scratch() as empty:
                os.chmod(empty, 0o755)  # as a submission's: readable for the worker's own user
                self._isolation = self._try(Path(empty))
        return self._isolation

    def _try(self, empty: Path) -> tuple[str, tuple[str, ...]]:
        """Lets a throw-away worker try what it should not be able to do."""
        with self.worker(empty, Limits()) as worker:
            attempts = Probe(ATTEMPTS, "refused")
            value = worker.call(attempts, (str(Path(__file__).resolve()), os.getpid())).value
            items = value.items.items() if isinstance(value, MappingValue) else ()
            refused = {what: isinstance(held, ScalarValue) and held.data is True for what, held in items}
            return level.name(refused), level.detail(worker.layers, refused)

    def worker(self, folder: Path, limits: Limits) -> Worker:
        """A forked and locked-down worker with `folder` first on its path; nothing of it is imported yet.

        Raises `SandboxError`.
        """
        scratch = Scratch()
        try:
            process = self._parent.fork(folder.resolve(), Path(scratch.name), limits)
        except BaseException:
            scratch.cleanup()
            raise
        worker = Worker(self._parent, process, scratch, limits)
        self._must_be_as_tried(worker)
        self._workers.add(worker)
        return worker

    def _must_be_as_tried(self, worker: Worker) -> None:
        """A worker with fewer layers than the one that was tried out must not run at its level."""
        if self._layers and _without_user(worker.layers) != _without_user(self._layers):
            worker.close()
            raise SandboxError(
                f"A worker came up with other isolation than before: {', '.join(worker.layers)}.",
                "The machine's settings changed during the run; start it again.",
            )
        self._layers = worker.layers

    def close(self) -> None:
        """Ends every worker and the warm parent."""
        for worker in list(self._workers):
            worker.close()
        self._parent.close()

    def __enter__(self) -> Zygote:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.close()


def _without_user(layers: Sequence[str]) -> list[str]:
    """Layers without the one that hangs on the rights of the submission's files."""
    return [layer for layer in layers if layer not in lockdown.USERS]
