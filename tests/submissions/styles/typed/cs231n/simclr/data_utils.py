"""Augmentation, typed, as a module of its own."""

from __future__ import annotations

import random
from typing import Any, Callable, Final

import torch
from PIL import Image
from torchvision import transforms
from torchvision.datasets import CIFAR10

MEAN: Final[list[float]] = [0.4914, 0.4822, 0.4465]
STD: Final[list[float]] = [0.2023, 0.1994, 0.2010]
Transform = Callable[[Image.Image], torch.Tensor]


class Augmentation(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.crop = transforms.RandomResizedCrop(size=32)
        self.flip = transforms.RandomHorizontalFlip(p=0.5)
        self.jitter = transforms.RandomApply(torch.nn.ModuleList([transforms.ColorJitter(0.4, 0.4, 0.4, 0.1)]), p=0.8)
        self.grey = transforms.RandomGrayscale(p=0.2)

    def forward(self, image: Image.Image) -> torch.Tensor:
        image = self.grey(self.jitter(self.flip(self.crop(image))))
        return compute_test_transform()(image)


def compute_train_transform(seed: int = 123456) -> Transform:
    random.seed(seed)
    torch.random.manual_seed(seed)
    return Augmentation()


def compute_test_transform() -> Transform:
    return transforms.Compose([transforms.ToTensor(), transforms.Normalize(MEAN, STD)])


class CIFAR10Pair(CIFAR10):
    def _image(self, index: int) -> Image.Image:
        return Image.fromarray(self.data[index])

    def __getitem__(self, index: int) -> tuple[Any, Any, Any]:
        target = self.targets[index]
        x_i = x_j = None
        if self.transform is not None:
            x_i = self.transform(self._image(index))
            x_j = self.transform(self._image(index))
        if self.target_transform is not None:
            target = self.target_transform(target)
        return x_i, x_j, target
