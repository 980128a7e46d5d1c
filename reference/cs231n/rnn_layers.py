"""Layers of a recurrent captioner in NumPy: every forward pass has a backward pass beside it.

A forward function returns `(out, cache)`; its backward function takes the gradient of the loss with
respect to `out`, together with that cache, and returns one gradient per differentiable input, in the order of
the inputs. Results have the dtype of the inputs, and no function changes an array that it was given.

Sizes: N captions in the batch, T time steps, D inputs, H hidden units, V words in the vocabulary.
"""

import numpy as np


def affine_forward(x, w, b):
    """An affine map of each example, flattened: out = x w + b.

    x: (N, d_1, ..., d_k) with d_1 * ... * d_k = D; w: (D, M); b: (M,).
    Returns out (N, M) and the cache of `affine_backward`.
    """
    out = x.reshape(x.shape[0], -1) @ w + b  # (N, M)
    cache = (x, w, b)
    return out, cache


def affine_backward(dout, cache):
    """The gradients of `affine_forward`, given dout (N, M).

    Returns dx in the shape of x, dw (D, M), db (M,).
    """
    x, w, _ = cache
    dx = (dout @ w.T).reshape(x.shape)  # (N, d_1, ..., d_k)
    dw = x.reshape(x.shape[0], -1).T @ dout  # (D, M)
    db = dout.sum(axis=0)  # (M,)
    return dx, dw, db


def rnn_step_forward(x, prev_h, Wx, Wh, b):
    """One time step of a vanilla RNN: next_h = tanh(x Wx + prev_h Wh + b).

    x: (N, D); prev_h: (N, H); Wx: (D, H); Wh: (H, H); b: (H,).
    Returns next_h (N, H) and the cache of `rnn_step_backward`.
    """
    # BEGIN SOLUTION: compute next_h, and keep in cache what the backward pass needs.
    next_h = np.tanh(x @ Wx + prev_h @ Wh + b)  # (N, H)
    cache = (x, prev_h, Wx, Wh, next_h)
    # END SOLUTION
    return next_h, cache


def rnn_step_backward(dnext_h, cache):
    """The gradients of `rnn_step_forward`, given dnext_h (N, H).

    Returns dx (N, D), dprev_h (N, H), dWx (D, H), dWh (H, H), db (H,).
    """
    # The derivative of tanh can be written with its value alone.
    # BEGIN SOLUTION: backpropagate dnext_h through the tanh into all five inputs.
    x, prev_h, Wx, Wh, next_h = cache

    # tanh'(a) = 1 - tanh(a)^2
    da = dnext_h * (1 - next_h**2)  # (N, H)

    # a = x Wx + prev_h Wh + b
    dx = da @ Wx.T  # (N, D)
    dprev_h = da @ Wh.T  # (N, H)
    dWx = x.T @ da  # (D, H)
    dWh = prev_h.T @ da  # (H, H)
    db = da.sum(axis=0)  # (H,)
    # END SOLUTION
    return dx, dprev_h, dWx, dWh, db


def rnn_forward(x, h0, Wx, Wh, b):
    """A vanilla RNN over a whole sequence: h[:, t] is computed from x[:, t] and h[:, t-1].

    x: (N, T, D); h0: (N, H), the state before the first step; Wx: (D, H); Wh: (H, H); b: (H,).
    Returns all hidden states h (N, T, H), without h0, and the cache of `rnn_backward`.
    """
    # Build this from `rnn_step_forward`.
    # BEGIN SOLUTION: run rnn_step_forward over the T time steps and collect every hidden state.
    hs, cache = [], []
    prev_h = h0  # (N, H)
    for t in range(x.shape[1]):
        prev_h, step_cache = rnn_step_forward(x[:, t], prev_h, Wx, Wh, b)
        hs.append(prev_h)
        cache.append(step_cache)
    h = np.stack(hs, axis=1)  # (N, T, H)
    # END SOLUTION
    return h, cache


def rnn_backward(dh, cache):
    """The gradients of `rnn_forward`, given dh (N, T, H): backpropagation through time.

    dh[:, t] is only what the loss sends directly to h[:, t], for instance through the scores of that step.
    What reaches h[:, t] through the later time steps is not in it: this function adds that part.
    Returns dx (N, T, D), dh0 (N, H), dWx (D, H), dWh (H, H), db (H,).
    """
    # Build this from `rnn_step_backward`.
    # BEGIN SOLUTION: walk back through time with rnn_step_backward and add up the weights' gradients.
    dxs = []
    dprev_h = np.zeros_like(dh[:, 0])  # (N, H): nothing comes after the last step
    dWx = dWh = db = 0
    for t in reversed(range(dh.shape[1])):
        # h[:, t] has two readers: the loss at step t and the step t+1.
        step = rnn_step_backward(dh[:, t] + dprev_h, cache[t])
        dxs.append(step[0])
        dprev_h = step[1]

        # The same weights serve every step, so their gradients add up.
        dWx, dWh, db = dWx + step[2], dWh + step[3], db + step[4]
    dx = np.stack(dxs[::-1], axis=1)  # (N, T, D)
    dh0 = dprev_h  # (N, H)
    # END SOLUTION
    return dx, dh0, dWx, dWh, db


