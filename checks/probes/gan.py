"""Networks of the GAN part in the worker: they are built, filled with numbers, run and read out.

A network's layers are the modules that hold parameters themselves, in the order in which they were registered;
`order` names the student's layer for each layer of the documented sequence.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from checks.probes import listening

PERIOD = 10007  # of the numbers that fill parameters; prime, so that no two rows of a weight agree
STEP = 613  # how far each parameter starts into them after the one before
LARGE = 1 << 18  # elements: the gradient of a larger weight is not computed, its bias speaks for it
LARGEST, FAN_IN = 6272 * 1024, 1024  # the largest weight, and the fan-in of all large ones
CONVOLVED = (
    (4, 128, 7, 7),
    (4, 64, 14, 14),
    (3, 1, 28, 28),
    (3, 32, 12, 12),
)  # by the convolutions of the checks
DRAWN = 1 << 12  # elements: the first numbers of a larger weight are not drawn where nobody looks at them


@cache
def table() -> Any:
    """The numbers that fill parameters, over and over, of variance (2 / root of FAN_IN)^2; nothing writes into it.

    Made before the worker is forked: large weights are views of it, which cost no time and no memory there.
    """
    numbers = np.random.default_rng(0).standard_normal(PERIOD) * (2 / FAN_IN**0.5)
    whole = np.empty((LARGEST // PERIOD + 2, PERIOD), np.float32)
    whole[:] = numbers
    return whole.reshape(-1)


def warm_up() -> None:
    """In the warm parent: convolutions of these sizes are compiled at their first use, which takes 40 ms."""
    if "torch" not in sys.modules:
        return
    from torch import nn, ones

    table()
    up = nn.ConvTranspose2d(128, 64, 4, 2, 1), nn.ConvTranspose2d(64, 1, 4, 2, 1)
    down = nn.Conv2d(1, 32, 5), nn.Conv2d(32, 64, 5)
    for layer, shape in zip((*up, *down), CONVOLVED, strict=True):
        layer(ones(shape, requires_grad=True)).sum().backward()
        layer.eval()(ones(shape))


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
    thing.__dict__.setdefault("_came_training", _all_training(thing))
    return True


def _all_training(model: Any) -> bool:
    return all(module.training for module in model.modules())


def came_training(model: Any) -> bool:
    """Whether a model, with all its parts, was in training mode when it was built."""
    return bool(model.__dict__.get("_came_training", True))


def shapes(model: Any) -> list[list[list[int]]]:
    """The shapes of each layer's parameters."""
    return [[list(p.shape) for p in layer.parameters(recurse=False)] for layer in _layers(model)]


def match(own: Sequence[Any], expected: Sequence[Any]) -> list[int]:
    """For each of the expected layers' shapes the number of the own layer that has them, -1 for none."""
    free, order = list(range(len(own))), []
    for wanted in expected:
        order.append(next((number for number in free if own[number] == wanted), -1))
        free = [number for number in free if number != order[-1]]
    return order


def _prepare(model: Any, mode: str) -> None:
    model.train(mode == "train")
    for module in model.modules():
        if hasattr(module, "reset_running_stats"):
            module.reset_running_stats()


def filled(model: Any, start: int, order: Sequence[int], probe: str, *args: Any) -> Any:
    """What a probe of this file says of the model, with its parameters filled first."""
    fill(model, start, order)
    more = (start, order) if probe == "gradients" else ()
    return globals()[probe](model, *more, *args)


def fill(model: Any, start: int, order: Sequence[int], lend: bool = False) -> None:
    """Fills the parameters in place: weights over the root of their fan-in, scales of norms around 1.

    `lend`: large weights become views of the table. Nothing may be written into them from then on.
    """
    import torch

    _prepare(model, "train")
    whole = torch.from_numpy(table())
    with torch.no_grad():
        for parameters in _ordered(model, order):
            for place, parameter in enumerate(parameters):
                numbers = whole[start : start + parameter.numel()].view(parameter.shape)
                start = (start + STEP) % PERIOD
                if parameter.dim() == 1:
                    parameter.copy_(numbers).mul_(FAN_IN**0.5 / 4).add_(float(place == 0))
                elif lend and parameter.numel() > LARGE and parameter[0].numel() == FAN_IN:
                    parameter.data = numbers
                else:
                    parameter.copy_(numbers).mul_((FAN_IN / parameter[0].numel()) ** 0.5)


