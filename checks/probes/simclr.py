"""Driving SimCLR's parts in the worker: gradients, pairs, and a tiny model to train; views: `augmentation`.

torch and torchvision are imported where they are used, so that other parts do not wait for them.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

EPOCH = (2, 5)  # the second of five: numbers to be shown and not used
PIXEL = (3, 7)  # off the diagonal: a picture turned over it shows another
LOSSES, UTILS = "cs231n.simclr.contrastive_loss", "cs231n.simclr.utils"


def loss_gradients(cases: Sequence[tuple[Any, Any, float]]) -> list[tuple[Any, ...] | None]:
    """The vectorised loss's gradient in both sides, for each (left, right, tau); None where it is cut off from both."""
    import importlib

    loss, found = importlib.import_module(LOSSES).simclr_loss_vectorized, []
    for left, right, tau in cases:
        own = [left.requires_grad_(), right.requires_grad_()]
        found.append(_gradients(loss(*own, tau, "cpu"), own))
    return found


def slopes(name: str, inputs: Sequence[Any], seed: int) -> list[Any] | None:
    """The gradient of a random combination of a loss function's results in each input; None where all are cut off."""
    import importlib

    import torch

    own = [x.detach().requires_grad_() for x in inputs]
    out = getattr(importlib.import_module(LOSSES), name)(*own)
    weights = torch.from_numpy(np.random.default_rng(seed).standard_normal(tuple(out.shape)))
    found = _gradients((out * weights).sum(), own)
    return None if found is None else list(found)


def _gradients(loss: Any, inputs: Sequence[Any]) -> tuple[Any, ...] | None:
    import torch

    if not isinstance(loss, torch.Tensor) or not loss.requires_grad:
        return None
    found = torch.autograd.grad(loss.sum(), inputs, allow_unused=True)
    return tuple(torch.zeros_like(x) if g is None else g for x, g in zip(inputs, found, strict=True))


def device(name: str) -> Any:
    """A `torch.device`."""
    import torch

    return torch.device(name)


class _Numbered:
    """A transform that says which call it was, of which kind of picture, what stands at PIXEL, and what it drew."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, image: Any) -> Any:
        import torch
        from PIL import Image

        self.calls += 1
        drawn = [float(torch.rand(())), random.random()]
        numbers = [self.calls, isinstance(image, Image.Image), *np.asarray(image)[PIXEL].tolist(), *drawn]
        return torch.tensor(list(map(float, numbers)), dtype=torch.float64)


def pairs(family: Sequence[Any], data: Any, targets: Any, views: Any = None, shift: int | None = None) -> Any:
    """An object, without its files, of the class whose method resolution order is `family`.

    views: the transform; None for one that numbers its calls; False for no transform at all. shift: added to the
    class by target_transform; None for no target_transform.
    """
    made = object.__new__(family[0])
    made.data, made.targets, made.train = data, list(targets), True
    made.transform = _Numbered() if views is None else (views or None)
    made.target_transform = None if shift is None else (lambda target: target + shift)
    return made


def learner(weights: Mapping[str, Any], rate: float) -> tuple[Any, Any]:
    """A tiny model with these weights and an SGD optimiser over it; its parameters have old gradients already."""
    import torch

    model = _tiny(weights)
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    return model, torch.optim.SGD(model.parameters(), lr=rate)


def lesson(weights: Mapping[str, Any], rate: float, items: Sequence[Sequence[Any]]) -> tuple[Any, Any, Any]:
    """A learner and the batches it is to learn from."""
    return *learner(weights, rate), batches(*items)


Lesson = tuple[Mapping[str, Any], float, Sequence[Sequence[Any]], Mapping[str, Any]]


def epochs(lessons: Sequence[Lesson]) -> list[tuple[Any, Any]]:
    """What `train` returns and the state that it leaves behind, for each of weights, rate, batches and settings."""
    import importlib

    train, found = importlib.import_module(UTILS).train, []
    for weights, rate, items, settings in lessons:
        model, optimizer, loader = lesson(weights, rate, items)
        loss = train(model, loader, optimizer, *EPOCH, **settings)
        found.append((loss, state(model)))
    return found


def tally(items: Sequence[Sequence[Any]], settings: Mapping[str, Any]) -> tuple[Any, str]:
    """What `train` returns, and what it did in turn, for a model that learns nothing: nearly all the time goes there.

    "z" is a reset of gradients, "b" a backward pass and "s" a step.
    """
    import importlib

    import torch

    class Idle(torch.nn.Module):
        """Images -> (representation, projection), without a parameter."""

        def forward(self, images: Any) -> tuple[Any, Any]:
            projection = images.flatten(1)
            return projection.square(), projection

    done: list[str] = []
    usual = torch.Tensor.backward
    torch.Tensor.backward = lambda *_, **__: done.append("b")  # type: ignore[method-assign]
    try:
        loss = importlib.import_module(UTILS).train(Idle(), batches(*items), _Steps(done), *EPOCH, **settings)
    finally:
        torch.Tensor.backward = usual  # type: ignore[method-assign]
    return loss, "".join(done)


class _Steps:
    """An optimiser's stand-in that notes what it is told."""

    def __init__(self, done: list[str]) -> None:
        self._done = done

    def zero_grad(self, *_: Any, **__: Any) -> None:
        self._done.append("z")

    def step(self, *_: Any, **__: Any) -> None:
        self._done.append("s")


