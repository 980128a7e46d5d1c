"""An assignment asked again and again in one process, each time as if it were new: starting processes takes longer."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from grader.errors import CallError, ImportFailed
from grader.results import Limits
from grader.sandbox.client import Zygote
from grader.scratch import Scratch
from grader.subject import Subject

MOST_IN_ONE = 60  # times in one process: what checks leave behind is bounded
UNLIMITED = 1e9


class Replays:
    """Gives subjects that are the assignment in `folder`; `close` it.

    With another text of one file its modules are loaded anew. `borrowed` is a subject whose process is used as long
    as it lives, and left to it.
    """

    def __init__(
        self, zygote: Zygote, folder: Path, limits: Limits, modules: Mapping[str, str], borrowed: Subject | None = None
    ) -> None:  # fmt: skip
        self._zygote = zygote
        self._folder = folder
        self._limits = msgspec.structs.replace(limits, restarts=0)
        self._modules = modules
        self._borrowed = borrowed.worker if borrowed is not None else None
        self._worker = self._borrowed
        self._left = MOST_IN_ONE

    def close(self) -> None:
        """Ends the process, unless it is borrowed."""
        self._left = MOST_IN_ONE
        worker, self._worker = self._worker, None
        if worker is not None and worker is not self._borrowed:
            with contextlib.suppress(CallError):
                worker.close()

    @contextlib.contextmanager
    def anew(self, file: str = "", text: str = "") -> Iterator[Subject]:
        """Meanwhile a subject; with another text of one file, if that is given.

        A process that is lost meanwhile is not replaced: what is asked after that is blocked.
        """
        subject = Subject(self._zygote, self._folder, self._limits, name="again", modules=self._modules)
        if self._left == 0:
            self.close()
        subject.lend(self._worker)
        self._left -= 1
        try:
            if self._worker is not None or file:
                packages = sorted({module.partition(".")[0] for module in subject.modules.values()})
                subject.probe("variants", "renew", packages if file else [], file, text)
            subject.heard = []
            yield subject
        finally:
            spoilt = any(isinstance(heard, ImportFailed) for heard in subject.heard or ())  # remembered there
            self._worker = subject.leave()
            if spoilt or self._worker is None:
                self.close()


class Variations(Replays):
    """Gives subjects that are the reference with one file varied."""

    def __init__(self, zygote: Zygote, reference: Subject, limits: Limits) -> None:
        self._scratch = Scratch("mistakes")
        folder = Path(self._scratch.name) / "reference"
        _copy(reference, folder)
        Path(self._scratch.name).chmod(0o755)  # readable for the worker's own user
        limits = msgspec.structs.replace(limits, submission_seconds=UNLIMITED, submission_cpu_seconds=None)
        super().__init__(zygote, folder, limits, reference.modules)

    def remove(self) -> None:
        """Ends the process and removes the copy of the reference."""
        self.close()
        self._scratch.cleanup()


def _copy(reference: Subject, target: Path) -> None:
    """The modules of the reference, and nothing else of it."""
    for package in {module.partition(".")[0] for module in reference.modules.values()}:
        for file in reference.folder.glob(f"{package}/**/*.py"):
            copy = target / file.relative_to(reference.folder)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, copy)
