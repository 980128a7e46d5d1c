"""Training a generator against a discriminator in the worker: the student's networks, losses and noise; the grader's
start, images, order and optimisers. Nothing here judges a picture.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any

NOISE = 96
SIDE = 28
BETAS = (0.5, 0.999)
LOSSES = {
    "vanilla": ("discriminator_loss", "generator_loss"),
    "ls": ("ls_discriminator_loss", "ls_generator_loss"),
    "dc": ("discriminator_loss", "generator_loss"),
}


def _module() -> Any:
    return importlib.import_module("cs231n.gan_pytorch")


class Adversaries:
    """A generator and a discriminator in training."""

    def __init__(self, kind: str, batch: int) -> None:
        module = _module()
        deep = kind == "dc"
        self.generator = module.build_dc_generator(NOISE) if deep else module.generator(NOISE)
        self.discriminator = module.build_dc_classifier(batch) if deep else module.discriminator()
        self.discriminator_loss, self.generator_loss = (getattr(module, name) for name in LOSSES[kind])
        self.noise = module.sample_noise
        self.device, self.updates = "cpu", 1

    def start(self, images: Any, device: str, rate: float, updates: int) -> None:
        """Gets ready to train on these images (N, 1, 28, 28) in [-1, 1].

        updates: of the discriminator, for each one of the generator.
        """
        import torch

        self.images, self.device, self.updates = images.to(device), device, updates
        models = self.generator.to(device).train(), self.discriminator.to(device).train()
        self.generator_solver, self.discriminator_solver = (
            torch.optim.Adam(model.parameters(), lr=rate, betas=BETAS, fused=True) for model in models
        )

    def step(self, batch: Any) -> float:
        """The updates of the discriminator, one of the generator; the generator's loss before it."""
        real = self.images[batch]
        for _ in range(self.updates):
            logits_real = self.discriminator(real)
            logits_fake = self.discriminator(self._fake(len(real)).detach())
            _update(self.discriminator_solver, self.discriminator_loss(logits_real, logits_fake))
        loss = self.generator_loss(self.discriminator(self._fake(len(real))))
        _update(self.generator_solver, loss)
        return float(loss.detach())

    def _fake(self, count: int) -> Any:
        noise = self.noise(count, NOISE).to(self.device)
        return self.generator(noise).reshape(count, 1, SIDE, SIDE)


def _update(solver: Any, loss: Any) -> None:
    solver.zero_grad()
    loss.backward()
    solver.step()


def build(kind: str, batch: int) -> Adversaries:
    """Both networks as the submission builds them."""
    return Adversaries(kind, batch)


def _layers(model: Any) -> list[list[Any]]:
    """The parameters of each module that holds some itself, in the order of registration."""
    found = (list(module.parameters(recurse=False)) for module in model.modules())
    return [parameters for parameters in found if parameters]


def shapes(pair: Adversaries) -> list[list[list[list[int]]]]:
    """The shapes of the parameters by layer: of the generator, of the discriminator."""
    models = (pair.generator, pair.discriminator)
    return [[[list(p.shape) for p in layer] for layer in _layers(model)] for model in models]


def start(
    pair: Adversaries, first: Sequence[Sequence[Sequence[Any]]], images: Any, device: str, rate: float, updates: int
) -> Adversaries:  # fmt: skip
    """Gives both networks their first parameters, layer by layer, and the images."""
    for model, layers in zip((pair.generator, pair.discriminator), first, strict=True):
        fill(model, layers)
    pair.start(images, device, rate, updates)
    return pair


def fill(model: Any, layers: Sequence[Sequence[Any]]) -> None:
    """Copies values into the parameters, layer by layer."""
    for own, given in zip(_layers(model), layers, strict=True):
        for parameter, value in zip(own, given, strict=True):
            parameter.data.copy_(value)


def advance(pair: Adversaries, batches: Sequence[Any]) -> float:
    """A step for each row of `batches`; the last loss of the generator."""
    loss = float("nan")
    for batch in batches:
        loss = pair.step(batch)
    return loss


def parameters(pair: Adversaries) -> list[list[Any]]:
    """The generator's parameters as they are now, by layer."""
    return [[p.detach().cpu() for p in layer] for layer in _layers(pair.generator)]


def pictures(kind: str, layers: Sequence[Sequence[Any]], noise: Any) -> Any:
    """What a generator with these parameters makes of the noise, in training mode: for the reference's worker."""
    import torch

    module = _module()
    generator = module.build_dc_generator(NOISE) if kind == "dc" else module.generator(NOISE)
    fill(generator, layers)
    with torch.no_grad():
        return generator.train()(noise)