def observed(
    build: Sequence[Any], expected: Sequence[Any] | None, start: int, x: Any, other: Any, upstream: Any
) -> list[Any]:
    """What one pass forward and back and one in evaluation mode show of the network `build`, newly built.

    Its layers and the mode it came in; the output for x in training mode, the gradient of <upstream, output> in x and
    the numbers of `gradients`; the output for `other` in evaluation mode and its `steps`. Not more than the layers when
    they are not `expected`.
    """
    model = _built(*build)
    own = shapes(model)
    order = match(own, own if expected is None else expected)
    if -1 in order or len(order) != len(own):
        return [own]
    training = _all_training(model)
    fill(model, start, order, lend=True)
    out, dx, numbers = gradients(model, start, order, x, upstream)
    seen, steps = traced(model, order, other)
    return [own, training, out, dx, numbers, seen, steps]


def expected(
    build: Sequence[Any],
    start: int,
    x: Any,
    other: Any,
    upstream: Any,
    settings: Any,
    zeros: Any,
    exact: Any,
) -> list[Any]:
    """All that the reference is asked: what is `observed`, its `paths`, and the output for `exact` in float64."""
    seen = observed(build, None, start, x, other, upstream)
    model = _built(*build)
    order = range(len(seen[0]))
    walked = paths(model, order, settings, zeros)
    return [*seen, walked, None if exact is None else filled(model, start, order, "double", exact)]


def answers(build: Sequence[Any], x: Any, count: int) -> list[Any]:
    """What so many new networks make of x: as they are drawn, or a single one filled."""
    import torch

    name, *arguments = build
    make = getattr(importlib.import_module("cs231n.gan_pytorch"), name)
    models = [_built(*build)] if count == 1 else [make(*arguments) for _ in range(count)]
    if count == 1:
        fill(models[0], 0, range(len(_layers(models[0]))), lend=True)
    with torch.no_grad():
        return [model(x) for model in models]


def _built(name: str, *arguments: Any) -> Any:
    """A new network, whose large weights are as they were allocated."""
    make = getattr(importlib.import_module("cs231n.gan_pytorch"), name)
    with listening.undrawn(DRAWN):
        return make(*arguments)


def traced(model: Any, order: Sequence[int], x: Any) -> tuple[Any, list[str]]:
    """The output in evaluation mode, and the steps that led to it."""
    import torch

    model.eval()
    parameters = [p for layer in _ordered(model, order) for p in layer]
    named = {id(p): f"p{number}" for number, p in enumerate(parameters)} | {
        id(b): "b" for b in model.buffers()
    }
    with torch.no_grad(), listening.steps({**named, id(x): "x"}) as heard:
        out = model(x)
    return out, heard


def runs(model: Any, inputs: Sequence[Any], modes: Sequence[str]) -> list[Any]:
    """The output for each input in its mode, without a graph; running statistics go on from where they are."""
    import torch

    found = []
    for x, mode in zip(inputs, modes, strict=True):
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


def gradients(model: Any, start: int, order: Sequence[int], x: Any, upstream: Any) -> list[Any]:
    """The output in training mode, the gradient of <upstream, output> in x, and two numbers for each parameter.

    They are the gradient's norm and its product with numbers of the table; a norm of -1 means that none arrives, and
    large weights give (1, 0). An empty list: nothing in the output depends on x or on a parameter.
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
    numbers = np.array([_summary(p, found.get(id(p)), start) for p in every])
    return [out, torch.zeros_like(x) if dx is None else dx, numbers]


def _summary(parameter: Any, gradient: Any, start: int) -> tuple[float, float]:
    import torch

    if gradient is None:
        return (1.0, 0.0) if parameter.requires_grad and parameter.numel() > LARGE else (-1.0, 0.0)
    flat = gradient.detach().float().reshape(-1)
    numbers = torch.from_numpy(table())[start : start + flat.numel()]
    return float(torch.linalg.vector_norm(flat)), float(torch.dot(flat, numbers)) * FAN_IN**0.5 / 2


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
