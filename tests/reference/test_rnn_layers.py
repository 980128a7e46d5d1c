"""The vanilla RNN part of the reference against torch, finite differences and the RNN notebook's numbers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from reference.cs231n import rnn_layers as ours
from reference.cs231n.gradient_check import eval_numerical_gradient, eval_numerical_gradient_array
from tests.reference.oracles import assert_all_close, autograd, draw, finite_differences, linspaces, rel_error

SIZES = [(2, 3, 4, 5), (1, 1, 1, 1), (1, 4, 3, 2), (3, 1, 2, 4)]  # N, T, D, H
EXACT = {"rtol": 1e-10, "atol": 1e-12}  # float64, the same sum in another order
NUMERICAL = {"rtol": 1e-6, "atol": 1e-8}  # central differences with h = 1e-5


def rnn_inputs(seed, N, T, D, H):
    return draw(seed, (N, T, D), (N, H), (D, H), (H, H), (H,))


def torch_step(x, h, Wx, Wh, b):
    cell = torch.nn.RNNCell(x.shape[1], h.shape[1]).double()
    weights = {"weight_ih": Wx.T, "weight_hh": Wh.T, "bias_ih": b, "bias_hh": torch.zeros_like(b)}
    return torch.func.functional_call(cell, weights, (x, h))


def torch_sequence(x, h0, Wx, Wh, b):
    rnn = torch.nn.RNN(x.shape[2], h0.shape[1], batch_first=True).double()
    weights = {"weight_ih_l0": Wx.T, "weight_hh_l0": Wh.T, "bias_ih_l0": b, "bias_hh_l0": torch.zeros_like(b)}
    return torch.func.functional_call(rnn, weights, (x, h0[None]))[0]


@pytest.mark.parametrize("sizes", SIZES)
def test_step_agrees_with_torch_rnncell(sizes):
    """One step and its five gradients equal torch.nn.RNNCell's for every size, also all ones."""
    x, *rest = rnn_inputs(1, *sizes)
    args = (x[:, 0], *rest)
    (dout,) = draw(2, rest[0].shape)
    expected, grads = autograd(torch_step, dout, *args)
    out, cache = ours.rnn_step_forward(*args)
    assert_all_close([out, *ours.rnn_step_backward(dout, cache)], [expected, *grads], **EXACT)


@pytest.mark.parametrize("sizes", SIZES)
def test_sequence_agrees_with_torch_rnn(sizes):
    """All hidden states and the five gradients through time equal torch.nn.RNN's."""
    args = rnn_inputs(3, *sizes)
    N, T, _, H = sizes
    (dh,) = draw(4, (N, T, H))
    expected, grads = autograd(torch_sequence, dh, *args)
    h, cache = ours.rnn_forward(*args)
    assert_all_close([h, *ours.rnn_backward(dh, cache)], [expected, *grads], **EXACT)


@pytest.mark.parametrize("sizes", SIZES)
def test_sequence_gradients_agree_with_finite_differences(sizes):
    """Backpropagation through time gives the slope of the forward pass in every element."""
    args = rnn_inputs(5, *sizes)
    h, cache = ours.rnn_forward(*args)
    (dh,) = draw(6, h.shape)
    slopes = [finite_differences(lambda: ours.rnn_forward(*args)[0], a, dh) for a in args]
    assert_all_close(ours.rnn_backward(dh, cache), slopes, **NUMERICAL)


def test_rnn_backward_takes_per_step_gradients_only():
    """A gradient at the last step alone still reaches every earlier input, carried by the hidden states."""
    args = rnn_inputs(7, 2, 4, 3, 5)
    h, cache = ours.rnn_forward(*args)
    dh = np.zeros_like(h)
    dh[:, -1] = 1
    dx, dh0, *_ = ours.rnn_backward(dh, cache)
    assert (np.abs(dx).max(axis=(0, 2)) > 1e-6).all()
    assert (np.abs(dh0) > 0).any()


