"""Simple shapes as pictures, for the built-in data: outlines in the unit square, drawn with supersampling."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from grader.values import Array

Point = tuple[float, float]
Colour = tuple[int, int, int]
SCALE = 3  # drawn this many times larger, then reduced: smooth edges


def polygon(corners: int, turn: float = -90.0) -> list[Point]:
    """A regular polygon of radius 1; `turn` in degrees is where its first corner is."""
    angles = [math.radians(turn + 360 * k / corners) for k in range(corners)]
    return [(math.cos(a), math.sin(a)) for a in angles]


def star(points: int, inner: float = 0.42) -> list[Point]:
    """A star: corners of radius 1 and `inner` in turn."""
    ring = polygon(2 * points)
    return [(x * (inner if k % 2 else 1), y * (inner if k % 2 else 1)) for k, (x, y) in enumerate(ring)]


_CROSS: list[Point] = [
    (-0.3, -1), (0.3, -1), (0.3, -0.3), (1, -0.3), (1, 0.3), (0.3, 0.3),
    (0.3, 1), (-0.3, 1), (-0.3, 0.3), (-1, 0.3), (-1, -0.3), (-0.3, -0.3),
]  # fmt: skip
_ARROW: list[Point] = [(-1, -0.25), (0.1, -0.25), (0.1, -0.8), (1, 0), (0.1, 0.8), (0.1, 0.25), (-1, 0.25)]
_HOUSE: list[Point] = [(-0.8, 1), (-0.8, -0.1), (0, -1), (0.8, -0.1), (0.8, 1)]

OUTLINES: dict[str, list[Point]] = {
    "circle": polygon(32),
    "square": polygon(4, -45),
    "triangle": polygon(3),
    "star": star(5),
    "cross": _CROSS,
    "diamond": [(0, -1), (0.6, 0), (0, 1), (-0.6, 0)],
    "hexagon": polygon(6),
    "pentagon": polygon(5),
    "arrow": _ARROW,
    "house": _HOUSE,
    "bar": [(-1, -0.25), (1, -0.25), (1, 0.25), (-1, 0.25)],
    "ellipse": [(x, 0.55 * y) for x, y in polygon(32)],
}


def canvas(side: int, colour: Colour) -> Image.Image:
    """An empty picture, still in its larger size."""
    return Image.new("RGB", (side * SCALE, side * SCALE), colour)


def paint(
    image: Image.Image, outline: Sequence[Point], at: Point, radius: float, colour: Colour,
    texture: str = "plain", turn: float = 0.0, ink: Colour = (0, 0, 0),
) -> None:  # fmt: skip
    """Draws an outline at a place (in parts of the side), filled, hollow, striped or dotted (with `ink`)."""
    side = image.size[0]
    cos, sin = math.cos(turn), math.sin(turn)
    corners = [
        (side * (at[0] + radius * (x * cos - y * sin)), side * (at[1] + radius * (x * sin + y * cos)))
        for x, y in outline
    ]
    mask = Image.new("L", image.size, 0)
    ImageDraw.Draw(mask).polygon(corners, fill=255)
    if texture == "hollow":
        middle = [
            (side * at[0] + 0.6 * (x - side * at[0]), side * at[1] + 0.6 * (y - side * at[1]))
            for x, y in corners
        ]
        ImageDraw.Draw(mask).polygon(middle, fill=0)
    image.paste(colour, (0, 0), mask)
    if texture in ("striped", "dotted"):
        image.paste(ink, (0, 0), Image.fromarray(_pattern(side, texture) & np.asarray(mask)))


def _pattern(side: int, texture: str) -> Array:
    x, y = np.meshgrid(np.arange(side), np.arange(side))
    period = max(side // 16, 4)
    striped = (x + y) % period < period // 2
    dotted = (x % period < period // 2) & (y % period < period // 2)
    return (striped if texture == "striped" else dotted).astype(np.uint8) * 255


def finish(image: Image.Image) -> Image.Image:
    """The picture in its own size."""
    return image.reduce(SCALE)
