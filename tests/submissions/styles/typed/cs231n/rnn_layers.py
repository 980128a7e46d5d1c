"""Typed layers: a layer is a class with two static methods; the functions of the handout are names for them."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any, Callable, Final, Generic, NamedTuple, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[np.floating[Any]]
C = TypeVar("C")

GATES: Final = ("i", "f", "o", "g")

__all__ = [
    "affine_forward", "affine_backward", "rnn_step_forward", "rnn_step_backward", "rnn_forward", "rnn_backward",
    "word_embedding_forward", "word_embedding_backward", "sigmoid", "lstm_step_forward", "lstm_step_backward",
    "lstm_forward", "lstm_backward", "temporal_affine_forward", "temporal_affine_backward", "temporal_softmax_loss",
]


class AffineCache(NamedTuple):
    x: Array
    w: Array


class StepCache(NamedTuple):
    x: Array
    prev_h: Array
    Wx: Array
    Wh: Array
    next_h: Array


@dataclass(frozen=True)
class LstmCache:
    x: Array
    prev_h: Array
    prev_c: Array
    Wx: Array
    Wh: Array
    gates: dict[str, Array]
    tanh_c: Array


@dataclass
class Unrolled(Generic[C]):
    """The caches of all steps; the last one is on top."""

    steps: deque[C] = field(default_factory=deque)
    sums: tuple[Array, Array, Array] | None = None

    def push(self, step: C) -> None:
        self.steps.append(step)

    def add(self, dWx: Array, dWh: Array, db: Array) -> None:
        if self.sums is None:
            self.sums = np.zeros_like(dWx), np.zeros_like(dWh), np.zeros_like(db)
        for total, part in zip(self.sums, (dWx, dWh, db)):
            np.add(total, part, out=total)


class Affine:
    @staticmethod
    def forward(x: Array, w: Array, b: Array) -> tuple[Array, AffineCache]:
        out: Array = x.reshape(x.shape[0], -1) @ w + b
        return out, AffineCache(x, w)

    @staticmethod
    def backward(dout: Array, cache: AffineCache) -> tuple[Array, Array, Array]:
        x, w = cache
        return (dout @ w.T).reshape(x.shape), x.reshape(x.shape[0], -1).T @ dout, dout.sum(axis=0)


class RnnStep:
    @staticmethod
    def forward(x: Array, prev_h: Array, Wx: Array, Wh: Array, b: Array) -> tuple[Array, StepCache]:
        next_h: Array = np.tanh(x @ Wx + prev_h @ Wh + b)
        return next_h, StepCache(x=x, prev_h=prev_h, Wx=Wx, Wh=Wh, next_h=next_h)

    @staticmethod
    def backward(dnext_h: Array, cache: StepCache) -> tuple[Array, Array, Array, Array, Array]:
        match cache:
            case StepCache(x, prev_h, Wx, Wh, next_h):
                da = dnext_h * (1 - next_h) * (1 + next_h)
                return da @ Wx.T, da @ Wh.T, (da.T @ x).T, (da.T @ prev_h).T, np.sum(da, axis=0)
        raise TypeError(f"not a cache of this layer: {type(cache)}")


class Rnn:
    """The input's part of all steps is one product; steps only add the state's part."""

    @staticmethod
    def forward(x: Array, h0: Array, Wx: Array, Wh: Array, b: Array) -> tuple[Array, dict[str, Array]]:
        N, T, _ = x.shape
        driven: Array = x @ Wx + b  # (N, T, H)
        h = np.empty((T + 1, N, h0.shape[1]), dtype=np.result_type(driven, h0))
        h[0] = h0
        for t in range(T):
            np.tanh(driven[:, t] + h[t] @ Wh, out=h[t + 1])
        return h[1:].swapaxes(0, 1), {"x": x, "h": h, "Wx": Wx, "Wh": Wh}

    @staticmethod
    def backward(dh: Array, cache: dict[str, Array]) -> tuple[Array, Array, Array, Array, Array]:
        x, h, Wx, Wh = (cache[name] for name in ("x", "h", "Wx", "Wh"))
        da = np.empty(dh.shape, dtype=np.result_type(dh, h))  # (N, T, H)
        carried: Array | float = 0.0
        for t in reversed(range(dh.shape[1])):
            da[:, t] = (dh[:, t] + carried) * (1 - h[t + 1] ** 2)
            carried = da[:, t] @ Wh.T
        dWx = np.tensordot(x, da, axes=((0, 1), (0, 1)))
        dWh = np.tensordot(h[:-1], da, axes=((1, 0), (0, 1)))
        return da @ Wx.T, np.asarray(carried), dWx, dWh, da.sum(axis=(0, 1))


class WordEmbedding:
    @staticmethod
    def forward(x: npt.NDArray[np.integer[Any]], W: Array) -> tuple[Array, tuple[Any, ...]]:
        return W[x.ravel()].reshape(*x.shape, -1), (x, W.shape, W.dtype)

    @staticmethod
    def backward(dout: Array, cache: tuple[Any, ...]) -> Array:
        words, (V, D), dtype = cache
        dW = np.zeros((V, D), dtype=np.promote_types(dtype, dout.dtype))
        order = np.argsort(words, axis=None, kind="stable")  # equal words side by side, then one sum for each
        seen, first = np.unique(words.ravel()[order], return_index=True)
        dW[seen] = np.add.reduceat(dout.reshape(-1, D)[order], first, axis=0)
        return dW


def sigmoid(x: Array) -> Array:
    out = np.empty_like(x, dtype=np.result_type(x, np.float32))
    positive = x >= 0
    out[positive] = 1 / (1 + np.exp(-x[positive]))
    grown = np.exp(x[~positive])
    out[~positive] = grown / (1 + grown)
    return out


class LstmStep:
    @staticmethod
    def forward(
        x: Array, prev_h: Array, prev_c: Array, Wx: Array, Wh: Array, b: Array
    ) -> tuple[Array, Array, LstmCache]:
        H = prev_h.shape[-1]
        a = x @ Wx + prev_h @ Wh + b
        gates: dict[str, Array] = {}
        for k, name in enumerate(GATES):
            squash: Callable[[Array], Array] = np.tanh if name == "g" else sigmoid
            gates[name] = squash(a[:, k * H : (k + 1) * H])
        next_c = gates["f"] * prev_c + gates["i"] * gates["g"]
        return gates["o"] * (tanh_c := np.tanh(next_c)), next_c, LstmCache(x, prev_h, prev_c, Wx, Wh, gates, tanh_c)

    @staticmethod
    def backward(dnext_h: Array, dnext_c: Array, cache: LstmCache) -> tuple[Array, ...]:
        s = cache.gates
        dc = dnext_c + dnext_h * s["o"] * (1 - cache.tanh_c**2)
        d = {"i": dc * s["g"], "f": dc * cache.prev_c, "o": dnext_h * cache.tanh_c, "g": dc * s["i"]}
        slopes = {name: 1 - y**2 if name == "g" else y - y**2 for name, y in s.items()}
        da = np.block([[d[name] * slopes[name] for name in GATES]])
        return da @ cache.Wx.T, da @ cache.Wh.T, dc * s["f"], cache.x.T @ da, cache.prev_h.T @ da, da.sum(axis=0)


class Lstm:
    @staticmethod
    def forward(x: Array, h0: Array, Wx: Array, Wh: Array, b: Array) -> tuple[Array, Unrolled[LstmCache]]:
        h, c, cache = h0, np.zeros_like(h0), Unrolled[LstmCache]()
        out = np.empty((*x.shape[:2], h0.shape[1]), dtype=np.result_type(x, h0, Wx, Wh, b), order="F")
        for t in range(x.shape[1]):
            h, c, step = LstmStep.forward(x[:, t], h, c, Wx, Wh, b)
            out[:, t] = h
            cache.push(step)
        return out, cache

    @staticmethod
    def backward(dh: Array, cache: Unrolled[LstmCache]) -> tuple[Array, ...]:
        dx: deque[Array] = deque()
        carried_h = carried_c = np.zeros_like(dh[:, 0])
        for t in range(dh.shape[1] - 1, -1, -1):
            dx_t, carried_h, carried_c, *weights = LstmStep.backward(dh[:, t] + carried_h, carried_c, cache.steps.pop())
            dx.appendleft(dx_t)
            cache.add(*weights)
        assert cache.sums is not None
        return np.stack(list(dx), axis=1), carried_h, *cache.sums


class TemporalAffine:
    @staticmethod
    def forward(x: Array, w: Array, b: Array) -> tuple[Array, AffineCache]:
        return np.matmul(x, w) + b, AffineCache(x, w)

    @staticmethod
    def backward(dout: Array, cache: AffineCache) -> tuple[Array, Array, Array]:
        M, D = dout.shape[-1], cache.x.shape[-1]
        return dout @ cache.w.T, cache.x.reshape(-1, D).T @ dout.reshape(-1, M), dout.sum(axis=(0, 1))


def temporal_softmax_loss(x: Array, y: Any, mask: Any, verbose: bool = False) -> tuple[npt.NDArray[Any], Array]:
    N, T, V = x.shape
    flat, words, weight = x.reshape(-1, V), y.reshape(-1), np.asarray(mask).reshape(-1) / N
    p = np.exp(flat - flat.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    at = np.arange(len(words)), words
    shifted = flat - flat.max(axis=1, keepdims=True)
    loss = np.sum(weight * (np.log(np.exp(shifted).sum(axis=1)) - shifted[at]))
    dflat = p
    dflat[at] -= 1
    dflat *= weight[:, None].astype(x.dtype)
    return np.asarray(loss), dflat.reshape(N, T, V)


affine_forward, affine_backward = Affine.forward, Affine.backward
rnn_step_forward, rnn_step_backward = RnnStep.forward, RnnStep.backward
rnn_forward, rnn_backward = Rnn.forward, Rnn.backward
word_embedding_forward, word_embedding_backward = WordEmbedding.forward, WordEmbedding.backward
lstm_step_forward, lstm_step_backward = LstmStep.forward, LstmStep.backward
lstm_forward, lstm_backward = Lstm.forward, Lstm.backward
temporal_affine_forward, temporal_affine_backward = TemporalAffine.forward, TemporalAffine.backward
