"""The loop of a training run, its bars, and what is said about it: with runs that need no training."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from grader.errors import Failed, LimitExceeded, UsageError
from grader.results import CheckResult, Outcome
from grader.training import judging
from grader.training.bars import Bar, load
from grader.training.context import Training, told
from grader.training.course import follow
from grader.training.settings import PROFILES

LOSS = Bar("loss", "loss", 1.0, "below", 2.0, 0.3)
COURSES = ("rnn", "lstm", "transformer", "vanilla", "ls", "dc", "simclr")


class Played:
    """A run whose measurements are given beforehand; each step takes `cost` seconds of computing time."""

    def __init__(self, losses: Sequence[float], cost: float = 0.0) -> None:
        self.losses, self.cost, self.taken = list(losses), cost, 0
        self.steps, self.every = 10 * len(losses), 10

    @property
    def cpu_seconds(self) -> float:
        return self.taken * self.cost

    def advance(self, first: int, count: int) -> None:
        assert first == self.taken
        self.taken += count

    def measure(self) -> dict[str, float]:
        return {"loss": self.losses[self.taken // 10 - 1]}


def silent(said: str) -> None:
    """Nobody listens."""


def test_training_stops_as_soon_as_the_bar_is_met() -> None:
    """The steps after that are not taken."""
    run = Played([5.0, 0.9, 0.1, 0.1])
    course = follow(run, [LOSS], silent, 60)
    assert course.met
    assert run.taken == 20


def test_nan_never_meets_a_bar() -> None:
    """A loss that can't be computed is neither below nor above anything."""
    course = follow(Played([float("nan")]), [LOSS], silent, 60)
    assert not course.met
    assert not course.near


def test_progress_tells_step_loss_and_time_left() -> None:
    """Each measurement is told as it is made."""
    said: list[str] = []
    follow(Played([5.0, 4.0]), [LOSS], said.append, 60)
    assert said[0].startswith("step 10/20, loss 5 (bar 1), at most ")
    assert said[0].endswith("s left")


def test_a_run_that_takes_too_long_fails_and_says_how_far_it_came() -> None:
    """Computing time counts, and the bars need not be reached then."""
    with pytest.raises(
        Failed, match=r"stopped after 100 s of computing time and 20 of 30 steps, with loss 4"
    ):
        follow(Played([5.0, 4.0, 3.0], cost=5.0), [LOSS], silent, 60)


@pytest.fixture
def training(tmp_path: Path) -> Training:
    return Training(PROFILES["cpu"], {"cpu": {"rnn": (LOSS,)}}, tmp_path)


@pytest.mark.parametrize(("limit", "hinted"), [("cpu", True), ("time", True), ("memory", False)])
def test_steps_that_never_end_fail_with_the_same_hint(training: Training, limit: str, hinted: bool) -> None:
    """The call is stopped by its limit; the message does not speak of gradmark's helper."""

    def never(settings: object) -> Played:
        raise LimitExceeded("`advance` used 120 s of computing time and was stopped.", limit=limit)

    with pytest.raises(LimitExceeded, match="^A few training steps used 120 s") as found:
        training.attempt("rnn", never)
    assert ("loops" in found.value.hint) == hinted


def played(*runs: Played) -> Iterator[Played]:
    yield from runs


def test_a_run_near_the_line_is_repeated_and_the_report_says_so(training: Training) -> None:
    """The second run decides."""
    runs = played(Played([1.5]), Played([0.5]))
    course, _ = training.attempt("rnn", lambda _: next(runs))
    assert course.met
    assert training.advice == [
        "The first run ended near the line, with loss 1.5 (bar 1); it was repeated with another seed."
    ]


def test_a_run_far_from_the_line_is_not_repeated(training: Training) -> None:
    """Another seed would not change it."""
    runs = played(Played([3.0]))
    course, _ = training.attempt("rnn", lambda _: next(runs))
    assert not course.met
    assert training.advice == []
    assert told(course) == "After 10 steps: loss 3, which has to be below 1 (correct work: about 0.3)."


