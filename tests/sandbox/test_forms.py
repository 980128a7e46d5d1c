"""An answer must have the form that was asked for: a forged one is told as such and never trips a check over."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from grader.errors import ProtocolViolation
from grader.sandbox import forms
from grader.sandbox.targets import Function, Probe
from grader.values import ArrayValue, Handle, MappingValue, ScalarValue, SequenceValue, Value

ONE = ScalarValue(1)
PAIR = SequenceValue((ONE, ScalarValue("x")))


@pytest.mark.parametrize(
    ("value", "form"),
    [
        (ONE, int),
        (ONE, float),
        (ArrayValue(np.array(2.0), "scalar"), float),
        (ScalarValue(True), bool),
        (ScalarValue(None), None),
        (ScalarValue(None), tuple[Any, ...] | None),
        (PAIR, tuple[int, str]),
        (SequenceValue((ONE, ONE), "list"), list[int]),
        (MappingValue({"a": SequenceValue((ONE,))}), dict[str, list[int]]),
        (Handle(1), Any),
    ],
    ids=str,
)
def test_what_a_function_may_give_fits(value: Value, form: Any) -> None:
    """A value of the annotated form is taken."""
    assert forms.fits(value, form)


@pytest.mark.parametrize(
    ("value", "form"),
    [
        (ScalarValue(True), int),
        (ScalarValue("x"), int),
        (ScalarValue(None), list[Any]),
        (Handle(1), list[Any]),
        (ArrayValue(np.zeros(3)), float),
        (PAIR, list[int]),
        (PAIR, tuple[int]),
        (SequenceValue((ONE,)), dict[str, Any]),
        (MappingValue({"a": ONE}), dict[str, list[int]]),
        (ONE, None),
    ],
    ids=str,
)
def test_what_it_can_not_give_does_not_fit(value: Value, form: Any) -> None:
    """A value of another form is refused, at any depth."""
    assert not forms.fits(value, form)


def test_starred_results_are_handles() -> None:
    """What was to stay in the worker comes as a handle or not at all."""
    function = Function("cs231n.rnn_layers", "rnn_forward")
    forms.expect([SequenceValue((ONE, Handle(1)))], function, "h, cache*")
    forms.expect(
        [ONE], function, "h, cache*"
    )  # a wrong number of results is the student's, told by the check
    with pytest.raises(ProtocolViolation, match="rnn_forward"):
        forms.expect([SequenceValue((ONE, ONE))], function, "h, cache*")
    with pytest.raises(ProtocolViolation):
        forms.expect([ONE], function, "model*")


def test_every_probe_is_read_by_its_annotation() -> None:
    """The form of a probe comes from its own signature."""
    assert forms.declared("checks.probes.gan", "is_module") is bool
    with pytest.raises(ProtocolViolation, match="is_module"):
        forms.expect([ONE], Probe("checks.probes.gan", "is_module"), "")
