"""Expectations: what they accept, what they refuse, and what they say."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from grader import compare
from grader.errors import Failed
from grader.results import HeatMap, Mismatch
from grader.values import Array, ArrayValue, Handle, MappingValue, ScalarValue, SequenceValue, Value

RNG = np.random.default_rng(0)


def array(data: Array, origin: str = "numpy") -> ArrayValue:
    return ArrayValue(np.asarray(data), origin)


def refused(value: Value, shape: tuple[int, ...] = (2, 3)) -> str:
    with pytest.raises(Failed) as caught:
        compare.expect_array(value, shape, name="h", function="f")
    return str(caught.value)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (ScalarValue(None), "`h` from `f` is None; expected a numpy array of shape (2, 3)."),
        (SequenceValue((ScalarValue(1.0),), "list"), "is a list of 1; expected a numpy array"),
        (array(np.ones((2, 3)), "torch"), "is a torch tensor of shape (2, 3)"),
        (array(np.ones((3, 2))), "has shape (3, 2); expected (2, 3).\nThe axes are swapped"),
        (array(np.ones((2, 1, 3))), "expected (2, 3).\nThe number of elements is right: reshape it."),
        (array(np.ones((2, 3, 4))), "There is an axis too many"),
        (array(np.ones(2)), "There is an axis too few"),
        (array(np.full((2, 3), np.nan)), "contains NaN: 6 of 6 elements, first at [0, 0]"),
        (
            array(np.array([[1, 2, 3], [4, np.inf, 6]])),
            "contains infinite values: 1 of 6 elements, first at [1, 1]",
        ),
        (array(np.ones((2, 3), dtype=complex)), "has dtype complex128; expected real numbers"),
        (Handle(1, "ndarray of object"), "is an array of Python objects"),
        (Handle(1, "Tree"), "is an object of type Tree"),
        (ScalarValue(1.5), "is a Python float; expected a numpy array"),
        (MappingValue({}), "is a dict of 0"),
    ],
)
def test_a_value_of_the_wrong_kind_is_named(value: Value, words: str) -> None:
    """Whatever comes back instead of the array, the message says what it is and what was expected."""
    assert words in refused(value)


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "int64", "bool"])
def test_real_dtypes_are_accepted(dtype: str) -> None:
    """The dtype of a result is not promised, so any real one will do."""
    assert compare.expect_array(array(np.ones((2, 3), dtype)), (2, 3), name="h", function="f").shape == (2, 3)


@pytest.mark.parametrize(
    "value", [ScalarValue(1.5), ScalarValue(1), array(np.float64(1.5), "scalar"), array(np.array(1.5))]
)
def test_scalars_may_be_python_numpy_or_zero_dimensional(value: Value) -> None:
    """A loss may be a float, an np.float64 or a 0-d array."""
    assert compare.expect_scalar(value, name="loss", function="f") in (1.0, 1.5)


def test_small_differences_pass_and_larger_ones_fail_with_their_place() -> None:
    """Rounding passes; a wrong element fails, and the message gives count, size and place."""
    expected = RNG.standard_normal((3, 4))
    compare.expect_close(array(expected * (1 + 1e-7)), expected, name="h", function="f")
    wrong = expected.copy()
    wrong[2, 1] += 0.5
    with pytest.raises(Failed) as caught:
        compare.expect_close(array(wrong), expected, name="h", function="f", context="with N=3")
    assert str(caught.value).startswith(
        "`h` from `f` is wrong in 1 of 12 elements (greatest difference 0.5 at [2, 1]), with N=3."
    )
    mismatch, _ = caught.value.details
    assert mismatch.worst[0].index == (2, 1)  # type: ignore[union-attr]
    assert mismatch.worst[0].difference == "0.5"  # type: ignore[union-attr]


@pytest.mark.parametrize("tolerance", sorted(compare.TOLERANCES))
def test_every_tolerance_has_a_reason_and_a_limit(tolerance: str) -> None:
    """Each row of the table passes half its allowance, fails twice of it, and says why it is what it is."""
    row = compare.TOLERANCES[tolerance]
    expected = np.array([1.0, -2.0, 3.0])
    for factor, wrong in ((0.5, False), (2.0, True)):
        actual = expected + factor * row.allowance(expected)
        if wrong:
            with pytest.raises(Failed):
                compare.compare(actual, expected, name="h", function="f", tolerance=tolerance)
        else:
            compare.compare(actual, expected, name="h", function="f", tolerance=tolerance)
    assert len(row.reason) > 20


def test_the_rubric_can_widen_a_tolerance_for_a_while() -> None:
    """Factors hold inside the context and are gone after it."""
    expected, actual = np.ones(3), np.ones(3) * 1.01
    with compare.tolerance_factors({"value": 1e4}):
        compare.compare(actual, expected, name="h", function="f")
    with pytest.raises(Failed):
        compare.compare(actual, expected, name="h", function="f")


def test_all_zero_expectations_still_tolerate_only_zero() -> None:
    """With nothing to be relative to, nothing but zero passes."""
    compare.compare(np.zeros(3), np.zeros(3), name="h", function="f")
    with pytest.raises(Failed):
        compare.compare(np.full(3, 1e-12), np.zeros(3), name="h", function="f")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (ScalarValue(None), "`f` returned None; expected 2 values (h, cache)."),
        (array(np.ones(3)), "returned an array of shape (3,), dtype float64; expected 2 values"),
        (SequenceValue((ScalarValue(1),) * 3), "returned 3 values; expected 2 values (h, cache)."),
    ],
)
def test_a_wrong_number_of_results_is_named(value: Value, words: str) -> None:
    """The message counts what came back and lists what was expected."""
    with pytest.raises(Failed) as caught:
        compare.unpack(value, ["h", "cache"], "f")
    assert words in str(caught.value)


def test_a_mapping_must_have_exactly_the_keys() -> None:
    """Missing and extra keys are named."""
    value = MappingValue({"Wx": ScalarValue(1), "W_x": ScalarValue(1)})
    with pytest.raises(Failed) as caught:
        compare.expect_mapping(value, ["Wx", "b"], name="grads", function="loss")
    assert "lacks b and has W_x that do not belong there" in str(caught.value)


def test_a_changed_input_is_named() -> None:
    """An in-place change of an argument is a failure; an equal copy is not."""
    before = np.arange(6.0)
    compare.expect_unchanged(before, array(before.copy()), name="x", function="f")
    with pytest.raises(Failed, match="changes its input `x` in place"):
        compare.expect_unchanged(before, array(before + 1), name="x", function="f")


def test_a_failure_names_the_results_that_are_right_and_shows_what_the_others_show() -> None:
    """Of four gradients with two wrong, the message is the first's; the other's pattern and map are told as well."""
    right = {name: RNG.standard_normal((3, 4)) for name in ("dx", "dWx", "dWh", "db")}
    mine = dict(right, dx=RNG.standard_normal((3, 4)), dWh=right["dWh"] * np.array([1, 1, 0, 1]))
    with pytest.raises(Failed) as caught:
        compare.all_close(
            {k: partial(compare.compare, mine[k], v, name=k, function="f") for k, v in right.items()}
        )
    assert caught.value.message.startswith("`dx` from `f` is wrong in 12 of 12 elements")
    assert caught.value.message.endswith("; `dWh` too; `dWx` and `db` are right.")
    assert caught.value.hint.startswith("`dWh` is wrong in column 2 alone")
    assert [type(detail) for detail in caught.value.details] == [Mismatch, HeatMap]
    compare.all_close({k: partial(compare.compare, v, v, name=k, function="f") for k, v in right.items()})


def test_infinity_from_large_inputs_is_called_unstable() -> None:
    """NaN where the right values are finite and an input reaches 300 is told as an overflow; small inputs are not blamed."""
    for scale, words in ((300.0, "`x` reaches 300"), (1.0, "division by zero")):
        with pytest.raises(Failed) as caught:
            compare.expect_close(
                array(np.full(3, np.nan)), np.ones(3), name="h", function="f", given={"x": scale * np.ones(3)}
            )
        assert words in caught.value.hint
        assert ("unstable" in caught.value.hint) is (scale == 300)
