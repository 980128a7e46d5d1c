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
    # START OF YOUR CODE: compute next_h, and keep in cache what the backward pass needs.
    raise NotImplementedError("rnn_step_forward: compute next_h, and keep in cache what the backward pass needs.")
    # END OF YOUR CODE
    return next_h, cache


def rnn_step_backward(dnext_h, cache):
    """The gradients of `rnn_step_forward`, given dnext_h (N, H).

    Returns dx (N, D), dprev_h (N, H), dWx (D, H), dWh (H, H), db (H,).
    """
    # The derivative of tanh can be written with its value alone.
    # START OF YOUR CODE: backpropagate dnext_h through the tanh into all five inputs.
    raise NotImplementedError("rnn_step_backward: backpropagate dnext_h through the tanh into all five inputs.")
    # END OF YOUR CODE
    return dx, dprev_h, dWx, dWh, db


def rnn_forward(x, h0, Wx, Wh, b):
    """A vanilla RNN over a whole sequence: h[:, t] is computed from x[:, t] and h[:, t-1].

    x: (N, T, D); h0: (N, H), the state before the first step; Wx: (D, H); Wh: (H, H); b: (H,).
    Returns all hidden states h (N, T, H), without h0, and the cache of `rnn_backward`.
    """
    # Build this from `rnn_step_forward`.
    # START OF YOUR CODE: run rnn_step_forward over the T time steps and collect every hidden state.
    raise NotImplementedError("rnn_forward: run rnn_step_forward over the T time steps and collect every hidden state.")
    # END OF YOUR CODE
    return h, cache


def rnn_backward(dh, cache):
    """The gradients of `rnn_forward`, given dh (N, T, H): backpropagation through time.

    dh[:, t] is only what the loss sends directly to h[:, t], for instance through the scores of that step.
    What reaches h[:, t] through the later time steps is not in it: this function adds that part.
    Returns dx (N, T, D), dh0 (N, H), dWx (D, H), dWh (H, H), db (H,).
    """
    # Build this from `rnn_step_backward`.
    # START OF YOUR CODE: walk back through time with rnn_step_backward and add up the weights' gradients.
    raise NotImplementedError("rnn_backward: walk back through time with rnn_step_backward and add up the weights' gradients.")
    # END OF YOUR CODE
    return dx, dh0, dWx, dWh, db


def word_embedding_forward(x, W):
    """A table of word vectors: out[n, t] = W[x[n, t]].

    x: integers (N, T), each from 0 to V-1; W: (V, D), one row per word.
    Returns out (N, T, D) and the cache of `word_embedding_backward`.
    """
    # START OF YOUR CODE: look up the vector of every word.
    raise NotImplementedError("word_embedding_forward: look up the vector of every word.")
    # END OF YOUR CODE
    return out, cache


def word_embedding_backward(dout, cache):
    """The gradient of `word_embedding_forward` with respect to the table, given dout (N, T, D).

    Words are integers and have no gradient. Returns dW (V, D).
    """
    # A word may occur many times in x. Look up what `np.add.at` does that `dW[x] += dout` does not.
    # START OF YOUR CODE: send every row of dout to its word's row of dW, where repeated words add up.
    raise NotImplementedError("word_embedding_backward: send every row of dout to its word's row of dW, where repeated words add up.")
    # END OF YOUR CODE
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
    # START OF YOUR CODE: compute next_h and next_c, and keep in cache what the backward pass needs.
    raise NotImplementedError("lstm_step_forward: compute next_h and next_c, and keep in cache what the backward pass needs.")
    # END OF YOUR CODE
    return next_h, next_c, cache


def lstm_step_backward(dnext_h, dnext_c, cache):
    """The gradients of `lstm_step_forward`, given dnext_h (N, H) and dnext_c (N, H).

    dnext_c is what reaches the cell from the next time step; next_h is computed from the cell too.
    Returns dx (N, D), dprev_h (N, H), dprev_c (N, H), dWx (D, 4H), dWh (H, 4H), db (4H,).
    """
    # START OF YOUR CODE: backpropagate dnext_h and dnext_c through the cell and the four gates.
    raise NotImplementedError("lstm_step_backward: backpropagate dnext_h and dnext_c through the cell and the four gates.")
    # END OF YOUR CODE
    return dx, dprev_h, dprev_c, dWx, dWh, db


def lstm_forward(x, h0, Wx, Wh, b):
    """An LSTM over a whole sequence, starting from the hidden state h0 and a cell of zeros.

    x: (N, T, D); h0: (N, H); Wx: (D, 4H); Wh: (H, 4H); b: (4H,).
    Returns all hidden states h (N, T, H), without h0, and the cache of `lstm_backward`. The cell is the
    layer's own memory and is not returned.
    """
    # Build this from `lstm_step_forward`.
    # START OF YOUR CODE: run lstm_step_forward over the T time steps and collect every hidden state.
    raise NotImplementedError("lstm_forward: run lstm_step_forward over the T time steps and collect every hidden state.")
    # END OF YOUR CODE
    return h, cache


def lstm_backward(dh, cache):
    """The gradients of `lstm_forward`, given dh (N, T, H): backpropagation through time.

    As in `rnn_backward`, dh[:, t] is only what the loss sends directly to h[:, t].
    Returns dx (N, T, D), dh0 (N, H), dWx (D, 4H), dWh (H, 4H), db (4H,).
    """
    # Build this from `lstm_step_backward`. Two gradients travel back in time here.
    # START OF YOUR CODE: walk back through time with lstm_step_backward and add up the weights' gradients.
    raise NotImplementedError("lstm_backward: walk back through time with lstm_step_backward and add up the weights' gradients.")
    # END OF YOUR CODE
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
