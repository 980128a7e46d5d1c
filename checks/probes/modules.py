"""Driving a torch module that lives in the worker: build it, set its parameters, run it, differentiate it.

Works for any `nn.Module`. What comes back are values; whether they are right is decided by the grader. A module is
given as it is or as what it is built from, which saves a round trip: (file, class, args, kwargs, table of a stand-in).
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import Any

from checks.probes.transformer import stand_in, without_attention

Case = Mapping[str, Any]  # "args": a list of tensors, "kwargs": a dict of them


def built(module: Any) -> Any:
    """The module, made anew when it is given as what it is built from."""
    if not isinstance(module, (list, tuple)):
        return module
    file, name, args, kwargs, table = module
    make = getattr(importlib.import_module(file), name)
    made = make(*args, **kwargs) if table is None else without_attention(file, name, args, kwargs)
    if table is not None:
        stand_in(made, table)
    return made


def prepare(module: Any, params: Mapping[str, Any], dtype: str, training: bool, quiet: bool = False) -> None:
    """Puts the module into this dtype and mode and gives its parameters and buffers these values, by name.

    dtype "": it keeps its own.
    `quiet` sets the probability of every `nn.Dropout` in it to 0. Raises when a name or a shape does not fit.
    """
    import torch

    (module.to(getattr(torch, dtype)) if dtype else module).train(training)
    known = {**dict(module.named_buffers()), **dict(module.named_parameters())}
    for name, value in params.items():
        if name not in known:
            raise AttributeError(f"it has no parameter or buffer called {name}")
        if known[name].shape != value.shape:
            raise ValueError(
                f"its {name} has shape {tuple(known[name].shape)}, expected {tuple(value.shape)}"
            )
        known[name].data.copy_(value)
    for part in module.modules() if quiet else ():
        if isinstance(part, torch.nn.Dropout):
            part.p = 0.0


def names(module: Any) -> dict[str, Any]:
    """The shapes of all parameters and buffers, by name."""
    module = built(module)
    return {
        "parameters": {name: list(p.shape) for name, p in module.named_parameters()},
        "buffers": {name: list(b.shape) for name, b in module.named_buffers()},
    }


def parameters(module: Any, wanted: Sequence[str]) -> dict[str, Any]:
    """The values of those of these parameters that there are, by name."""
    known = dict(built(module).named_parameters())
    return {name: known[name] for name in wanted if name in known}


def buffer(module: Any, name: str) -> Any:
    """The value of a buffer."""
    return dict(built(module).named_buffers())[name]


def forward(jobs: Sequence[tuple[Any, Sequence[Any], Sequence[Case]]]) -> list[list[Any]]:
    """For each module the output for each of its cases, after `prepare(module, *setup)`."""
    found = []
    for module, setup, cases in jobs:
        module = built(module)
        prepare(module, *setup)
        found.append([module(*case["args"], **case["kwargs"]) for case in cases])
    return found


def trace(module: Any, setup: Sequence[Any], case: Case) -> list[list[Any]]:
    """What goes through the named parts of a module in one call, in order: [part, "given" or "gives", tensor]."""
    import torch

    module = built(module)
    prepare(module, *setup)
    found: list[list[Any]] = []

    def listen(name: str) -> Any:
        def hook(part: Any, given: Any, gives: Any) -> None:
            for what, values in (("is given", given), ("gives", (gives,))):
                found.extend([name, what, v.detach().clone()] for v in values if torch.is_tensor(v))

        return hook

    handles = [part.register_forward_hook(listen(name)) for name, part in module.named_modules() if name]
    try:
        module(*case["args"], **case["kwargs"])
    finally:
        for handle in handles:
            handle.remove()
    return found


def forward_in_place(module: Any, setup: Sequence[Any], case: Case) -> list[Any]:
    """What the arguments of a call hold after it: positional ones first, then by keyword."""
    module = built(module)
    prepare(module, *setup)
    module(*case["args"], **case["kwargs"])
    return [*case["args"], *case["kwargs"].values()]


def backward(
    module: Any, setup: Sequence[Any], case: Case, upstream: Any, wanted: Sequence[str]
) -> dict[str, Any]:
    """Gradients of sum(upstream * output) for the floating-point arguments and for the parameters in `wanted`.

    None stands for "does not depend on it". The arguments are not leaves, so that adding to them in place is no error.
    """
    import torch

    module = built(module)
    prepare(module, *setup)
    given = {**{str(i): v for i, v in enumerate(case["args"])}, **case["kwargs"]}
    leaves = {
        k: v.detach().requires_grad_() for k, v in given.items() if v is not None and v.is_floating_point()
    }
    used = {k: leaves[k].clone() if k in leaves else v for k, v in given.items()}
    out = module(*[used[str(i)] for i in range(len(case["args"]))], **{k: used[k] for k in case["kwargs"]})
    known = dict(module.named_parameters())
    leaves = {**leaves, **{name: known[name] for name in wanted}}
    if not out.requires_grad:
        return dict.fromkeys(leaves)
    total = (out * upstream).sum()  # handing `upstream` to autograd makes torch import sympy: half a second
    found = torch.autograd.grad(total, list(leaves.values()), allow_unused=True)
    return dict(zip(leaves, found, strict=True))
