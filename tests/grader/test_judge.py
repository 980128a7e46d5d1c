"""From exceptions to outcomes: each rule of the judge, on a made-up student."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from checks.declare import CheckSpec
from grader.errors import (
    Blocked,
    Failed,
    ImportFailed,
    LimitExceeded,
    MissingName,
    NotAttempted,
    Raised,
    SandboxError,
)
from grader.judge import Judge, generator
from grader.results import Outcome


class Student:
    """Stands for a `Subject`: which functions are untouched, and what was printed."""

    def __init__(self, *untouched: str) -> None:
        self._untouched = untouched
        self.watched = False
        self.free = False  # of being watched

    @contextlib.contextmanager
    def unwatched(self) -> Iterator[None]:
        self.free = True
        yield
        self.free = False

    def untouched(self, module: str, function: str) -> bool:
        return f"{module}.{function}" in self._untouched

    def enter(self, function: str) -> None:
        pass

    def take_output(self) -> tuple[str, str]:
        return "printed", ""


def spec(id: str = "m.f.values", part: str = "rnn", **more: Any) -> CheckSpec:
    module, _, rest = id.partition(".")
    return CheckSpec(id=id, title="t", part=part, module=module, function=rest.rpartition(".")[0], **more)


def judged(
    error: BaseException | None, checked: CheckSpec | None = None, *untouched: str
) -> tuple[Outcome, str]:
    checked = checked or spec()
    judge = Judge(Student(*untouched), Student(), 1, {checked.id: checked}, lambda result: None)  # type: ignore[arg-type]
    judge.judge(checked, raising(error))
    result = judge.settle()[checked.id]
    return result.outcome, result.message


def raising(error: BaseException | None) -> Callable[[], None]:
    def body() -> None:
        if error is not None:
            raise error

    return body


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (None, Outcome.PASSED),
        (Failed("wrong"), Outcome.FAILED),
        (Blocked("needs g"), Outcome.BLOCKED),
        (NotAttempted("not there"), Outcome.NOT_ATTEMPTED),
        (LimitExceeded("still running", limit="time"), Outcome.FAILED),
        (MissingName("f is not defined"), Outcome.FAILED),
        (ImportFailed("can't be loaded"), Outcome.BLOCKED),
        (Raised("f raised ValueError", kind="ValueError", where="f"), Outcome.FAILED),
        (SandboxError("no worker"), Outcome.ERRORED),
        (ZeroDivisionError("ours"), Outcome.ERRORED),
        (AssertionError("ours too"), Outcome.ERRORED),
    ],
)
def test_each_exception_has_its_outcome(error: BaseException | None, outcome: Outcome) -> None:
    """Verdicts are about the student; every other exception is gradmark's own fault."""
    assert judged(error)[0] is outcome


def test_a_stub_is_not_attempted_and_blocks_what_needs_it() -> None:
    """NotImplementedError from the function itself and from one that it calls are told apart."""
    own = Raised("...", kind="NotImplementedError", where="f")
    other = Raised("...", kind="NotImplementedError", where="rnn_step_forward")
    assert judged(own) == (Outcome.NOT_ATTEMPTED, "`f` is not implemented yet.")
    assert judged(other) == (Outcome.BLOCKED, "`f` needs `rnn_step_forward`, which is not implemented yet.")


def test_an_original_stub_is_not_attempted_whatever_it_returns() -> None:
    """A region that holds nothing but `pass` makes a wrong or broken result a part that was not done."""
    assert judged(Failed("all zeros"), None, "m.f")[0] is Outcome.NOT_ATTEMPTED
    assert judged(ImportFailed("does not parse"), None, "m.f")[0] is Outcome.NOT_ATTEMPTED


def test_work_outside_the_region_counts() -> None:
    """When every check of an untouched region passes, the work stands elsewhere and earns its points."""
    assert judged(None, None, "m.f")[0] is Outcome.PASSED


def test_what_is_built_from_a_stub_is_blocked() -> None:
    """A failure whose declared building block is untouched is blocked, and says by what."""
    outcome, message = judged(Failed("wrong"), spec(uses=("m.g",)), "m.g")
    assert outcome is Outcome.BLOCKED
    assert "needs `g`" in message


def run(
    *steps: tuple[CheckSpec, BaseException | None], untouched: tuple[str, ...] = ()
) -> dict[str, Outcome]:
    specs = {checked.id: checked for checked, _ in steps}
    judge = Judge(Student(*untouched), Student(), 1, specs, lambda result: None)  # type: ignore[arg-type]
    for checked, error in steps:
        judge.judge(checked, raising(error))
    return {id: result.outcome for id, result in judge.settle().items()}


