"""Training torch models in the worker, some steps at a time: the grader's start, batches, order and optimiser.

`device` is a parameter of every run ("cpu", "cuda:0"); nothing else differs between the two. What is measured here
is for the progress bar alone: the grader takes the parameters and evaluates them elsewhere.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import Any

from checks.probes.modules import prepare

Arrays = Mapping[str, Any]


def _transformer(words: Mapping[str, int], options: Mapping[str, int], params: Arrays, training: bool) -> Any:
    model_class = importlib.import_module("cs231n.classifiers.transformer").CaptioningTransformer
    model = model_class(dict(words), **options)
    prepare(model, params, "float32", training)
    return model


class Captions:
    """A captioning transformer in training."""

    def __init__(self, model: Any, features: Any, captions: Any, rate: float, device: str) -> None:
        import torch

        self.model = model.to(device)
        self.features, self.captions = features.to(device), captions.to(device)
        self.optimiser = torch.optim.Adam(model.parameters(), lr=rate, fused=True)

    def attempt(self, count: int) -> None:
        """What takes the time of a step with the first `count` captions; nothing comes of it."""
        import torch

        with torch.random.fork_rng():  # dropout draws the same afterwards
            self._loss(slice(count)).backward()
        self.optimiser.zero_grad()

    def step(self, batch: Any) -> float:
        """One update; the loss before it."""
        loss = self._loss(batch)
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()
        return float(loss.detach())

    def _loss(self, batch: Any) -> Any:
        captions = self.captions[batch]
        scores = self.model(self.features[batch], captions[:, :-1])
        return _loss(scores, captions[:, 1:], self.model._null)


def _loss(scores: Any, words: Any, null: int) -> Any:
    """The mean over all words, those of the padding counted as zero."""
    from torch.nn import functional

    losses = functional.cross_entropy(scores.flatten(0, 1), words.flatten(), reduction="none")
    return (losses * (words.flatten() != null)).mean()


def begin_captions(
    words: Mapping[str, int], options: Mapping[str, int], params: Arrays, features: Any, captions: Any,
    rate: float, device: str,
) -> Captions:  # fmt: skip
    """A captioning transformer that starts from these parameters."""
    return Captions(_transformer(words, options, params, True), features, captions, rate, device)


def attempt(course: Any, count: int) -> None:
    """What a step with so many captions does, without taking it."""
    course.attempt(count)


def advance(course: Any, batches: Sequence[Any]) -> float:
    """A step for each row of `batches` (what a step needs, drawn by the grader); the last loss."""
    loss = float("nan")
    for batch in batches:
        loss = course.step(batch)
    return loss


def parameters(model: Any) -> dict[str, Any]:
    """The parameters as they are now."""
    return {name: p.detach().cpu() for name, p in model.named_parameters()}


def course_parameters(course: Any) -> dict[str, Any]:
    """The parameters of the model that is measured."""
    return parameters(course.model)


def evaluate_captions(
    words: Mapping[str, int], options: Mapping[str, int], params: Arrays, features: Any, captions: Any
) -> tuple[float, Any]:
    """Loss over all captions and the sampled ones, in evaluation mode: for the reference's worker."""
    import torch

    model = _transformer(words, options, params, False)
    with torch.no_grad():
        loss = _loss(model(features, captions[:, :-1]), captions[:, 1:], model._null)
    return float(loss), model.sample(features.numpy(), max_length=captions.shape[1] - 1)


def shapes(words: Mapping[str, int], options: Mapping[str, int]) -> dict[str, list[int]]:
    """The shapes of a captioning transformer's parameters: for the reference's worker."""
    return {name: list(p.shape) for name, p in _transformer(words, options, {}, True).named_parameters()}


def has_cuda() -> bool:
    """Whether this worker can use a GPU."""
    import torch

    return bool(torch.cuda.is_available())
