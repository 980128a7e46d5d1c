"""Checks a folder whenever a file in it is saved: only what the change concerns, in the warm processes."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator
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

QUIET_MS, PATIENCE_MS = 20, 400  # without a further change; in all
LOOK_MS = (
    1000  # until files are looked at anyhow: nothing tells what was saved earlier, or in some network folders
)
HALF_SAVED = 0.05  # seconds that a file was left alone for before it is taken for whole
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

    def prepare(self) -> None:
        """While nobody waits: clears up after the run, and makes ready for the next one."""
        self._checker.prepare()

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
    """The texts of a folder's modules, once all were left alone for a while and none is empty that was not so before.

    "Before" is as it was handed out: an editor that saves empties a file first.
    """
    for _ in range(MOST_READS):
        found = _read(folder)
        rest = HALF_SAVED - _untouched_for(folder, found)
        if rest <= 0 and not any(_emptied(file, text) for file, text in found.items()):
            break
        time.sleep(rest if rest > 0 else HALF_SAVED)
    return found


def _untouched_for(folder: Path, files: Iterable[str]) -> float:
    """Seconds since a file was written to; a clock that is ahead (a network folder's) makes it 0."""
    newest = 0.0
    for file in files:
        with contextlib.suppress(OSError):
            newest = max(newest, (folder / file).stat().st_mtime)
    return max(time.time() - newest, 0.0)


def _read(folder: Path) -> dict[str, str]:
    files = sorted((folder / own_folder.PACKAGE).rglob("*.py"))
    names = [file.relative_to(folder).as_posix() for file in files]
    return {name: own_folder.text_of(folder, name.removesuffix(".py")) for name in names}


def _emptied(file: str, text: str) -> bool:
    given = TEMPLATE / file
    return not text.strip() and given.is_file() and given.stat().st_size > 0


def runs(watched: Watched, folder: Path, tell: Callable[[str], None]) -> Iterator[Run]:
    """A run at first, and one after each change, until the user interrupts. A folder that can't be read is told."""
    changes = watch(
        folder / own_folder.PACKAGE, watch_filter=_is_module, debounce=PATIENCE_MS, step=QUIET_MS,
        rust_timeout=LOOK_MS, yield_on_timeout=True,
    )  # fmt: skip
    told = ""
    while True:
        try:
            if (run := watched.run()) is not None:
                told = ""
                yield run
                watched.prepare()
        except CollectError as error:
            if str(error) != told:
                told = str(error)
                tell(told)
        try:
            next(changes)
        except StopIteration:
            return


def _is_module(change: Change, path: str) -> bool:
    return path.endswith(".py")
