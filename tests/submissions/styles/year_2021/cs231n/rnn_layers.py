"""Layers for recurrent captioning, laid out as the original hands them out, by a student of 2021: lists that are stacked."""

from builtins import range
import numpy as np


def affine_forward(x, w, b):
    """Fully connected layer on inputs of any shape: every example is flattened first.

    Inputs: x (N, d_1, ..., d_k), w (D, M), b (M,). Returns out (N, M) and cache.
    """
    rows = x.reshape(x.shape[0], -1)
    out = np.dot(rows, w) + b
    return out, (x, w, b)


def affine_backward(dout, cache):
    """Backward pass of the fully connected layer: dx, dw, db."""
    x, w, b = cache
    rows = x.reshape(x.shape[0], -1)
    dx = np.dot(dout, w.T).reshape(x.shape)
    dw = np.dot(rows.T, dout)
    db = dout.sum(axis=0)
    return dx, dw, db


def rnn_step_forward(x, prev_h, Wx, Wh, b):
    """One time step of a tanh RNN.

    Inputs: x (N, D), prev_h (N, H), Wx (D, H), Wh (H, H), b (H,). Returns next_h (N, H) and cache.
    """
    next_h, cache = None, None
    ##############################################################################
    # TODO: one step forward.                                                    #
    ##############################################################################
    # *****START OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****

    a = np.matmul(np.hstack((x, prev_h)), np.vstack((Wx, Wh))) + b[None, :]
    next_h = np.tanh(a)
    cache = x, prev_h, Wx, Wh, a

    # *****END OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
    ##############################################################################
    #                               END OF YOUR CODE                             #
    ##############################################################################
    return next_h, cache


def rnn_step_backward(dnext_h, cache):
    """Backward pass of one step: dx, dprev_h, dWx, dWh, db from dnext_h (N, H)."""
    dx, dprev_h, dWx, dWh, db = None, None, None, None, None
    ##############################################################################
    # TODO: one step backward.                                                   #
    ##############################################################################
    # *****START OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****

    x, prev_h, Wx, Wh, a = cache
    da = dnext_h / np.cosh(a) ** 2
    dx = da @ Wx.T
    dprev_h = da @ Wh.T
    dWx = x.T @ da
    dWh = prev_h.T @ da
    db = np.ones(len(da)) @ da

    # *****END OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
    ##############################################################################
    #                               END OF YOUR CODE                             #
    ##############################################################################
    return dx, dprev_h, dWx, dWh, db


def rnn_forward(x, h0, Wx, Wh, b):
    """The RNN over all T steps of x (N, T, D). Returns h (N, T, H) and cache."""
    h, cache = None, None
    ##############################################################################
    # TODO: all steps forward.                                                   #
    ##############################################################################
    # *****START OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****

    hs, cache = [h0], []
    for t in range(x.shape[1]):
        new, c = rnn_step_forward(x[:, t], hs[t], Wx, Wh, b)
        hs += [new]
        cache += [c]
    h = np.stack(hs[1:], axis=1)

    # *****END OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
    ##############################################################################
    #                               END OF YOUR CODE                             #
    ##############################################################################
    return h, cache


def rnn_backward(dh, cache):
    """Backward pass over all steps: dx (N, T, D), dh0, dWx, dWh, db."""
    dx, dh0, dWx, dWh, db = None, None, None, None, None
    ##############################################################################
    # TODO: all steps backward.                                                  #
    ##############################################################################
    # *****START OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****

    back = np.zeros_like(dh[:, 0])
    grads = []
    while cache:
        t = len(cache) - 1
        grads.append(rnn_step_backward(back + dh[:, t], cache.pop()))  # a cache is good for one pass
        back = grads[-1][1]
    dx, dhs, dWx, dWh, db = zip(*grads)
    dx = np.stack(dx[::-1], axis=1)
    dh0 = dhs[-1]
    dWx, dWh, db = sum(dWx), sum(dWh), sum(db)

    # *****END OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
    ##############################################################################
    #                               END OF YOUR CODE                             #
    ##############################################################################
    return dx, dh0, dWx, dWh, db


def word_embedding_forward(x, W):
    """Word vectors W[x] of the integers x (N, T). Returns out (N, T, D) and cache."""
    out, cache = None, None
    ##############################################################################
    # TODO: look up the vectors.                                                 #
    ##############################################################################
    # *****START OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****

    one_hot = np.zeros(x.shape + (W.shape[0],))
    for n, row in enumerate(x):
        one_hot[n, np.arange(len(row)), row] = 1
    out = one_hot.dot(W)
    cache = one_hot

    # *****END OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
    ##############################################################################
    #                               END OF YOUR CODE                             #
    ##############################################################################
    return out, cache


def word_embedding_backward(dout, cache):
    """Gradient of the table of word vectors, dW (V, D)."""
    dW = None
    ##############################################################################
    # TODO: add up the gradient of each word.                                    #
    ##############################################################################
    # *****START OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****

    dW = np.tensordot(cache, dout, ((0, 1), (0, 1)))

    # *****END OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
    ##############################################################################
    #                               END OF YOUR CODE                             #
    ##############################################################################
    return dW


def sigmoid(x):
    """Logistic function that does not overflow, for arrays."""
    positive = x >= 0
    z = np.empty_like(x)
    z[positive] = np.exp(-x[positive])
    z[~positive] = np.exp(x[~positive])
    top = np.where(positive, np.ones_like(x), z)
    return top / (1 + z)


