"""Patterns: each true sentence for its own kind of mistake, and silence where nothing fits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader import diagnose
from grader.values import Array

RNG = np.random.default_rng(1)


def pattern(actual: Array, expected: Array, name: str, axes: dict[str, int], **known: Any) -> str:
    """What is said of an array in which all that differs is wrong."""
    wrong = np.abs(actual - expected) > 1e-6 * np.abs(expected).max(initial=0.0)
    return diagnose.pattern(diagnose.Evidence(name, actual, expected, wrong, axes, **known))


H = RNG.standard_normal((3, 4, 5))
W = RNG.standard_normal((4, 4))
AXES = {"N": 3, "T": 4, "D": 5}


def only_step(t: int) -> Array:
    wrong = RNG.standard_normal(H.shape)
    wrong[:, t] = H[:, t]
    return wrong


def only_row() -> Array:
    wrong = RNG.standard_normal(H.shape)
    wrong[0] = H[0]
    return wrong


@pytest.mark.parametrize(
    ("actual", "expected", "words"),
    [
        (np.zeros_like(H), H, "is all zeros"),
        (-H, H, "wrong sign everywhere"),
        (4 * H, H, "is 4 times the expected array (T is 4 here)"),
        (H / 3, H, "1/N is 0.333333 here"),
        (H * 5**0.5, H, "sqrt(D)"),
        (1.7 * H, H, "is 1.7 times the expected array."),
        (W.T, W, "is the transpose"),
        (only_step(0), H, "Only the first time step"),
        (only_step(3), H, "Only the last time step"),
        (H[:, ::-1], H, "reversed order of time"),
        (only_row(), H, "Only the first row"),
        (W + 0.25, W, "off by the same 0.25 everywhere"),
        (RNG.standard_normal(H.shape), H, ""),
    ],
)
def test_each_pattern_speaks_for_its_mistake_alone(actual: Array, expected: Array, words: str) -> None:
    """The sentence for a planted pattern is that pattern's; unrelated numbers get none."""
    found = pattern(actual, expected, "h", AXES)
    assert words in found if words else found == ""


def test_a_rotated_vocabulary_is_not_called_a_factor() -> None:
    """A factor is claimed only when every element has it."""
    almost = 2 * H
    almost[0, 0, 0] += 1
    assert "times" not in pattern(almost, H, "h", AXES)


def test_a_difference_made_of_inputs_is_named() -> None:
    """A term left out, doubled or of the wrong sign is told by its inputs, also below a tanh; so is an input returned."""
    x, w, b = RNG.standard_normal((3, 4)), RNG.standard_normal((4, 5)) / 4, 0.2 * RNG.standard_normal(5)
    given = {"x": x, "W": w, "b": b}
    inner = 0.3 * x @ w
    right = np.tanh(inner + b)
    assert "`b` is missing in `h` before the tanh" in pattern(np.tanh(inner), right, "h", {}, given=given)
    assert "`b` has the wrong sign" in pattern(np.tanh(inner - b), right, "h", {}, given=given)
    assert "`b` is added that does not" in pattern(np.tanh(inner + 2 * b), right, "h", {}, given=given)
    assert "`x @ W` is missing" in pattern(b + right, x @ w + b + right, "h", {}, given=given)
    assert "equal to `x`" in pattern(x, RNG.standard_normal(x.shape), "h", {}, given=given)
    assert "is the right one times `x`" in pattern(x * x[::-1] ** 3, x[::-1] ** 3, "h", {}, given=given)
    assert pattern(np.tanh(inner + b**3), right, "h", {}, given={"x": x}) == ""


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda a: a[[1, 2, 0]], "shifted by 1 along the batch (axis 0), and wraps"),
        (lambda a: a[:, [1, 0, 3, 2]], "another order along time (axis 1): 1, 0, 3, 2"),
        (lambda a: np.concatenate([a[:, :1], a[:, :-1]], 1), "shifted by one time step"),
        (
            lambda a: a.reshape(-1)[np.random.default_rng(0).permutation(a.size)].reshape(a.shape),
            "in wrong places",
        ),
        (lambda a: a.transpose(2, 1, 0).reshape(a.shape), "a reshape where a transpose is needed"),
        (lambda a: np.repeat(a.mean(0, keepdims=True), 3, 0), "the mean of the right values everywhere"),
        (lambda a: a / np.abs(a).sum((0, 1)), "Each slice of `h`"),
        (np.exp, "by exp: is it applied once too often"),
        (np.arctanh, "becomes right by tanh: is that step missing"),
        (lambda a: a.clip(-0.1, 0.1), "is clipped to the range from -0.1 to 0.1"),
        (lambda a: a.clip(-0.1, 0.2), ""),
        (lambda a: a.clip(max=0.1), "is cut off at 0.1"),
        (lambda a: a.astype(np.float32).astype(np.float64), "right up to float32"),
        (lambda a: 0.1 * a, "is 0.1 times the expected array (1/10)"),
        (lambda a: a + a**2 * (a < 0), "wrong only where the right value is negative"),
        (lambda a: a + a[0], "the same all along the batch"),
        (lambda a: np.full(a.shape, 0.7), "is 0.7 everywhere"),
    ],
)
def test_what_was_done_to_the_right_values_is_told(change: Callable[[Array], Array], words: str) -> None:
    """Each change of right values gets its own sentence; two different cuts at once get none."""
    right = np.tanh(H)
    wrong = np.abs(change(right) - right) > 1e-10
    evidence = diagnose.Evidence("h", change(right), right, wrong, AXES, ("N", "T", "D"))
    assert words in diagnose.pattern(evidence) if words else diagnose.pattern(evidence) == ""


