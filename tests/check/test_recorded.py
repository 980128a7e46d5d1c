"""Recorded answers: the same question finds them, another does not, and a missing one never changes a verdict."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from checks.declare import CheckSpec
from checks.random_sizes import for_random_sizes
from grader.errors import Failed, NotRecorded
from grader.judge import Judge
from grader.questions import Questions, rounded
from grader.recorded import Answer, Fixtures, Recorded, Recording
from grader.results import Limits, Outcome
from grader.sandbox.client import Function, Method, Probe, Reply
from grader.subject import Subject
from grader.values import ArrayValue, Handle, ScalarValue, Value
from tests.grader.test_judge import Student

STEP = Function("cs231n.rnn_layers", "rnn_step_forward")
BACK = Function("cs231n.rnn_layers", "rnn_step_backward")
SUBSTITUTE = Probe("checks.probes.stand_ins", "substitute")


class Numbered:
    """Answers each call in the worker's place: with how many there were, a new object, or nothing."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, subject: Subject, target: Any, *_: object, **__: object) -> Reply:
        self.calls += 1
        if target is SUBSTITUTE:
            return Reply(ScalarValue(None))
        if target is STEP:
            return Reply(Handle(100 + self.calls, "cache", 7))
        return Reply(ArrayValue(np.array([float(self.calls)])))


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Numbered:
    numbered = Numbered()
    monkeypatch.setattr(Subject, "call", lambda *args, **options: numbered(*args, **options))
    return numbered


Conversation = Callable[[Subject], Sequence[Value]]


def replayed(recorded: Conversation, asked: Conversation) -> Sequence[Value]:
    """What a conversation gives after another was recorded, through a file's bytes."""
    answers: dict[bytes, Answer] = {}
    recording = Recording(None, Path(), Limits(), answers)  # type: ignore[arg-type]
    recording.enter("f")
    recorded(recording)
    replaying = Recorded(None, Path(), Limits(), Fixtures((1,), answers))  # type: ignore[arg-type]
    replaying.enter("f")
    return asked(replaying)


def numbers(values: Sequence[Value]) -> list[float]:
    return [float(value.data[0]) for value in values if isinstance(value, ArrayValue)]


def forward_and_back(*inputs: float) -> Conversation:
    """Calls forward with each input, then backward with each cache, in the same order."""

    def talk(subject: Subject) -> list[Value]:
        caches = [subject.call(STEP, [np.array([x])], returns="cache*").value for x in inputs]
        return [subject.call(BACK, [np.ones(2), cache]).value for cache in caches]

    return talk


def test_an_object_is_the_call_that_made_it(worker: Numbered) -> None:
    """Objects have other numbers in a replay: what is asked about them is found by what made them."""
    assert numbers(replayed(forward_and_back(1.0, 2.0), forward_and_back(2.0, 1.0))) == [4.0, 3.0]
    assert worker.calls == 4


def test_another_object_is_not_known(worker: Numbered) -> None:
    """An object that was made from other inputs has no answers."""
    with pytest.raises(NotRecorded):
        replayed(forward_and_back(1.0), forward_and_back(3.0))


def test_what_was_done_to_an_object_counts(worker: Numbered) -> None:
    """A second call on an object is another question than the first."""

    def twice(subject: Subject) -> list[Value]:
        model = subject.call(STEP, [np.array([1.0])]).value
        assert isinstance(model, Handle)
        return [subject.call(Method(model, "sample"), [3]).value for _ in range(2)]

    assert numbers(replayed(twice, twice)) == [2.0, 3.0]


def test_a_call_for_its_effect_counts(worker: Numbered) -> None:
    """After something was replaced the same question has another answer, or none; not so aside or in another check."""

    def plain(subject: Subject) -> list[Value]:
        return [subject.call(BACK, [1.0]).value]

    def changed(subject: Subject) -> list[Value]:
        subject.call(SUBSTITUTE, [["f"]])
        return plain(subject)

    def aside(subject: Subject) -> list[Value]:
        with subject.aside():
            subject.call(SUBSTITUTE, [["f"]])
        return plain(subject)

    def in_another_check(subject: Subject) -> list[Value]:
        subject.call(SUBSTITUTE, [["f"]])
        subject.enter("g")
        return plain(subject)

    def both(subject: Subject) -> list[Value]:
        return [*plain(subject), *changed(subject)]

    with pytest.raises(NotRecorded):
        replayed(plain, changed)
    assert numbers(replayed(both, both)) == [2.0, 4.0]
    assert numbers(replayed(both, aside)) == [5.0]
    assert numbers(replayed(both, in_another_check)) == [8.0]


