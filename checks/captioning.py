"""The captioning transformer as the checks see it: vocabularies, data, parameters, models with or without stand-ins.

With stand-ins (`checks.probes.transformer`) in place of positional encoding and decoder layers the forward pass is
judged by itself, whatever the student's attention does; without them, together with the student's own parts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from checks.declare import Rng
from checks.modules import Build, shapes_of
from checks.random_sizes import Sizes
from grader.values import Array

if TYPE_CHECKING:
    from grader.subject import Subject

FORWARD, SAMPLE = "CaptioningTransformer.forward", "CaptioningTransformer.sample"
TYPICAL = {"N": 3, "T": 4, "D": 5, "W": 6, "V": 8}
OWN = (
    "visual_projection.weight",
    "visual_projection.bias",
    "embedding.weight",
    "output.weight",
    "output.bias",
)
LONGEST = 12  # words that the models here are built for


def vocabulary(size: int) -> dict[str, int]:
    """`size` words; <NULL>, <START> and <END> are not 0, 1 and 2."""
    special = {"<START>": 0, "<NULL>": 1, "<UNK>": 2, "<END>": size - 1}
    return {**special, **{f"word{i}": i for i in range(3, size - 1)}}


def draw(rng: Rng, sizes: Sizes) -> tuple[Array, Array]:
    """Features (N, D) and captions (N, T); some of the words are <NULL>, the last caption repeats a word."""
    features = rng.standard_normal((sizes["N"], sizes["D"]))
    captions = rng.integers(sizes["V"], size=(sizes["N"], sizes["T"]))
    captions[0, -1] = vocabulary(sizes["V"])["<NULL>"]
    captions[-1, -1] = captions[-1, 0]
    return features, captions


def model(sizes: Sizes, heads: int = 1, layers: int = 1, table: Array | None = None) -> Build:
    """A model with the parts it was built with, or with stand-ins where a table is given."""
    options = {"num_heads": heads, "num_layers": layers, "max_length": LONGEST}
    args = [vocabulary(sizes["V"]), sizes["D"], sizes["W"]]
    return Build("transformer", "CaptioningTransformer", args, options, table)


def stood_in(rng: Rng, sizes: Sizes) -> Build:
    """A model with stand-ins: words are scaled by their position with a random table (1, LONGEST, W).

    It is built without decoder layers of its own, which the stand-in would replace: they take most of the time.
    """
    return model(sizes, layers=0, table=rng.uniform(0.5, 2.0, (1, LONGEST, sizes["W"])))


def own_parameters(rng: Rng, sizes: Sizes) -> dict[str, Array]:
    """Values for the layers that the forward pass itself uses."""
    D, W, V = sizes["D"], sizes["W"], sizes["V"]
    shapes = dict(zip(OWN, ((W, D), (W,), (V, W), (V, W), (V,)), strict=True))
    return {name: drawn(rng, name, shape) for name, shape in shapes.items()}


def all_parameters(rng: Rng, reference: Subject, build: Build, W: int) -> dict[str, Array]:
    """Values for all parameters that the reference's model has, and for the table of its positional encoding."""
    shapes, _ = shapes_of(reference, build)
    values = {name: drawn(rng, name, shape) for name, shape in shapes.items()}
    return {**values, "positional_encoding.pe": rng.uniform(-1, 1, (1, LONGEST, W))}


def drawn(rng: Rng, name: str, shape: tuple[int, ...]) -> Array:
    """Weights over the root of their fan-in, words of size 1, layer norms around 1, biases half as large."""
    numbers = rng.standard_normal(shape)
    if "norm" in name and name.endswith("weight"):
        return 1 + 0.3 * numbers
    if name.endswith("bias"):
        return 0.5 * numbers
    return numbers if name.startswith("embedding") else 1.5 * numbers / np.sqrt(shape[-1])
