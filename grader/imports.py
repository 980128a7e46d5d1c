"""Which modules of a submission end its process when they are imported: known after two processes, not tried again.

Each lost process counts against the submission, so a file that crashes at its import would use up what the
honest rest of the submission needs.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from grader.errors import Blocked, CallError, ImportFailed
from grader.sandbox.client import Function, Probe, Target, Worker

_NOTHING: contextlib.AbstractContextManager[None] = contextlib.nullcontext()


class Imports:
    """What is known of the modules of one submission."""

    def __init__(self) -> None:
        self._loaded: set[str] = set()
        self._suspected: set[str] = set()  # a call into one ended the process: in the call, or before?
        self._lost: dict[str, str] = {}  # how the process ended, by module

    def watched(
        self, target: Target, worker: Worker, judged: str = ""
    ) -> contextlib.AbstractContextManager[None]:
        """Around a call of `target`. Raises `Blocked` for a module whose import is known to end the process.

        `judged` is the module that is judged meanwhile: probes import it by themselves, or do without it.
        """
        module = target.module if isinstance(target, Function) else judged * isinstance(target, Probe)
        if not module or module in self._loaded:
            return _NOTHING
        return self._first(module, worker, proof=isinstance(target, Function))

    @contextlib.contextmanager
    def _first(self, module: str, worker: Worker, proof: bool) -> Iterator[None]:
        self._must_load(module, worker)
        try:
            yield
        except CallError as error:
            self._note(module, error, worker.alive, proof)
            raise
        if proof:
            self._loaded.add(module)

    def _note(self, module: str, error: CallError, alive: bool, proof: bool) -> None:
        if alive and proof and not isinstance(error, ImportFailed):
            self._loaded.add(module)
        elif not alive and module not in self._loaded:
            self._suspected.add(module)

    def _must_load(self, module: str, worker: Worker) -> None:
        if module in self._suspected:
            self._suspected.discard(module)
            self._try(module, worker)
        if module in self._lost:
            raise Blocked(
                f"`{module}` can't be imported: {self._lost[module]}",
                'Move what should only run as a program below `if __name__ == "__main__":`.',
            )

    def _try(self, module: str, worker: Worker) -> None:
        """Imports the module alone: its name is no function, so nothing else of it runs."""
        try:
            worker.call(Function(module, "__name__"))
        except CallError as error:
            if not worker.alive:
                self._lost[module] = error.message.replace("__name__", "its import")
                return
        self._loaded.add(module)
