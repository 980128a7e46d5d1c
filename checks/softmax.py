"""The temporal softmax loss: scores and masks of every kind, compared with the reference and with its own loss."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from checks import calls
from checks.agreement import agree
from checks.declare import Rng
from checks.gradients import WIDEST, acquitted, direction, expect_own_gradient
from checks.random_sizes import Sizes, text
from grader.compare import expect_array, expect_close, expect_scalar, unpack
from grader.values import Array, Value

if TYPE_CHECKING:
    from grader.subject import Subject

FUNCTION = "temporal_softmax_loss"
RANGES = {"N": (2, 5), "T": (2, 5), "V": (2, 7)}


def scores(rng: Rng, sizes: Sizes) -> tuple[Array, Array]:
    """Scores, and the right words."""
    x = rng.standard_normal((sizes["N"], sizes["T"], sizes["V"]))
    return x, rng.integers(sizes["V"], size=(sizes["N"], sizes["T"]))


def masks(rng: Rng, shape: tuple[int, ...]) -> Iterator[tuple[str, Array]]:
    """Masks of every kind, by name."""
    single = np.zeros(shape, dtype=bool)
    single.flat[int(rng.integers(single.size))] = True
    lengths = rng.integers(1, shape[1] + 1, size=shape[0])
    yield "every position on", np.ones(shape, dtype=bool)
    yield "every position off", np.zeros(shape, dtype=bool)
    yield "a single position on", single
    yield "captions of different lengths", np.arange(shape[1])[None, :] < lengths[:, None]
    yield "a random mask", rng.random(shape) < 0.5


@dataclass(frozen=True)
class Case:
    """Scores, the right words, and which of them count."""

    x: Array
    y: Array
    mask: Array
    context: str


def compare(student: Subject, reference: Subject, cases: Sequence[Case]) -> None:
    """Loss and gradient are the reference's, all from one round trip."""
    arguments = [(case.x, case.y, case.mask) for case in cases]
    mine, right = (
        [
            unpack(value, ["loss", "dx"], FUNCTION)
            for value in subject.rnn_layers.temporal_softmax_loss.batch(arguments)
        ]
        for subject in (student, reference)
    )
    if agree([
        (value, calls.trusted(true), "value")
        for values, expected in zip(mine, right, strict=True)
        for value, true in zip(values, expected, strict=True)
    ]):  # fmt: skip
        return
    for case, values, expected in zip(cases, mine, right, strict=True):
        for name, value, true in zip(("loss", "dx"), values, expected, strict=True):
            expect_close(
                value, calls.trusted(true), name=name, function=FUNCTION, context=case.context,
                axes=dict(zip("NTV", case.x.shape, strict=True)), given={"x": case.x, "mask": case.mask},
            )  # fmt: skip


@dataclass(frozen=True)
class Example(Case):
    """A case whose gradient is held against its loss."""

    along: Mapping[str, Array]  # a direction through the scores
    rng: Rng

    @property
    def points(self) -> list[Array]:
        """The scores, and those at which the gradient may be acquitted."""
        return [self.x, *(self.x + t * self.along["x"] for t in WIDEST)]


def _at(student: Subject, points: Sequence[tuple[Array, Example]]) -> list[tuple[Value, ...]]:
    """Loss and gradient at the points, which stand for the scores of an example."""
    values = student.rnn_layers.temporal_softmax_loss.batch(
        [[x, example.y, example.mask] for x, example in points], returns="loss, dx"
    )
    return [unpack(value, ["loss", "dx"], FUNCTION) for value in values]


def _expect_own_gradient(student: Subject, example: Example, dx: Array) -> None:
    def evaluate(points: Sequence[Mapping[str, Array]]) -> Array:
        found = _at(student, [(point["x"], example) for point in points])
        return np.array([expect_scalar(loss, name="loss", function=FUNCTION) for loss, _ in found])

    expect_own_gradient(
        evaluate, {"x": example.x}, {"x": dx}, example.rng, names={"x": "dx"},
        function=FUNCTION, forward=FUNCTION, context=example.context,
    )  # fmt: skip


def example(sizes: Sizes, rng: Rng) -> Example:
    """Where the gradient is held against the loss."""
    x, y = scores(rng, sizes)
    mask = rng.random(y.shape) < 0.6
    mask[0, 0] = True
    return Example(x, y, mask, f"with {text(sizes)}", direction({"x": x}, ["x"], rng), rng)


def expect_own_gradients(student: Subject, examples: Sequence[Example]) -> None:
    """The gradient is that of the loss at each example, in one frame when it is."""
    found = iter(_at(student, [(x, example) for example in examples for x in example.points]))
    for example in examples:
        (_, gradient), *moved = (next(found) for _ in example.points)
        dx = expect_array(gradient, example.x.shape, name="dx", function=FUNCTION)
        losses = [expect_scalar(loss, name="loss", function=FUNCTION) for loss, _ in moved]
        if not acquitted(losses, {"x": dx}, example.along):
            _expect_own_gradient(student, example, dx)


def expect_own_gradient_at(student: Subject, example: Example) -> None:
    """The same for one example, by plain calls, whose errors are worded better."""
    value = student.rnn_layers.temporal_softmax_loss(example.x, example.y, example.mask, returns="loss, dx")
    _, gradient = unpack(value, ["loss", "dx"], FUNCTION)
    _expect_own_gradient(
        student, example, expect_array(gradient, example.x.shape, name="dx", function=FUNCTION)
    )
