"""First-order update rules: one step down the gradient of one parameter array.

All rules have the signature `rule(w, dw, config=None) -> (next_w, config)`. w is a parameter of any shape and
dw the gradient of the loss with respect to it. config is a dict of settings and of the rule's memory between
steps: pass the returned one back at the next step. Settings left out get their defaults.

w is updated in place, so that it keeps its dtype (also when dw has more digits) and its memory; next_w is w.
"""

import numpy as np


def sgd(w, dw, config=None):
    """Plain gradient descent: w <- w - learning_rate * dw.

    config: learning_rate (1e-2).
    """
    config = _with_defaults(config, learning_rate=1e-2)
    w -= config["learning_rate"] * dw
    return w, config


def sgd_momentum(w, dw, config=None):
    """Gradient descent with a velocity: v <- momentum * v - learning_rate * dw, w <- w + v.

    config: learning_rate (1e-2), momentum (0.9, from 0 to 1; 0 gives `sgd`), velocity (zeros).
    """
    config = _with_defaults(config, learning_rate=1e-2, momentum=0.9, velocity=np.zeros_like(w))
    v = config["momentum"] * config["velocity"] - config["learning_rate"] * dw
    w += v
    config["velocity"] = v
    return w, config


def rmsprop(w, dw, config=None):
    """Steps divided by a running root mean square of the gradient, element by element.

        cache <- decay_rate * cache + (1 - decay_rate) * dw^2
        w     <- w - learning_rate * dw / (sqrt(cache) + epsilon)

    config: learning_rate (1e-2), decay_rate (0.99), epsilon (1e-8), cache (zeros).
    Source: Tieleman and Hinton, Lecture 6.5 of Neural Networks for Machine Learning, 2012.
    """
    config = _with_defaults(config, learning_rate=1e-2, decay_rate=0.99, epsilon=1e-8, cache=np.zeros_like(w))
    rho = config["decay_rate"]
    config["cache"] = rho * config["cache"] + (1 - rho) * dw**2
    w -= config["learning_rate"] * dw / (np.sqrt(config["cache"]) + config["epsilon"])
    return w, config


def adam(w, dw, config=None):
    """Running means of the gradient and of its square, both corrected for their start at zero.

        t <- t + 1
        m <- beta1 * m + (1 - beta1) * dw
        v <- beta2 * v + (1 - beta2) * dw^2
        w <- w - learning_rate * sqrt(1 - beta2^t) / (1 - beta1^t) * m / (sqrt(v) + epsilon)

    This is the form at the end of section 2 of the paper: the corrections are part of the step size, so
    epsilon is added to the uncorrected sqrt(v). (torch.optim.Adam adds it to the corrected one.)

    config: learning_rate (1e-3), beta1 (0.9), beta2 (0.999), epsilon (1e-8), m and v (zeros), t (0).
    Source: Kingma and Ba, Adam: A Method for Stochastic Optimization, 2015.
    """
    config = _with_defaults(config, learning_rate=1e-3, beta1=0.9, beta2=0.999, epsilon=1e-8)
    config = _with_defaults(config, m=np.zeros_like(w), v=np.zeros_like(w), t=0)
    beta1, beta2 = config["beta1"], config["beta2"]
    config["t"] += 1
    config["m"] = beta1 * config["m"] + (1 - beta1) * dw
    config["v"] = beta2 * config["v"] + (1 - beta2) * dw**2

    step_size = config["learning_rate"] * np.sqrt(1 - beta2 ** config["t"]) / (1 - beta1 ** config["t"])
    w -= step_size * config["m"] / (np.sqrt(config["v"]) + config["epsilon"])
    return w, config


def _with_defaults(config, **defaults):
    """The given config (the same dict, so that its owner sees the memory), with what it lacks filled in."""
    config = {} if config is None else config
    for name, value in defaults.items():
        config.setdefault(name, value)
    return config
