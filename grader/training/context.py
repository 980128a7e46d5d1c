"""What a training check gets: the profile with its data and bars, and where its progress and its pictures go."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from grader.data import captions, digits, folder, make, pictures
from grader.errors import LimitExceeded, Raised, SandboxError, UsageError
from grader.results import Detail
from grader.subject import Subject
from grader.training import digits as judging_digits
from grader.training import pace
from grader.training.bars import Bar, Bars
from grader.training.course import SLOW, Course, Run, Tell, follow, number, summary
from grader.training.device import CPU, leased, out_of_memory
from grader.training.settings import PROFILES, Profile
from grader.values import Array, ScalarValue

ATTEMPTS = 2
SMALLER = (
    "A training step takes about {step} s of computing time with this code, and {steps} of them would not end "
    "within {most:.0f} s: a much smaller model was trained instead, for the same points. Code that computes element by "
    "element is that slow; one array operation, such as x @ Wx for all examples at once, replaces such loops."
)
R = TypeVar("R", bound=Run)


def _silent(said: str) -> None:
    """Where nobody listens."""


@dataclass(frozen=True)
class Options:
    """What the user chose: profile, data folder (None: built-in), device ("auto", "cpu", "cuda", "cuda:1")."""

    profile: str = "cpu"
    data: Path | None = None
    device: str = "auto"


@dataclass
class Training:
    """The state of one submission's training checks; the argument `training` of a check."""

    profile: Profile
    bars: Bars
    data: Path
    wanted: str = "auto"  # the device
    tell: Tell = _silent
    details: list[Detail] = field(default_factory=list)
    advice: list[str] = field(default_factory=list)
    cpu_seconds: float = 0.0  # that the submission's process took for all of it
    peak_bytes: int = 0  # the most memory that it had at once
    _judge: judging_digits.Judge | None = None

    @cached_property
    def captions(self) -> captions.Captions:
        """The training captions."""
        return captions.load(self.data)

    @cached_property
    def digits(self) -> tuple[Array, Array]:
        """Training digits (N, 28, 28) of bytes, and which they are."""
        return digits.load(self.data)

    @cached_property
    def pictures(self) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
        """Pictures with their classes: those to train on, and some that no worker of a student ever gets."""
        known, unseen = pictures.load(self.data), pictures.load(self.data, "test")
        most, fewer = self.profile.pictures
        return (known[0][:most], known[1][:most]), (unseen[0][:fewer], unseen[1][:fewer])

    def judge(self, reference: Subject) -> judging_digits.Judge:
        """The trusted classifier of digits, fitted at its first use."""
        if self._judge is None:
            self._judge = judging_digits.fit(reference, *self.digits, *digits.load(self.data, "test"))
        return self._judge

    def bars_of(self, name: str, profile: Profile | None = None) -> Sequence[Bar]:
        """The bars of a check in this profile, or in another; a profile without own ones has those of its `base`."""
        place = profile or self.profile
        found = self.bars.get(place.name, {}).get(name) or self.bars.get(place.base, {}).get(name)
        if not found:
            raise SandboxError(
                f"There are no bars for {place.name}.{name}.", "Make them: gradmark calibrate."
            )
        return found

    def device(self, student: Subject) -> str:
        """The device to train on: the wanted one, or a GPU where the worker has one. Raises `SandboxError`."""
        seen = student.probe("training_torch", "has_cuda") == ScalarValue(True)
        if self.wanted.startswith("cuda") and not seen:
            raise SandboxError(f"No worker sees the device {self.wanted}.", "Take --device cpu.")
        found = "cuda" if seen else CPU
        return found if self.wanted == "auto" else self.wanted

    def attempt(self, name: str, make_run: Callable[[Any], R], device: str = CPU) -> tuple[Course, R]:
        """Trains with the settings of a course that fit, and once more with another seed when the bars are missed by
        little; says both in the advice."""

        def say(said: str) -> None:
            self.tell(f"training {name}: {said}")

        sizes: Profile | None = None
        for attempt in range(1, ATTEMPTS + 1):
            with _worded(), leased(device, say):
                if sizes is None:
                    run, sizes = self._fitting(name, make_run)
                else:
                    run = make_run(getattr(sizes, name))
                bars = self.bars_of(name, sizes)
                course = follow(run, bars, say, sizes.seconds)
            if course.met or course.ended or not course.near or attempt == ATTEMPTS:
                break
            self.advice.append(
                f"The first run ended near the line, with {summary(bars, course.last)}; it was repeated with "
                "another seed."
            )
        return course, run

    def _fitting(self, name: str, make_run: Callable[[Any], R]) -> tuple[R, Profile]:
        """A run of this profile's size, or of a smaller one where that would take too long."""
        run, smaller = make_run(getattr(self.profile, name)), PROFILES.get(self.profile.smaller)
        if smaller is None or not isinstance(run, pace.Tried):
            return run, self.profile
        expected, most = self._expected(run), self.profile.seconds
        if expected <= most:
            return run, self.profile
        step = expected / run.steps
        self.advice.append(
            SMALLER.format(step=round(step, 1 if step < 10 else None), steps=run.steps, most=most)
        )
        return make_run(getattr(smaller, name)), smaller

    def _expected(self, run: pace.Tried) -> float:
        """CPU time of a whole run. What raises in a trial may not do so in training: it is tried then."""
        try:
            return pace.expected(run, self.profile.seconds)
        except Raised:
            return 0.0
        except LimitExceeded as error:
            if error.limit not in ("cpu", "time"):
                raise
            return self.profile.seconds * run.steps

    def take(self) -> tuple[tuple[Detail, ...], tuple[str, ...]]:
        """What the check that has just run leaves for its report."""
        found = tuple(self.details), tuple(self.advice)
        self.details.clear()
        self.advice.clear()
        return found


@contextlib.contextmanager
def _worded() -> Iterator[None]:
    """What the student's code raises is told as its own, and not as that of the probe which called it."""
    try:
        yield
    except Raised as error:
        if (full := out_of_memory(error)) is not None:
            raise full from error
        _, verb, rest = error.message.partition(" raised ")
        if verb:
            error.message = f"In training, your code raised {rest}"
        raise
    except LimitExceeded as error:
        error.message = error.message.replace("`advance`", "A few training steps")
        if error.limit in ("cpu", "time"):
            error.hint = SLOW
        raise


def prepare(options: Options, bars: Bars, tell: Tell = _silent) -> Training:
    """The training checks' state. Raises `UsageError` for an unknown profile or data that is not there."""
    if options.profile not in PROFILES:
        raise UsageError(f"There is no profile {options.profile!r}.", f"Take one of {', '.join(PROFILES)}.")
    data = folder.named(options.data) or make.cached()
    for needed in (folder.CAPTIONS, folder.DIGITS, folder.PICTURES):
        needed.require(data)
    return Training(PROFILES[options.profile], bars, data, options.device, tell)


def told(course: Course) -> str:
    """What a failed run reached and what correct work reaches."""
    missed = [bar for bar in course.bars if not bar.met(course.last[bar.metric])]
    parts = [
        f"{bar.title} {number(course.last[bar.metric])}, which has to be {bar.better[:5]} {number(bar.value)} "
        f"(correct work: about {number(bar.typical)})"
        for bar in missed
    ]
    given_up = " Training was given up half-way: no correct work is ever that far from the bar there."
    alone = f"{missed[0].alone}. " if len(missed) == 1 and missed[0].alone else ""
    steps = course.history[-1][0]
    return f"{alone}After {steps} steps: {'; '.join(parts)}.{given_up if course.ended else ''}"
