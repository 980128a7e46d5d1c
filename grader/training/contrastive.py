"""Training an encoder with SimCLR: the grader measures what its features are worth, with labels of its own.

The encoder is the grader's; loss, augmentations, pairs and training loop are the student's. The measures: accuracy of
a linear classifier and of nearest neighbours on frozen features, the contrastive loss of pairs that the reference
made, and the likeness to the start: the pictures wear no disguise, so an encoder could be brought along.
"""

from __future__ import annotations

import itertools

import numpy as np

from grader.compare import expect_array, expect_mapping
from grader.errors import Failed, SandboxError
from grader.sandbox.client import Tensor
from grader.subject import Subject
from grader.training.settings import Contrastive
from grader.training.start import likeness
from grader.values import Array, ArrayValue, ScalarValue, SequenceValue, Value

PROBES, TRAIN = "training_simclr", "train"
CHANNELS = (3, 24, 48, 96)
FEATURES, PROJECTION = 96, 64
NEIGHBOURS, RIDGE = 20, 1e-2
PAIRS = 128
Labelled = tuple[Array, Array]


def shapes() -> dict[str, tuple[int, ...]]:
    """The shapes of the encoder's parameters (see `checks.probes.training_simclr.encoder`)."""
    found: dict[str, tuple[int, ...]] = {}
    for n, (a, b) in enumerate(itertools.pairwise(CHANNELS)):
        found |= {
            f"f.{3 * n}.weight": (b, a, 3, 3),
            f"f.{3 * n + 1}.weight": (b,),
            f"f.{3 * n + 1}.bias": (b,),
        }
    found |= {"g.0.weight": (FEATURES, FEATURES), "g.0.bias": (FEATURES,)}
    return found | {"g.2.weight": (PROJECTION, FEATURES), "g.2.bias": (PROJECTION,)}


def start(rng: np.random.Generator) -> dict[str, Array]:
    """Random parameters: weights uniform within sqrt(3 / fan-in) times sqrt 2 (ReLU), norms 1, biases 0."""
    drawn = {}
    for name, shape in shapes().items():
        if len(shape) == 1:
            values = np.full(shape, 1.0 if name.startswith("f") and name.endswith("weight") else 0.0)
        else:
            values = rng.uniform(-1, 1, shape) * (6 / np.prod(shape[1:])) ** 0.5
        drawn[name] = values.astype(np.float32)
    return drawn


class Contrast:
    """One training run of an encoder in the student's worker."""

    def __init__(
        self, student: Subject, reference: Subject, known: Labelled, unseen: Labelled, settings: Contrastive,
        rng: np.random.Generator, device: str,
    ) -> None:  # fmt: skip
        self._student, self._reference, self._settings, self._rng = student, reference, settings, rng
        self._known, self._unseen = known, unseen
        pairs = reference.probe(PROBES, "views", unseen[0][:PAIRS], int(rng.integers(1 << 31)))
        self._pairs = [Tensor(item.data) for item in _arrays(pairs)]
        self._first = first = start(rng)
        self.before = self._measured(first)
        self._course = student.probe(
            PROBES, "begin", {k: Tensor(v) for k, v in first.items()}, known[0], settings.rate,
            int(rng.integers(1 << 31)), device, returns="course*",
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
        """One pass of `train` over batches that the grader chose."""
        order = [
            self._rng.choice(len(self._known[0]), self._settings.batch, replace=False) for _ in range(count)
        ]
        self._student.probe(PROBES, "advance", self._course, np.array(order), self._settings.temperature)

    def measure(self) -> dict[str, float]:
        """Accuracies on pictures that the worker has not seen, the contrastive loss, the likeness to the start."""
        value = self._student.probe(PROBES, "parameters", self._course)
        wanted = shapes()
        fetched = expect_mapping(value, list(wanted), name="the trained parameters", function=TRAIN)
        params = {
            name: expect_array(fetched[name], shape, name=name, function=TRAIN, origin="torch").astype(
                np.float32
            )
            for name, shape in wanted.items()
        }
        return self._measured(params)

    def _measured(self, params: dict[str, Array]) -> dict[str, float]:
        pictures = np.concatenate([self._known[0], self._unseen[0]])
        given = {name: Tensor(value) for name, value in params.items()}
        value = self._reference.probe(
            PROBES, "features", given, pictures, *self._pairs, self._settings.temperature
        )
        match value:
            case SequenceValue(items=(ArrayValue(data=features), ScalarValue(data=float(contrast)))):
                pass
            case _:
                raise SandboxError(f"The reference measured an encoder as {value}.")
        if not np.isfinite(features).all():
            raise Failed(
                "The trained encoder gives features that are NaN or infinite.",
                "Did the loss or a gradient overflow?",
            )
        known, unseen = features[: len(self._known[0])], features[len(self._known[0]) :]
        return {
            "linear": linear(known, self._known[1], unseen, self._unseen[1]),
            "neighbours": neighbours(known, self._known[1], unseen, self._unseen[1]),
            "contrast": contrast,
            "start": likeness(self._first, params),
        }


def _arrays(value: Value) -> list[ArrayValue]:
    items = value.items if isinstance(value, SequenceValue) else ()
    return [item for item in items if isinstance(item, ArrayValue)]


def linear(known: Array, classes: Array, unseen: Array, right: Array) -> float:
    """Accuracy of a linear classifier on features, fitted by ridge regression on one-hot classes."""
    mean, scale = known.mean(axis=0), known.std(axis=0) + 1e-8
    A = np.hstack([(known - mean) / scale, np.ones((len(known), 1))]).astype(np.float64)
    B = np.hstack([(unseen - mean) / scale, np.ones((len(unseen), 1))])
    targets = np.eye(int(classes.max()) + 1)[classes]
    weights = np.linalg.solve(A.T @ A + RIDGE * len(A) * np.eye(A.shape[1]), A.T @ targets)
    return float(((B @ weights).argmax(axis=1) == right).mean())


def neighbours(known: Array, classes: Array, unseen: Array, right: Array) -> float:
    """Accuracy of a vote of the nearest neighbours by cosine (the features have length 1)."""
    nearest = np.argpartition(-(unseen @ known.T), NEIGHBOURS, axis=1)[:, :NEIGHBOURS]
    votes = np.array([np.bincount(row, minlength=10) for row in classes[nearest]])
    return float((votes.argmax(axis=1) == right).mean())
