"""Known mistakes in the GAN part."""

from __future__ import annotations

from checks.mistakes.declare import Mistake
from checks.mistakes.gan_pytorch import convolutional, losses, networks, noise, training

MISTAKES: tuple[Mistake, ...] = (
    *noise.MISTAKES, *networks.MISTAKES, *losses.MISTAKES, *convolutional.MISTAKES, *training.MISTAKES
)  # fmt: skip
