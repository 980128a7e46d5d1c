"""Views of pictures in the worker; and from which seeds the reference's are worth most.

torch and torchvision are imported where they are used, so that other parts do not wait for them.
"""

from __future__ import annotations

import hashlib
import importlib
import random
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import islice
from typing import Any
from unittest.mock import patch

import numpy as np

DATA = "cs231n.simclr.data_utils"
STEPS = {
    "flip": 0.5,
    "jitter": 0.8,
    "grey": 0.2,
}  # in the order in which they are drawn, with their probabilities
NEAR = 0.08  # how far a draw is from its step's probability, at most
CANDIDATES = 3000  # seeds; 300 do as a rule
COSTLY = (
    "resized_crop", "hflip", "adjust_brightness", "adjust_contrast", "adjust_saturation", "adjust_hue",
    "rgb_to_grayscale", "to_tensor", "normalize",
)  # fmt: skip


def picture(pixels: Any) -> Any:
    """A PIL image from an array of bytes (height, width, 3)."""
    from PIL import Image

    return Image.fromarray(pixels)


def transform(function: Any, pictures: Sequence[Any], count: int) -> Any:
    """`count` results of a transform on each picture, stacked; None if they are not all tensors of one shape."""
    return _stacked([function(image) for image in map(picture, pictures) for _ in range(count)])


def transform_seeded(function: Any, pixels: Any, seeds: Sequence[int]) -> Any:
    """The results of a transform on a picture, the random generators seeded before each."""
    image, views = picture(pixels), []
    for seed in seeds:
        _seed(seed)
        views.append(function(image))
    return _stacked(views)


def _stacked(views: list[Any]) -> Any:
    import torch

    same = all(isinstance(view, torch.Tensor) and view.shape == views[0].shape for view in views)
    return torch.stack(views) if same else None


def _seed(seed: int) -> None:
    import torch

    random.seed(seed)
    np.random.seed(seed)
    torch.default_generator.manual_seed(
        seed
    )  # `torch.manual_seed` asks every kind of device: a hundred times slower


def levels(views: Any, mean: Any, std: Any) -> Any:
    """Views (..., 3, height, width) with the normalisation undone: levels from 0 to 255, channels last."""
    return np.moveaxis(255 * (np.asarray(views) * std[:, None, None] + mean[:, None, None]), -3, -1)


def fingerprint(found: Any) -> str:
    """A text that tells whole levels from others."""
    return hashlib.blake2b(np.rint(found).astype(np.int16).tobytes(), digest_size=16).hexdigest()


def expected(
    seed: int, pictures: Sequence[Any], count: int, mean: Any, std: Any
) -> tuple[str, list[int], str]:
    """Of a transform made with this seed: the fingerprint of `count` views of each picture in a row; seeds that
    `telling` chose; and the fingerprint of the views of the last picture from these seeds.
    """
    made = importlib.import_module(DATA).compute_train_transform(seed)
    row = transform(made, pictures, count)
    seeds = telling(made, pictures[-1], seed)
    seeded = transform_seeded(made, pictures[-1], seeds)
    return fingerprint(levels(row, mean, std)), seeds, fingerprint(levels(seeded, mean, std))


def telling(made: Any, pixels: Any, seed: int) -> list[int]:
    """Seeds from which a draw for a step falls next to its probability: on either side, whatever became of the steps
    before it. A step that happens more often or more rarely than that, or depends on another, gives another view.
    """
    wanted = {
        (step, above, before)
        for number, step in enumerate(STEPS)
        for above in (False, True)
        for before in np.ndindex(*[2] * number)
    }
    found = []
    for candidate, drawn in islice(_draws(made, picture(pixels), seed), CANDIDATES):
        shown = _shown(drawn) & wanted
        if shown:
            found.append(candidate)
            wanted -= shown
        if not wanted:
            break
    return found if not wanted else []


def _shown(drawn: Sequence[float]) -> set[tuple[str, bool, tuple[int, ...]]]:
    """Which steps were drawn for near their probability, on which side, and what became of the steps before."""
    happened = [int(u < p) for u, p in zip(drawn, STEPS.values(), strict=True)]
    return {
        (step, u >= p, tuple(happened[:number]))
        for number, (u, (step, p)) in enumerate(zip(drawn, STEPS.items(), strict=True))
        if abs(u - p) < NEAR
    }


def _draws(made: Any, image: Any, seed: int) -> Iterator[tuple[int, list[float]]]:
    """Seeds, and what a transform of torchvision's steps draws from them to decide about each step."""
    with _recorded() as drawn:
        for candidate in map(int, np.random.default_rng(seed).integers(2**31, size=CANDIDATES)):
            drawn.clear()
            _seed(candidate)
            made(image)
            if len(drawn) == len(STEPS):
                yield candidate, list(drawn)


@contextmanager
def _recorded() -> Iterator[list[float]]:
    """Meanwhile single numbers that `torch.rand` gives are noted, and torchvision spares itself the pictures."""
    import torch

    functional = importlib.import_module("torchvision.transforms.functional")
    drawn: list[float] = []
    usual = torch.rand

    def rand(*args: Any, **kwargs: Any) -> Any:
        number = usual(*args, **kwargs)
        drawn.extend([float(number)] if number.numel() == 1 else [])
        return number

    with ExitStack() as stack:
        stack.enter_context(patch.object(torch, "rand", rand))
        for name in COSTLY:
            if hasattr(functional, name):
                stack.enter_context(patch.object(functional, name, lambda image, *_, **__: image))
        yield drawn


def test_view(pixels: Any) -> Any:
    """What the transform for evaluation gives."""
    return importlib.import_module(DATA).compute_test_transform()(picture(pixels))
