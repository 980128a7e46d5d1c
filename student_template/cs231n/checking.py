"""What the notebooks' check cells measure, and the line in which they say it."""

import numpy as np


def rel_error(x, y):
    """Returns the greatest relative error of two arrays: max |x - y| / max(1e-8, |x| + |y|).

    Raises ValueError for two shapes: numpy would repeat the smaller array, and a wrong shape could pass.
    """
    x, y = np.asarray(x), np.asarray(y)
    if x.shape != y.shape:
        raise ValueError(f"the result has shape {y.shape}, it should have {x.shape}")
    return float(np.max(np.abs(x - y) / np.maximum(1e-8, np.abs(x) + np.abs(y)), initial=0.0))


def report(step, at_most, **values):
    """Prints one line per value, for you and for the grader:

        [check] rnn_step_forward: next_h = 6.29e-09 (at most 1e-07) ok

    step: what is checked. at_most: the greatest value that is fine; a dict gives each value its own.
    """
    for name, value in values.items():
        bar = at_most[name] if isinstance(at_most, dict) else at_most
        verdict = "ok" if value <= bar else "TOO LARGE"
        print(f"[check] {step}: {name} = {value:.3g} (at most {bar:g}) {verdict}")
