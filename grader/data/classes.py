"""Small colour pictures of ten classes: a pattern each, in any two colours, at any scale, place and light.

Colour, scale, place and light change from picture to picture, so that raw pixels tell little of the class; an
encoder that has learned to ignore them (as SimCLR's augmentations teach) tells much more.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from grader.values import Array

SIDE = 32
Field = Callable[[Array, Array], Array]  # (x, y) in periods -> brightness from -1 to 1


def _wave(t: Array) -> Array:
    return np.asarray(np.sin(2 * np.pi * t))


def _rings(x: Array, y: Array) -> Array:
    return _wave(np.hypot(x - x.mean(), y - y.mean()))


def _dots(x: Array, y: Array) -> Array:
    return np.where(np.hypot(x % 1 - 0.5, y % 1 - 0.5) < 0.3, 1.0, -1.0)


def _bricks(x: Array, y: Array) -> Array:
    shifted = x + 0.5 * (np.floor(y) % 2)
    return np.where(((y % 1) < 0.2) | ((shifted % 1) < 0.2), 1.0, -1.0)


PATTERNS: dict[str, Field] = {
    "rows": lambda x, y: _wave(y),
    "columns": lambda x, y: _wave(x),
    "diagonals": lambda x, y: _wave((x + y) / 1.4),
    "chessboard": lambda x, y: np.sign(_wave(x) * _wave(y)),
    "rings": _rings,
    "dots": _dots,
    "grid": lambda x, y: np.where(((x % 1) < 0.2) | ((y % 1) < 0.2), 1.0, -1.0),
    "bricks": _bricks,
    "zigzag": lambda x, y: _wave(y + 0.6 * np.abs((x % 1) - 0.5)),
    "slope": lambda x, y: np.tanh((y - y.mean()) * 0.8),
}
NAMES = tuple(PATTERNS)


def draw(rng: np.random.Generator, count: int) -> tuple[Array, Array]:
    """Pictures (count, 32, 32, 3) of bytes and their classes (count,), all classes equally often."""
    labels = rng.permutation(np.arange(count) % len(NAMES))
    return np.stack([_picture(rng, PATTERNS[NAMES[label]]) for label in labels]), labels


def _picture(rng: np.random.Generator, pattern: Field) -> Array:
    period = rng.uniform(5, 9)
    x, y = np.meshgrid(np.arange(SIDE) / period + rng.random(), np.arange(SIDE) / period + rng.random())
    field = pattern(x, y)[:, :, None]  # (32, 32, 1)
    middle, swing = (
        rng.uniform(70, 185, 3),
        rng.uniform(25, 70) * rng.choice([-1, 1]) * rng.uniform(0.5, 1.5, 3),
    )
    slope = np.linspace(-1, 1, SIDE)
    light = rng.uniform(-30, 30, (2, 3))  # from left to right and from top to bottom
    pixels = middle + swing * field + light[0] * slope[None, :, None] + light[1] * slope[:, None, None]
    noisy = pixels + rng.normal(0, 12, pixels.shape)
    return np.asarray(noisy.clip(0, 255), dtype=np.uint8)
