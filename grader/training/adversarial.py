"""Training a GAN: its parameters go to the reference's generator, whose digits a trusted classifier judges.

The images are disguised anew in every run (the order of their points, and black for white), the networks start
from parameters of the grader's: a generator trained beforehand draws nothing that fits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from grader.compare import expect_array
from grader.errors import Failed
from grader.sandbox.client import Tensor
from grader.subject import Subject
from grader.training.digits import Judge, scaled
from grader.training.settings import Adversarial
from grader.values import Array, ScalarValue, SequenceValue, Value

PROBES, NOISE, SIDE = "training_gan", 96, 28
MARGIN = 3  # points by which a picture may be shifted: digits have a margin of 4
SAMPLES = 600  # generated pictures that are judged
FUNCTIONS = {"vanilla": ("generator", "discriminator"), "dc": ("build_dc_generator", "build_dc_classifier")}
Shapes = list[list[tuple[int, ...]]]


@dataclass(frozen=True)
class Disguise:
    """What the student's worker sees in place of a digit: its points in another order, perhaps as a negative."""

    order: Array  # (784,)
    sign: int

    def put_on(self, images: Array) -> Array:
        """Images (N, 784) in [-1, 1] as the worker sees them."""
        return self.sign * images[:, self.order]

    def take_off(self, images: Array) -> Array:
        """The inverse."""
        plain = np.empty_like(images)
        plain[:, self.order] = self.sign * images
        return plain