@pytest.mark.parametrize("shape", [(2, 4), (1, 1), (5, 3)])
def test_word_embedding_agrees_with_torch(shape):
    """Vectors and table gradient equal F.embedding's; words that occur often add up."""
    x = np.random.default_rng(8).integers(4, size=shape)
    W, dout = draw(9, (4, 3), (*shape, 3))
    expected, (dW,) = autograd(lambda w: F.embedding(torch.tensor(x), w), dout, W)
    out, cache = ours.word_embedding_forward(x, W)
    assert_all_close([out, ours.word_embedding_backward(dout, cache)], [expected, dW], **EXACT)


def test_word_embedding_gradient_counts_words():
    """With a gradient of ones, each word's row of dW is the number of times that it occurs."""
    x = np.array([[0, 2, 2, 2], [0, 3, 2, 0]])
    _, cache = ours.word_embedding_forward(x, np.zeros((5, 2)))
    dW = ours.word_embedding_backward(np.ones((2, 4, 2)), cache)
    np.testing.assert_array_equal(dW, np.array([3, 0, 4, 1, 0])[:, None] * np.ones(2))


@pytest.mark.parametrize("shape", [(3, 4), (2, 2, 3), (1, 1), (2, 3, 2, 2)])
def test_affine_flattens_every_example(shape):
    """affine equals F.linear on flattened examples, and dx has the shape of x."""
    D = int(np.prod(shape[1:]))
    x, w, b, dout = draw(10, shape, (D, 5), (5,), (shape[0], 5))
    expected, grads = autograd(lambda x, w, b: F.linear(x.flatten(1), w.T, b), dout, x, w, b)
    out, cache = ours.affine_forward(x, w, b)
    assert_all_close([out, *ours.affine_backward(dout, cache)], [expected, *grads], **EXACT)
    slopes = [finite_differences(lambda: ours.affine_forward(x, w, b)[0], a, dout) for a in (x, w, b)]
    assert_all_close(ours.affine_backward(dout, cache), slopes, **NUMERICAL)


@pytest.mark.parametrize(("N", "T", "D", "M"), [(2, 3, 4, 5), (1, 1, 1, 1), (3, 1, 2, 4)])
def test_temporal_affine_agrees_with_torch(N, T, D, M):
    """The same map at every step: output and gradients equal F.linear's; the cache is (x, w, b, out)."""
    x, w, b, dout = draw(11, (N, T, D), (D, M), (M,), (N, T, M))
    expected, grads = autograd(lambda x, w, b: F.linear(x, w.T, b), dout, x, w, b)
    out, cache = ours.temporal_affine_forward(x, w, b)
    assert_all_close([out, *ours.temporal_affine_backward(dout, cache)], [expected, *grads], **EXACT)
    assert [a is c for a, c in zip((x, w, b, out), cache, strict=True)] == [True] * 4


def random_mask(N, T):
    return np.random.default_rng(12).random((N, T)) < 0.5


MASKS = {
    "all on": np.ones((3, 4), dtype=bool),
    "all off": np.zeros((3, 4), dtype=bool),
    "one word": np.arange(12).reshape(3, 4) == 5,
    "a length per row": np.arange(4) < np.array([[1], [4], [2]]),
    "random": random_mask(3, 4),
    "numbers": random_mask(3, 4).astype(np.float64),
}


@pytest.mark.parametrize("name", MASKS)
def test_softmax_loss_agrees_with_torch_for_every_mask(name):
    """The loss is F.cross_entropy of the unmasked words, summed and divided by N; so is its gradient."""
    mask = MASKS[name]
    (x,) = draw(13, (3, 4, 5))
    y = np.random.default_rng(14).integers(5, size=(3, 4))

    def loss_of(x):
        words = F.cross_entropy(x.reshape(-1, 5), torch.tensor(y.ravel()), reduction="none")
        return (words * torch.tensor(mask.ravel())).sum() / 3

    expected, (dx,) = autograd(loss_of, 1.0, x)
    assert_all_close(ours.temporal_softmax_loss(x, y, mask), [expected, dx], **EXACT)
    slope = finite_differences(lambda: ours.temporal_softmax_loss(x, y, mask)[0], x, 1.0)
    assert_all_close([ours.temporal_softmax_loss(x, y, mask)[1]], [slope], **NUMERICAL)


