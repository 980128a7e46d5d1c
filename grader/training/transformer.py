"""Overfitting the captioning transformer: as with an RNN, 50 captions, evaluated with the reference's transformer."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from grader.data.captions import Captions
from grader.errors import SandboxError
from grader.sandbox.client import Tensor
from grader.subject import Subject
from grader.training.recurrent import evaluated, lesson, matches, parameters
from grader.training.settings import Transformer
from grader.values import Array, MappingValue, ScalarValue, SequenceValue, Value

PROBES = "training_torch"
FORWARD = "CaptioningTransformer.forward"
Shapes = dict[str, tuple[int, ...]]


def start(wanted: Mapping[str, tuple[int, ...]], rng: np.random.Generator) -> dict[str, Array]:
    """Parameters as the assignment draws them: weights of size 0.02, norms 1, biases 0, the output uniform."""
    drawn = {}
    for name, shape in wanted.items():
        if name.startswith("output."):
            bound = wanted["output.weight"][1] ** -0.5
            values = rng.uniform(-bound, bound, shape)
        elif len(shape) == 1:
            values = np.full(shape, 1.0 if "norm" in name and name.endswith("weight") else 0.0)
        else:
            values = 0.02 * rng.standard_normal(shape)
        drawn[name] = values.astype(np.float32)
    return drawn


class Attention:
    """One training run of a captioning transformer in the student's worker."""

    def __init__(
        self, student: Subject, reference: Subject, data: Captions, settings: Transformer,
        rng: np.random.Generator, device: str,
    ) -> None:  # fmt: skip
        self._student, self._reference, self._settings, self._rng = student, reference, settings, rng
        self.lesson = lesson(data, settings, rng)
        self.sampled: Array = np.zeros((0, 0), dtype=int)
        options = {
            "input_dim": self.lesson.features.shape[1], "wordvec_dim": settings.word, "num_heads": settings.heads,
            "num_layers": settings.layers, "max_length": 30,
        }  # fmt: skip
        self._model = (self.lesson.words, options)
        self._given = (Tensor(self.lesson.features), Tensor(self.lesson.captions.astype(np.int64)))
        self._shapes = _shapes(reference.probe(PROBES, "shapes", *self._model))
        first = {name: Tensor(value) for name, value in start(self._shapes, rng).items()}
        self._course = student.probe(
            PROBES, "begin_captions", *self._model, first, *self._given, settings.rate, device,
            seed=int(rng.integers(1 << 31)), returns="course*",
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

    @property
    def batch(self) -> int:
        """How many captions a step takes."""
        return self._settings.batch

    def attempt(self, count: int) -> None:
        """Computes a step with so many captions, without taking it."""
        self._student.probe(PROBES, "attempt", self._course, count)

    def advance(self, first: int, count: int) -> None:
        """Steps with batches that the grader chose."""
        batches = self._rng.integers(self._settings.captions, size=(count, self._settings.batch))
        self._student.probe(PROBES, "advance", self._course, batches)

    def measure(self) -> dict[str, float]:
        """The loss over all captions, and how many of the sampled captions are the right ones."""
        value = self._student.probe(PROBES, "course_parameters", self._course)
        fetched = parameters(value, self._shapes, FORWARD)
        params = {name: Tensor(array) for name, array in fetched.items()}
        found = self._reference.probe(PROBES, "evaluate_captions", *self._model, params, *self._given)
        loss, self.sampled = evaluated(found)
        return {"loss": loss, "match": matches(self.sampled, self.lesson)}


def _shapes(value: Value) -> Shapes:
    """Parameter shapes by name, as the reference lists them."""
    if not isinstance(value, MappingValue):
        raise SandboxError(f"The reference listed its parameters as {value}.")
    return {name: tuple(_whole(n) for n in _items(shape)) for name, shape in value.items.items()}


def _items(value: Value) -> tuple[Value, ...]:
    return value.items if isinstance(value, SequenceValue) else ()


def _whole(value: Value) -> int:
    return value.data if isinstance(value, ScalarValue) and isinstance(value.data, int) else -1
