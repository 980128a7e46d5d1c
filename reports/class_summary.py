"""A graded class summed up for its page: what was earned, failed and mistaken, by how many, and what needs a look.

Results are read one at a time, and of each only what is counted: a term of 200,000 check results is summed in seconds.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean, median

import msgspec

from grader.class_results import ClassResult, Status, StudentResult
from grader.errors import UsageError
from grader.results import FORMAT_VERSION, Outcome, PartScore

MOST_MISTAKES = 40
MOST_SLOW = 10
MOST_BINS = 20
MOST_KEY = 240  # characters of a message by which failures are put together
_NUMBERS = re.compile(r"[-+]?\d[\d.,]*(?:e[-+]?\d+)?", re.I)


class _Mistake(msgspec.Struct, gc=False):
    id: str
    function: str
    sentence: str


class _Check(msgspec.Struct, gc=False):
    id: str
    title: str
    part: str
    function: str
    outcome: Outcome
    max_points: int = 0
    message: str = ""
    mistake: _Mistake | None = None
    visibility: str = "public"


class _Environment(msgspec.Struct, gc=False):
    seconds: float = 0.0


class _Result(msgspec.Struct, gc=False):
    """What is counted of a result.json; the rest of it is passed over while it is read."""

    format_version: int
    checks: list[_Check]
    environment: _Environment


@dataclass
class CheckTally:
    """One check over the class; a group's hand-in counts once."""

    id: str
    title: str
    part: str
    function: str
    max_points: int
    hidden: bool
    counts: dict[Outcome, int] = field(default_factory=lambda: dict.fromkeys(Outcome, 0))

    @property
    def judged(self) -> int:
        """Hand-ins for which there is a verdict: all but gradmark's faults."""
        return sum(self.counts.values()) - self.counts[Outcome.ERRORED]

    @property
    def rate(self) -> float | None:
        """The share that passed, between 0 and 1."""
        return self.counts[Outcome.PASSED] / self.judged if self.judged else None


@dataclass
class MistakeTally:
    """A mistake, or a message where none is known, with the students who made it."""

    function: str
    sentence: str
    known: bool
    students: dict[str, StudentResult] = field(default_factory=dict)
    checks: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class PartTally:
    """The points of one part over the students whose hand-in was graded."""

    score: PartScore  # of any of them, for title and maximum
    points: tuple[int, ...]

    @property
    def mean(self) -> float:
        return fmean(self.points)

    @property
    def median(self) -> float:
        return median(self.points)

    @property
    def full(self) -> int:
        """How many have all of it."""
        return sum(each >= self.score.max_points for each in self.points)


@dataclass(frozen=True)
class Bin:
    """Students with points from `low` to `high`, both included."""

    low: int
    high: int
    count: int


@dataclass
class Summary:
    """Everything that the page of a class shows."""

    result: ClassResult
    checks: dict[str, CheckTally] = field(default_factory=dict)
    mistakes: list[MistakeTally] = field(default_factory=list)
    slow: list[tuple[float, StudentResult]] = field(default_factory=list)
    outcomes: int = 0  # check results that were counted
    unread: list[StudentResult] = field(default_factory=list)  # whose result.json is damaged or gone

    @property
    def students(self) -> tuple[StudentResult, ...]:
        """Everybody, by name."""
        return tuple(
            sorted(self.result.students, key=lambda s: ((s.sortable_name or s.name or s.id).casefold(), s.id))
        )

    @property
    def graded(self) -> tuple[StudentResult, ...]:
        """Who has a grade."""
        return tuple(student for student in self.students if student.status is Status.GRADED)

    @property
    def points(self) -> tuple[int, ...]:
        """Everybody's points, of those who have a grade."""
        return tuple(student.points for student in self.graded)

    def count(self, status: Status) -> int:
        """How many students have this status."""
        return sum(student.status is status for student in self.result.students)

    @property
    def parts(self) -> tuple[PartTally, ...]:
        """Part by part, in the rubric's order."""
        found: dict[str, tuple[PartScore, list[int]]] = {}
        for student in self.graded:
            for part in student.parts:
                found.setdefault(part.id, (part, []))[1].append(part.points)
        return tuple(PartTally(score, tuple(points)) for score, points in found.values())

    @property
    def bins(self) -> tuple[Bin, ...]:
        """The distribution of points in at most twenty equal steps of whole points; empty without a grade."""
        if not self.points:
            return ()
        low, most = min(0, *self.points), max(self.result.max_points, 1, *self.points)
        step = math.ceil((most - low + 1) / MOST_BINS)
        counts = [0] * math.ceil((most - low + 1) / step)
        for each in self.points:
            counts[(each - low) // step] += 1
        return tuple(
            Bin(low + i * step, min(low + (i + 1) * step - 1, most), n) for i, n in enumerate(counts)
        )


def summed(folder: Path, result: ClassResult) -> Summary:
    """The summary of the class in `folder`. A result that can't be read is listed, and does not stop it."""
    summary = Summary(result)
    mistakes: dict[tuple[str, ...], MistakeTally] = {}
    decoder = msgspec.json.Decoder(_Result)
    times = []
    for path, students in _handins(result):
        try:
            found = decoder.decode((folder / path).read_bytes())
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
            summary.unread += students
            continue
        if found.format_version != FORMAT_VERSION:
            raise UsageError(f"{folder / path} is of another version of gradmark.", "Grade the class again.")
        times.append((found.environment.seconds, students[0]))
        for check in found.checks:
            _count(check, summary, mistakes, students)
    summary.slow = sorted(times, key=lambda each: -each[0])[:MOST_SLOW]
    summary.mistakes = sorted(
        mistakes.values(), key=lambda each: (-len(each.students), not each.known, each.sentence)
    )
    return summary


def _handins(result: ClassResult) -> Iterable[tuple[str, list[StudentResult]]]:
    """The hand-ins that count, each once, with the students whose they are."""
    found: dict[str, list[StudentResult]] = {}
    for student in result.students:
        if student.attempt is not None and student.attempt.result:
            found.setdefault(student.attempt.result, []).append(student)
    return found.items()


def _count(
    check: _Check,
    summary: Summary,
    mistakes: dict[tuple[str, ...], MistakeTally],
    students: list[StudentResult],
) -> None:
    tally = summary.checks.get(check.id)
    if tally is None:
        tally = summary.checks[check.id] = CheckTally(
            check.id, check.title, check.part, check.function, check.max_points, check.visibility == "hidden"
        )
    tally.counts[check.outcome] += 1
    summary.outcomes += 1
    if check.outcome is not Outcome.FAILED:
        return
    key, made = _mistake(check)
    made = mistakes.setdefault(key, made)
    made.checks.add(check.id)
    for student in students:
        made.students.setdefault(student.id, student)


def _mistake(check: _Check) -> tuple[tuple[str, ...], MistakeTally]:
    """Known mistakes by their id; other failures by function and message, whose numbers do not tell them apart."""
    if check.mistake is not None:
        function = check.mistake.function.partition(".")[2] or check.function
        return ("known", check.mistake.id), MistakeTally(function, check.mistake.sentence, True)
    message = check.message or check.title
    alike = _NUMBERS.sub("#", message[: 2 * MOST_KEY])[:MOST_KEY]
    return ("said", check.function, alike), MistakeTally(check.function, message[: 2 * MOST_KEY], False)
