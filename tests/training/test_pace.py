"""Right work that computes element by element is trained with a smaller model, which sees the same mistakes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from grader.calibrate import _laid_out, plans
from grader.data import captions
from grader.errors import LimitExceeded, Raised
from grader.results import CheckResult, Outcome
from grader.session import REFERENCE, Grader
from grader.training import context, pace
from grader.training.bars import Bar
from grader.training.context import Options, Training
from grader.training.evidence import CHECKS
from grader.training.recurrent import lesson
from grader.training.settings import PROFILES

FULL, SMALL = PROFILES["cpu"], PROFILES["small"]
WRONG = [plan for course in ("rnn", "lstm", "transformer") for plan in plans(course) if not plan.right]
SEEN = [plan for plan in WRONG if plan.seen]
Altered = Callable[..., Path]


class Costly:
    """A run whose trial with n captions takes `once + each * n` seconds, the first one `warm` more."""

    def __init__(self, once: float, each: float, warm: float = 0.0) -> None:
        self.once, self.each, self.warm = once, each, warm
        self.steps, self.every, self.batch, self.cpu_seconds = 100, 50, 25, 7.0
        self.tried: list[int] = []

    def attempt(self, count: int) -> None:
        self.cpu_seconds += self.once + self.each * count + (0.0 if self.tried else self.warm)
        self.tried.append(count)

    def advance(self, first: int, count: int) -> None:
        """Learns nothing."""

    def measure(self) -> dict[str, float]:
        return {"loss": 1.5}


def test_a_fast_step_is_tried_once_and_fits() -> None:
    """One caption's step, taken for each caption of all batches, is more than the run can take."""
    run = Costly(once=0.01, each=0.001)
    assert pace.expected(run, 60) == pytest.approx(0.011 * 25 * 100)
    assert run.tried == [1]


def test_a_step_that_is_far_too_slow_is_tried_once() -> None:
    """If a single caption's step, taken so many times, does not fit, nothing larger is waited for."""
    run = Costly(once=0.0, each=36.0)
    assert pace.expected(run, 60) == pytest.approx(36 * 25 * 100)
    assert run.tried == [1]


@pytest.mark.parametrize(
    ("run", "seconds"),
    [
        (Costly(once=0.0, each=1.2), 3000),
        (Costly(once=0.1, each=0.01), 35),
        (Costly(once=0.001, each=0.0001, warm=0.5), 50),
    ],
    ids=["each caption takes its time", "the step itself takes time", "the first call warms up"],
)
def test_a_second_trial_tells_what_a_step_takes_and_what_a_caption(run: Costly, seconds: float) -> None:
    """Only what grows with the captions is multiplied by their number; a slow first call is none of it."""
    assert pace.expected(run, 125) == pytest.approx(seconds, rel=0.02)
    assert run.tried == [1, 3]


@pytest.fixture
def training(tmp_path: Path) -> Training:
    full, small = Bar("loss", "loss", 1.0, "below", 2.0, 0.3), Bar("loss", "loss", 1.2, "below", 2.0, 0.3)
    return Training(FULL, {"cpu": {"rnn": (full,)}, "small": {"rnn": (small,)}}, tmp_path)


def test_what_would_take_too_long_is_trained_smaller_and_the_report_says_so(training: Training) -> None:
    """With the small sizes and their bars, in the second try as well; the trial is made once."""
    made: list[object] = []

    def make(settings: object) -> Costly:
        made.append(settings)
        return Costly(once=0.0, each=1.2)

    course, run = training.attempt("rnn", make)
    assert made == [FULL.rnn, SMALL.rnn, SMALL.rnn]
    assert [bar.value for bar in course.bars] == [1.2]
    assert run.tried == []
    smaller, again = training.advice
    assert smaller.startswith(
        "A training step takes about 30 s of computing time with this code, and 100 of them"
    )
    assert "near the line" in again


class Broken(Costly):
    """A run whose trial ends with an error."""

    def __init__(self, error: Exception) -> None:
        super().__init__(0.0, 0.0)
        self.error = error

    def attempt(self, count: int) -> None:
        raise self.error


