"""Layers as expressions: a cache is the function that its backward pass calls, time is a fold or a recursion."""

from functools import partial, reduce
from itertools import accumulate

from numpy import *  # zip, sum and the like are numpy's from here on

import builtins

rows = lambda x: x.reshape(-1, x.shape[-1])
pull = lambda dout, cache: cache(dout)  # every backward pass is this
by_time = lambda x: moveaxis(x, 1, 0)  # (N, T, ...) <-> (T, N, ...): a view
add_up = lambda one, other: tuple(a + b for a, b in zip(one, other))


def affine_forward(x, w, b):
    flat = x.reshape(len(x), -1)
    return flat @ w + b, lambda d: ((d @ w.T).reshape(x.shape), flat.T @ d, d.sum(0))


affine_backward = pull


def rnn_step_forward(x, prev_h, Wx, Wh, b):
    return (lambda h: (h, lambda d: (lambda a: (a @ Wx.T, a @ Wh.T, x.T @ a, prev_h.T @ a, a.sum(0)))(d * (1 - h * h))))(
        tanh(x @ Wx + prev_h @ Wh + b)
    )


rnn_step_backward = pull


def rnn_forward(x, h0, Wx, Wh, b):
    def run(t, h):
        """All states and caches from step t on."""
        if t == x.shape[1]:
            return []
        pair = rnn_step_forward(x[:, t], h, Wx, Wh, b)
        return [pair] + run(t + 1, pair[0])

    pairs = run(0, h0)
    return moveaxis(array([h for h, _ in pairs]), 0, 1), tuple(c for _, c in pairs)


def rnn_backward(dh, cache):
    def back(carried, step):
        d, c = step
        dx, dprev, *weights = c(d + carried[1])
        return [dx] + carried[0], dprev, weights if carried[2] is None else add_up(carried[2], weights)

    dx, dh0, weights = reduce(back, list(zip(by_time(dh), cache))[::-1], ([], 0, None))
    return (stack(dx, 1), dh0, *weights)


def word_embedding_forward(x, W):
    def back(dout):
        dW = zeros_like(W, dtype=dout.dtype)
        return add.at(dW, x, dout) or dW

    return W.take(x, 0), back


word_embedding_backward = pull

# 1 / (1 + exp(-x)) without overflow: exp(-log(1 + exp(-x)))
sigmoid = lambda x: exp(-logaddexp(0, -x))


def lstm_step_forward(x, prev_h, prev_c, Wx, Wh, b):
    i, f, o, g = (squash(a) for squash, a in zip([sigmoid] * 3 + [tanh], split(x @ Wx + prev_h @ Wh + b, 4, -1)))
    next_c = f * prev_c + i * g
    shown = tanh(next_c)

    def back(dh, dc):
        dc = dc + dh * o * (1 - shown**2)
        a = concatenate((dc * g * i * (1 - i), dc * prev_c * f * (1 - f), dh * shown * o * (1 - o), dc * i * (1 - g**2)), 1)
        return a @ Wx.T, a @ Wh.T, dc * f, x.T @ a, prev_h.T @ a, a.sum(0)

    return o * shown, next_c, back


lstm_step_backward = lambda dnext_h, dnext_c, cache: cache(dnext_h, dnext_c)


def lstm_forward(x, h0, Wx, Wh, b):
    start = (h0, zeros_like(h0), None)
    step = lambda state, x_t: lstm_step_forward(x_t, state[0], state[1], Wx, Wh, b)
    states = list(accumulate(by_time(x), step, initial=start))[1:]
    return stack([h for h, _, _ in states], axis=1), [back for _, _, back in states]


def lstm_backward(dh, cache):
    def back(t, dh_next, dc_next):
        """Gradients of the steps 0 ... t, and the sums of the weights'."""
        dx, dprev_h, dprev_c, *weights = cache[t](dh[:, t] + dh_next, dc_next)
        if t == 0:
            return [dx], dprev_h, weights
        before, dh0, sums = back(t - 1, dprev_h, dprev_c)
        return before + [dx], dh0, add_up(weights, sums)

    dx, dh0, weights = back(len(cache) - 1, 0, 0)
    return (stack(dx, 1), dh0, *weights)


def temporal_affine_forward(x, w, b):
    return x @ w + b, lambda d: (d @ w.T, rows(x).T @ rows(d), rows(d).sum(0))


temporal_affine_backward = pull


def temporal_softmax_loss(x, y, mask, verbose=False):
    weight = asarray(mask, dtype=x.dtype)[..., None] / len(x)
    logp = (lambda s: s - log(exp(s).sum(-1, keepdims=True)))(x - x.max(-1, keepdims=True))
    hot = eye(x.shape[-1], dtype=x.dtype)[y]
    builtins.print("loss", x.shape) if verbose else None
    return -(weight * hot * logp).sum(), weight * (exp(logp) - hot)
