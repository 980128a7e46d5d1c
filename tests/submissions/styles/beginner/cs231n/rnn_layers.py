# -*- coding: latin-1 -*-
# Übung 3, RNN. Alles Schritt für Schritt, damit ich es später noch verstehe.
from __future__ import division, print_function

import sys

import numpy as np
import scipy.misc
from past.builtins import xrange

from cs231n.my_helpers import check_shape, count_calls, show

DEBUG = True
np.set_printoptions(precision=4, suppress=True)
sys.setrecursionlimit(5000)


def affine_forward(x, w, b):
    N = x.shape[0]
    x_row = x.reshape(N, -1)
    out = np.dot(x_row, w)
    out = out + b
    cache = (x, w, b)
    return out, cache


def affine_backward(dout, cache):
    x, w, b = cache
    N = x.shape[0]
    dx = np.dot(dout, w.T)
    dx = np.reshape(dx, x.shape)
    x_row = x.reshape(N, -1)
    dw = np.dot(x_row.T, dout)
    db = np.sum(dout, axis=0)
    return dx, dw, db


@count_calls
def rnn_step_forward(x, prev_h, Wx, Wh, b):
    N = x.shape[0]
    D = x.shape[1]
    H = prev_h.shape[1]
    # 1. from the input
    from_x = np.dot(x, Wx)
    # 2. from the old state
    from_h = np.dot(prev_h, Wh)
    # 3. both and the bias
    a = from_x + from_h
    a = a + b
    if DEBUG:
        show("a", a)
    # 4. tanh
    next_h = np.tanh(a)
    check_shape(next_h, N, H)
    # next_h = 1 / (1 + np.exp(-a))   # war falsch!
    cache = {}
    cache["x"] = x
    cache["prev_h"] = prev_h
    cache["Wx"] = Wx
    cache["Wh"] = Wh
    cache["b"] = b
    cache["a"] = a
    cache["next_h"] = next_h
    cache["N, D, H"] = (N, D, H)
    return next_h, cache


@count_calls
def rnn_step_backward(dnext_h, cache):
    x = cache["x"]
    prev_h = cache["prev_h"]
    Wx = cache["Wx"]
    Wh = cache["Wh"]
    a = cache["a"]
    # d tanh(a) / da = 1 - tanh(a)^2
    da = np.zeros(a.shape, dtype=a.dtype)
    da += (1 - np.tanh(a) ** 2) * dnext_h
    dx = np.dot(da, Wx.T)
    dprev_h = np.dot(da, Wh.T)
    dWx = np.dot(x.T, da)
    dWh = np.dot(prev_h.T, da)
    db = np.sum(da, axis=0)
    return dx, dprev_h, dWx, dWh, db


def rnn_forward(x, h0, Wx, Wh, b):
    N, T, D = x.shape
    H = h0.shape[1]
    h = np.zeros((N, T, H), dtype=x.dtype)  # x.dtype: in float32 it was faster
    cache = [None] * T
    prev_h = h0
    for t in range(T):
        print("t =", t)
        x_t = x[:, t, :]
        next_h, cache_t = rnn_step_forward(x_t, prev_h, Wx, Wh, b)
        h[:, t, :] = next_h
        cache[t] = cache_t
        prev_h = next_h
    return h, cache


def rnn_backward(dh, cache):
    N, T, H = dh.shape
    D = cache[0]["x"].shape[1]
    kind = cache[0]["x"].dtype
    dx = np.zeros((N, T, D), dtype=kind)
    dWx = np.zeros((D, H), dtype=kind)
    dWh = np.zeros((H, H), dtype=kind)
    db = np.zeros((H,), dtype=kind)
    dprev_h = np.zeros((N, H), dtype=kind)
    t = T - 1
    while t >= 0:
        dh_t = dh[:, t, :] + dprev_h
        dx_t, dprev_h, dWx_t, dWh_t, db_t = rnn_step_backward(dh_t, cache[t])
        dx[:, t, :] = dx_t
        dWx = dWx + dWx_t
        dWh = dWh + dWh_t
        db = db + db_t
        t = t - 1
    dh0 = dprev_h
    print("fertig rückwärts")
    return dx, dh0, dWx, dWh, db


def word_embedding_forward(x, W):
    N, T = x.shape
    V, D = W.shape
    out = np.zeros((N, T, D), dtype=W.dtype)
    for n in range(N):
        for t in range(T):
            out[n, t, :] = W[x[n, t], :]
    cache = (x, W)
    return out, cache


def word_embedding_backward(dout, cache):
    x, W = cache
    N, T = x.shape
    dW = np.zeros(W.shape, dtype=W.dtype)
    for n in range(N):
        for t in range(T):
            word = x[n, t]
            dW[word, :] = dW[word, :] + dout[n, t, :]
    return dW


def sigmoid(x):
    pos_mask = x >= 0
    neg_mask = x < 0
    z = np.zeros_like(x)
    z[pos_mask] = np.exp(-x[pos_mask])
    z[neg_mask] = np.exp(x[neg_mask])
    top = np.ones_like(x)
    top[neg_mask] = z[neg_mask]
    return top / (1 + z)


