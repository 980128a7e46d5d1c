"""Small colour pictures of ten classes: one large shape each, any colours, on a ground that says nothing.

Colour, place, size and light change from picture to picture, so that raw pixels tell little of the class; an
encoder that has learned to ignore them (as SimCLR's augmentations teach) tells much more.
"""

from __future__ import annotations

import numpy as np

from grader.data import drawing
from grader.values import Array

SIDE = 32
NAMES = (
    "circle",
    "square",
    "triangle",
    "star",
    "cross",
    "striped circle",
    "hollow circle",
    "arrow",
    "bar",
    "many",
)


def draw(rng: np.random.Generator, count: int) -> tuple[Array, Array]:
    """Pictures (count, 32, 32, 3) of bytes and their classes (count,), all classes equally often."""
    labels = rng.permutation(np.arange(count) % len(NAMES))
    return np.stack([_picture(rng, NAMES[label]) for label in labels]), labels


def _picture(rng: np.random.Generator, name: str) -> Array:
    ground, ink = _colours(rng)
    image = drawing.canvas(SIDE, ground)
    texture, _, shape = name.rpartition(" ")
    if name == "many":
        for _ in range(9):
            at = (rng.uniform(0.1, 0.9), rng.uniform(0.1, 0.9))
            drawing.paint(image, drawing.OUTLINES["circle"], at, rng.uniform(0.06, 0.1), ink)
    else:
        at = (rng.uniform(0.4, 0.6), rng.uniform(0.4, 0.6))
        drawing.paint(
            image, drawing.OUTLINES[shape], at, rng.uniform(0.28, 0.4), ink, texture or "plain",
            turn=rng.uniform(-0.25, 0.25), ink=ground,
        )  # fmt: skip
    pixels = np.asarray(drawing.finish(image)).astype(np.float64)
    light = rng.uniform(-30, 30, (2, 3))  # from left to right and from top to bottom
    slope = np.linspace(-1, 1, SIDE)
    pixels += light[0] * slope[None, :, None] + light[1] * slope[:, None, None]
    pixels += rng.normal(0, 8, pixels.shape)
    return pixels.clip(0, 255).astype(np.uint8)


def _colours(rng: np.random.Generator) -> tuple[drawing.Colour, drawing.Colour]:
    """Two colours that differ in brightness, either of them the brighter one."""
    while True:
        a, b = rng.integers(0, 256, (2, 3))
        if abs(int(a.sum()) - int(b.sum())) > 200:
            return (int(a[0]), int(a[1]), int(a[2])), (int(b[0]), int(b[1]), int(b[2]))