def _tiny(weights: Mapping[str, Any]) -> Any:
    import torch
    from torch.nn import functional

    class Tiny(torch.nn.Module):
        """Images -> (representation, projection), as SimCLR's model; `seen` notes its mode at each call."""

        def __init__(self) -> None:
            super().__init__()
            made = {name: torch.nn.Parameter(torch.from_numpy(value)) for name, value in weights.items()}
            self.f, self.g = made["f"], made["g"]
            self.seen: list[bool] = []

        def forward(self, images: Any) -> tuple[Any, Any]:
            self.seen.append(self.training)
            feature = torch.tanh(images.flatten(1) @ self.f)
            return functional.normalize(feature, dim=-1), functional.normalize(feature @ self.g, dim=-1)

    return Tiny().eval()


def batches(*items: Sequence[Any]) -> Any:
    """A data loader's stand-in: a list of tuples of tensors."""
    import torch

    return [tuple(torch.from_numpy(np.asarray(array)) for array in item) for item in items]


class _Memory(list[Any]):
    """A list of batches that has, like a data loader, a `dataset` with `targets`."""

    dataset: Any


def vote(
    weights: Mapping[str, Any], known: Sequence[Sequence[Any]], asked: Sequence[Sequence[Any]]
) -> tuple[Any, Any, Any]:
    """A model, batches of neighbours with, like a data loader's, `dataset.targets`, and batches of queries."""
    neighbours = _Memory(batches(*known))
    targets = [int(target) for _, _, batch in known for target in batch]
    neighbours.dataset = type("Dataset", (), {"targets": targets})()
    return _tiny(weights), neighbours, batches(*asked)


def votes(
    weights: Mapping[str, Any], known: Sequence[Any], asked: Sequence[Any], classes: int, settings: Mapping[str, Any]
) -> Any:  # fmt: skip
    """What `test` returns."""
    import importlib

    made = vote(weights, known, asked)
    return importlib.import_module(UTILS).test(*made, 1, 1, classes, **settings)


def classifiers(weight: Any, rate: float, items: Sequence[Sequence[Any]], count: int) -> tuple[Any, ...]:
    """The same batches, then `count` times a linear classifier of images and an SGD optimiser over it."""
    made = [each for _ in range(count) for each in _classifier(weight, rate)]
    return batches(*items), *made