def test_softmax_loss_of_equal_scores_is_log_V_per_word():
    """With equal scores each counted word costs log V, and a batch of one with one step is no exception."""
    for N, T, V in [(2, 3, 7), (1, 1, 4)]:
        loss, _ = ours.temporal_softmax_loss(np.ones((N, T, V)), np.zeros((N, T), int), np.ones((N, T), bool))
        np.testing.assert_allclose(loss, T * np.log(V), rtol=1e-12)


def test_softmax_loss_is_stable_for_huge_scores():
    """Scores of 1e4 neither overflow nor lose the loss: a wrong certainty costs the gap of the scores."""
    x = np.array([[[1e4, 0.0, -1e4]]])
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        loss, dx = ours.temporal_softmax_loss(x, np.array([[2]]), np.array([[True]]))
    np.testing.assert_allclose(loss, 2e4)
    np.testing.assert_array_equal(dx, [[[1, 0, -1]]])


def test_softmax_loss_verbose_prints_the_gradients_shape(capsys):
    """verbose prints the shape; without it nothing is printed."""
    args = np.zeros((2, 3, 4)), np.zeros((2, 3), int), np.ones((2, 3), bool)
    ours.temporal_softmax_loss(*args)
    assert capsys.readouterr().out == ""
    ours.temporal_softmax_loss(*args, verbose=True)
    assert "(2, 3, 4)" in capsys.readouterr().out


def test_notebook_rnn_step_forward():
    """Cell 9 of the RNN notebook: the expected states, with the error that it prints (stated: e-8)."""
    N, D, H = 3, 10, 4
    args = linspaces((-0.4, 0.7, (N, D)), (-0.2, 0.5, (N, H)), (-0.1, 0.9, (D, H)), (-0.3, 0.7, (H, H)),
                     (-0.2, 0.4, (H,)))  # fmt: skip
    expected = [
        [-0.58172089, -0.50182032, -0.41232771, -0.31410098],
        [0.66854692, 0.79562378, 0.87755553, 0.92795967],
        [0.97934501, 0.99144213, 0.99646691, 0.99854353],
    ]
    next_h, _ = ours.rnn_step_forward(*args)
    assert rel_error(expected, next_h) == pytest.approx(6.292421426471037e-09, rel=1e-6)


def notebook_gradient_errors(forward, backward, args, dout, cache):
    """Errors against the numerical gradient, printed by the notebook's gradient cells in this order."""
    analytic = backward(dout, cache)
    return [
        rel_error(eval_numerical_gradient_array(lambda _: forward(*args)[0], a, dout), grad)
        for a, grad in zip(args, analytic, strict=True)
    ]


def test_notebook_rnn_step_backward():
    """Cell 11, seed 231: every gradient within the stated e-8."""
    np.random.seed(231)
    N, D, H = 4, 5, 6
    args = [np.random.randn(*shape) for shape in [(N, D), (N, H), (D, H), (H, H), (H,)]]
    out, cache = ours.rnn_step_forward(*args)
    dout = np.random.randn(*out.shape)
    errors = notebook_gradient_errors(ours.rnn_step_forward, ours.rnn_step_backward, args, dout, cache)
    assert max(errors) < 1e-8


