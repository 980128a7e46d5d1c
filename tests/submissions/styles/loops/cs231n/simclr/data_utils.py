"""Augmentation by hand: one function that tosses coins."""

import random

import torch
from PIL import Image, ImageOps
from torchvision import transforms
from torchvision.datasets import CIFAR10

MEANS, DEVIATIONS = (0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)


def compute_train_transform(seed=123456):
    random.seed(seed)
    torch.random.manual_seed(seed)
    crop = transforms.RandomResizedCrop(32)
    jitter = transforms.ColorJitter(0.4, 0.4, 0.4, 0.1)

    def augment(image):
        image = crop(image)
        if random.random() < 0.5:
            image = ImageOps.mirror(image)
        if random.random() < 0.8:
            image = jitter(image)
        if random.random() < 0.2:
            image = ImageOps.grayscale(image).convert('RGB')
        x = transforms.functional.to_tensor(image)
        for channel in range(3):
            x[channel] = (x[channel] - MEANS[channel]) / DEVIATIONS[channel]
        return x

    return augment


def compute_test_transform():
    return lambda image: transforms.functional.normalize(transforms.functional.to_tensor(image), MEANS, DEVIATIONS)


class CIFAR10Pair(CIFAR10):
    def __getitem__(self, index):
        img, target = self.data[index], self.targets[index]
        img = Image.fromarray(img)
        x_i, x_j = None, None
        if self.transform is not None:
            views = []
            for _ in range(2):
                views.append(self.transform(img))
            x_i, x_j = views
        if self.target_transform is not None:
            target = self.target_transform(target)
        return [x_i, x_j, target]
