"""The loop of a training run: some steps, fetch and measure, until the bars are met or the steps are used up."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from grader.errors import Failed
from grader.training.bars import Bar

SLOW = "Look for work that is done again at every step, or for loops where one array operation would do."
Metrics = Mapping[str, float]
Tell = Callable[[str], None]


class Run(Protocol):
    """A model in training in the student's worker."""

    @property
    def steps(self) -> int:
        """How many steps it may take."""

    @property
    def every(self) -> int:
        """How many steps lie between two measurements."""

    @property
    def cpu_seconds(self) -> float:
        """CPU time of the student's worker so far."""

    def advance(self, first: int, count: int) -> None:
        """Takes the steps `first`, `first` + 1, ... in the student's worker."""

    def measure(self) -> Metrics:
        """Fetches the parameters and evaluates them with the reference. Raises `Failed` for unusable ones."""


@dataclass
class Course:
    """What became of a run: the measurements after each number of steps, and whether all bars were met.

    `ended`: it was given up half-way, too far from a bar.
    """

    bars: Sequence[Bar]
    history: list[tuple[int, Metrics]] = field(default_factory=list)
    met: bool = False
    ended: bool = False
    seconds: float = 0.0

    @property
    def last(self) -> Metrics:
        """The last measurement."""
        return self.history[-1][1]

    @property
    def near(self) -> bool:
        """Not far from every bar that it misses: another seed may tell."""
        return all(bar.near(self.last[bar.metric]) for bar in self.bars)

    @property
    def hopeless(self) -> bool:
        """Too far from some bar at every measurement so far."""
        return any(bar.hopeless([metrics[bar.metric] for _, metrics in self.history]) for bar in self.bars)

    def curve(self, metric: str) -> list[tuple[float, float]]:
        """(steps, value) of every measurement."""
        return [(float(step), metrics[metric]) for step, metrics in self.history]


def follow(run: Run, bars: Sequence[Bar], tell: Tell, seconds: float, early: bool = True) -> Course:
    """Trains until all bars are met (`early`), the steps are used up or `seconds` of computing time have passed.

    Half-way it is given up when no measurement was anywhere near a bar (`early`).
    Raises `Failed` when time runs out before the bars are met.
    """
    course, started, done, cpu = Course(bars), time.monotonic(), 0, run.cpu_seconds
    while done < run.steps:
        count = min(run.every, run.steps - done)
        run.advance(done, count)
        done += count
        course.history.append((done, run.measure()))
        course.met = all(bar.met(course.last[bar.metric]) for bar in bars)
        course.seconds = time.monotonic() - started
        tell(_progress(run, course, done))
        course.ended = early and not course.met and done < run.steps <= 2 * done and course.hopeless
        if course.ended or (course.met and early):
            break
        used = run.cpu_seconds - cpu  # not wall time: a busy machine is nobody's fault
        if used > seconds and done < run.steps:
            raise Failed(
                f"Training was stopped after {used:.0f} s of computing time and {done} of {run.steps} steps, with "
                f"{summary(bars, course.last)}.",
                SLOW,
            )
    return course


def _progress(run: Run, course: Course, done: int) -> str:
    left = course.seconds / done * (run.steps - done)
    return f"step {done}/{run.steps}, {summary(course.bars, course.last)}, at most {left:.0f} s left"


def summary(bars: Sequence[Bar], metrics: Metrics) -> str:
    """ "loss 0.42 (bar 1), match 0.8 (bar 0.9)"."""
    return ", ".join(f"{bar.title} {number(metrics[bar.metric])} (bar {number(bar.value)})" for bar in bars)


def number(value: float) -> str:
    """Three digits: 0.0213, 12.3, 114."""
    return f"{value:.3g}"
