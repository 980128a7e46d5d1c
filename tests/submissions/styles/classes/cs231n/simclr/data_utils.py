"""Augmentation nested in itself; saved by an editor for Windows."""

import random

import torch
from PIL import Image
from torchvision import transforms as T
from torchvision.datasets import CIFAR10


class Normalized:
	"""Makes a normalised tensor of a picture."""

	def __init__(self):
		self.steps = T.Compose([T.ToTensor(), T.Normalize((0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010))])

	def __call__(self, image):
		return self.steps(image)


def compute_train_transform(seed=123456):
	random.seed(seed)
	torch.random.manual_seed(seed)
	color_jitter = T.ColorJitter(0.4, 0.4, 0.4, 0.1)
	colours = T.Compose([T.RandomApply([T.Lambda(lambda image: color_jitter(image))], p=0.8), T.RandomApply([T.Grayscale(3)], p=0.2)])
	return T.Compose([T.Compose([T.RandomResizedCrop(32), T.RandomHorizontalFlip()]), colours, Normalized()])


def compute_test_transform():
	return Normalized()


class CIFAR10Pair(CIFAR10):
	def __getitem__(self, index):
		img, target = self.data[index], self.targets[index]
		img = Image.fromarray(img)
		x_i = x_j = None
		if self.transform is not None:
			x_i, x_j = (self.transform(img.copy()) for _ in range(2))
		if self.target_transform is not None:
			target = self.target_transform(target)
		return x_i, x_j, target
