"""The update rules against torch.optim and against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from reference.cs231n import optim
from tests.reference.oracles import draw

RULES = [optim.sgd, optim.sgd_momentum, optim.rmsprop, optim.adam]


def run(rule, config, grads):
    """The parameter after each step, from a start of ones."""
    w, path = np.ones_like(grads[0]), []
    for dw in grads:
        w, config = rule(w, dw, config)
        path.append(w.copy())
    return path


def run_torch(make, grads):
    w = torch.ones(grads[0].shape, dtype=torch.float64, requires_grad=True)
    optimiser, path = make([w]), []
    for dw in grads:
        w.grad = torch.tensor(dw)
        optimiser.step()
        path.append(w.detach().numpy().copy())
    return path


TORCH = {
    "sgd": lambda w: torch.optim.SGD(w, lr=1e-2),
    "sgd_momentum": lambda w: torch.optim.SGD(w, lr=1e-2, momentum=0.9),
    "rmsprop": lambda w: torch.optim.RMSprop(w, lr=1e-2, alpha=0.99, eps=1e-8),
    "adam": lambda w: torch.optim.Adam(w, lr=1e-3, eps=1e-8),
}


@pytest.mark.parametrize("name", TORCH)
def test_defaults_follow_torch_over_many_steps(name):
    """With default settings 20 steps give torch.optim's parameters (Adam: to the two places of epsilon)."""
    grads = draw(1, *[(3, 4)] * 20)
    path, expected = run(getattr(optim, name), None, grads), run_torch(TORCH[name], grads)
    np.testing.assert_allclose(path, expected, rtol=1e-7 if name == "adam" else 1e-12)


@pytest.mark.parametrize(
    ("name", "config", "make"),
    [
        ("sgd", {"learning_rate": 0.5}, lambda w: torch.optim.SGD(w, lr=0.5)),
        ("sgd_momentum", {"learning_rate": 0.1, "momentum": 0.5}, lambda w: torch.optim.SGD(w, 0.1, 0.5)),
        ("rmsprop", {"learning_rate": 0.1, "decay_rate": 0.5, "epsilon": 0.1},
         lambda w: torch.optim.RMSprop(w, lr=0.1, alpha=0.5, eps=0.1)),
        ("adam", {"learning_rate": 0.1, "beta1": 0.5, "beta2": 0.8},
         lambda w: torch.optim.Adam(w, lr=0.1, betas=(0.5, 0.8))),
    ],
)  # fmt: skip
def test_every_setting_reaches_the_update(name, config, make):
    """Settings other than the defaults give torch.optim's parameters with the same settings."""
    grads = draw(2, *[(5,)] * 6)
    np.testing.assert_allclose(run(getattr(optim, name), config, grads), run_torch(make, grads), rtol=1e-6)


def test_adam_adds_epsilon_before_the_bias_correction():
    """A step with a huge epsilon is lr * sqrt(1-beta2)/(1-beta1) * m / (sqrt(v) + eps), as published."""
    dw = np.array([2.0])
    w, config = optim.adam(np.zeros(1), dw, {"learning_rate": 0.1, "epsilon": 1.0})
    m, v = 0.1 * 2, 0.001 * 4
    np.testing.assert_allclose(w, -0.1 * np.sqrt(0.001) / 0.1 * m / (np.sqrt(v) + 1), rtol=1e-12)
    assert config["t"] == 1


@pytest.mark.parametrize("rule", RULES)
def test_update_is_in_place_and_keeps_dtype(rule):
    """A float32 parameter stays the same float32 array under a float64 gradient, and dw is not changed."""
    w = np.ones((2, 3), dtype=np.float32)
    (dw,) = draw(3, (2, 3))
    dw.flags.writeable = False
    config = None
    for _ in range(2):
        next_w, config = rule(w, dw, config)
        assert next_w is w
    assert w.dtype == np.float32
    assert (w != 1).all()


@pytest.mark.parametrize("rule", RULES)
def test_steps_go_downhill(rule):
    """On f(w) = |w|^2 / 2 every rule ends nearer to the minimum than it started."""
    w, config = np.array([3.0, -2.0]), {"learning_rate": 0.05}
    for _ in range(60):
        w, config = rule(w, w.copy(), config)
    assert np.linalg.norm(w) < 1.5


@pytest.mark.parametrize("rule", RULES)
def test_memory_of_two_parameters_is_separate(rule):
    """Two parameters without a config share no memory: each path is the one it takes alone."""
    a, b = draw(4, (3,), (3,))
    alone = run(rule, None, [a, a])
    config_a = config_b = None
    wa, wb = np.ones(3), np.ones(3)
    for _ in range(2):
        wa, config_a = rule(wa, a, config_a)
        wb, config_b = rule(wb, b, config_b)
    np.testing.assert_array_equal(wa, alone[-1])
    np.testing.assert_array_equal(wb, run(rule, None, [b, b])[-1])
