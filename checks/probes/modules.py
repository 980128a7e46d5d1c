"""Driving a torch module that lives in the worker: build it, set its parameters, run it, differentiate it.

Works for any `nn.Module`. What comes back are values; whether they are right is decided by the grader. A module is
given as it is or as what it is built from, which saves a round trip (`built`). A setup is what `prepare` takes, then
whether nothing is to be dropped, and whether tensors made on the way get the module's dtype by default: the handout
prepares results with `torch.empty((N, S, E))`, which fits a module in double precision only so.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from checks.probes import stand_ins
from checks.probes.transformer import stand_in, without_layers

Case = Mapping[str, Any]  # "args": a list of tensors, "kwargs": a dict of them

# What was built for one check and serves others: by file, the module it is from and the objects by description.
_kept: dict[str, tuple[Any, dict[str, Any]]] = {}


def built(module: Any, dtype: str = "") -> Any:
    """The module: as it is, or from (file, class, args, kwargs, table of a stand-in, object, used).

    object: one that was made already, or None. used: one of the same description will do that an earlier call in this
    dtype had. Nothing is kept while something stands in for functions of the student's.
    """
    if not isinstance(module, (list, tuple)):
        return module
    file, name, args, kwargs, table, made, used = module
    shelf = _shelf(file) if used and dtype and not stand_ins.active() else {}
    key = repr((name, args, kwargs, table is None, dtype))
    made = shelf.get(key, made)
    if made is None:
        make = getattr(importlib.import_module(file), name)
        made = make(*args, **kwargs) if table is None else without_layers(file, name, args, kwargs)
    if table is not None:
        stand_in(made, table)
    shelf[key] = made
    return made


def forget() -> None:
    """Nothing that was built for one check serves another one from before this."""
    _kept.clear()


def _shelf(file: str) -> dict[str, Any]:
    """What was kept of a file's classes; nothing when the file was loaded anew."""
    source = importlib.import_module(file)
    if file not in _kept or _kept[file][0] is not source:
        _kept[file] = (source, {})
    return _kept[file][1]


def prepare(module: Any, params: Mapping[str, Any], dtype: str, training: bool) -> None:
    """Puts the module into this dtype and mode and gives its parameters and buffers these values, by name.

    dtype "": it keeps its own. Raises when a name or a shape does not fit.
    """
    import torch

    known, wanted = _known(module), getattr(torch, dtype) if dtype else None
    if dtype and any(v.dtype is not wanted and v.is_floating_point() for v in known.values()):
        module.to(wanted)  # takes longer than asking
        known = _known(module)
    module.train(training)
    for name, value in params.items():
        if name not in known:
            raise AttributeError(f"it has no parameter or buffer called {name}")
        if known[name].shape != value.shape:
            raise ValueError(
                f"its {name} has shape {tuple(known[name].shape)}, expected {tuple(value.shape)}"
            )
        known[name].data.copy_(value)


def _known(module: Any) -> dict[str, Any]:
    return {**dict(module.named_buffers()), **dict(module.named_parameters())}


@contextlib.contextmanager
def _unwatched() -> Iterator[None]:
    """Meanwhile nobody looks for shortcuts: to be watched, building and setting a module takes three times as long.

    The call by which a check builds its first module is watched, and so is what comes after this.
    """
    import torch

    watching = sys.getprofile()
    sys.setprofile(None)
    try:
        with torch._C.DisableTorchFunction():
            yield
    finally:
        sys.setprofile(watching)


@contextlib.contextmanager
def _ready(module: Any, setup: Sequence[Any]) -> Iterator[Any]:
    """The module, made or found and set; afterwards nothing of the setup but values, dtype and mode is left."""
    import torch

    params, dtype, training, quiet, fitting = setup
    with _unwatched():
        module = built(module, dtype)
        prepare(module, params, dtype, training)
    layers = [part for part in module.modules() if isinstance(part, torch.nn.Dropout)] if quiet else []
    before, default = [layer.p for layer in layers], torch.get_default_dtype()
    try:
        for layer in layers:
            layer.p = 0.0
        if dtype and fitting:
            torch.set_default_dtype(getattr(torch, dtype))
        yield module
    finally:
        torch.set_default_dtype(default)
        for layer, p in zip(layers, before, strict=True):
            layer.p = p


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


def buffers(modules: Sequence[Any], name: str) -> list[Any]:
    """The value of a buffer of each module."""
    return [dict(built(module).named_buffers())[name] for module in modules]


def forward(jobs: Sequence[tuple[Any, Sequence[Any], Sequence[Case]]]) -> list[list[Any]]:
    """For each module and setup the output for each of its cases."""
    found = []
    for given, setup, cases in jobs:
        with _ready(given, setup) as module:
            found.append([module(*case["args"], **case["kwargs"]) for case in cases])
    return found


def sampled(given: Any, setup: Sequence[Any], cases: Sequence[tuple[Any, int]]) -> list[Any]:
    """What a captioner's `sample` gives for each pair of features and a greatest length."""
    with _ready(given, setup) as module:
        return [module.sample(features, max_length=length) for features, length in cases]


def trace(given: Any, setup: Sequence[Any], case: Case) -> list[list[Any]]:
    """What goes through the named parts of a module in one call, in order: [part, "given" or "gives", tensor]."""
    import torch

    found: list[list[Any]] = []

    def listen(name: str) -> Any:
        def hook(part: Any, given: Any, gives: Any) -> None:
            for what, values in (("is given", given), ("gives", (gives,))):
                found.extend([name, what, v.detach().clone()] for v in values if torch.is_tensor(v))

        return hook

    with _ready(given, setup) as module:
        handles = [part.register_forward_hook(listen(name)) for name, part in module.named_modules() if name]
        try:
            module(*case["args"], **case["kwargs"])
        finally:
            for handle in handles:
                handle.remove()
    return found


def forward_in_place(given: Any, setup: Sequence[Any], case: Case) -> list[Any]:
    """What the arguments of a call hold after it: positional ones first, then by keyword."""
    with _ready(given, setup) as module:
        module(*case["args"], **case["kwargs"])
    return [*case["args"], *case["kwargs"].values()]


def backward(
    jobs: Sequence[tuple[Any, Sequence[Any], Case, Any]], wanted: Sequence[str]
) -> list[dict[str, Any]]:
    """Gradients of sum(upstream * output) for the floating-point arguments and for the parameters in `wanted`.

    Of each module, setup, case and upstream gradient. None stands for "does not depend on it".
    """
    found = []
    for given, setup, case, upstream in jobs:
        with _ready(given, setup) as module:
            found.append(_gradients(module, case, upstream, wanted))
    return found


def _gradients(module: Any, case: Case, upstream: Any, wanted: Sequence[str]) -> dict[str, Any]:
    """The arguments are not leaves, so that adding to them in place is no error."""
    import torch

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
