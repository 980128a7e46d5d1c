"""Stand-ins for functions that others are built from, put in place in the student's and the reference's worker alike.

None computes what the assignment asks for: any smooth function of the same form, in which every argument matters, so
that no answer is in this file. A pair of forward and backward is consistent, by automatic differentiation.
"""

from __future__ import annotations

import copy
import importlib
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import CodeType, FunctionType
from typing import Any

import numpy as np

MODULES = {
    "rnn_layers": "cs231n.rnn_layers",
    "transformer_layers": "cs231n.transformer_layers",
    "contrastive_loss": "cs231n.simclr.contrastive_loss",
}
USERS = (
    "cs231n.classifiers.rnn",
    "cs231n.classifiers.transformer",
    "cs231n.simclr.utils",
)  # import the names
Function = Callable[..., Any]

_active: dict[str, Function] = {}  # what stands in for each name now
_counts: dict[str, int] = {}
_undo: list[Callable[[], None]] = []


def substitute(names: Sequence[str], deadly: Sequence[str] = ()) -> None:
    """Puts stand-ins in the place of functions ("rnn_layers.rnn_step_forward"); `deadly` ones are never called."""
    restore()
    _counts.clear()
    for name in names:
        module = importlib.import_module(MODULES[name.partition(".")[0]])
        _active[name] = STAND_INS[name](None if name in deadly else _original(module, name))
        _put(module, name)


def restore() -> None:
    """Undoes `substitute`."""
    while _undo:
        _undo.pop()()
    _active.clear()


def active() -> bool:
    """Whether anything stands in for a function now."""
    return bool(_active)


def counts(*names: str) -> list[int]:
    """How often each of these stand-ins was called since `substitute`."""
    return [_counts.get(name, 0) for name in names]


def called(name: str, *args: Any, **kwargs: Any) -> Any:
    """What a function that was replaced does instead."""
    _counts[name] = _counts.get(name, 0) + 1
    return _active[name](*args, **kwargs)


def _holder(module: Any, name: str) -> tuple[Any, str]:
    """The module or class that holds the function, and the function's own name there."""
    *classes, own = name.split(".")[1:]
    for part in classes:
        module = getattr(module, part)
    return module, own


def _original(module: Any, name: str) -> Function | None:
    """A copy of the function as it is, that goes on working when the function itself is replaced."""
    holder, own = _holder(module, name)
    found = vars(holder).get(own)
    if not isinstance(found, FunctionType):
        return found if callable(found) else None
    return duplicate(found)


def duplicate(function: FunctionType) -> FunctionType:
    """A function that goes on doing what this one does now."""
    kept = FunctionType(
        function.__code__,
        function.__globals__,
        function.__name__,
        function.__defaults__,
        function.__closure__,
    )
    kept.__kwdefaults__ = function.__kwdefaults__
    return kept


@contextmanager
def swapped(function: FunctionType, name: str, other: Function) -> Iterator[None]:
    """Meanwhile a function does what `other` does."""
    before, _active[name] = function.__code__, other
    function.__code__ = _trampoline(name, before)
    try:
        yield
    finally:
        function.__code__ = before
        del _active[name]


def _put(module: Any, name: str) -> None:
    """Replaces what a function does, in the function itself: whoever holds it, by whatever name, calls the stand-in."""
    holder, own = _holder(module, name)
    found = vars(holder).get(own)
    if isinstance(found, FunctionType):
        before = found.__code__
        found.__code__ = _trampoline(name, before)
        _undo.append(lambda: setattr(found, "__code__", before))
        return

    def stand_in(*args: Any, **kwargs: Any) -> Any:
        return called(name, *args, **kwargs)

    for place in [holder, *_users(own, found)]:
        _undo.append(_setting(place, own, vars(place).get(own)))
        setattr(place, own, stand_in)


def _users(own: str, found: Any) -> Iterator[Any]:
    """The modules that hold the same thing by the same name, or as little of it."""
    for user in USERS:
        module = sys.modules.get(user)
        if module is not None and vars(module).get(own) is found:
            yield module


def _setting(place: Any, name: str, value: Any) -> Callable[[], None]:
    """Puts things back as they are now."""
    there = name in vars(place)
    return (lambda: setattr(place, name, value)) if there else (lambda: delattr(place, name))