@count_calls
def lstm_step_forward(x, prev_h, prev_c, Wx, Wh, b):
    N = x.shape[0]
    H = prev_h.shape[1]
    a = np.dot(x, Wx) + np.dot(prev_h, Wh) + b
    check_shape(a, N, 4 * H)
    # Reihenfolge: i, f, o, g
    ai = a[:, 0:H]
    af = a[:, H:2 * H]
    ao = a[:, 2 * H:3 * H]
    ag = a[:, 3 * H:4 * H]
    i = sigmoid(ai)
    f = sigmoid(af)
    o = sigmoid(ao)
    g = np.tanh(ag)
    next_c = f * prev_c + i * g
    next_h = o * np.tanh(next_c)
    if DEBUG:
        show("next_c", next_c)
    cache = (x, prev_h, prev_c, Wx, Wh, b, ai, af, ao, ag, i, f, o, g, next_c, next_h)
    return next_h, next_c, cache


@count_calls
def lstm_step_backward(dnext_h, dnext_c, cache):
    x, prev_h, prev_c, Wx, Wh, b, ai, af, ao, ag, i, f, o, g, next_c, next_h = cache
    N, H = dnext_h.shape
    tanh_c = np.tanh(next_c)
    # next_h = o * tanh(next_c)
    do = dnext_h * tanh_c
    dc = dnext_h * o * (1 - tanh_c ** 2)
    dc = dc + dnext_c
    # next_c = f * prev_c + i * g
    df = dc * prev_c
    dprev_c = dc * f
    di = dc * g
    dg = dc * i
    da = np.zeros((N, 4 * H), dtype=dc.dtype)
    da[:, 0:H] = di * i * (1 - i)
    da[:, H:2 * H] = df * f * (1 - f)
    da[:, 2 * H:3 * H] = do * o * (1 - o)
    da[:, 3 * H:4 * H] = dg * (1 - g ** 2)
    dx = np.dot(da, Wx.T)
    dprev_h = np.dot(da, Wh.T)
    dWx = np.dot(x.T, da)
    dWh = np.dot(prev_h.T, da)
    db = np.sum(da, axis=0)
    return dx, dprev_h, dprev_c, dWx, dWh, db


def lstm_forward(x, h0, Wx, Wh, b):
    N, T, D = x.shape
    H = h0.shape[1]
    h = np.zeros((N, T, H), dtype=x.dtype)
    cache = {}
    prev_h = h0
    prev_c = np.zeros((N, H), dtype=x.dtype)
    for t in range(T):
        prev_h, prev_c, cache["step %d" % t] = lstm_step_forward(x[:, t, :], prev_h, prev_c, Wx, Wh, b)
        h[:, t, :] = prev_h
    cache["D"] = D
    return h, cache


def lstm_backward(dh, cache):
    N, T, H = dh.shape
    D = cache["D"]
    kind = dh.dtype
    dx = np.zeros((N, T, D), dtype=kind)
    dWx = np.zeros((D, 4 * H), dtype=kind)
    dWh = np.zeros((H, 4 * H), dtype=kind)
    db = np.zeros((4 * H,), dtype=kind)
    dprev_h = np.zeros((N, H), dtype=kind)
    dprev_c = np.zeros((N, H), dtype=kind)
    for t in reversed(range(T)):
        dnext_h = dh[:, t, :] + dprev_h
        grads = lstm_step_backward(dnext_h, dprev_c, cache["step %d" % t])
        dx[:, t, :] = grads[0]
        dprev_h = grads[1]
        dprev_c = grads[2]
        dWx += grads[3]
        dWh += grads[4]
        db += grads[5]
    dh0 = dprev_h
    return dx, dh0, dWx, dWh, db


def temporal_affine_forward(x, w, b):
    N, T, D = x.shape
    M = b.shape[0]
    out = x.reshape(N * T, D).dot(w).reshape(N, T, M) + b
    cache = x, w, b, out
    return out, cache


def temporal_affine_backward(dout, cache):
    x, w, b, out = cache
    N, T, D = x.shape
    M = b.shape[0]
    dx = dout.reshape(N * T, M).dot(w.T).reshape(N, T, D)
    dw = dout.reshape(N * T, M).T.dot(x.reshape(N * T, D)).T
    db = dout.sum(axis=(0, 1))
    return dx, dw, db


def temporal_softmax_loss(x, y, mask, verbose=False):
    N, T, V = x.shape
    x_flat = x.reshape(N * T, V)
    y_flat = y.reshape(N * T)
    mask_flat = mask.reshape(N * T)
    shifted = x_flat - np.max(x_flat, axis=1, keepdims=True)
    logp = shifted - np.log(np.sum(np.exp(shifted), axis=1, keepdims=True))
    loss = -np.sum(mask_flat * logp[np.arange(N * T), y_flat]) / N
    dx_flat = np.exp(logp)
    dx_flat[np.arange(N * T), y_flat] -= 1
    dx_flat /= N
    dx_flat *= mask_flat[:, None]
    if verbose:
        print("dx_flat: ", dx_flat.shape)
    dx = dx_flat.reshape(N, T, V)
    return loss, dx


# kleiner Test
if __name__ == "__main__":
    h, c = rnn_step_forward(np.ones((2, 3)), np.ones((2, 4)), np.ones((3, 4)), np.ones((4, 4)), np.ones(4))
    print(h)
    import pdb
    pdb.set_trace()

_test = rnn_step_forward(np.ones((2, 3)), np.ones((2, 4)), np.ones((3, 4)), np.ones((4, 4)), np.ones(4))[0]
print("Test bei jedem Import: größter Wert", _test.max())
