"""How much of its start a trained model still has: parameters that were brought along have nothing of it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from grader.values import Array


def likeness(start: Mapping[str, Array], now: Mapping[str, Array]) -> float:
    """The least cosine between a matrix of weights and its start: 1 untrained, 0 for weights from elsewhere.

    Vectors (biases, norms) start from constants and say nothing. A matrix of zeros is like nothing.
    """
    return min(_cosine(first, now[name]) for name, first in start.items() if first.ndim > 1)


def _cosine(a: Array, b: Array) -> float:
    a, b = a.astype(np.float64), b.astype(np.float64)
    size = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float((a * b).sum()) / size if size else 0.0
