"""Layers in NumPy: every forward pass has a backward pass beside it."""

import numpy as np


def affine_forward(x, w, b):
    """An affine map: out = x w + b.

    x: (N, D); w: (D, M); b: (M,).
    Returns out (N, M) and the cache of `affine_backward`.
    """
    # BEGIN SOLUTION: compute out, and keep in cache what the backward pass needs.
    out = x @ w + b
    cache = (x, w)
    # END SOLUTION
    return out, cache


def affine_backward(dout, cache):
    """The gradients of `affine_forward`, given dout (N, M).

    Returns dx (N, D), dw (D, M), db (M,).
    """
    # BEGIN SOLUTION: backpropagate dout into all three inputs.
    x, w = cache
    dx = dout @ w.T
    dw = x.T @ dout
    db = np.sum(dout, axis=0)
    # END SOLUTION
    return dx, dw, db
