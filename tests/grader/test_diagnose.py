"""Patterns: each true sentence for its own kind of mistake, and silence where nothing fits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

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