def disguise(kind: str, rng: np.random.Generator) -> Disguise:
    """Any order of the points, perhaps as a negative; for convolutions, which need neighbours and a dark ground,
    one of the square's eight symmetries with a shift within the margin, and its four quarters in any order."""
    if kind != "dc":
        return Disguise(rng.permutation(SIDE * SIDE), int(rng.choice([-1, 1])))
    grid = np.rot90(np.arange(SIDE * SIDE).reshape(SIDE, SIDE), int(rng.integers(4)))
    shifted = np.roll(grid, tuple(rng.integers(-MARGIN, MARGIN + 1, 2)), axis=(0, 1))
    turned = shifted.T if rng.integers(2) else shifted
    quarters = turned.reshape(2, SIDE // 2, 2, SIDE // 2).swapaxes(1, 2).reshape(4, SIDE // 2, SIDE // 2)
    rows = quarters[rng.permutation(4)].reshape(2, 2, SIDE // 2, SIDE // 2).swapaxes(1, 2)
    return Disguise(rows.reshape(-1), 1)


class Adversaries:
    """One training run of a GAN ("vanilla", "ls" or "dc") in the student's worker."""

    def __init__(
        self, student: Subject, reference: Subject, kind: str, images: Array, judge: Judge,
        settings: Adversarial, rng: np.random.Generator, device: str,
    ) -> None:  # fmt: skip
        self._student, self._reference, self._kind, self._judge = student, reference, kind, judge
        self._settings, self._rng, self._count = settings, rng, len(images)
        self._disguise = disguise(kind, rng)
        self.drawn: Array = np.zeros((0, SIDE * SIDE))
        pair = student.probe(PROBES, "build", kind, settings.batch, returns="pair*")
        own = _shapes(student.probe(PROBES, "shapes", pair))
        if len(own) != 2:
            raise _unreadable()
        ours = reference.probe(PROBES, "build", kind, settings.batch, returns="pair*")
        wanted = _shapes(reference.probe(PROBES, "shapes", ours))
        reference.release(ours)
        names = FUNCTIONS["dc" if kind == "dc" else "vanilla"]
        orders = [
            _order(*both, name) for both, name in zip(zip(own, wanted, strict=True), names, strict=True)
        ]
        self._order, self._shapes = orders[0], wanted[0]
        first = [
            _arranged(_start(shapes, rng, kind == "dc"), order)
            for shapes, order in zip(wanted, orders, strict=True)
        ]
        seen = self._disguise.put_on(scaled(images)).reshape(-1, 1, SIDE, SIDE)
        self._pair = student.probe(
            PROBES, "start", pair, first, Tensor(seen), device, settings.rate, settings.updates,
            seed=int(rng.integers(1 << 31)), returns="pair*",
        )  # fmt: skip

    @property
    def steps(self) -> int:
        """How many steps it may take."""
        return self._settings.steps

    @property
    def every(self) -> int:
        """How many steps lie between two measurements."""
        return self._settings.every

    @property
    def cpu_seconds(self) -> float:
        """CPU time of the student's worker so far."""
        return self._student.cpu_seconds

    def advance(self, first: int, count: int) -> None:
        """Steps with images that the grader chose."""
        batches = self._rng.integers(self._count, size=(count, self._settings.batch))
        self._student.probe(PROBES, "advance", self._pair, batches)

    def measure(self) -> dict[str, float]:
        """Distance to real digits, confidence, and how many digits appear, on fresh noise."""
        layers = self._fetched(self._student.probe(PROBES, "parameters", self._pair))
        noise = self._rng.uniform(-1, 1, (SAMPLES, NOISE)).astype(np.float32)
        made = self._reference.probe(PROBES, "pictures", self._kind, layers, Tensor(noise))
        images = expect_array(
            made, (SAMPLES, SIDE * SIDE), name="the pictures", function="generator", origin="torch"
        )
        self.drawn = self._disguise.take_off(images)
        return self._judge.metrics(self.drawn)

    def _fetched(self, value: Value) -> list[list[Tensor]]:
        """The generator's parameters in the documented order, of the documented shapes and finite."""
        layers = [_items(layer) for layer in _items(value)]
        if len(layers) != len(self._order):
            raise _unreadable()
        found = [layers[place] for place in self._order]
        if any(len(own) != len(wanted) for own, wanted in zip(found, self._shapes, strict=True)):
            raise _unreadable()
        return [
            [Tensor(_checked(item, shape)) for item, shape in zip(own, wanted, strict=True)]
            for own, wanted in zip(found, self._shapes, strict=True)
        ]


def _checked(value: Value, shape: tuple[int, ...]) -> Array:
    name, function = "a trained parameter", "the generator"
    return expect_array(value, shape, name=name, function=function, origin="torch").astype(np.float32)


def _shapes(value: Value) -> list[Shapes]:
    return [
        [[tuple(map(_whole, _items(shape))) for shape in _items(layer)] for layer in _items(model)]
        for model in _items(value)
    ]


def _items(value: Value) -> tuple[Value, ...]:
    if not isinstance(value, SequenceValue):
        raise _unreadable()
    return value.items


def _unreadable() -> Failed:
    return Failed("The networks can't be read out.", "Does the code replace parts of torch?")


def _whole(value: Value) -> int:
    return value.data if isinstance(value, ScalarValue) and isinstance(value.data, int) else -1


def _order(own: Shapes, wanted: Shapes, function: str) -> list[int]:
    """For each documented layer the number of the student's layer of these shapes. Raises `Failed`."""
    free, order = list(range(len(own))), []
    for shapes in wanted:
        found = next((number for number in free if own[number] == shapes), None)
        if found is None:
            raise Failed(
                f"The model of `{function}` has no layer with parameters of shape {_text(shapes)}.",
                f"See what the checks of `{function}` say.",
            )
        free.remove(found)
        order.append(found)
    if free:
        raise Failed(
            f"The model of `{function}` has {len(own)} layers with parameters; expected {len(wanted)}.",
            f"See what the checks of `{function}` say.",
        )
    return order


def _text(shapes: Sequence[tuple[int, ...]]) -> str:
    return " and ".join(map(str, shapes))


def _start(wanted: Shapes, rng: np.random.Generator, glorot: bool) -> list[list[Tensor]]:
    """First parameters: weights and biases uniform within 1 / sqrt(fan-in), norms 1 and 0.

    `glorot`: weights within sqrt(6 / (fan-in + fan-out)) instead, as the assignment draws those of the DCGAN.
    """

    layers = []
    for shapes in wanted:
        weight, bias = shapes
        if len(weight) == 1:
            values = [np.ones(weight), np.zeros(bias)]
        else:
            field = int(np.prod(weight[2:]))  # 1 for a linear layer
            inner = (weight[1] * field) ** -0.5
            outer = (6 / ((weight[0] + weight[1]) * field)) ** 0.5 if glorot else inner
            values = [rng.uniform(-outer, outer, weight), rng.uniform(-inner, inner, bias)]
        layers.append([Tensor(value.astype(np.float32)) for value in values])
    return layers


def _arranged(layers: Sequence[list[Tensor]], order: Sequence[int]) -> list[list[Tensor]]:
    """Documented layers in the student's order."""
    placed = dict(zip(order, layers, strict=True))
    return [placed[number] for number in range(len(layers))]
