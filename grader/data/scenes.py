"""Miniature captions: rendered scenes of simple objects, with sentences composed of what is in them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from grader.data import drawing
from grader.data.captions import SPECIAL
from grader.values import Array

SIDE = 64
LENGTH = 17  # words of a caption, <START>, <END> and padding included
COLOURS: dict[str, drawing.Colour] = {
    "red": (214, 39, 40), "green": (44, 160, 44), "blue": (31, 90, 200), "yellow": (240, 220, 40),
    "orange": (255, 140, 20), "purple": (130, 60, 170), "pink": (245, 150, 190), "brown": (130, 80, 40),
    "black": (15, 15, 15), "white": (250, 250, 250), "grey": (128, 128, 128), "cyan": (40, 200, 220),
}  # fmt: skip
SIZES = {"tiny": 0.09, "small": 0.13, "large": 0.19, "huge": 0.24}
TEXTURES = ("plain", "striped", "dotted", "hollow")
PLACES: dict[str, tuple[str, tuple[drawing.Point, drawing.Point]]] = {
    "above": ("above", ((0.5, 0.27), (0.5, 0.73))),
    "below": ("below", ((0.5, 0.73), (0.5, 0.27))),
    "left": ("left of", ((0.27, 0.5), (0.73, 0.5))),
    "right": ("right of", ((0.73, 0.5), (0.27, 0.5))),
    "beside": ("beside", ((0.3, 0.55), (0.7, 0.45))),
    "touching": ("touching", ((0.4, 0.45), (0.62, 0.6))),
    "corner": ("across from", ((0.25, 0.25), (0.75, 0.75))),
}
NUMBERS = ("one", "two", "three", "four")
GROUNDS: dict[str, drawing.Colour] = {
    "wall": (200, 190, 170), "sky": (150, 200, 240), "field": (150, 190, 120), "table": (170, 130, 90),
    "night": (30, 30, 60), "paper": (240, 235, 220), "snow": (225, 235, 245), "sand": (225, 205, 150),
}  # fmt: skip
VERBS = ("sits", "stands", "floats", "lies", "hangs", "rests", "waits", "appears")
OPENINGS = (
    "a picture of",
    "a drawing of",
    "an image showing",
    "here we see",
    "this is",
    "there is",
    "look at",
)
_GLUE = (
    "a", "an", "the", "of", "on", "in", "with", "and", "some", "other",
    "object", "shape", "is", "it", "against", "front",
)  # fmt: skip


@dataclass(frozen=True)
class Scene:
    """What is in a picture: two objects, where they are, how many of the second, and the ground."""

    shapes: tuple[str, str]
    colours: tuple[str, str]
    sizes: tuple[str, str]
    texture: str
    place: str
    count: int
    ground: str


def vocabulary() -> list[str]:
    """All words, the special ones first."""
    plurals = [plural(shape) for shape in drawing.OUTLINES]
    places = " ".join(words for words, _ in PLACES.values()).split()
    openings = " ".join(OPENINGS).split()
    words = [
        *_GLUE, *COLOURS, *SIZES, *TEXTURES, *drawing.OUTLINES, *plurals, *places, *NUMBERS, *GROUNDS, *VERBS,
        *openings,
    ]  # fmt: skip
    return [*SPECIAL, *dict.fromkeys(words)]


def plural(shape: str) -> str:
    """ "cross" -> "crosses"."""
    return f"{shape}es" if shape.endswith("s") else f"{shape}s"


def draw_scene(rng: np.random.Generator) -> Scene:
    """A random scene; its two objects differ in colour."""
    first, second = (str(c) for c in rng.choice(list(COLOURS), 2, replace=False))
    shapes, sizes = rng.choice(list(drawing.OUTLINES), 2), rng.choice(list(SIZES), 2)
    return Scene(
        (str(shapes[0]), str(shapes[1])), (first, second), (str(sizes[0]), str(sizes[1])),
        str(rng.choice(TEXTURES)), str(rng.choice(list(PLACES))), int(rng.integers(1, 5)),
        str(rng.choice(list(GROUNDS))),
    )  # fmt: skip


def describe(scene: Scene, rng: np.random.Generator) -> str:
    """A sentence about the scene, of at most 15 words."""
    (shape, other), (colour, second) = scene.shapes, scene.colours
    first = f"a {scene.sizes[0]} {colour} {shape}"
    place, n = PLACES[scene.place][0], NUMBERS[scene.count - 1]
    things = f"{n} {second} {other if scene.count == 1 else plural(other)}"
    ground = f"on the {scene.ground}"
    sentences = (
        f"{first} {place} {things} {ground}",
        f"a {scene.texture} {colour} {shape} {rng.choice(VERBS)} {place} {things}",
        f"{rng.choice(OPENINGS)} {first} {place} {things}",
        f"{things} and {first} {ground}",
        f"the {scene.texture} {shape} is {colour} and the other object is {second}",
    )
    return str(rng.choice(sentences))


def render(scene: Scene, rng: np.random.Generator) -> Image.Image:
    """The scene as a picture of 64 x 64 points."""
    image = drawing.canvas(SIDE, GROUNDS[scene.ground])
    first, second = PLACES[scene.place][1]
    for k in range(scene.count):
        offset = (k - (scene.count - 1) / 2) * 0.14
        at = (second[0] + offset + rng.uniform(-0.02, 0.02), second[1] + rng.uniform(-0.03, 0.03))
        radius = SIZES[scene.sizes[1]] * (0.8 if scene.count > 1 else 1)
        drawing.paint(image, drawing.OUTLINES[scene.shapes[1]], at, radius, COLOURS[scene.colours[1]])
    outline, colour = drawing.OUTLINES[scene.shapes[0]], COLOURS[scene.colours[0]]
    ink: drawing.Colour = (20, 20, 20) if sum(colour) > 300 else (235, 235, 235)
    drawing.paint(image, outline, first, SIZES[scene.sizes[0]], colour, scene.texture, ink=ink)
    return drawing.finish(image)


def encode(sentence: str, words: list[str]) -> list[int]:
    """<START>, the numbers of the words, <END>, padding: LENGTH numbers."""
    numbers = [words.index(word) for word in ("<START>", *sentence.split(), "<END>")]
    return numbers + [words.index("<NULL>")] * (LENGTH - len(numbers))


def features(images: Array, count: int = 512) -> Array:
    """Features (N, count) of pictures (N, 64, 64, 3): a fixed random projection of the pixels, each scaled to
    mean 0 and standard deviation 1."""
    small = images.reshape(len(images), SIDE // 2, 2, SIDE // 2, 2, 3).mean(axis=(2, 4))  # (N, 32, 32, 3)
    pixels = small.reshape(len(images), -1) / 255 - 0.5
    matrix = np.random.default_rng(231).standard_normal((pixels.shape[1], count)) / np.sqrt(pixels.shape[1])
    projected = pixels @ matrix  # (N, count)
    scaled: Array = (projected - projected.mean(axis=0)) / projected.std(axis=0)
    return scaled.astype(np.float32)
