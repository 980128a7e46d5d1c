"""Overfitting a captioner with an RNN or an LSTM: 50 captions, evaluated with the reference's captioner.

Words are renumbered and the features turned by a random rotation in every run: parameters made beforehand fit no
run, and the loss that they reach is of no use in the next one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from grader.compare import expect_array, expect_mapping
from grader.data.captions import SPECIAL, Captions
from grader.errors import SandboxError
from grader.subject import Subject
from grader.training.settings import Captioner, Transformer
from grader.values import Array, ArrayValue, ScalarValue, SequenceValue, Value

GATES = {"rnn": 1, "lstm": 4}
LOSS = "CaptioningRNN.loss"


@dataclass(frozen=True)
class Lesson:
    """The captions of one run: numbers of words (C, T+1), features (C, D), the images, and the vocabulary."""

    captions: Array
    features: Array
    images: Array
    words: dict[str, int]

    @property
    def end(self) -> int:
        """The number of <END>."""
        return self.words["<END>"]


def lesson(data: Captions, settings: Captioner | Transformer, rng: np.random.Generator) -> Lesson:
    """Captions of different images, with words renumbered and features rotated; cut to the sizes of `settings`."""
    images = rng.permutation(np.unique(data.images))[: settings.captions]
    chosen = np.array([rng.choice(np.flatnonzero(data.images == image)) for image in images])
    captions, known = _cut(data.captions[chosen], data.words, settings.length)
    renumbered = _renumbering(known, rng)
    rotation, _ = np.linalg.qr(rng.standard_normal((data.features.shape[1],) * 2))
    features = data.features[images].astype(np.float64) @ rotation[:, : settings.dims or None]
    words = {word: int(renumbered[number]) for number, word in enumerate(known)}
    words = dict(sorted(words.items(), key=lambda item: item[1]))
    return Lesson(renumbered[captions], features.astype(np.float32), images, words)


def _cut(captions: Array, words: tuple[str, ...], length: int) -> tuple[Array, tuple[str, ...]]:
    """Captions of at most `length` words, with the vocabulary that these need; as they are for 0."""
    if not length:
        return captions, words
    special = [number for number, word in enumerate(words) if word in SPECIAL]
    kept = captions[:, :length]
    used = np.union1d(kept, special)
    return np.searchsorted(used, kept), tuple(words[number] for number in used)


def _renumbering(words: tuple[str, ...], rng: np.random.Generator) -> Array:
    """New numbers of the words; the special ones keep theirs."""
    free = np.array([number for number, word in enumerate(words) if word not in SPECIAL])
    numbers = np.arange(len(words))
    numbers[free] = rng.permutation(free)
    return numbers


def shapes(cell: str, words: int, features: int, settings: Captioner) -> dict[str, tuple[int, ...]]:
    """The shapes of a captioner's parameters."""
    V, D, W, H, m = words, features, settings.word, settings.hidden, GATES[cell]
    return {
        "W_embed": (V, W), "W_proj": (D, H), "b_proj": (H,), "Wx": (W, m * H), "Wh": (H, m * H), "b": (m * H,),
        "W_vocab": (H, V), "b_vocab": (V,),
    }  # fmt: skip


def start(wanted: Mapping[str, tuple[int, ...]], rng: np.random.Generator) -> dict[str, Array]:
    """Parameters as the assignment draws them: words / 100, weights over the root of their fan-in, zero biases."""
    drawn = {}
    for name, shape in wanted.items():
        scale = 0.0 if len(shape) == 1 else 0.01 if name == "W_embed" else shape[0] ** -0.5
        drawn[name] = (scale * rng.standard_normal(shape)).astype(np.float32)
    return drawn


class Recurrent:
    """One training run of a captioner with this cell ("rnn", "lstm"), in the student's worker."""

    def __init__(
        self, student: Subject, reference: Subject, cell: str, data: Captions, settings: Captioner,
        rng: np.random.Generator,
    ) -> None:  # fmt: skip
        self._student, self._reference, self._settings, self._rng = student, reference, settings, rng
        self.lesson = lesson(data, settings, rng)
        self.sampled: Array = np.zeros((0, 0), dtype=int)
        features = self.lesson.features.shape[1]
        self._shapes = shapes(cell, len(self.lesson.words), features, settings)
        sizes = {"input_dim": features, "wordvec_dim": settings.word, "hidden_dim": settings.hidden}
        self._model = (cell, self.lesson.words, sizes)
        self._given = (self.lesson.features, self.lesson.captions)
        first = start(self._shapes, rng)
        self._course = student.probe(
            "training", "begin", *self._model, first, *self._given, returns="course*"
        )

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
        self._student.probe("training", "attempt", self._course, count)

    def advance(self, first: int, count: int) -> None:
        """Steps with batches and learning rates that the grader chose."""
        chosen = self._settings
        passes = max(chosen.captions // chosen.batch, 1)  # steps in a pass over the captions
        rates = chosen.rate * chosen.decay ** (np.arange(first, first + count) // passes)
        batches = self._rng.integers(chosen.captions, size=(count, chosen.batch))
        self._student.probe("training", "advance", self._course, batches, rates)

    def measure(self) -> dict[str, float]:
        """The loss over all captions, and how many of the sampled captions are the right ones."""
        value = self._student.probe("training", "parameters", self._course)
        params = parameters(value, self._shapes, LOSS)
        found = self._reference.probe("training", "evaluate", *self._model, params, *self._given)
        loss, self.sampled = evaluated(found)
        return {"loss": loss, "match": matches(self.sampled, self.lesson)}


def parameters(value: Value, wanted: Mapping[str, tuple[int, ...]], function: str) -> dict[str, Array]:
    """The fetched parameters, each of its documented shape and finite. Raises `Failed`."""
    fetched = expect_mapping(value, list(wanted), name="the trained parameters", function=function)
    return {
        name: expect_array(
            fetched[name], shape, name=name, function="training", origin=_origin(fetched[name])
        ).astype(np.float32)
        for name, shape in wanted.items()
    }  # fmt: skip


def _origin(value: Value) -> str:
    return "torch" if isinstance(value, ArrayValue) and value.origin == "torch" else "numpy"


def evaluated(value: Value) -> tuple[float, Array]:
    """Loss and sampled captions, as the reference's worker gives them."""
    match value:
        case SequenceValue(items=(ScalarValue(data=float(loss)), ArrayValue(data=sampled))):
            return loss, sampled
    raise SandboxError(f"The reference evaluated a captioner as {value}.")


def matches(sampled: Array, lesson: Lesson) -> float:
    """The share of sampled captions that equal the training caption, up to and including <END>."""
    pairs = zip(sampled, lesson.captions[:, 1:], strict=True)
    return float(np.mean([_until_end(a, lesson.end) == _until_end(b, lesson.end) for a, b in pairs]))


def _until_end(caption: Array, end: int) -> list[Any]:
    words: list[Any] = caption.tolist()
    return words[: words.index(end) + 1] if end in words else words


def text(caption: Array, lesson: Lesson) -> str:
    """A caption as words, without <START>, <END> and what follows it."""
    names = list(lesson.words)
    kept = [names[word] for word in _until_end(caption, lesson.end) if 0 <= word < len(names)]
    return " ".join(word for word in kept if word not in ("<START>", "<END>", "<NULL>"))
