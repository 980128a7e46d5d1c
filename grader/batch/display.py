"""What is seen of a run: on a terminal how far it is and what is being graded, else a line for each hand-in."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from grader.batch.work import Done
from grader.class_results import Status
from reports.text import line

SHOWN = 3  # hand-ins that are named with how far each is


class Watch:
    """Shows a run on `console`, which must have its file from the start; a context manager."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar: Progress | None = None
        self._total = self._done = self._kept = self._failed = self._checks = 0
        self._running: dict[str, int] = {}

    def __enter__(self) -> Watch:
        if self._console.is_terminal:
            self._bar = _bar(self._console)
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    @property
    def counts(self) -> tuple[int, int]:
        """How many hand-ins are finished, of how many."""
        return self._done, self._total

    def begin(self, total: int, kept: int, checks: int) -> None:
        """There are `total` hand-ins, of which `kept` are known from before."""
        self._total, self._done, self._kept, self._checks = total, kept, kept, checks
        if self._bar is not None:
            self._bar.add_task("starting", total=total - kept)
        elif kept:
            self._say(f"{kept} of {total} submissions are known from before")

    def checked(self, key: str, count: int) -> None:
        """So many checks of a hand-in have an outcome."""
        self._running[key] = count
        self._show()

    def finished(self, key: str, done: Done) -> None:
        """A hand-in is finished."""
        self._running.pop(key, None)
        self._done += 1
        self._failed += done.status is not Status.GRADED
        if self._bar is None:
            why = "" if done.status is Status.GRADED else f": {line(done.message, 120)}"
            self._say(f"[{self._done}/{self._total}] {line(key, 80)} {done.status}{why}")
        self._show()

    def _say(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    def _show(self) -> None:
        if self._bar is None:
            return
        named = [f"{line(key, 30)} {n}/{self._checks}" for key, n in list(self._running.items())[:SHOWN]]
        failed = f", {self._failed} not graded" if self._failed else ""
        said = f"{len(self._running)} running{failed}  {'  '.join(named)}"
        self._bar.update(self._bar.task_ids[0], completed=self._done - self._kept, description=said)


def _bar(console: Console) -> Progress:
    return Progress(
        BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(),
        TextColumn("{task.description}", markup=False),
        console=console, transient=True, redirect_stdout=False, redirect_stderr=False, refresh_per_second=4,
    )  # fmt: skip