def _trampoline(name: str, like: CodeType) -> CodeType:
    """Code that calls the stand-in; it may take the place of `like`, whose free variables it names and leaves alone."""

    def jump(*args: Any, **kwargs: Any) -> Any:
        function: Any = "CALLED"
        return function("NAME", *args, **kwargs)

    code = jump.__code__
    real = {"CALLED": called, "NAME": name}  # the objects themselves: student code can't come between
    constants = tuple(real.get(c, c) if isinstance(c, str) else c for c in code.co_consts)
    return code.replace(co_consts=constants, co_freevars=like.co_freevars)


# Layers with a backward pass


class _Layer:
    """A forward function of tensors with its backward function; the cache keeps the graph.

    The cache has the form that the submission's own forward gives it, as code may look into it for a shape; which graph
    belongs to it is told by which object it is.
    """

    def __init__(self, function: Function, differentiable: Sequence[int]) -> None:
        self._function = function
        self._differentiable = differentiable
        self._graphs: dict[int, tuple[Any, Any, Any]] = {}  # by the identity of the cache, which is kept

    def forward(self, original: Function | None) -> Function:
        """The stand-in for forward."""

        def stand_in(*arrays: Any, **named: Any) -> Any:
            import torch

            arrays = (*arrays, *named.values())
            leaves = [torch.from_numpy(np.array(a)) for a in arrays]
            for i in self._differentiable:
                leaves[i].requires_grad_()
            with torch.enable_grad():
                outputs = self._function(*leaves)
            outs = [out.detach().numpy().copy() for out in outputs]
            cache = _cache_like(original, arrays, outs)
            self._graphs[id(cache)] = (cache, leaves, outputs)
            return (*outs, cache)

        self._graphs.clear()
        return stand_in

    def backward(self, original: Function | None) -> Function:
        """The stand-in for backward."""

        def stand_in(*given: Any, **named: Any) -> Any:
            import torch

            *upstream, cache = (*given, *named.values())
            _, leaves, outputs = self._graphs[id(cache)]
            wanted = [leaves[i] for i in self._differentiable]
            weights = [
                torch.from_numpy(np.array(u)).to(o.dtype).expand_as(o)
                for u, o in zip(upstream, outputs, strict=True)
            ]
            found = torch.autograd.grad(outputs, wanted, weights, retain_graph=True, allow_unused=True)
            arrays = [
                (torch.zeros_like(w) if g is None else g).numpy().copy()
                for w, g in zip(wanted, found, strict=True)
            ]
            return arrays[0] if len(arrays) == 1 else tuple(arrays)

        return stand_in


def _cache_like(original: Function | None, arrays: Sequence[Any], outs: Sequence[Any]) -> Any:
    """A new object of the form of the cache of the function itself, where it gives one."""
    cache: Any = None
    if original is not None:
        try:
            cache = original(*(np.array(a) for a in arrays))[-1]
        except Exception:  # noqa: BLE001 - it is wrong in any way: that is why something stands in for it
            cache = None
    if type(cache) is tuple and cache:
        return tuple(list(cache))  # an object of its own, which `copy` would not make
    if cache is None or isinstance(cache, tuple | int | float | str):
        return [*arrays, *outs]
    return copy.copy(cache)