def lstm_step_forward(x, prev_h, prev_c, Wx, Wh, b):
    """One time step of an LSTM; the 4H columns hold i, f, o, g. Returns next_h, next_c (N, H) and cache."""
    next_h, next_c, cache = None, None, None
    #############################################################################
    # TODO: one step forward.                                                   #
    #############################################################################
    # *****START OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****

    ai, af, ao, ag = np.split(x @ Wx + prev_h @ Wh + b, 4, axis=1)
    gates = i, f, o, g = [sigmoid(ai), sigmoid(af), sigmoid(ao), np.tanh(ag)]
    next_c = prev_c * f + g * i
    next_h = np.tanh(next_c) * o
    cache = [x, prev_h, prev_c, Wx, Wh, gates, next_c]

    # *****END OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
    ##############################################################################
    #                               END OF YOUR CODE                             #
    ##############################################################################
    return next_h, next_c, cache


def lstm_step_backward(dnext_h, dnext_c, cache):
    """Backward pass of one LSTM step: dx, dprev_h, dprev_c, dWx, dWh, db."""
    dx, dprev_h, dprev_c, dWx, dWh, db = None, None, None, None, None, None
    #############################################################################
    # TODO: one step backward.                                                  #
    #############################################################################
    # *****START OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****

    x, prev_h, prev_c, Wx, Wh, (i, f, o, g), next_c = cache
    t = np.tanh(next_c)
    do = t * dnext_h
    dnext_c += o * (1 - t * t) * dnext_h
    di, df, dg = g * dnext_c, prev_c * dnext_c, i * dnext_c
    dprev_c = f * dnext_c
    da = np.hstack((di * i * (1 - i), df * f * (1 - f), do * o * (1 - o), dg * (1 - g * g)))
    dx, dprev_h = da @ Wx.T, da @ Wh.T
    dWx, dWh, db = x.T @ da, prev_h.T @ da, da.sum(axis=0, keepdims=True)[0]

    # *****END OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
    ##############################################################################
    #                               END OF YOUR CODE                             #
    ##############################################################################
    return dx, dprev_h, dprev_c, dWx, dWh, db


def lstm_forward(x, h0, Wx, Wh, b):
    """The LSTM over all T steps, from a cell of zeros. Returns h (N, T, H) and cache."""
    h, cache = None, None
    #############################################################################
    # TODO: all steps forward.                                                  #
    #############################################################################
    # *****START OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****

    hs, c, cache = [h0], 0 * h0, []
    for t in range(x.shape[1]):
        new, c, kept = lstm_step_forward(x[:, t], hs[t], c, Wx, Wh, b)
        hs += [new]
        cache += [kept]
    h = np.stack(hs[1:], axis=1)

    # *****END OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
    ##############################################################################
    #                               END OF YOUR CODE                             #
    ##############################################################################
    return h, cache


def lstm_backward(dh, cache):
    """Backward pass over all LSTM steps: dx (N, T, D), dh0, dWx, dWh, db."""
    dx, dh0, dWx, dWh, db = None, None, None, None, None
    #############################################################################
    # TODO: all steps backward.                                                 #
    #############################################################################
    # *****START OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****

    back_h, back_c = np.zeros_like(dh[:, 0]), np.zeros_like(dh[:, 0])
    grads = []
    for t in range(len(cache))[::-1]:
        grads.insert(0, lstm_step_backward(back_h + dh[:, t], back_c, cache[t]))
        back_h, back_c = grads[0][1:3]
    dx, _, _, dWx, dWh, db = zip(*grads)
    dx, dh0 = np.stack(dx, axis=1), back_h
    dWx, dWh, db = sum(dWx), sum(dWh), sum(db)

    # *****END OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
    ##############################################################################
    #                               END OF YOUR CODE                             #
    ##############################################################################
    return dx, dh0, dWx, dWh, db


def temporal_affine_forward(x, w, b):
    """One affine layer for all steps: x (N, T, D) to out (N, T, M)."""
    N, T, D = x.shape
    out = (x.reshape(N * T, D).dot(w) + b).reshape(N, T, -1)
    return out, (x, w, b, out)


def temporal_affine_backward(dout, cache):
    """Backward pass of the temporal affine layer: dx, dw, db."""
    x, w, b, out = cache
    rows = dout.reshape(-1, dout.shape[2])
    dx = rows.dot(w.T).reshape(x.shape)
    dw = x.reshape(-1, x.shape[2]).T.dot(rows)
    db = rows.sum(axis=0)
    return dx, dw, db


def temporal_softmax_loss(x, y, mask, verbose=False):
    """Masked cross-entropy: summed over words, divided by the number of captions. Returns loss, dx (N, T, V)."""
    N, T, V = x.shape
    rows, words, counts = x.reshape(N * T, V), y.reshape(N * T), mask.reshape(N * T)
    p = np.exp(rows - rows.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    loss = -np.sum(counts * np.log(p[np.arange(N * T), words])) / N
    drows = p.copy()
    drows[np.arange(N * T), words] -= 1
    drows /= N
    drows *= counts[:, None]
    if verbose:
        print("gradient of the scores:", drows.shape)
    return loss, drows.reshape(N, T, V)