def word_embedding_forward(x, W):
    """A table of word vectors: out[n, t] = W[x[n, t]].

    x: integers (N, T), each from 0 to V-1; W: (V, D), one row per word.
    Returns out (N, T, D) and the cache of `word_embedding_backward`.
    """
    # BEGIN SOLUTION: look up the vector of every word.
    out = W[x]  # (N, T, D)
    cache = (x, W)
    # END SOLUTION
    return out, cache


def word_embedding_backward(dout, cache):
    """The gradient of `word_embedding_forward` with respect to the table, given dout (N, T, D).

    Words are integers and have no gradient. Returns dW (V, D).
    """
    # A word may occur many times in x. Look up what `np.add.at` does that `dW[x] += dout` does not.
    # BEGIN SOLUTION: send every row of dout to its word's row of dW, where repeated words add up.
    x, W = cache
    dW = np.zeros_like(W, dtype=dout.dtype)  # (V, D)
    np.add.at(dW, x, dout)
    # END SOLUTION
    return dW


def sigmoid(x):
    """The logistic function 1 / (1 + exp(-x)), element by element, without overflow for any x.

    exp is only taken of numbers that are not positive:
    1 / (1 + exp(-x)) for x >= 0, and the equal exp(x) / (1 + exp(x)) for x < 0.
    """
    z = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, z) / (1 + z)


def lstm_step_forward(x, prev_h, prev_c, Wx, Wh, b):
    """One time step of an LSTM, with the gates in the order i, f, o, g along the columns.

        a = x Wx + prev_h Wh + b, cut into four blocks of H columns: a_i, a_f, a_o, a_g
        i = sigmoid(a_i)   input gate:  how much of the candidate is written
        f = sigmoid(a_f)   forget gate: how much of the old cell is kept
        o = sigmoid(a_o)   output gate: how much of the cell is shown
        g = tanh(a_g)      candidate for the cell

        next_c = f * prev_c + i * g
        next_h = o * tanh(next_c)

    x: (N, D); prev_h, prev_c: (N, H); Wx: (D, 4H); Wh: (H, 4H); b: (4H,).
    Returns next_h (N, H), next_c (N, H) and the cache of `lstm_step_backward`.
    """
    # `sigmoid` above does not overflow; use it.
    # BEGIN SOLUTION: compute next_h and next_c, and keep in cache what the backward pass needs.
    a = x @ Wx + prev_h @ Wh + b  # (N, 4H)
    a_i, a_f, a_o, a_g = np.split(a, 4, axis=1)  # (N, H) each
    i, f, o, g = sigmoid(a_i), sigmoid(a_f), sigmoid(a_o), np.tanh(a_g)

    next_c = f * prev_c + i * g  # (N, H)
    tanh_c = np.tanh(next_c)
    next_h = o * tanh_c  # (N, H)
    cache = (x, prev_h, prev_c, Wx, Wh, i, f, o, g, tanh_c)
    # END SOLUTION
    return next_h, next_c, cache


def lstm_step_backward(dnext_h, dnext_c, cache):
    """The gradients of `lstm_step_forward`, given dnext_h (N, H) and dnext_c (N, H).

    dnext_c is what reaches the cell from the next time step; next_h is computed from the cell too.
    Returns dx (N, D), dprev_h (N, H), dprev_c (N, H), dWx (D, 4H), dWh (H, 4H), db (4H,).
    """
    # BEGIN SOLUTION: backpropagate dnext_h and dnext_c through the cell and the four gates.
    x, prev_h, prev_c, Wx, Wh, i, f, o, g, tanh_c = cache

    # next_h = o tanh(next_c): the cell hears from the next step and from next_h.
    dc = dnext_c + dnext_h * o * (1 - tanh_c**2)  # (N, H)
    do = dnext_h * tanh_c

    # next_c = f prev_c + i g
    df, dprev_c = dc * prev_c, dc * f
    di, dg = dc * g, dc * i

    # sigmoid' = s (1 - s), tanh' = 1 - tanh^2
    da = np.hstack([di * i * (1 - i), df * f * (1 - f), do * o * (1 - o), dg * (1 - g**2)])  # (N, 4H)

    # a = x Wx + prev_h Wh + b
    dx, dprev_h = da @ Wx.T, da @ Wh.T  # (N, D), (N, H)
    dWx, dWh, db = x.T @ da, prev_h.T @ da, da.sum(axis=0)  # (D, 4H), (H, 4H), (4H,)
    # END SOLUTION
    return dx, dprev_h, dprev_c, dWx, dWh, db


