"""Augmentations for SimCLR, and CIFAR-10 as a data set of pairs (PyTorch, torchvision)."""

import random

import torch
from PIL import Image
from torchvision import transforms
from torchvision.datasets import CIFAR10

# Mean and standard deviation of the training images, per colour channel.
CIFAR10_MEAN = [0.4914, 0.4822, 0.4465]
CIFAR10_STD = [0.2023, 0.1994, 0.2010]


def compute_train_transform(seed=123456):
    """Makes the random augmentation: two calls on one image give two views of it.

    In this order: crop a random part and resize it to 32x32; flip left-right with probability 0.5; jitter
    the colours with probability 0.8; turn grey with probability 0.2; convert to a tensor; normalise.

    Input: seed, set for `random` and for torch.
    Output: a transform from a PIL image to a tensor (3, 32, 32).
    """
    random.seed(seed)
    torch.random.manual_seed(seed)

    # Changes brightness, contrast, saturation (each by up to 40 %) and hue (by up to a tenth of the circle).
    color_jitter = transforms.ColorJitter(0.4, 0.4, 0.4, 0.1)
    # START OF YOUR CODE: make `augmentations`, a list of the three: random flip, random jitter, random grey.
    flip = transforms.RandomHorizontalFlip(p=0.5)
    jitter = transforms.RandomApply([color_jitter], p=0.8)
    grey = transforms.RandomGrayscale(p=0.2)
    augmentations = []
    augmentations.append(flip)
    augmentations.append(jitter)
    augmentations.append(grey)
    print(augmentations)
    # END OF YOUR CODE
    return transforms.Compose(
        [
            transforms.RandomResizedCrop(32),
            *augmentations,
            transforms.ToTensor(),
            transforms.Normalize(CIFAR10_MEAN, CIFAR10_STD),
        ]
    )


def compute_test_transform():
    """Makes the transform for evaluation: to a normalised tensor, nothing random."""
    return transforms.Compose(
        [
            transforms.ToTensor(),
            transforms.Normalize(CIFAR10_MEAN, CIFAR10_STD),
        ]
    )


class CIFAR10Pair(CIFAR10):
    """CIFAR-10 that returns two views of every image."""

    def __getitem__(self, index):
        """Returns (x_i, x_j, target): two independent transforms of image `index`, and its class."""
        img, target = self.data[index], self.targets[index]
        img = Image.fromarray(img)

        x_i = None
        x_j = None
        if self.transform is not None:
            # START OF YOUR CODE: set x_i and x_j to two separately drawn transforms of img.
            x_i = self.transform(img)
            print("x_i", x_i.shape)
            x_j = self.transform(img)
            print("x_j", x_j.shape)
            # END OF YOUR CODE

        if self.target_transform is not None:
            target = self.target_transform(target)

        return x_i, x_j, target
