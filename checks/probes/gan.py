"""Networks, losses and optimisers of the GAN part in the worker: they are filled with numbers, run and read out.

A network's layers are the modules that hold parameters themselves, in the order in which they were registered;
`order` names the student's layer for each layer of the documented sequence.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any

import numpy as np

STEP = 613  # how far each parameter starts into the pattern after the one before
LARGE = 1 << 18  # elements: the gradient of a larger weight is not computed, its bias speaks for it


_named: dict[tuple[Any, ...], Any] = {}


def _model(model: Any) -> Any:
    """The model; one that is named by its function and arguments is built once and kept."""
    if not isinstance(model, (list, tuple)):
        return model
    name, *arguments = model
    if (name, *arguments) not in _named:
        build = getattr(importlib.import_module("cs231n.gan_pytorch"), name)
        _named[name, *arguments] = build(*arguments)
    return _named[name, *arguments]


def forget() -> None:
    """Lets go of the models that were named."""
    _named.clear()


def _layers(model: Any) -> list[Any]:
    return [module for module in model.modules() if next(module.parameters(recurse=False), None) is not None]


def _ordered(model: Any, order: Sequence[int]) -> list[list[Any]]:
    layers = _layers(model)
    return [list(layers[number].parameters(recurse=False)) for number in order]


def is_module(thing: Any) -> bool:
    """Whether this is a torch module; notes the mode that it comes in."""
    import torch

    if not isinstance(thing, torch.nn.Module):
        return False
    thing.__dict__.setdefault("_came_training", thing.training)
    return True


def came_training(model: Any) -> bool:
    """Whether a model was in training mode when it was built."""
    return bool(model.__dict__.get("_came_training", True))


def shapes(model: Any) -> list[list[list[int]]]:
    """The shapes of each layer's parameters."""
    return [[list(p.shape) for p in layer.parameters(recurse=False)] for layer in _layers(_model(model))]


def _prepare(model: Any, mode: str) -> None:
    model.train(mode == "train")
    for module in model.modules():
        if hasattr(module, "reset_running_stats"):
            module.reset_running_stats()


def filled(model: Any, pattern: Any, order: Sequence[int], probe: str, *args: Any) -> Any:
    """What a probe of this file says of the model, with its parameters filled first."""
    model = _model(model)
    fill(model, pattern, order)
    more = (pattern, order) if probe == "gradients" else ()
    return globals()[probe](model, *more, *args)


def fill(model: Any, pattern: Any, order: Sequence[int]) -> None:
    """Tiles the parameters with `pattern`: weights over the root of their fan-in, scales of norms around 1."""
    import torch

    _prepare(model, "train")
    start = 0
    with torch.no_grad():
        for parameters in _ordered(model, order):
            for place, parameter in enumerate(parameters):
                numbers = torch.from_numpy(np.roll(pattern, -start))
                if parameter.dim() > 1:
                    numbers = numbers * (2 / parameter[0].numel() ** 0.5)
                else:
                    numbers = 0.5 * numbers + (place == 0)
                _tile(parameter.view(-1), numbers)
                start += STEP


