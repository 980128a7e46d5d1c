"""Losses, optimisers and what was handed out of the GAN part in the worker."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any

import numpy as np

MODULE = "cs231n.gan_pytorch"


def backward(loss: Any, *inputs: Any) -> list[Any]:
    """The gradients of a scalar in its inputs, zeros where it does not depend on one; an empty list without a graph."""
    import torch

    if not loss.requires_grad:
        return []
    found = torch.autograd.grad(loss, inputs, allow_unused=True)
    return [torch.zeros_like(x) if g is None else g for x, g in zip(inputs, found, strict=True)]


def noise(asked: Sequence[tuple[Sequence[int], int | None]]) -> list[Any]:
    """What `sample_noise` draws for each shape, with its seed if there is one."""
    draw = importlib.import_module(MODULE).sample_noise
    return [draw(*shape) if seed is None else draw(*shape, seed=seed) for shape, seed in asked]


def losses(function: str, points: Sequence[Sequence[Any]]) -> list[list[Any]]:
    """The loss for the scores of each point, and its gradients as `backward` gives them."""
    loss_of = getattr(importlib.import_module(MODULE), function)
    found = []
    for point in points:
        scores = [tensor.clone().requires_grad_() for tensor in point]
        loss = loss_of(*scores)
        found.append([loss, backward(loss, *scores)])
    return found


def small_model() -> Any:
    """A network to be optimised, nested, with parameters of several shapes."""
    import torch
    from torch import nn

    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Sequential(nn.BatchNorm1d(4), nn.Linear(4, 2)))
    with torch.no_grad():
        for number, parameter in enumerate(model.parameters()):
            if number != 1:
                parameter.copy_(torch.linspace(-1, 1 + number, parameter.numel()).view_as(parameter))
            else:
                parameter.zero_()  # no step is lost in rounding
    return model


def optimized(gradients: Sequence[Sequence[Any]]) -> list[Any]:
    """The `settings` of an optimiser for a small model, and the model's parameters after `steps`."""
    model = small_model()
    solver = importlib.import_module(MODULE).get_optimizer(model)
    return [settings(solver, model), steps(solver, model, gradients)]


def settings(optimizer: Any, model: Any) -> list[dict[str, Any]]:
    """For each parameter of the model the numbers that the optimiser holds for it; empty where it holds none."""
    groups = {id(p): group for group in optimizer.param_groups for p in group["params"]}
    found = []
    for parameter in model.parameters():
        group = groups.get(id(parameter), {})
        betas = group.get("betas") or (None, None)
        known = {"lr": group.get("lr"), "beta1": betas[0], "beta2": betas[1]}
        found.append(
            {k: float(v) for k, v in known.items() if v is not None} | ({"held": True} if group else {})
        )
    return found


def steps(optimizer: Any, model: Any, gradients: Sequence[Sequence[Any]]) -> list[Any]:
    """The parameters after a step with each of these sets of gradients."""
    import torch

    for one in gradients:
        for parameter, gradient in zip(model.parameters(), one, strict=True):
            parameter.grad = torch.from_numpy(gradient.astype(np.float32))
        optimizer.step()
    return list(model.parameters())


def layers_to_initialize() -> tuple[Any, ...]:
    """Two layers that `initialize_weights` concerns and one that it does not: all weights 5, all biases 1."""
    import torch
    from torch import nn

    layers: tuple[Any, ...] = (nn.Linear(30, 20), nn.ConvTranspose2d(4, 6, 3), nn.Conv2d(3, 2, 3))
    with torch.no_grad():
        for layer in layers:
            layer.weight.fill_(5.0)
            torch.nn.init.ones_(layer.bias)
    return layers


def listed(sampler: Any) -> tuple[list[Any], int]:
    """What a sampler gives, and its length."""
    return list(sampler), len(sampler)


def players(images: Any, noise_dim: int) -> tuple[Any, ...]:
    """A tiny GAN: its two models, their optimisers, two losses, and a loader whose last batch is short."""
    import torch
    from torch import nn

    judge = nn.Sequential(nn.Flatten(), nn.Linear(784, 1))
    maker = nn.Sequential(nn.Linear(noise_dim, 784), nn.Tanh())
    with torch.no_grad():
        for parameter in (*judge.parameters(), *maker.parameters()):
            parameter.copy_(torch.linspace(-0.1, 0.1, parameter.numel()).view_as(parameter))
    solvers = [torch.optim.SGD(model.parameters(), lr=0.1) for model in (judge, maker)]
    whole, short = torch.from_numpy(images), torch.from_numpy(images[:-1])
    loader = [(batch, torch.zeros(len(batch))) for batch in (whole, whole, short)]
    return (
        judge,
        maker,
        *solvers,
        lambda real, fake: 2 * fake.mean() - real.mean(),
        lambda fake: -fake.mean(),
        loader,
    )


def parameters(*models: Any) -> list[Any]:
    """All parameters of the models."""
    return [parameter for model in models for parameter in model.parameters()]


def crossed(pairs: Sequence[tuple[Any, Any]]) -> list[Any]:
    """`bce_loss` for each pair of logits and targets."""
    loss = importlib.import_module(MODULE).bce_loss
    return [loss(*pair) for pair in pairs]


def reshaped(layer: str, arguments: Sequence[Sequence[int]], inputs: Sequence[Any]) -> list[Any]:
    """What layers of this class, each made with its arguments, make of the inputs."""
    make = getattr(importlib.import_module(MODULE), layer)
    return [make(*own)(x) for own, x in zip(arguments, inputs, strict=True)]


def sampled(arguments: Sequence[Sequence[int]]) -> list[Any]:
    """What each `ChunkSampler` gives, and its length."""
    make = importlib.import_module(MODULE).ChunkSampler
    return [listed(make(*own)) for own in arguments]


def initialized() -> list[list[Any]]:
    """Weight and bias of each of `layers_to_initialize` after `initialize_weights`."""
    initialize = importlib.import_module(MODULE).initialize_weights
    layers = layers_to_initialize()
    for layer in layers:
        initialize(layer)
    return [parameters(layer) for layer in layers]


def trained(images: Any, noise_dim: int, settings: dict[str, int]) -> list[Any]:
    """The parameters of the tiny GAN, what `run_a_gan` returns, and the parameters then."""
    cast = players(images, noise_dim)
    before = [parameter.detach().clone() for parameter in parameters(*cast[:2])]
    shown = importlib.import_module(MODULE).run_a_gan(*cast, noise_size=noise_dim, **settings)
    return [before, shown, parameters(*cast[:2])]