@pytest.mark.parametrize(
    ("place", "words"),
    [
        (np.s_[:, 0], "wrong at the first time step alone"),
        (np.s_[:, 1:3], "wrong at time steps 1 to 2 alone"),
        (np.s_[2], "wrong in the last row alone"),
        (np.s_[:, :, 2:4], "wrong in the second quarter of its columns alone (of 8): one gate of the four"),
        (np.s_[:, :, 3], "wrong in the second quarter"),
    ],
)
def test_where_it_is_wrong_is_told_and_what_is_there(place: Any, words: str) -> None:
    """A block of wrong elements is named by its axis; zeros in it are told in a second sentence."""
    right = RNG.standard_normal((3, 4, 8))
    zeros = right.copy()
    zeros[place] = 0
    found = pattern(zeros, right, "h", {"T": 4}, dims=("N", "T", "G"))
    assert words in found
    assert "There it is all zeros" in found
    assert found.count(". ") == 1


def test_a_mask_and_the_diagonal_are_seen() -> None:
    """Elements that are wrong only where a mask is off, or only on the diagonal, are told as that."""
    mask = np.array([[True, False, True, True], [False, True, True, False], [True, True, False, True]])
    wrong = H + RNG.standard_normal(H.shape) * ~mask[:, :, None]
    assert "only where `mask` is off" in pattern(wrong, H, "h", AXES, given={"mask": mask})
    odd = W + np.diag(RNG.standard_normal(4))
    assert "only on the diagonal (4 of 4" in pattern(odd, W, "h", AXES)


def test_one_number_is_explained_only_by_a_formula() -> None:
    """A wrong loss is a known factor, or its inputs' sum or length away; any other number says nothing."""
    x, y = RNG.standard_normal(5), RNG.standard_normal(5)
    cosine = np.array(x @ y / np.linalg.norm(x) / np.linalg.norm(y))
    given = {"x": x, "y": y}
    assert "(N is 3 here)" in pattern(3 * cosine, cosine, "loss", {"N": 3})
    assert "wrong sign" in pattern(-cosine, cosine, "loss", {})
    assert "is the right one times the product of the length of `x`" in pattern(
        np.array(x @ y), cosine, "sim", {}, given=given
    )
    assert pattern(cosine + 0.123, cosine, "loss", {"N": 3}, given=given) == ""
    assert "(N^2 is 49 here)" in pattern(49 * cosine, cosine, "loss", {"N": 7})
    assert "is off by 0.166667 (1/(2N) is 0.166667 here)" in pattern(cosine + 1 / 6, cosine, "loss", {"N": 3})
    assert pattern(cosine + 1 / 6 + 1e-8, cosine, "loss", {"N": 3}) == ""


@given(st.integers(0, 2**32 - 1), st.lists(st.integers(1, 5), max_size=4))
@settings(max_examples=60, deadline=None, database=None)
def test_unrelated_numbers_get_no_sentence(seed: int, shape: list[int]) -> None:
    """Random arrays of any shape beside random inputs: nothing is claimed, and nothing breaks."""
    rng = np.random.default_rng(seed)
    actual, expected, x, w = (rng.standard_normal(s) for s in (shape, shape, shape, (4, 5)))
    mask = rng.random(shape) < 0.5
    said = pattern(actual, expected, "h", {"N": 3, "T": 2}, given={"x": x, "w": w, "mask": mask})
    assert said == "" or (mask.size <= 2 and "only" in said)


def test_a_heat_map_shows_the_two_axes_that_tell_most() -> None:
    """Large arrays are pooled to 16 x 16, and each cell holds the share that is wrong; all wrong gives no map."""
    right = RNG.standard_normal((3, 40, 20))
    wrong = np.zeros(right.shape, bool)
    wrong[:, 10:, :5] = True
    (found,) = diagnose.heat_map(diagnose.Evidence("h", right + wrong, right, wrong, {}, ("N", "T", "D")))
    assert (found.rows, found.columns, found.shape) == ("axis 1 (time step)", "axis 2 (D)", (40, 20))
    assert len(found.cells) == len(found.cells[0]) == 16
    assert {found.cells[0][0], found.cells[-1][0], found.cells[-1][-1]} == {0.0, 1.0}
    assert found.text.splitlines()[-1].startswith("##")
    assert not diagnose.heat_map(diagnose.Evidence("h", right + 1, right, ~wrong | wrong))
