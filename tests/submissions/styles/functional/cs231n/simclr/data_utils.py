"""Augmentation by composition."""

import random

import torch
from PIL import Image
from torchvision.datasets import CIFAR10
from torchvision.transforms import *

normalized = lambda: [ToTensor(), Normalize(mean=(0.4914, 0.4822, 0.4465), std=(0.2023, 0.1994, 0.2010), inplace=True)]
sometimes = lambda p, step: RandomApply([step], p)


def compute_train_transform(seed=123456):
    random.seed(seed), torch.manual_seed(seed)
    jitter = ColorJitter(brightness=0.4, contrast=0.4, saturation=0.4, hue=0.1)
    return Compose([RandomResizedCrop((32, 32)), sometimes(0.5, RandomHorizontalFlip(p=1)), sometimes(0.8, jitter), RandomGrayscale(0.2), *normalized()])


compute_test_transform = lambda: Compose(normalized())


class CIFAR10Pair(CIFAR10):
    def __getitem__(self, index):
        img = Image.fromarray(self.data[index])
        view = self.transform or (lambda _: None)
        return view(img), view(img), (self.target_transform or (lambda t: t))(self.targets[index])
