"""What the tests compare the NumPy reference with: torch's autograd and plain finite differences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

Array = np.ndarray[Any, Any]


def rel_error(x: Any, y: Any) -> float:
    """The notebooks' error measure; unlike theirs it refuses to broadcast one shape to another."""
    x, y = np.asarray(x), np.asarray(y)
    assert x.shape == y.shape
    return float(np.max(np.abs(x - y) / np.maximum(1e-8, np.abs(x) + np.abs(y))))


def draw(seed: int, *shapes: tuple[int, ...], dtype: Any = np.float64) -> list[Array]:
    """Normal draws of the given shapes."""
    rng = np.random.default_rng(seed)
    return [rng.standard_normal(shape).astype(dtype) for shape in shapes]


def linspaces(*specs: tuple[float, float, tuple[int, ...]]) -> list[Array]:
    """The notebooks' fixed inputs: evenly spaced numbers from low to high in the given shape."""
    return [np.linspace(low, high, num=int(np.prod(shape))).reshape(shape) for low, high, shape in specs]


def finite_differences(f: Callable[[], Any], x: Array, dout: Any, h: float = 1e-5) -> Array:
    """The gradient of sum(dout * f()) for the array x that f reads, by central differences."""
    grad = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        old = x[index]
        x[index] = old + h
        plus = np.sum(dout * f())
        x[index] = old - h
        minus = np.sum(dout * f())
        x[index] = old
        grad[index] = (plus - minus) / (2 * h)
    return grad


def autograd(f: Callable[..., torch.Tensor], dout: Any, *arrays: Array) -> tuple[Array, list[Array]]:
    """f of torch tensors: its value, and the gradient of sum(dout * f) for each array."""
    tensors = [torch.tensor(a, requires_grad=True) for a in arrays]
    out = f(*tensors)
    grads = torch.autograd.grad((out * torch.as_tensor(dout)).sum(), tensors)
    return out.detach().numpy(), [g.numpy() for g in grads]


def assert_all_close(actual: Sequence[Any], expected: Sequence[Any], rtol: float, atol: float) -> None:
    """Pairwise closeness, where every pair must also agree in shape."""
    assert len(actual) == len(expected)
    for i, (a, e) in enumerate(zip(actual, expected, strict=True)):
        assert np.shape(a) == np.shape(e), f"array {i}"
        np.testing.assert_allclose(a, e, rtol=rtol, atol=atol, err_msg=f"array {i}")