def test_calls_in_one_go_are_known_one_by_one(worker: Numbered) -> None:
    """What was asked in one go is answered by itself, too."""

    def together(subject: Subject) -> list[Value]:
        return [reply.value for reply in subject.calls(BACK, [[1.0], [2.0]])]

    assert numbers(replayed(together, lambda subject: [subject.call(BACK, [2.0]).value])) == [2.0]


@pytest.mark.parametrize("dtype", ["float64", "float32", "complex128"])
def test_the_last_digits_do_not_count(dtype: str) -> None:
    """Numbers that differ by rounding are the same question; by more than that, another."""
    values = np.random.default_rng(1).standard_normal(200).astype(dtype)
    beside = np.nextafter(values.real, 9).astype(dtype) + (1j * values.imag if dtype[0] == "c" else 0)
    key = Questions().key(BACK, [values], {}, [])
    assert np.mean(rounded(values) == rounded(beside)) > 0.99
    assert Questions().key(BACK, [values * 1.001], {}, []) != key
    assert Questions().key(BACK, [values.reshape(2, 100)], {}, []) != key


def test_special_numbers() -> None:
    """Infinite and undefined numbers and both zeros keep their meaning; integers are not rounded."""
    special = np.array([np.inf, -np.inf, np.nan, 0.0, -0.0])
    np.testing.assert_array_equal(rounded(special), [np.inf, -np.inf, np.nan, 0.0, 0.0])
    assert not np.signbit(rounded(special)[-1])
    large = np.array([2**53 + 1, 3])
    assert rounded(large) is large


def outcome(body: Callable[[], None]) -> tuple[Outcome, str]:
    spec = CheckSpec(id="m.f.values", title="t", part="rnn", module="m", function="f")
    judge = Judge(Student(), Student(), 1, {spec.id: spec}, lambda result: None)  # type: ignore[arg-type]
    judge.judge(spec, body)
    return judge.results[spec.id].outcome, judge.results[spec.id].message


def test_a_failure_stays_as_it_was_told() -> None:
    """Where a hint about a failure needs an answer that is missing, the failure itself is the verdict."""

    def hinting() -> None:
        try:
            raise Failed("`h` is wrong.")
        except Failed:
            raise NotRecorded from None

    assert outcome(hinting) == (Outcome.FAILED, "`h` is wrong.")


def test_what_nobody_knows_is_not_judged() -> None:
    """Without a failure a missing answer blocks the check, and says who judges it."""

    def asking() -> None:
        raise NotRecorded

    found, message = outcome(asking)
    assert found is Outcome.BLOCKED
    assert message.startswith("Not judged here")


@pytest.mark.parametrize("together", [True, False])
def test_a_smaller_failure_that_nobody_knows(together: bool) -> None:
    """In the search for the smallest failure an example without an answer is none; what was found is told."""
    asked: list[int] = []

    def one(sizes: Any, generator: object) -> None:
        asked.append(sizes["N"])
        if together or len(asked) > 1:
            raise NotRecorded
        raise Failed("wrong at first")

    def many(examples: object) -> None:
        raise Failed("wrong together")

    def check() -> None:
        dims = {"N": (2, 6)}
        for_random_sizes(np.random.default_rng(1), dims, one, together=many if together else None)

    assert outcome(check) == (Outcome.FAILED, "wrong together" if together else "wrong at first")
    assert len(asked) > 1


def test_only_examples_that_nobody_knows() -> None:
    """When no example can be judged, neither is the check."""

    def unknown(*_: object) -> None:
        raise NotRecorded

    body = lambda: for_random_sizes(np.random.default_rng(1), {"N": (2, 6)}, unknown)  # noqa: E731
    assert outcome(body)[0] is Outcome.BLOCKED