def _tile(flat: Any, numbers: Any) -> None:
    """Repeats `numbers` over `flat`, without an array of its size in between: the largest has 6.4 million."""
    whole = flat.numel() // numbers.numel() * numbers.numel()
    flat[:whole].view(-1, numbers.numel()).copy_(numbers.expand(whole // numbers.numel(), -1))
    flat[whole:].copy_(numbers[: flat.numel() - whole])


def runs(model: Any, x: Any, modes: Sequence[str]) -> list[Any]:
    """The output in each mode, without a graph; running statistics go on from where they are."""
    import torch

    found = []
    for mode in modes:
        model.train(mode == "train")
        with torch.no_grad():
            found.append(model(x))
    return found


def paths(
    model: Any, order: Sequence[int], settings: Sequence[Sequence[Sequence[float]]], x: Any
) -> list[Any]:
    """The first row of the output for each setting, in evaluation mode.

    A setting has (tap, shift) for each layer: one element of the weight, and every element of the bias. All
    other weights are zero, so that one number travels through the network.
    """
    import torch

    model = _model(model)
    _prepare(model, "eval")
    layers = _ordered(model, order)
    found = []
    with torch.no_grad():
        for parameters in layers:
            parameters[0].zero_()
        for setting in settings:
            for (weight, *biases), (tap, shift) in zip(layers, setting, strict=True):
                _tap(weight).fill_(tap)
                for bias in biases:
                    bias.fill_(shift)
            found.append(model(x)[0])
    return found


def _tap(weight: Any) -> Any:
    """The element that leads from the first unit to the first unit; of a norm's weight, which is 1-D, all.

    Of a kernel it is [1, 1]: with padding 1, [0, 0] would lead the first pixel out of the picture.
    """
    if weight.dim() == 4:
        return weight[0, 0, 1, 1]
    return weight[0, 0] if weight.dim() == 2 else weight


def gradients(model: Any, pattern: Any, order: Sequence[int], x: Any, upstream: Any) -> list[Any]:
    """The output in training mode, the gradient of <upstream, output> in x, and two numbers for each parameter.

    They are the gradient's norm and its product with `pattern`; a norm of -1 means that none arrives, and large
    weights give (1, 0). An empty list: nothing in the output depends on x or on a parameter.
    """
    import torch

    _prepare(model, "train")
    every = [p for parameters in _ordered(model, order) for p in parameters]
    small = [p for p in every if p.numel() <= LARGE and p.requires_grad]
    x = x.detach().clone().requires_grad_(True)
    out = model(x)
    if not out.requires_grad:
        return []
    dx, *rest = torch.autograd.grad((out * upstream).sum(), [x, *small], allow_unused=True)
    found = {id(p): gradient for p, gradient in zip(small, rest, strict=True)}
    numbers = np.array([_summary(p, found.get(id(p)), pattern) for p in every])
    return [out, torch.zeros_like(x) if dx is None else dx, numbers]


def _summary(parameter: Any, gradient: Any, pattern: Any) -> tuple[float, float]:
    if gradient is None:
        return (1.0, 0.0) if parameter.requires_grad and parameter.numel() > LARGE else (-1.0, 0.0)
    flat = gradient.detach().double().numpy().reshape(-1)
    return float(np.sqrt(flat @ flat)), float(flat @ np.resize(pattern, flat.shape))


def double_type(model: Any, *shape: int) -> str:
    """The narrowest type of numbers that a layer of the model makes in float64, found without computing any.

    On the "meta" device, where tensors have shape and type alone: millions of parameters need not be converted.
    Code that can't run there runs in float64 itself.
    """
    import torch

    held = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    wide = {k: torch.float64 if v.is_floating_point() else v.dtype for k, v in held.items()}
    empty = {k: torch.empty(v.shape, dtype=wide[k], device="meta") for k, v in held.items()}
    x = torch.empty(shape, dtype=torch.float64, device="meta")
    made: list[
        Any
    ] = []  # "meta" forgives a layer whose input and weight differ in type: every result is looked at
    hooks = [m.register_forward_hook(lambda m, i, out: made.append(out.dtype)) for m in model.modules()]
    model.eval()
    try:
        with torch.no_grad():
            torch.func.functional_call(model, empty, (x,))
    except Exception:  # noqa: BLE001 - whatever it is, the next line raises it as the student's own
        made = [double(model, torch.zeros(shape, dtype=torch.float64)).dtype]
    finally:
        for hook in hooks:
            hook.remove()
    return str(min(made, key=lambda kind: kind.itemsize))


def double(model: Any, x: Any) -> Any:
    """The output in float64 in evaluation mode; the model goes back to float32."""
    import torch

    model.double().eval()
    try:
        with torch.no_grad():
            return model(x)
    finally:
        model.float()


def backward(loss: Any, *inputs: Any) -> list[Any]:
    """The gradients of a scalar in its inputs, zeros where it does not depend on one; an empty list without a graph."""
    import torch

    if not loss.requires_grad:
        return []
    found = torch.autograd.grad(loss, inputs, allow_unused=True)
    return [torch.zeros_like(x) if g is None else g for x, g in zip(inputs, found, strict=True)]


def small_model() -> Any:
    """A network to be optimised, nested, with parameters of several shapes."""
    import torch
    from torch import nn

    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Sequential(nn.BatchNorm1d(4), nn.Linear(4, 2)))
    with torch.no_grad():
        for number, parameter in enumerate(model.parameters()):
            parameter.copy_(torch.linspace(-1, 1 + number, parameter.numel()).view_as(parameter))
    return model


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
