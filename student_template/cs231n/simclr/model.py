"""The SimCLR model: an encoder f, a ResNet-50 made for small images, and a projection head g (PyTorch)."""

import torch
import torch.nn as nn
import torch.nn.functional as F
from torchvision.models.resnet import resnet50


class Model(nn.Module):
    """Maps an image x to a representation h = f(x) and to a projection z = g(h).

    The contrastive loss is computed on z. After training g is thrown away and h is used.
    """

    def __init__(self, feature_dim=128):
        """Makes both parts with random weights; `feature_dim` is the size of a projection."""
        super().__init__()

        # ImageNet's ResNet shrinks an image fourfold at once. 32x32 pixels cannot spare that: the first
        # convolution is 3x3 with stride 1, the max-pool goes. The classifier goes, too.
        encoder = []
        for name, module in resnet50().named_children():
            if name == "conv1":
                module = nn.Conv2d(3, 64, kernel_size=3, stride=1, padding=1, bias=False)
            if not isinstance(module, (nn.Linear, nn.MaxPool2d)):
                encoder.append(module)
        self.f = nn.Sequential(*encoder)

        self.g = nn.Sequential(
            nn.Linear(2048, 512, bias=False),
            nn.BatchNorm1d(512),
            nn.ReLU(inplace=True),
            nn.Linear(512, feature_dim, bias=True),
        )

    def forward(self, x):
        """Returns (h, z) of images x (N, 3, 32, 32): (N, 2048) and (N, feature_dim), rows of length 1."""
        h = torch.flatten(self.f(x), start_dim=1)  # (N, 2048)
        z = self.g(h)  # (N, feature_dim)
        return F.normalize(h, dim=-1), F.normalize(z, dim=-1)