def classified(weight: Any, rate: float, items: Sequence[Sequence[Any]]) -> list[tuple[Any, Any]]:
    """What `train_val` returns and the weight that it leaves behind, with an optimiser and without."""
    import importlib

    train_val, found = importlib.import_module(UTILS).train_val, []
    for training in (True, False):
        loader, model, optimizer = classifiers(weight, rate, items, 1)
        value = train_val(model, loader, optimizer if training else None, 1, 1, device="cpu")
        found.append((value, state(model)))
    return found


def _classifier(weight: Any, rate: float) -> tuple[Any, Any]:
    import torch

    layer = torch.nn.Linear(weight.shape[0], weight.shape[1], bias=False)
    layer.weight = torch.nn.Parameter(torch.from_numpy(weight.T.copy()))
    model = torch.nn.Sequential(torch.nn.Flatten(), layer)
    return model, torch.optim.SGD(model.parameters(), lr=rate)


def states(*models: Any) -> list[dict[str, Any]]:
    """The state of each."""
    return list(map(state, models))


def state(model: Any) -> dict[str, Any]:
    """The parameters by name, and the modes in which the model was called, if it notes them."""
    found = {name: value.detach() for name, value in model.named_parameters()}
    return {"parameters": found, "seen": np.array(getattr(model, "seen", []), dtype=bool)}


def cpu_by_default(device: str = "cpu") -> int:
    """Makes "cpu" (or another device) what "cuda" was in the defaults of the loss; how many defaults that were."""
    found = {
        id(f): f for f in (getattr(m, "simclr_loss_vectorized", None) for m in _modules()) if f is not None
    }
    changed = 0
    for function in found.values():
        before = getattr(function, "__defaults__", None) or ()
        if any(str(value).startswith("cuda") for value in before):
            function.__defaults__ = tuple(device if str(v).startswith("cuda") else v for v in before)
            changed += 1
    return changed


def _modules() -> list[Any]:
    return [sys.modules[name] for name in (LOSSES, UTILS) if name in sys.modules]


def model_outputs(feature_dim: int, images: Any, seed: int) -> Any:
    """What SimCLR's model, around a small network in the place of ResNet-50, gives in training mode.

    Its parameters are drawn here, in the order of their registration. A text instead, when the encoder is not called
    `resnet50` there.
    """
    import importlib

    import torch

    module: Any = importlib.import_module("cs231n.simclr.model")
    usual = getattr(module, "resnet50", None)
    if usual is None:
        return "another encoder"
    module.resnet50, draw = _small_resnet, torch.nn.init.kaiming_uniform_
    torch.nn.init.kaiming_uniform_ = lambda tensor, *_, **__: tensor.detach().zero_()  # no million numbers
    try:
        model = module.Model(feature_dim)
    finally:
        module.resnet50, torch.nn.init.kaiming_uniform_ = usual, draw
    drawn = np.random.default_rng(seed).standard_normal(10007)  # prime: no two rows agree
    pattern = torch.from_numpy(drawn.astype(np.float32))
    with torch.no_grad():
        for parameter in model.parameters():
            numbers = pattern / parameter[0].numel() ** 0.5
            count = parameter.numel()
            parameter.copy_(numbers.repeat(-(-count // len(numbers)))[:count].view_as(parameter))
        return model.train()(images)


def _small_resnet(*_: Any, **__: Any) -> Any:
    """A network whose children are called as ResNet-50's, and are of their kinds at either end."""
    from torch import nn

    stages = {
        f"layer{n}": nn.Conv2d(a, b, 1) for n, (a, b) in enumerate(((64, 8), (8, 8), (8, 8), (8, 2048)), 1)
    }
    children = {
        "conv1": nn.Conv2d(3, 64, kernel_size=7, stride=2, padding=3, bias=False), "bn1": nn.BatchNorm2d(64),
        "relu": nn.ReLU(inplace=True), "maxpool": nn.MaxPool2d(kernel_size=3, stride=2, padding=1), **stages,
        "avgpool": nn.AdaptiveAvgPool2d((1, 1)), "fc": nn.Linear(2048, 10),
    }  # fmt: skip
    net = nn.Sequential()
    for name, child in children.items():
        net.add_module(name, child)
    return net
