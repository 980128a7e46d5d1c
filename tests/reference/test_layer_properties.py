"""What every NumPy layer of the reference promises: dtypes kept, inputs left alone, reusable caches."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from reference.cs231n import rnn_layers as ours
from tests.reference.oracles import assert_all_close, draw

N, T, D, H = 2, 3, 4, 5
RNN = ((D, H), (H, H), (H,))
LSTM = ((D, 4 * H), (H, 4 * H), (4 * H,))

# layer: shapes of the differentiable inputs, and how many outputs before the cache
LAYERS = {
    "affine": (((N, 2, 2), (D, H), (H,)), 1),
    "rnn_step": (((N, D), (N, H), *RNN), 1),
    "rnn": (((N, T, D), (N, H), *RNN), 1),
    "lstm_step": (((N, D), (N, H), (N, H), *LSTM), 2),
    "lstm": (((N, T, D), (N, H), *LSTM), 1),
    "temporal_affine": (((N, T, D), (D, H), (H,)), 1),
}


def layer(name, dtype=np.float64):
    """The layer's functions, its inputs, and upstream gradients for its outputs."""
    shapes, n_out = LAYERS[name]
    forward, backward = getattr(ours, f"{name}_forward"), getattr(ours, f"{name}_backward")
    inputs = draw(20, *shapes, dtype=dtype)
    outs = forward(*inputs)[:n_out]
    return forward, backward, inputs, draw(21, *(out.shape for out in outs), dtype=dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", LAYERS)
def test_dtype_is_kept(name, dtype):
    """float32 inputs give float32 outputs and gradients, float64 give float64."""
    forward, backward, inputs, douts = layer(name, dtype)
    *outs, cache = forward(*inputs)
    assert {a.dtype for a in [*outs, *backward(*douts, cache)]} == {np.dtype(dtype)}


@pytest.mark.parametrize("name", LAYERS)
def test_float32_agrees_with_float64(name):
    """float32 results are the float64 results within a few float32 roundings."""
    results = []
    for dtype in (np.float32, np.float64):
        forward, backward, inputs, douts = layer(name, dtype)
        *outs, cache = forward(*inputs)
        results.append([*outs, *backward(*douts, cache)])
    assert_all_close(*results, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", LAYERS)
def test_inputs_are_left_alone(name):
    """Neither pass writes into its inputs or its upstream gradients: read-only arrays are enough."""
    forward, backward, inputs, douts = layer(name)
    for array in [*inputs, *douts]:
        array.flags.writeable = False
    *_, cache = forward(*inputs)
    assert len(backward(*douts, cache)) == len(inputs)


@pytest.mark.parametrize("name", LAYERS)
def test_cache_can_be_used_twice(name):
    """A second backward pass on one cache gives the same gradients."""
    forward, backward, inputs, douts = layer(name)
    *_, cache = forward(*inputs)
    first = [g.copy() for g in backward(*douts, cache)]
    assert_all_close(backward(*douts, cache), first, rtol=0, atol=0)


@pytest.mark.parametrize("name", LAYERS)
def test_memory_layout_does_not_matter(name):
    """Transposed, non-contiguous inputs give the same results as contiguous ones."""
    forward, backward, inputs, douts = layer(name)
    *outs, cache = forward(*inputs)
    strided = [np.asfortranarray(np.repeat(a, 2, axis=0))[::2] for a in inputs]
    *outs_strided, cache_strided = forward(*strided)
    expected = [*outs, *backward(*douts, cache)]
    assert_all_close([*outs_strided, *backward(*douts, cache_strided)], expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_embedding_and_loss_keep_dtype_and_inputs(dtype):
    """Vectors, table gradient, loss and score gradient keep the dtype; read-only inputs are enough."""
    x = np.array([[0, 1, 1], [3, 0, 2]])
    W, dout = draw(22, (4, D), (2, 3, D), dtype=dtype)
    mask = x > 0
    for array in (x, W, dout, mask):
        array.flags.writeable = False
    out, cache = ours.word_embedding_forward(x, W)
    dW = ours.word_embedding_backward(dout, cache)
    loss, dx = ours.temporal_softmax_loss(dout, x, mask)
    assert {a.dtype for a in (out, dW, loss, dx)} == {np.dtype(dtype)}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sigmoid_neither_overflows_nor_loses_digits(dtype):
    """From -1000 to 1000 it raises no floating-point error and equals torch.sigmoid, in the dtype of x."""
    x = np.array([[-1000, -88, -30, -1, 0], [0.5, 1, 30, 88, 1000]], dtype=dtype)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        y = ours.sigmoid(x)
    assert y.dtype == dtype
    np.testing.assert_allclose(
        y, torch.sigmoid(torch.tensor(x)).numpy(), rtol=1e-5 if dtype == np.float32 else 1e-14
    )
    assert (y[0, 0], y[0, 4], y[1, 4]) == (0, 0.5, 1)


def test_sigmoid_is_symmetric_and_takes_single_numbers():
    """sigmoid(x) + sigmoid(-x) = 1, and a plain number is a valid input."""
    x = np.linspace(-20, 20, 41)
    np.testing.assert_allclose(ours.sigmoid(x) + ours.sigmoid(-x), 1, rtol=1e-15)
    assert ours.sigmoid(np.log(3)) == pytest.approx(0.75)
