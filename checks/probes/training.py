"""Training a numpy captioner in the worker, some steps at a time: the grader's Adam, batches and start.

What is measured here is for the progress bar alone. The grader takes the parameters and evaluates them elsewhere.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import numpy as np

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8
Arrays = dict[str, Any]


def captioner(cell: str, words: Mapping[str, int], sizes: Mapping[str, int], params: Arrays) -> Any:
    """A `CaptioningRNN` with these float32 parameters."""
    model_class = importlib.import_module("cs231n.classifiers.rnn").CaptioningRNN
    model = model_class(dict(words), **sizes, cell_type=cell, dtype=np.float32)
    for name, value in params.items():
        model.params[name] = value
    return model


class Course:
    """A model in training, with Adam's running means for each parameter."""

    def __init__(self, model: Any, features: Any, captions: Any) -> None:
        self.model, self.features, self.captions = model, features, captions
        self.steps = 0
        self.moments = {name: (np.zeros_like(w), np.zeros_like(w)) for name, w in model.params.items()}

    def attempt(self, count: int) -> None:
        """What takes the time of a step with the first `count` captions; the parameters stay as they are."""
        params = self.model.params
        kept = dict(params)
        params.update({name: w.copy() for name, w in kept.items()})
        try:
            self.model.loss(self.features[:count], self.captions[:count])
        finally:
            params.clear()
            params.update(kept)

    def step(self, batch: Any, rate: float) -> float:
        """One update of every parameter; the loss before it."""
        loss, grads = self.model.loss(self.features[batch], self.captions[batch])
        self.steps += 1
        size = rate * np.sqrt(1 - BETA2**self.steps) / (1 - BETA1**self.steps)
        for name, w in self.model.params.items():
            m, v = self.moments[name]
            m += (1 - BETA1) * (grads[name] - m)
            v += (1 - BETA2) * (grads[name] ** 2 - v)
            w -= size * m / (np.sqrt(v) + EPSILON)
        return float(loss)


def begin(
    cell: str,
    words: Mapping[str, int],
    sizes: Mapping[str, int],
    params: Arrays,
    features: Any,
    captions: Any,
) -> Course:
    """A course that starts from these parameters."""
    return Course(captioner(cell, words, sizes, params), features, captions)


def attempt(course: Course, count: int) -> None:
    """What a step with so many captions does, without taking it."""
    course.attempt(count)


def advance(course: Course, batches: Any, rates: Any) -> float:
    """Takes a step for each row of `batches` (rows of the data) with its learning rate; the last loss."""
    loss = float("nan")
    for batch, rate in zip(batches, rates, strict=True):
        loss = course.step(batch, float(rate))
    return loss


def parameters(course: Course) -> Arrays:
    """The parameters as they are now."""
    return dict(course.model.params)


def evaluate(
    cell: str,
    words: Mapping[str, int],
    sizes: Mapping[str, int],
    params: Arrays,
    features: Any,
    captions: Any,
) -> tuple[float, Any]:
    """Loss over all captions and the sampled ones: for the reference's worker."""
    model = captioner(cell, words, sizes, params)
    loss, _ = model.loss(features, captions)
    return float(loss), model.sample(features, max_length=captions.shape[1] - 1)
