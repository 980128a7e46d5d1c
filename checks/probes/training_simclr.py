"""Training a small encoder with the student's loss, augmentations, pairs and `train`, in the worker.

The encoder, its start, the pictures, their order and the optimiser are the grader's. No label is ever in here: what
the encoder is worth is measured elsewhere, from its parameters.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from checks.probes import simclr

CHANNELS = (3, 24, 48, 96)
FEATURES, PROJECTION = 96, 64
Arrays = Mapping[str, Any]


def encoder(params: Arrays) -> Any:
    """Images (N, 3, 32, 32) -> (h, z), both of length 1: three convolutions with stride 2, then a projection head."""
    import torch
    from torch import nn
    from torch.nn import functional

    class Encoder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            layers: list[nn.Module] = []
            for n, (a, b) in enumerate(itertools.pairwise(CHANNELS)):
                size = 3
                stride = 1 if n == len(CHANNELS) - 2 else 2
                layers += [nn.Conv2d(a, b, size, stride, size // 2, bias=False), nn.BatchNorm2d(b), nn.ReLU()]
            self.f = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())
            self.g = nn.Sequential(nn.Linear(FEATURES, FEATURES), nn.ReLU(), nn.Linear(FEATURES, PROJECTION))

        def forward(self, images: Any) -> tuple[Any, Any]:
            h = self.f(images)
            return functional.normalize(h, dim=-1), functional.normalize(self.g(h), dim=-1)

    model = Encoder()
    named = dict(model.named_parameters())
    for name, value in params.items():
        named[name].data.copy_(torch.as_tensor(value))
    return model


class Pairs:
    """What `train` iterates over: batches of two views each, made by the student's data set as they are asked for."""

    def __init__(self, dataset: Any, batches: Sequence[Any]) -> None:
        self.dataset, self.batches = dataset, batches

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[tuple[Any, Any, Any]]:
        import torch

        for batch in self.batches:
            items = [self.dataset[int(index)] for index in batch]
            left, right = (torch.stack([item[side] for item in items]) for side in (0, 1))
            yield left, right, torch.zeros(len(items), dtype=torch.long)


class Contrast:
    """An encoder in training."""

    def __init__(self, params: Arrays, dataset: Any, rate: float, device: str) -> None:
        import torch

        self.model = encoder(params).to(device)
        self.dataset, self.device = dataset, device
        self.optimiser = torch.optim.Adam(self.model.parameters(), lr=rate, fused=True)


def data(pictures: Any, seed: int) -> Any:
    """The student's `CIFAR10Pair` over these pictures, with the student's augmentations and no classes."""
    module = importlib.import_module("cs231n.simclr.data_utils")
    made = object.__new__(module.CIFAR10Pair)
    made.data, made.targets, made.train = pictures, [0] * len(pictures), True
    made.transform, made.target_transform = module.compute_train_transform(seed), None
    return made


def begin(params: Arrays, pictures: Any, rate: float, seed: int, device: str) -> Contrast:
    """An encoder that starts from these parameters.

    Half of correct solutions leave the loss to its default device: that is made the one that is used.
    """
    importlib.import_module(simclr.UTILS)
    simclr.cpu_by_default(device)
    return Contrast(params, data(pictures, seed), rate, device)


def advance(course: Contrast, batches: Sequence[Any], temperature: float) -> float:
    """One pass of the student's `train` over these batches; the loss that it says."""
    train = importlib.import_module("cs231n.simclr.utils").train
    loader = Pairs(course.dataset, batches)
    with contextlib.redirect_stderr(io.StringIO()):  # the progress bar
        loss = train(
            course.model, loader, course.optimiser, 1, 1, batch_size=len(batches[0]), temperature=temperature,
            device=course.device,
        )  # fmt: skip
    return float(loss)


def parameters(course: Contrast) -> dict[str, Any]:
    """The parameters as they are now."""
    return {name: p.detach().cpu() for name, p in course.model.named_parameters()}


def views(pictures: Any, seed: int) -> tuple[Any, Any]:
    """Two views of each picture, with the augmentations of this worker's submission: for the reference's worker."""
    left, right, _ = next(iter(Pairs(data(pictures, seed), [range(len(pictures))])))
    return left, right


def features(params: Arrays, pictures: Any, left: Any, right: Any, temperature: float) -> tuple[Any, float]:
    """Features (N, 96) of pictures (N, 32, 32, 3) and the contrastive loss of pairs: for the reference's worker.

    Batch norms take their statistics from the batch at hand, here from all pictures.
    """
    import torch

    loss = importlib.import_module("cs231n.simclr.contrastive_loss").simclr_loss_vectorized
    normalise = importlib.import_module("cs231n.simclr.data_utils").compute_test_transform().transforms[-1]
    model = encoder(params).train()
    with torch.no_grad():
        images = normalise(torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255)
        found = model(images)[0]
        contrast = loss(model(left)[1], model(right)[1], temperature, device="cpu")
    return found, float(contrast)