def test_a_check_is_not_run_before_what_it_requires() -> None:
    """A failed requirement blocks, an errored one is ours again, a missing one (-k) does not matter."""
    second = spec("m.f.edge_cases", requires=("m.f.values",))
    assert run((spec(), Failed("wrong")), (second, None))["m.f.edge_cases"] is Outcome.BLOCKED
    assert run((spec(), ValueError()), (second, None))["m.f.edge_cases"] is Outcome.ERRORED
    assert run((second, None))["m.f.edge_cases"] is Outcome.PASSED


def test_an_untouched_function_is_cleared_as_a_whole() -> None:
    """A stub that passes one check by accident (right shape) is not attempted in all of them."""
    outcomes = run((spec("m.f.shapes"), None), (spec("m.f.values"), Failed("zeros")), untouched=("m.f",))
    assert set(outcomes.values()) == {Outcome.NOT_ATTEMPTED}


def test_given_functions_are_not_judged_in_an_untouched_file() -> None:
    """What was handed out complete passes, but counts only once something beside it was attempted."""
    given, own = spec("m.given.values", given=True), spec("m.f.values")
    assert set(run((given, None), (own, Failed("zeros")), untouched=("m.f",)).values()) == {
        Outcome.NOT_ATTEMPTED
    }
    assert run((given, None), (own, Failed("wrong")))["m.given.values"] is Outcome.PASSED


def test_a_part_left_out_of_a_shared_function_is_not_attempted() -> None:
    """Who writes the RNN captioner and skips the LSTM has not failed the LSTM captioner."""
    steps = (
        (spec("m.loss.values"), None),
        (spec("layers.lstm.values", part="lstm"), Failed("zeros")),
        (
            CheckSpec(
                id="m.loss.lstm.values",
                title="t",
                part="lstm",
                module="m",
                function="loss",
                uses=("layers.lstm",),
            ),
            Failed("wrong"),
        ),
    )
    outcomes = run(*steps, untouched=("layers.lstm",))
    assert outcomes["m.loss.lstm.values"] is Outcome.NOT_ATTEMPTED
    assert outcomes["m.loss.values"] is Outcome.PASSED


def test_output_and_advice_are_kept_with_the_check() -> None:
    """What was printed during a check, and advice given in it, is in its result, each piece of advice once."""
    judge = Judge(Student(), Student(), 1, {}, lambda result: None)  # type: ignore[arg-type]
    advise = judge.fixture("advise", spec())

    def body() -> None:
        advise("use less")
        advise("use less")

    judge.judge(spec(), body)
    result = judge.results["m.f.values"]
    assert (result.stdout, result.advice) == ("printed", ("use less",))


def test_a_checks_inputs_depend_on_seed_and_check_alone() -> None:
    """Inputs are fresh for another seed and another check, and the same whatever else runs."""
    first = generator(1, "a").standard_normal(4)
    assert (first == generator(1, "a").standard_normal(4)).all()
    assert (first != generator(2, "a").standard_normal(4)).all()
    assert (first != generator(1, "b").standard_normal(4)).all()


def test_being_watched_costs_nothing() -> None:
    """What fails only while its calls are watched for shortcuts passes, on the same inputs."""
    student, drawn = Student(), list[float]()
    checked = spec()
    judge = Judge(student, Student(), 1, {checked.id: checked}, lambda result: None)  # type: ignore[arg-type]
    rng = judge.fixture("rng", checked)

    def body() -> None:
        drawn.append(rng.random())
        student.watched = not student.free
        if not student.free:
            raise Failed("wrong while it is watched")

    judge.judge(checked, body)
    assert judge.results[checked.id].outcome is Outcome.PASSED
    assert drawn == [drawn[0]] * 2


def test_a_failure_stays_one_when_it_can_not_be_repeated() -> None:
    """What can't be judged a second time, as its process was lost, failed the first time."""
    student, checked = Student(), spec()
    judge = Judge(student, Student(), 1, {checked.id: checked}, lambda result: None)  # type: ignore[arg-type]

    def body() -> None:
        student.watched = not student.free
        raise Blocked("not tried again") if student.free else Failed("crashed")

    judge.judge(checked, body)
    assert (judge.results[checked.id].outcome, judge.results[checked.id].message) == (
        Outcome.FAILED,
        "crashed",
    )


def test_what_nobody_watched_is_not_repeated() -> None:
    """A failure without an observer is a failure at once."""
    runs: list[int] = []
    checked = spec()
    judge = Judge(Student(), Student(), 1, {checked.id: checked}, lambda result: None)  # type: ignore[arg-type]

    def body() -> None:
        runs.append(1)
        raise Failed("wrong")

    judge.judge(checked, body)
    assert judge.results[checked.id].outcome is Outcome.FAILED
    assert len(runs) == 1
