"""Numerical gradients by central differences: df/dx = (f(x + h) - f(x - h)) / 2h, element by element.

Each function moves one element of x at a time, *in place*, and puts it back: f may read x as its argument or
hold it itself, as a model holds its parameters. The error is of the order h^2 from the formula plus
1e-16 |f| / h from rounding, so float64 is needed and h = 1e-5 is close to the best choice.
"""

from random import randrange

import numpy as np


def eval_numerical_gradient(f, x, verbose=True, h=1e-5):
    """The numerical gradient of f at x, where f(x) is a single number.

    x: a float array of any shape; f: called with x. verbose prints every element's index and slope.
    Returns an array in the shape of x. Raises ValueError unless x holds floats.
    """
    grad = np.zeros_like(x)
    for index, plus, minus in _central_values(lambda: f(x), x, h):
        grad[index] = (plus - minus) / (2 * h)
        if verbose:
            print(index, grad[index])
    return grad


def eval_numerical_gradient_array(f, x, df, h=1e-5):
    """The numerical gradient of sum(df * f(x)) at x, where f(x) is an array.

    df: what the loss sends back to f(x), in the shape of f(x); x: a float array of any shape.
    Returns an array in the shape of x. Raises ValueError unless x holds floats.
    """
    grad = np.zeros_like(x)
    for index, plus, minus in _central_values(lambda: f(x), x, h):
        grad[index] = np.sum((plus - minus) * df) / (2 * h)
    return grad


def eval_numerical_gradient_blobs(f, inputs, output, h=1e-5):
    """Numerical gradients for a function that writes into its output instead of returning it.

    A blob has arrays `vals` and `diffs` of one shape. f(*inputs, output) reads the vals of the inputs and
    sets output.vals; output.diffs is the gradient that the loss sends back to it.
    Returns a list of arrays, one for each blob in the tuple inputs, in the shape of its vals.
    """

    def written():
        f(*inputs, output)
        return output.vals

    grads = []
    for blob in inputs:
        grad = np.zeros_like(blob.diffs)
        for index, plus, minus in _central_values(written, blob.vals, h):
            grad[index] = np.sum((plus - minus) * output.diffs) / (2 * h)
        grads.append(grad)
    return grads


def eval_numerical_gradient_net(net, inputs, output, h=1e-5):
    """`eval_numerical_gradient_blobs` for a network whose `forward()` reads inputs and writes output."""
    return eval_numerical_gradient_blobs(lambda *_: net.forward(), inputs, output, h=h)


def grad_check_sparse(f, x, analytic_grad, num_checks=10, h=1e-5):
    """Compares a gradient with the numerical one at num_checks random elements, and prints each comparison.

    f(x) is a single number; analytic_grad has the shape of x. For arrays that are too large to check in full.
    """
    for _ in range(num_checks):
        index = tuple(randrange(size) for size in x.shape)
        plus, minus = _values_around(lambda: f(x), x, index, h)
        numerical, analytic = (plus - minus) / (2 * h), analytic_grad[index]
        scale = abs(numerical) + abs(analytic)
        error = abs(numerical - analytic) / scale if scale else 0.0
        print(f"numerical: {numerical:f} analytic: {analytic:f}, relative error: {error:e}")


def _central_values(value, x, h):
    """For each element of x: its index, and value() with the element raised and lowered by h."""
    for index in np.ndindex(x.shape):
        yield index, *_values_around(value, x, index, h)


def _values_around(value, x, index, h):
    if not np.issubdtype(x.dtype, np.floating):
        raise ValueError(f"a numerical gradient needs floats, but x is {x.dtype}: use x.astype(np.float64)")
    old = x[index]
    try:
        # copies, because value() may write both results into one buffer
        x[index] = old + h
        plus = np.copy(value())
        x[index] = old - h
        minus = np.copy(value())
    finally:
        x[index] = old
    return plus, minus
