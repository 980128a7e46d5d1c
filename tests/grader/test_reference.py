"""The reference's memory: what was asked before is not asked again, and nothing else is taken for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grader import reference
from grader.reference import Reference
from grader.results import Limits
from grader.sandbox.client import Function, Method, Probe, Reply
from grader.subject import Subject
from grader.values import ArrayValue, Handle, ScalarValue, Value

STEP = Function("cs231n.rnn_layers", "rnn_step_forward")
Ask = Callable[..., Value]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the calls that reached the worker; each gives the sum of its arrays, or what its name says."""
    names: list[str] = []

    def call(self: Subject, target: Any, args: Sequence[Any] = (), *_: object, **__: object) -> Reply:
        names.append(target.name)
        special: Mapping[str, Value] = {"substitute": ScalarValue(None), "build": Handle(1, "Model", 1)}
        arrays = [a for a in args if isinstance(a, np.ndarray)]
        return Reply(special.get(target.name, ArrayValue(np.array(sum(a.sum() for a in arrays)))))

    monkeypatch.setattr(Subject, "call", call)
    return names


@pytest.fixture
def answers() -> Reference:
    """A reference that needs no worker, since `asked` answers for it."""
    return Reference(None, Path(), Limits())  # type: ignore[arg-type]


def test_the_same_question_is_asked_once(answers: Reference, asked: list[str]) -> None:
    """Equal arguments give the answer that they gave, also for the next submission."""
    first = answers.call(STEP, [np.ones(3)], returns="h")
    answers.begin()
    assert answers.call(STEP, [np.ones(3)], returns="h") is first
    assert asked == ["rnn_step_forward"]


@pytest.mark.parametrize(
    ("args", "more"),
    [
        ([np.zeros(3)], {}),
        ([np.ones((3, 1))], {}),
        ([np.ones(3, np.float32)], {}),
        ([np.ones(3), None], {}),
        ([np.ones(3)], {"seed": 1}),
        ([np.ones(3)], {"returns": "h, cache"}),
        ([np.ones(3)], {"echo": True}),
        ([np.ones(3)], {"kwargs": {"b": 1}}),
        ([[np.ones(2), np.ones(1)]], {}),
    ],
)
def test_another_question_is_another(
    answers: Reference, asked: list[str], args: list[Any], more: dict[str, Any]
) -> None:
    """Values, shape, dtype, number, seed, names, keywords and nesting all make a difference."""
    answers.call(STEP, [np.ones(3)])
    answers.call(STEP, args, **more)
    assert len(asked) == 2


def test_what_concerns_an_object_is_always_asked(answers: Reference, asked: list[str]) -> None:
    """A method, an argument or a result that lives in the worker is never answered from memory."""
    handle = Handle(1, "Model", 1)
    for _ in range(2):
        answers.call(Method(handle, "loss"), [np.ones(3)])
        answers.call(STEP, [handle])
        answers.call(Probe("checks.probes.gan", "build"), [])
    assert len(asked) == 6


def test_a_call_made_for_its_effect_is_made_and_parts_what_follows(
    answers: Reference, asked: list[str]
) -> None:
    """A stand-in put into the worker is put there every time, and no answer from without it counts with it."""
    for _ in range(2):
        answers.begin()
        answers.call(STEP, [np.ones(3)])
        answers.call(Probe("checks.probes.stand_ins", "substitute"), [["contrastive_loss.sim"]])
        answers.call(STEP, [np.ones(3)])
    assert asked == ["rnn_step_forward", "substitute", "rnn_step_forward", "substitute"]


def test_the_memory_is_bounded(answers: Reference, asked: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer that was asked for longest ago goes first."""
    monkeypatch.setattr(reference, "MOST_BYTES", 3 * 8)
    for number in (1, 2, 3, 1, 4, 1, 2):
        answers.call(STEP, [np.full(1, number)])
    assert len(asked) == 5  # 2 went when 4 came, for 1 had been asked again
