"""Checks a folder whenever a file in it is saved: only what the change concerns, in the warm processes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from watchfiles import Change, watch

from grader import affected, own_folder
from grader.errors import CollectError
from grader.places import TEMPLATE
from grader.plugin import Collected
from grader.results import CheckResult, Grade
from grader.selfcheck import Checker
from grader.subject import MODULES

QUIET_MS, PATIENCE_MS = 50, 400  # without a further change; in all
HALF_SAVED = 0.05  # seconds until a file is read again, to see whether it is still being written
MOST_READS = 10


@dataclass(frozen=True)
class Run:
    """What one run gave: for which saved files, how many checks were made, in how many seconds."""

    grade: Grade
    saved: tuple[str, ...]
    checks: int
    seconds: float


class Watched:
    """The state of a folder that is checked again and again, with the same inputs."""

    def __init__(self, checker: Checker, select: str = "", seed: int | None = None) -> None:
        self._checker, self._select = checker, select
        self._checks: list[Collected] = checker.selected(select)
        self._seed = checker.chosen(seed)
        self._texts: dict[str, str] = {}
        self._grade: Grade | None = None
        self._complete = False  # no file was broken: what was found holds for the others

    def run(self) -> Run | None:
        """Checks what has changed since the last run; None when nothing has."""
        texts = steady(self._checker.folder)
        saved = tuple(sorted(f for f in {*texts, *self._texts} if texts.get(f) != self._texts.get(f)))
        if self._grade is not None and not saved:
            return None
        started = time.perf_counter()
        known = self._known(texts)
        self._grade = self._check(known)
        if self._checker.broken and known:  # nothing else in these files can be said to work
            known = {}
            self._grade = self._check(known)
        self._complete = not self._checker.broken
        self._texts = texts
        return Run(self._grade, saved, len(self._checks) - len(known), time.perf_counter() - started)

    def _check(self, known: dict[str, CheckResult]) -> Grade:
        return self._checker.check(self._checks, seed=self._seed, select=self._select, known=known)

    def _known(self, texts: dict[str, str]) -> dict[str, CheckResult]:
        """What was found before and still holds."""
        if self._grade is None or not self._complete:
            return {}
        specs = [check.spec for check in self._checks]
        again = affected.checks(specs, MODULES, self._texts, texts)
        return {check.id: check for check in self._grade.checks if check.id not in again}


def steady(folder: Path) -> dict[str, str]:
    """The texts of a folder's modules, once no file is empty that was not handed out so, and none changes any more."""
    found = _read(folder)
    for _ in range(MOST_READS):
        time.sleep(HALF_SAVED)
        again = _read(folder)
        if again == found and not any(_emptied(file, text) for file, text in found.items()):
            break
        found = again
    return found


def _read(folder: Path) -> dict[str, str]:
    files = sorted((folder / own_folder.PACKAGE).rglob("*.py"))
    names = [file.relative_to(folder).as_posix() for file in files]
    return {name: own_folder.text_of(folder, name.removesuffix(".py")) for name in names}


def _emptied(file: str, text: str) -> bool:
    given = TEMPLATE / file
    return not text.strip() and given.is_file() and given.stat().st_size > 0


def runs(watched: Watched, folder: Path, tell: Callable[[str], None]) -> Iterator[Run]:
    """A run at first, and one after each change, until the user interrupts. A folder that can't be read is told."""
    changes = watch(folder / own_folder.PACKAGE, watch_filter=_is_module, debounce=PATIENCE_MS, step=QUIET_MS)
    while True:
        try:
            if (run := watched.run()) is not None:
                yield run
        except CollectError as error:
            tell(str(error))
        try:
            next(changes)
        except StopIteration:
            return


def _is_module(change: Change, path: str) -> bool:
    return path.endswith(".py")