def _fold(weight: Any, units: int) -> Any:
    """One number for each unit from all rows of a weight or bias, whose gates count with different shares."""
    import torch

    gates = weight.reshape(-1, weight.shape[-1] // units, units)
    shares = torch.linspace(0.7, 1.3, gates.shape[1], dtype=weight.dtype)
    return (torch.sin(gates).mean(0) * shares[:, None]).sum(0)


def _level(x: Any) -> Any:
    """One number for each row of x."""
    return (x**2 + x).mean(-1, keepdim=True)


def _step(x: Any, prev_h: Any, Wx: Any, Wh: Any, b: Any) -> tuple[Any, ...]:
    import torch

    H = prev_h.shape[-1]
    turned = torch.cos(prev_h.flip(-1) + _fold(b[None], H))
    return (0.5 * turned + _level(x) * _fold(Wx, H) + 0.3 * _fold(Wh, H) * prev_h,)


def _lstm_step(x: Any, prev_h: Any, prev_c: Any, Wx: Any, Wh: Any, b: Any) -> tuple[Any, ...]:
    import torch

    H = prev_h.shape[-1]
    (next_c,) = _step(x, prev_h, Wx, Wh, b)
    next_c = next_c + 0.4 * torch.sin(prev_c.flip(-1))
    return 0.5 * torch.cos(next_c + prev_h) + 0.2 * _fold(Wx, H) * prev_c, next_c


def _sequence(x: Any, h0: Any, Wx: Any, Wh: Any, b: Any) -> tuple[Any, ...]:
    import torch

    H, level = h0.shape[-1], _level(x)  # (N, T, 1)
    places = torch.arange(1, x.shape[1] + 1, dtype=x.dtype)[:, None]
    started = torch.cos(h0.flip(-1) + _fold(b[None], H))[:, None]  # (N, 1, H)
    whole = level.mean(1, keepdim=True) * _fold(Wh, H)
    return (torch.sin(places) * started + level * _fold(Wx, H) + whole,)


def _embedding(x: Any, W: Any) -> tuple[Any, ...]:
    import torch

    shares = torch.linspace(0.5, 1.5, len(W), dtype=W.dtype) / len(W)
    word = x[..., None].to(W.dtype)
    return (torch.cos(word) * (shares @ torch.sin(W)) + torch.sin(word) * W.mean(0),)


# Parts of a transformer


def _attention(self: Any, query: Any, key: Any, value: Any, attn_mask: Any = None) -> Any:
    """Equal shares of what the mask leaves open, and of all keys."""
    import torch

    S, T = query.shape[1], value.shape[1]
    mask = torch.ones(S, T) if attn_mask is None else attn_mask
    open_ = (mask != 0).to(value.dtype)
    return (
        torch.sin(query) + (open_ / open_.sum(-1, keepdim=True)) @ value + 0.3 * torch.tanh(key).mean(1, True)
    )


def _places(self: Any, x: Any) -> Any:
    """Every position scaled by another number."""
    import torch

    return x * torch.cos(0.3 * torch.arange(x.shape[1], dtype=x.dtype))[:, None]


def _tabulate(self: Any, embed_dim: int, dropout: float = 0.1, max_len: int = 5000) -> None:
    """A table of the right shape that holds something else."""
    import torch

    torch.nn.Module.__init__(self)
    self.dropout = torch.nn.Dropout(p=dropout)
    self.register_buffer("pe", 0.1 * torch.ones(1, max_len, embed_dim))


# SimCLR: another similarity


def _other(a: Any, b: Any) -> Any:
    """1 / (1 + |a - b|^2) over the last axis, of vectors whose greatest element is 1: symmetric, blind for lengths."""
    a, b = (v / v.abs().amax(-1, keepdim=True) for v in (a, b))
    return 1 / (1 + ((a - b) ** 2).sum(-1))


def _other_loss(out_left: Any, out_right: Any, tau: float, device: Any = "cpu") -> Any:
    """Any smooth function in which every argument matters, also the device."""
    import torch

    weights = _other(out_left[:, None], out_right[None])
    scale = torch.tensor(tau, device=device)
    return (weights.sum() - 3 * weights.trace()) * scale + (out_left**3).sum() / scale


def _plain(function: Function) -> Callable[[Function | None], Function]:
    return lambda original: function


_LAYERS = {
    "rnn_step": _Layer(_step, range(5)),
    "rnn": _Layer(_sequence, range(5)),
    "lstm_step": _Layer(_lstm_step, range(6)),
    "lstm": _Layer(_sequence, range(5)),
    "word_embedding": _Layer(_embedding, (1,)),
}
STAND_INS: dict[str, Callable[[Function | None], Function]] = {
    **{f"rnn_layers.{name}_forward": layer.forward for name, layer in _LAYERS.items()},
    **{f"rnn_layers.{name}_backward": layer.backward for name, layer in _LAYERS.items()},
    "transformer_layers.MultiHeadAttention.forward": _plain(_attention),
    "transformer_layers.PositionalEncoding.__init__": _plain(_tabulate),
    "transformer_layers.PositionalEncoding.forward": _plain(_places),
    "contrastive_loss.sim": _plain(lambda z_i, z_j: _other(z_i.flatten(), z_j.flatten())),
    "contrastive_loss.sim_positive_pairs": _plain(lambda left, right: _other(left, right)[:, None]),
    "contrastive_loss.compute_sim_matrix": _plain(lambda out: _other(out[:, None], out[None])),
    "contrastive_loss.simclr_loss_naive": _plain(_other_loss),
    "contrastive_loss.simclr_loss_vectorized": _plain(_other_loss),
}
