"""The reference with one known mistake after another, in one process: one for each would take most of the time."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import msgspec

from grader.errors import CallError, ImportFailed
from grader.results import Limits
from grader.sandbox.client import Worker, Zygote
from grader.scratch import Scratch
from grader.subject import Subject

MOST_IN_ONE = 60  # variations in one process: what checks leave behind is bounded
UNLIMITED = 1e9


class Replays:
    """Gives subjects that are variations of the reference; `close` it."""

    def __init__(self, zygote: Zygote, reference: Subject, limits: Limits) -> None:
        self._zygote = zygote
        self._modules = reference.modules
        self._limits = msgspec.structs.replace(
            limits, submission_seconds=UNLIMITED, submission_cpu_seconds=None, restarts=0
        )
        self._scratch = Scratch("mistakes")
        self._folder = Path(self._scratch.name) / "reference"
        _copy(reference, self._folder)
        Path(self._scratch.name).chmod(0o755)  # readable for the worker's own user
        self._worker: Worker | None = None
        self._left = 0

    def close(self) -> None:
        """Ends the process and removes the copy of the reference."""
        self._end()
        self._scratch.cleanup()

    @contextlib.contextmanager
    def varied(self, file: str, text: str) -> Iterator[Subject]:
        """Meanwhile a subject that is the reference with this text of one file, loaded anew.

        A process that is lost meanwhile is not replaced: what is asked after that is blocked.
        """
        subject = Subject(self._zygote, self._folder, self._limits, name="variation", modules=self._modules)
        if self._left > 0:
            subject.lend(self._worker)
        else:
            self._end()
            self._left = MOST_IN_ONE
        self._left -= 1
        try:
            subject.probe("variants", "vary", file, text)
            subject.heard = []
            yield subject
        finally:
            spoilt = any(isinstance(heard, ImportFailed) for heard in subject.heard or ())  # remembered there
            self._worker = subject.leave()
            if spoilt or self._worker is None:
                self._end()

    def _end(self) -> None:
        self._left = 0
        worker, self._worker = self._worker, None
        if worker is not None:
            with contextlib.suppress(CallError):
                worker.close()


def _copy(reference: Subject, target: Path) -> None:
    """The modules of the reference, and nothing else of it."""
    for package in {module.partition(".")[0] for module in reference.modules.values()}:
        for file in reference.folder.glob(f"{package}/**/*.py"):
            copy = target / file.relative_to(reference.folder)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, copy)
