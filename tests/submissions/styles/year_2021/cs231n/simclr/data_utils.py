import random

import torch
from PIL import Image
from torchvision import transforms
from torchvision.datasets import CIFAR10


def compute_train_transform(seed=123456):
    """The random augmentation of one image."""
    random.seed(seed)
    torch.random.manual_seed(seed)

    color_jitter = transforms.ColorJitter(0.4, 0.4, 0.4, 0.1)
    train_transform = transforms.Compose([
        transforms.RandomResizedCrop(32),
        ##############################################################################
        # TODO: Start of your code.                                                  #
        ##############################################################################
        transforms.RandomHorizontalFlip(0.5),
        transforms.RandomApply([color_jitter], 0.8),
        transforms.RandomApply([transforms.Grayscale(num_output_channels=3)], 0.2),
        ##############################################################################
        #                               END OF YOUR CODE                             #
        ##############################################################################
        transforms.ToTensor(),
        transforms.Normalize([0.4914, 0.4822, 0.4465], [0.2023, 0.1994, 0.2010])])
    return train_transform


def compute_test_transform():
    """Nothing random."""
    return transforms.Compose([
        transforms.ToTensor(),
        transforms.Normalize([0.4914, 0.4822, 0.4465], [0.2023, 0.1994, 0.2010])])


class CIFAR10Pair(CIFAR10):
    """Two views of every image."""

    def __getitem__(self, index):
        img, target = self.data[index], self.targets[index]
        img = Image.fromarray(img)

        x_i = None
        x_j = None

        if self.transform is not None:
            ##############################################################################
            # TODO: Start of your code.                                                  #
            ##############################################################################
            x_j = self.transform(img)
            x_i = self.transform(img)
            ##############################################################################
            #                               END OF YOUR CODE                             #
            ##############################################################################

        if self.target_transform is not None:
            target = self.target_transform(target)

        return x_i, x_j, target