def lstm_forward(x, h0, Wx, Wh, b):
    """An LSTM over a whole sequence, starting from the hidden state h0 and a cell of zeros.

    x: (N, T, D); h0: (N, H); Wx: (D, 4H); Wh: (H, 4H); b: (4H,).
    Returns all hidden states h (N, T, H), without h0, and the cache of `lstm_backward`. The cell is the
    layer's own memory and is not returned.
    """
    # Build this from `lstm_step_forward`.
    # BEGIN SOLUTION: run lstm_step_forward over the T time steps and collect every hidden state.
    hs, cache = [], []
    prev_h, prev_c = h0, np.zeros_like(h0)  # (N, H) each
    for t in range(x.shape[1]):
        prev_h, prev_c, step_cache = lstm_step_forward(x[:, t], prev_h, prev_c, Wx, Wh, b)
        hs.append(prev_h)
        cache.append(step_cache)
    h = np.stack(hs, axis=1)  # (N, T, H)
    # END SOLUTION
    return h, cache


def lstm_backward(dh, cache):
    """The gradients of `lstm_forward`, given dh (N, T, H): backpropagation through time.

    As in `rnn_backward`, dh[:, t] is only what the loss sends directly to h[:, t].
    Returns dx (N, T, D), dh0 (N, H), dWx (D, 4H), dWh (H, 4H), db (4H,).
    """
    # Build this from `lstm_step_backward`. Two gradients travel back in time here.
    # BEGIN SOLUTION: walk back through time with lstm_step_backward and add up the weights' gradients.
    dxs = []
    dprev_h = np.zeros_like(dh[:, 0])  # (N, H)
    dprev_c = np.zeros_like(dprev_h)  # (N, H): the last cell is read by its own hidden state only
    dWx = dWh = db = 0
    for t in reversed(range(dh.shape[1])):
        step = lstm_step_backward(dh[:, t] + dprev_h, dprev_c, cache[t])
        dxs.append(step[0])
        dprev_h, dprev_c = step[1], step[2]
        dWx, dWh, db = dWx + step[3], dWh + step[4], db + step[5]
    dx = np.stack(dxs[::-1], axis=1)  # (N, T, D)
    dh0 = dprev_h  # (N, H); the first cell is constant, so dprev_c ends here
    # END SOLUTION
    return dx, dh0, dWx, dWh, db


def temporal_affine_forward(x, w, b):
    """The same affine map at every time step: out[n, t] = x[n, t] w + b.

    x: (N, T, D); w: (D, M); b: (M,).
    Returns out (N, T, M) and the cache of `temporal_affine_backward`.
    """
    out = x @ w + b  # (N, T, M)
    cache = (x, w, b, out)
    return out, cache


def temporal_affine_backward(dout, cache):
    """The gradients of `temporal_affine_forward`, given dout (N, T, M).

    Returns dx (N, T, D), dw (D, M), db (M,).
    """
    x, w, _, _ = cache
    dx = dout @ w.T  # (N, T, D)
    dw = np.tensordot(x, dout, axes=([0, 1], [0, 1]))  # (D, M)
    db = dout.sum(axis=(0, 1))  # (M,)
    return dx, dw, db


def temporal_softmax_loss(x, y, mask, verbose=False):
    """The cross-entropy of the right words, summed over time and averaged over the batch.

    x: scores (N, T, V); y: the right words, integers (N, T); mask: (N, T), false (or 0) where a word does not
    count, as for padding. verbose prints the shape of the gradient.
    Returns the loss, a scalar divided by N whatever the mask, and dx (N, T, V), zero where the mask is.
    """
    N = x.shape[0]
    weight = np.asarray(mask).astype(x.dtype)[:, :, None] / N  # (N, T, 1)
    right = y[:, :, None]  # (N, T, 1)

    # log softmax; a constant taken from all scores of a step changes nothing, and exp cannot overflow
    shifted = x - x.max(axis=2, keepdims=True)  # (N, T, V)
    logp = shifted - np.log(np.exp(shifted).sum(axis=2, keepdims=True))
    loss = -np.sum(weight * np.take_along_axis(logp, right, axis=2))

    # d loss / d score = p - [this is the right word]
    dx = np.exp(logp)  # (N, T, V)
    np.put_along_axis(dx, right, np.take_along_axis(dx, right, axis=2) - 1, axis=2)
    dx *= weight
    if verbose:
        print("dx:", dx.shape)
    return loss, dx