@pytest.mark.parametrize(
    ("error", "sizes"),
    [
        (LimitExceeded("`attempt` used 240 s of computing time.", limit="cpu"), SMALL.rnn),
        (Raised("`attempt` raised ValueError: one caption is too few."), FULL.rnn),
    ],
    ids=["a trial that never ends", "a trial that raises"],
)
def test_a_trial_decides_nothing_but_the_size(training: Training, error: Exception, sizes: object) -> None:
    """Too slow for a single caption is too slow; an error says nothing about 25 of them."""
    made: list[object] = []

    def make(settings: object) -> Costly:
        made.append(settings)
        return Broken(error)

    course, _ = training.attempt("rnn", make)
    assert made[-1] == sizes
    assert len(course.history) == 2


def test_what_fits_is_trained_in_full(training: Training) -> None:
    """Nothing is said about a size then."""
    made: list[object] = []
    course, _ = training.attempt("rnn", lambda settings: made.append(settings) or Costly(0.01, 0.001))
    assert made == [FULL.rnn, FULL.rnn]
    assert [bar.value for bar in course.bars] == [1.0]
    assert all("smaller" not in said for said in training.advice)


def test_a_small_lesson_has_the_beginning_of_captions_and_their_words_alone(small: Path) -> None:
    """Cut, renumbered and projected, they still say what the data says."""
    data = captions.load(small)
    found = lesson(data, SMALL.rnn, np.random.default_rng(3))
    assert found.captions.shape == (8, 10)
    assert found.features.shape == (8, 32)
    assert sorted(found.words.values()) == list(range(len(found.words)))
    assert len(found.words) < len(data.words)
    names, known = list(found.words), {tuple(row) for row in np.array(data.words)[data.captions[:, :10]]}
    assert all(tuple(names[word] for word in row) in known for row in found.captions)


def test_trials_leave_a_run_as_it_was(grader: Grader, small: Path) -> None:
    """Dropout draws the same after them, and no parameter has moved."""
    from grader.training.transformer import Attention

    ends = []
    for tries in ((), (1, 3)):
        rng = np.random.default_rng(1)
        run = Attention(
            grader.reference, grader.reference, captions.load(small), SMALL.transformer, rng, "cpu"
        )
        for count in tries:
            run.attempt(count)
        run.advance(0, 3)
        ends.append(run.measure()["loss"])
    assert ends[0] == ends[1]


@pytest.fixture
def slowly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every captioner counts as too slow."""
    monkeypatch.setattr(pace, "expected", lambda run, seconds: 1e6)


def trained(grader: Grader, folder: Path, course: str, seed: int) -> CheckResult:
    (check,) = grader.grade(folder, seed=seed, select=CHECKS[course], training=Options()).checks
    return check


@pytest.mark.parametrize("course", ["rnn", "lstm", "transformer"])
def test_correct_work_passes_with_the_small_size(grader: Grader, slowly: None, course: str) -> None:
    """For all its points, and it is told."""
    check = trained(grader, REFERENCE, course, 5)
    assert (check.outcome, check.message) == (Outcome.PASSED, "")
    assert any("a much smaller model was trained instead" in said for said in check.advice)


@pytest.mark.parametrize("plan", SEEN, ids=lambda plan: f"{plan.course} {plan.variation}")
def test_a_mistake_gains_nothing_by_being_slow(grader: Grader, slowly: None, plan: object) -> None:
    """Each one that the full size sees fails with the small one, too."""
    with _laid_out(plan) as folder:  # type: ignore[arg-type]
        assert trained(grader, folder, plan.course, 5).outcome is Outcome.FAILED  # type: ignore[attr-defined]


SLOW = """        import time

        until = time.process_time() + 0.01 * len(features)
        while time.process_time() < until:
            pass
        captions_in = captions[:, :-1]"""


def test_slow_code_is_found_out_by_its_computing_time(
    grader: Grader, altered: Altered, monkeypatch: pytest.MonkeyPatch
) -> None:
    """10 ms for each caption make 37 s for 150 steps of 25."""
    monkeypatch.setitem(context.PROFILES, "cpu", dataclasses.replace(FULL, seconds=20))
    folder = altered("cs231n/classifiers/rnn.py", ("        captions_in = captions[:, :-1]", SLOW))
    check = trained(grader, folder, "rnn", 5)
    assert (check.outcome, check.message) == (Outcome.PASSED, "")
    assert any("a much smaller model" in said for said in check.advice)
