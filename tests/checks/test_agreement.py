"""What is acquitted at once is what the close look acquits; nothing else is."""

from __future__ import annotations

import numpy as np
import pytest

from checks.agreement import agree
from grader.compare import expect_close, tolerance_factors
from grader.errors import Failed
from grader.tolerance import TOLERANCES
from grader.values import Array, ArrayValue, ScalarValue, SequenceValue, Value

RNG = np.random.default_rng(5)
RIGHT = RNG.standard_normal((4, 3))


def changed(by: float, at: tuple[int, int] = (2, 1)) -> Array:
    array = RIGHT.copy()
    array[at] += by
    return array


def closely(value: Value, right: Array, tolerance: str) -> bool:
    try:
        expect_close(value, right, name="x", function="f", tolerance=tolerance)
    except Failed:
        return False
    return True


@pytest.mark.parametrize("tolerance", TOLERANCES)
def test_it_agrees_with_the_close_look(tolerance: str) -> None:
    """For errors of every size around the allowance, alone and among right arrays of other sizes and tolerances."""
    allowed = float(TOLERANCES[tolerance].allowance(RIGHT)[2, 1])
    others = [(ArrayValue(a), a, name) for a in (1e6 * RIGHT[0], RIGHT * 1e-9) for name in TOLERANCES]
    verdicts = set()
    for factor in (0.0, 0.5, 0.99, 1.01, 2.0, 1e3, np.nan, np.inf):
        for sign in (1, -1):
            value = ArrayValue(changed(sign * factor * allowed))
            found = closely(value, RIGHT, tolerance)
            assert agree([(value, RIGHT, tolerance)]) == found
            assert agree([others[0], (value, RIGHT, tolerance), *others[1:]]) == found
            verdicts.add(found)
    assert verdicts == {True, False}


@pytest.mark.parametrize(
    "value",
    [
        ArrayValue(RIGHT.T.copy()),
        ArrayValue(RIGHT.reshape(-1)),
        ArrayValue(RIGHT[None]),
        ArrayValue(RIGHT.astype(complex)),
        ArrayValue(RIGHT, "torch"),
        SequenceValue(tuple(ArrayValue(row) for row in RIGHT)),
        ScalarValue(None),
    ],
    ids=repr,
)
def test_another_form_is_never_acquitted(value: Value) -> None:
    """Wrong shapes, kinds and types are for the close look to tell."""
    assert not agree([(value, RIGHT, "value")])


def test_numbers_without_a_shape() -> None:
    """A loss may be a Python float, a numpy scalar or a 0-d array."""
    right = np.array(2.5)
    for value in (ScalarValue(2.5), ArrayValue(right, "scalar"), ArrayValue(right)):
        assert agree([(value, right, "value")])
    assert not agree([(ScalarValue(2.6), right, "value")])
    assert not agree([(ScalarValue("2.5"), right, "value")])


def test_the_rubrics_factor_counts() -> None:
    """Course staff may widen a tolerance."""
    value = ArrayValue(changed(1e-3))
    assert not agree([(value, RIGHT, "value")])
    with tolerance_factors({"value": 1e3}):
        assert agree([(value, RIGHT, "value")])


def test_nothing_to_compare_is_not_acquitted() -> None:
    """An empty array has a form, too."""
    empty = np.zeros((0, 3))
    assert not agree([])
    assert not agree([(ArrayValue(empty), empty, "value"), (ArrayValue(RIGHT), RIGHT, "value")])
