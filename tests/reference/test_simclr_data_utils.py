"""SimCLR's augmentations by their statistics, and CIFAR10Pair without CIFAR-10."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import transforms

from reference.cs231n.simclr.data_utils import CIFAR10Pair, compute_test_transform, compute_train_transform

MEAN = np.array([0.4914, 0.4822, 0.4465]).reshape(3, 1, 1)
STD = np.array([0.2023, 0.1994, 0.2010]).reshape(3, 1, 1)
DRAWS = 1500


def picture(seed=0):
    """A colourful random image, 32x32."""
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (32, 32, 3), dtype=np.uint8))


def step(index):
    """One step of the training transform, seeded."""
    return compute_train_transform(seed=1).transforms[index]


def assert_probability(hits, p):
    """Hits among DRAWS draws lie within five standard deviations: wrong in one of a million runs."""
    assert abs(hits - DRAWS * p) < 5 * math.sqrt(DRAWS * p * (1 - p))


def test_flip_probability():
    """The second step mirrors left and right, half of the time."""
    image, flip = picture(), step(1)
    mirrored = np.asarray(image)[:, ::-1]
    results = [np.asarray(flip(image)) for _ in range(DRAWS)]
    hits = sum(np.array_equal(r, mirrored) for r in results)
    assert_probability(hits, 0.5)
    assert hits + sum(np.array_equal(r, image) for r in results) == DRAWS


def test_jitter_probability_and_strength():
    """The third step changes colours four times in five, by at most 40 % brightness."""
    grey, jitter = Image.new("RGB", (4, 4), (100, 100, 100)), step(2)
    levels = np.array([np.asarray(jitter(grey))[0, 0, 0] for _ in range(DRAWS)])
    assert levels.min() in (60, 61, 62)
    assert levels.max() in (138, 139, 140)
    # A jitter of a grey image can round back to 100: about one in eighty does.
    assert_probability((levels != 100).sum(), 0.8 * (1 - 1 / 80))
    inner = step(2).transforms[0]
    assert np.allclose((*inner.saturation, *inner.contrast, *inner.hue), (0.6, 1.4, 0.6, 1.4, -0.1, 0.1))


def test_grey_probability():
    """The fourth step makes the channels equal, one time in five, and keeps three of them."""
    image, to_grey = picture(), step(3)
    results = [np.asarray(to_grey(image)) for _ in range(DRAWS)]
    assert results[0].shape == (32, 32, 3)
    assert_probability(sum((r == r[..., :1]).all() for r in results), 0.2)


def test_crop_fills_the_frame():
    """The first step crops a part of any image to 32x32: never the same part twice."""
    gradient = Image.fromarray(np.linspace(0, 255, 64 * 64 * 3).reshape(64, 64, 3).astype(np.uint8))
    crop_part = step(0)
    crops = [crop_part(gradient) for _ in range(20)]
    assert {crop.size for crop in crops} == {(32, 32)}
    assert len({crop.tobytes() for crop in crops}) == 20


def test_whole_transform_gives_normalised_tensors():
    """The result is a float tensor (3, 32, 32); undoing the normalisation gives pixels of 1/255 in [0, 1]."""
    out = compute_train_transform()(picture())
    assert out.shape == (3, 32, 32)
    assert out.dtype == torch.float32
    levels = 255 * (out.numpy() * STD + MEAN)
    np.testing.assert_allclose(levels, levels.round(), atol=1e-3)
    assert -0.01 < levels.min() < levels.max() < 255.01


def test_steps_come_in_the_order_of_the_paper():
    """Crop, flip, jitter, grey, tensor, normalise."""
    kinds = [type(t) for t in compute_train_transform().transforms]
    assert kinds == [
        transforms.RandomResizedCrop,
        transforms.RandomHorizontalFlip,
        transforms.RandomApply,
        transforms.RandomGrayscale,
        transforms.ToTensor,
        transforms.Normalize,
    ]


def test_seed_repeats_the_augmentation():
    """Equal seeds give equal views, other seeds others, and the second view differs from the first."""
    first, again, other = (compute_train_transform(seed)(picture()) for seed in (5, 5, 6))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    transform = compute_train_transform(5)
    assert torch.equal(transform(picture()), first)
    assert not torch.equal(transform(picture()), first)


def test_test_transform_is_the_normalisation_alone():
    """(pixel / 255 - mean) / std, nothing random."""
    image = picture()
    expected = (np.asarray(image).transpose(2, 0, 1) / 255 - MEAN) / STD
    np.testing.assert_allclose(compute_test_transform()(image).numpy(), expected, rtol=1e-5, atol=1e-6)


def pair_data(transform, target_transform=None):
    """A CIFAR10Pair of three random images, made without its files."""
    data = object.__new__(CIFAR10Pair)
    data.data = np.stack([np.asarray(picture(seed)) for seed in range(3)])
    data.targets = [7, 8, 9]
    data.transform, data.target_transform = transform, target_transform
    return data


def test_pair_is_two_draws_of_the_same_image():
    """The transform is called twice on image `index`, and the results are returned in that order."""
    seen = []

    def transform(image):
        seen.append(np.asarray(image))
        return len(seen)

    data = pair_data(transform)
    assert data[2] == (1, 2, 9)
    assert all(np.array_equal(image, data.data[2]) for image in seen)


def test_pair_views_differ():
    """With the random transform the two views of an image differ from each other."""
    x_i, x_j, target = pair_data(compute_train_transform())[0]
    assert x_i.shape == x_j.shape == (3, 32, 32)
    assert not torch.equal(x_i, x_j)
    assert target == 7


@pytest.mark.parametrize("transform", [None, lambda image: image.size])
def test_pair_transforms_the_target(transform):
    """target_transform acts on the class only; without a transform there are no views."""
    x_i, x_j, target = pair_data(transform, target_transform=lambda t: -t)[1]
    assert x_i == x_j == (None if transform is None else (32, 32))
    assert target == -8


def test_pairs_go_through_a_loader():
    """A DataLoader stacks views and classes: (N, 3, 32, 32) twice, (N,)."""
    loader = torch.utils.data.DataLoader(pair_data(compute_train_transform()), batch_size=2)
    shapes = [[tuple(x.shape) for x in batch] for batch in loader]
    assert shapes == [[(2, 3, 32, 32), (2, 3, 32, 32), (2,)], [(1, 3, 32, 32), (1, 3, 32, 32), (1,)]]