def test_notebook_rnn_forward():
    """Cell 13: the expected hidden states, with the error that it prints (stated: e-7)."""
    N, T, D, H = 2, 3, 4, 5
    args = linspaces((-0.1, 0.3, (N, T, D)), (-0.3, 0.1, (N, H)), (-0.2, 0.4, (D, H)), (-0.4, 0.1, (H, H)),
                     (-0.7, 0.1, (H,)))  # fmt: skip
    expected = [
        [
            [-0.42070749, -0.27279261, -0.11074945, 0.05740409, 0.22236251],
            [-0.39525808, -0.22554661, -0.0409454, 0.14649412, 0.32397316],
            [-0.42305111, -0.24223728, -0.04287027, 0.15997045, 0.35014525],
        ],
        [
            [-0.55857474, -0.39065825, -0.19198182, 0.02378408, 0.23735671],
            [-0.27150199, -0.07088804, 0.13562939, 0.33099728, 0.50158768],
            [-0.51014825, -0.30524429, -0.06755202, 0.17806392, 0.40333043],
        ],
    ]
    h, _ = ours.rnn_forward(*args)
    assert rel_error(expected, h) == pytest.approx(7.728466151011529e-08, rel=1e-6)


def test_notebook_rnn_backward():
    """Cell 15, seed 231: every gradient within the stated e-6."""
    np.random.seed(231)
    N, D, T, H = 2, 3, 10, 5
    args = [np.random.randn(*shape) for shape in [(N, T, D), (N, H), (D, H), (H, H), (H,)]]
    out, cache = ours.rnn_forward(*args)
    dout = np.random.randn(*out.shape)
    assert max(notebook_gradient_errors(ours.rnn_forward, ours.rnn_backward, args, dout, cache)) < 1e-6


def test_notebook_word_embedding():
    """Cells 17 and 19: the expected vectors with the printed error; the gradient within the stated e-11."""
    (W,) = linspaces((0, 1, (5, 3)))
    fourteenths = [[0, 9, 3, 6], [6, 3, 0, 9]]
    expected = np.round((np.array(fourteenths)[..., None] + np.arange(3)) / 14, 8)
    out, _ = ours.word_embedding_forward(np.asarray([[0, 3, 1, 2], [2, 1, 0, 3]]), W)
    assert rel_error(expected, out) == pytest.approx(1.0000000094736443e-08, rel=1e-6)

    np.random.seed(231)
    x, W = np.random.randint(5, size=(50, 3)), np.random.randn(5, 6)
    out, cache = ours.word_embedding_forward(x, W)
    dout = np.random.randn(*out.shape)
    numerical = eval_numerical_gradient_array(lambda W: ours.word_embedding_forward(x, W)[0], W, dout)
    assert rel_error(ours.word_embedding_backward(dout, cache), numerical) < 1e-11


def test_notebook_temporal_layers():
    """Cells 21 and 23 in one random stream: gradients within e-9 and e-7, and the three printed losses."""
    np.random.seed(231)
    args = [np.random.randn(*shape) for shape in [(2, 3, 4), (4, 5), (5,)]]
    out, cache = ours.temporal_affine_forward(*args)
    dout = np.random.randn(*out.shape)
    forward, backward = ours.temporal_affine_forward, ours.temporal_affine_backward
    assert max(notebook_gradient_errors(forward, backward, args, dout, cache)) < 1e-9

    def loss_of(N, T, V, p):
        x = 0.001 * np.random.randn(N, T, V)
        y = np.random.randint(V, size=(N, T))
        return ours.temporal_softmax_loss(x, y, np.random.rand(N, T) <= p)[0]

    losses = [loss_of(100, 1, 10, 1.0), loss_of(100, 10, 10, 1.0), loss_of(5000, 10, 10, 0.1)]
    assert losses == pytest.approx([2.3027781774290146, 23.025985953127226, 2.2643611790293394], rel=1e-12)

    x, y = np.random.randn(7, 8, 9), np.random.randint(9, size=(7, 8))
    mask = np.random.rand(7, 8) > 0.5
    numerical = eval_numerical_gradient(lambda x: ours.temporal_softmax_loss(x, y, mask)[0], x, verbose=False)
    assert rel_error(ours.temporal_softmax_loss(x, y, mask)[1], numerical) < 1e-7