def test_a_run_that_is_hopeless_half_way_is_given_up_and_the_report_says_so(training: Training) -> None:
    """No measurement of the first half came near; one that did keeps the run going, and so does an early bar."""
    far = dataclasses.replace(LOSS, far=10.0)
    training.bars = {"cpu": {"rnn": (far,)}}
    runs = played(Played([50.0, 40.0, 0.5, 0.5]), Played([9.0, 40.0, 30.0, 0.5]))
    course, run = training.attempt("rnn", lambda _: next(runs))
    assert (course.ended, course.met, run.taken) == (True, False, 20)
    assert told(course).endswith("given up half-way: no correct work is ever that far from the bar there.")
    course, run = training.attempt("rnn", lambda _: next(runs))
    assert (course.ended, course.met, run.taken) == (False, True, 40)


def test_a_loss_that_is_nan_half_way_is_hopeless_too() -> None:
    """NaN is near nothing; a bar without `far` gives nothing up."""
    nan = float("nan")
    assert follow(Played([nan, nan, 0.5, 0.5]), [dataclasses.replace(LOSS, far=10.0)], silent, 60).ended
    assert follow(Played([nan, nan, 0.5, 0.5]), [LOSS], silent, 60).met


@pytest.mark.parametrize("course", COURSES)
def test_every_check_has_bars_that_typical_runs_meet(course: str) -> None:
    """In the profile that runs by default; near the line lies on the far side of it."""
    for bar in load(judging.BARS)["cpu"][course]:
        assert bar.met(bar.typical)
        assert bar.near(bar.value)
        assert bar.met(bar.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[cpu", "can't be read"),
        ("[cpu.rnn.loss]\nbar = 1", "cpu.rnn.loss"),
        (
            '[cpu.rnn.loss]\ntitle="x"\nbetter = "lower"\nbar = 1\nnear = 1\ntypical = 1',
            'needs better = "below"',
        ),
        ('[cpu.rnn.loss]\ntitle="x"\nbetter = "below"\nbar = nan\nnear = 1\ntypical = 1', "finite"),
        (
            '[cpu.rnn.loss]\ntitle="x"\nbetter = "below"\nbar = 1\nnear = 2\nfar = 2\ntypical = 1',
            "beyond near",
        ),
    ],
)
def test_bars_that_make_no_sense_are_refused(tmp_path: Path, text: str, said: str) -> None:
    """The message names the entry."""
    (tmp_path / "bars.toml").write_text(text)
    with pytest.raises(UsageError, match=said):
        load(tmp_path / "bars.toml")


class Spec:
    """A declaration, as far as the annotation looks."""

    def __init__(self, module: str, function: str, uses: tuple[str, ...] = ()) -> None:
        self.module, self.function, self.uses = module, function, uses


def result(id: str, outcome: Outcome) -> CheckResult:
    return CheckResult(id=id, title="", part="", function="", outcome=outcome)


@pytest.mark.parametrize(("outcome", "says"), [(Outcome.FAILED, 1), (Outcome.PASSED, 0)])
def test_training_that_works_in_spite_of_a_failed_check_says_so(outcome: Outcome, says: int) -> None:
    """A threshold is a sign of life, not a proof, and the report tells where that shows."""
    specs = {
        "rnn_layers.f.values": Spec("rnn_layers", "f"),
        "training.rnn.overfit": Spec("training", "RNN captioner", ("rnn_layers.f",)),
    }
    results = {
        "rnn_layers.f.values": result("rnn_layers.f.values", outcome),
        "training.rnn.overfit": result("training.rnn.overfit", Outcome.PASSED),
    }
    advice = judging.annotated(specs, results)["training.rnn.overfit"].advice
    assert len(advice) == says
    assert all("`rnn_layers.f.values`" in text and "sign of life" in text for text in advice)
