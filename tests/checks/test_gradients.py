"""The numerical gradient check: what it finds, and that it blames no kink and no rounding."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pytest

from checks.gradients import WIDEST, acquitted, depends, direction, expect_own_gradient, ladder
from grader.errors import Failed
from grader.values import Array

RNG = np.random.default_rng(2)
A = RNG.standard_normal((6, 5)) / 6**0.5
INPUTS = {"x": RNG.standard_normal((4, 6)), "b": RNG.standard_normal(5)}
UP = RNG.standard_normal((4, 5))
NAMES = {"x": "dx", "b": "db"}


def smooth(point: Mapping[str, Array]) -> float:
    return float((UP * np.tanh(point["x"] @ A + point["b"])).sum())


def gradient() -> dict[str, Array]:
    da = UP * (1 - np.tanh(INPUTS["x"] @ A + INPUTS["b"]) ** 2)
    return {"x": da @ A.T, "b": da.sum(axis=0)}


def batched(f: Callable[[Mapping[str, Array]], float]) -> Callable[[Sequence[Mapping[str, Array]]], Array]:
    return lambda points: np.array([f(point) for point in points])


def decide(
    analytic: Mapping[str, Array], seed: int = 0, f: Callable[[Mapping[str, Array]], float] = smooth
) -> bool:
    return expect_own_gradient(
        batched(f),
        INPUTS,
        analytic,
        np.random.default_rng(seed),
        names=NAMES,
        function="backward",
        forward="forward",
    )


def test_the_right_gradient_passes_whatever_the_directions() -> None:
    """No false alarm over a hundred draws of directions."""
    assert all(decide(gradient(), seed) for seed in range(100))


@pytest.mark.parametrize("relative", [1.0, 1e-2, 1e-4])
def test_one_wrong_element_is_found_and_named(relative: float) -> None:
    """A single element off by a ten-thousandth fails, and the message names array and place."""
    for seed in range(20):
        wrong = gradient()
        wrong["x"][2, 3] *= 1 + relative
        with pytest.raises(
            Failed, match=r"`dx` from `backward` is not the gradient of your own `forward`, at \[2, 3\]"
        ):
            decide(wrong, seed)


def test_errors_that_cancel_are_found() -> None:
    """Two elements off by +e and -e escape +-1 directions half the time, Gaussian ones never."""
    for seed in range(50):
        wrong = gradient()
        wrong["b"][0] += 1e-3
        wrong["b"][1] -= 1e-3
        with pytest.raises(Failed, match="`db`"):
            decide(wrong, seed)


def test_all_wrong_arrays_are_listed() -> None:
    """The message names the first wrong array and mentions the others."""
    wrong = {k: 2 * v for k, v in gradient().items()}
    with pytest.raises(Failed, match=r"`dx` .*\(`db` too\)"):
        decide(wrong)


def test_a_kink_is_not_blamed() -> None:
    """A forward pass with corners everywhere and its right gradient never fails."""

    def kinked(point: Mapping[str, Array]) -> float:
        return float((UP * np.maximum(0, point["x"] @ A + point["b"])).sum())

    da = UP * (INPUTS["x"] @ A + INPUTS["b"] > 0)
    right = {"x": da @ A.T, "b": da.sum(axis=0)}
    for seed in range(100):
        decide(right, seed, kinked)


def test_single_precision_is_not_blamed() -> None:
    """A forward pass that rounds to float32 and the right gradient never fails."""

    def rounded(point: Mapping[str, Array]) -> float:
        out = np.tanh(point["x"] @ A + point["b"]).astype(np.float32)
        return float((UP * out).sum())

    for seed in range(100):
        decide(gradient(), seed, rounded)


def test_the_ladder_knows_its_own_error() -> None:
    """The slope along a direction is within six times its stated uncertainty of the true one."""
    direction = {k: RNG.standard_normal(v.shape) for k, v in INPUTS.items()}
    slope = ladder(batched(smooth), INPUTS, direction)
    true = sum(float((g * direction[k]).sum()) for k, g in gradient().items())
    assert abs(slope.value - true) <= max(6 * slope.uncertainty, 1e-9)


def widest(f: Callable[[Mapping[str, Array]], float], along: Mapping[str, Array]) -> Array:
    return np.array([f({k: v + t * along[k] for k, v in INPUTS.items()}) for t in WIDEST])


def test_the_widest_step_acquits_the_right_gradient_alone() -> None:
    """Four values along one direction are enough for it; an error of a thousandth of one element never passes."""
    for seed in range(50):
        along = direction(INPUTS, list(INPUTS), np.random.default_rng(seed))
        F = widest(smooth, along)
        assert acquitted(F, gradient(), along)
        wrong = gradient()
        wrong["x"][2, 3] += 1e-3
        assert not acquitted(F, wrong, along)
        assert not acquitted(np.full(4, np.nan), gradient(), along)


def test_what_is_acquitted_may_still_depend_on_nothing() -> None:
    """A zero gradient of an input that is ignored is no evidence, nor one too small to count in a joint direction."""
    assert depends(gradient())
    for factor in (0.0, 1e-5):
        assert not depends(gradient() | {"b": factor * gradient()["b"]})
    assert not depends({"b": np.zeros(5)})
