"""Numerical gradients against closed forms, torch and cubic remainders."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from reference.cs231n import gradient_check as gc
from tests.reference.oracles import autograd, draw


def test_gradient_of_a_number_has_the_closed_form():
    """For f = sum(x^3) the gradient is 3 x^2 + h^2, the remainder of the central difference, in any shape."""
    for shape in [(), (4,), (2, 3), (2, 1, 3)]:
        (x,) = draw(1, shape)
        x = np.asarray(x)
        for h in (1e-2, 1e-5):
            grad = gc.eval_numerical_gradient(lambda x: np.sum(x**3), x, verbose=False, h=h)
            assert grad.shape == shape
            np.testing.assert_allclose(grad, 3 * x**2 + h**2, rtol=1e-7, atol=1e-9)


def test_gradient_of_an_array_agrees_with_torch():
    """The gradient of sum(df * f(x)) equals autograd's for a function that mixes all elements."""
    x, w, df = draw(2, (3, 4), (4, 5), (3, 5))
    _, (expected,) = autograd(lambda x: torch.tanh(x @ torch.tensor(w)), df, x)
    grad = gc.eval_numerical_gradient_array(lambda x: np.tanh(x @ w), x, df)
    np.testing.assert_allclose(grad, expected, rtol=1e-7, atol=1e-9)


def test_x_is_moved_in_place_and_put_back_exactly():
    """f may ignore its argument and read x itself; afterwards x is what it was, also when f raises."""
    (x,) = draw(3, (2, 3))
    before = x.copy()
    np.testing.assert_allclose(
        gc.eval_numerical_gradient(lambda _: np.sum(x**2), x, verbose=False), 2 * x, rtol=1e-7
    )
    np.testing.assert_array_equal(x, before)

    def fails(x):
        raise RuntimeError("no value here")

    with pytest.raises(RuntimeError, match="no value"):
        gc.eval_numerical_gradient(fails, x, verbose=False)
    np.testing.assert_array_equal(x, before)


def test_a_function_may_reuse_its_output_buffer():
    """A function that always writes into one array, or returns x itself, is differentiated like any other."""
    (x,) = draw(4, (3,))
    buffer = np.empty(3)
    grad = gc.eval_numerical_gradient_array(lambda x: np.multiply(x, x, out=buffer), x, np.ones(3))
    np.testing.assert_allclose(grad, 2 * x, rtol=1e-7)
    np.testing.assert_allclose(gc.eval_numerical_gradient_array(lambda x: x, x, np.ones(3)), 1, rtol=1e-7)


def test_verbose_prints_every_element(capsys):
    """verbose, the default, prints one line per element with its index; verbose=False prints nothing."""
    x = np.ones((2, 2))
    gc.eval_numerical_gradient(np.sum, x)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(") ")[0] + ")" for line in lines] == ["(0, 0)", "(0, 1)", "(1, 0)", "(1, 1)"]
    gc.eval_numerical_gradient(np.sum, x, verbose=False)
    assert capsys.readouterr().out == ""


def test_integers_are_refused():
    """Integers would swallow the step and give zero: the error names the dtype and the remedy."""
    with pytest.raises(ValueError, match=r"int64.*astype"):
        gc.eval_numerical_gradient(np.sum, np.arange(3), verbose=False)


def blob(values):
    values = np.array(values, dtype=np.float64)
    return SimpleNamespace(vals=values, diffs=np.zeros_like(values))


def test_gradients_of_blobs_and_of_a_net():
    """For out = a * b the gradients are diffs * b and diffs * a, both by the function and by the net."""
    a, b, out = blob([1, 2, 3]), blob([4, 5, 6]), blob([0, 0, 0])
    out.diffs[:] = [1, -1, 2]

    def multiply(a, b, out):
        np.multiply(a.vals, b.vals, out=out.vals)

    net = SimpleNamespace(forward=lambda: multiply(a, b, out))
    for grads in (
        gc.eval_numerical_gradient_blobs(multiply, (a, b), out),
        gc.eval_numerical_gradient_net(net, (a, b), out),
    ):
        np.testing.assert_allclose(grads, [out.diffs * b.vals, out.diffs * a.vals], rtol=1e-8)


def test_sparse_check_prints_right_and_wrong_gradients(capsys):
    """Each line ends in the relative error: near zero for the right gradient, one third for a doubled one."""
    (x,) = draw(5, (4, 5))
    for factor, expected in [(1, 0), (2, 1 / 3)]:
        gc.grad_check_sparse(lambda x: np.sum(x**2), x, factor * 2 * x, num_checks=4)
        errors = [float(line.rpartition(" ")[2]) for line in capsys.readouterr().out.splitlines()]
        assert errors == pytest.approx([expected] * 4, abs=1e-6)
    gc.grad_check_sparse(lambda x: 0.0, x, np.zeros_like(x), num_checks=1)
    assert capsys.readouterr().out.rstrip().endswith(f"{0.0:e}")
