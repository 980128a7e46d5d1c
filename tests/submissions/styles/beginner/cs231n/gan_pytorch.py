"""Three generative adversarial networks on MNIST: vanilla, least-squares and deeply convolutional (PyTorch).

A generator G turns noise into images, a discriminator D scores images: high for real, low for fake.
Images have values in [-1, 1] inside the networks and [0, 1] outside. N is the batch.
Sources: Goodfellow et al. 2014; Mao et al. 2016 (least squares); Radford et al. 2015 (convolutions).
"""

import numpy as np
import pandas as pd
import seaborn as sns
import torch
import torch.nn as nn
from torch.utils.data import sampler

NOISE_DIM = 96

dtype = torch.cuda.FloatTensor if torch.cuda.is_available() else torch.FloatTensor


def sample_noise(batch_size, dim, seed=None):
    """Draws noise, uniform on (-1, 1).

    Inputs: batch_size and dim, integers; seed, if given, is set before the draw.
    Output: float tensor (batch_size, dim).
    """
    if seed is not None:
        torch.manual_seed(seed)
    # START OF YOUR CODE: return a (batch_size, dim) tensor of uniform noise between -1 and 1.
    low = -1
    high = 1
    noise = torch.rand(batch_size, dim)
    noise = noise * (high - low) + low
    print(noise.min(), noise.max())
    return noise
    # END OF YOUR CODE


def discriminator(seed=None):
    """Builds the fully connected discriminator: 784 -> 256 -> 256 -> 1, LeakyReLU of slope 0.01 between.

    The model takes images (N, 1, 28, 28), which it has to flatten first, and returns scores (N, 1).
    """
    if seed is not None:
        torch.manual_seed(seed)
    # START OF YOUR CODE: return the discriminator as an nn.Sequential that begins with Flatten().
    model = nn.Sequential()
    model.add_module("flatten", Flatten())
    model.add_module("fc1", nn.Linear(784, 256))
    model.add_module("lrelu1", nn.LeakyReLU(0.01))
    model.add_module("fc2", nn.Linear(256, 256))
    model.add_module("lrelu2", nn.LeakyReLU(0.01))
    model.add_module("fc3", nn.Linear(256, 1))
    print(model)
    return model
    # END OF YOUR CODE


def generator(noise_dim=NOISE_DIM, seed=None):
    """Builds the fully connected generator: noise_dim -> 1024 -> 1024 -> 784, ReLU between, tanh at the end.

    The model takes noise (N, noise_dim) and returns flat images (N, 784) with values in [-1, 1].
    """
    if seed is not None:
        torch.manual_seed(seed)
    # START OF YOUR CODE: return the generator as an nn.Sequential.
    model = nn.Sequential()
    model.add_module("fc1", nn.Linear(noise_dim, 1024))
    model.add_module("relu1", nn.ReLU())
    model.add_module("fc2", nn.Linear(1024, 1024))
    model.add_module("relu2", nn.ReLU())
    model.add_module("fc3", nn.Linear(1024, 784))
    model.add_module("tanh", nn.Tanh())
    print(model)
    return model
    # END OF YOUR CODE


def bce_loss(input, target):
    """Averages the binary cross-entropy of logits; stable for logits of any size.

    With p = sigmoid(input) it is -target * log(p) - (1 - target) * log(1 - p).
    Inputs: logits, which are squeezed ((N, 1) becomes (N,)); targets in {0, 1} of the squeezed shape.
    Output: 0-d tensor.
    """
    return nn.BCEWithLogitsLoss()(input.squeeze(), target)


def discriminator_loss(logits_real, logits_fake):
    """Is small when real images are scored high and fake ones low.

        l_D = -E[log sigmoid(D(x))] - E[log(1 - sigmoid(D(G(z))))]

    Inputs: logits (N, 1) of real and of fake images. Output: 0-d tensor. Use bce_loss.
    """
    # START OF YOUR CODE: return the sum of the two cross-entropies, real images labelled 1 and fake ones 0.
    N = logits_real.shape[0]
    ones = torch.ones(N).type(dtype)
    zeros = torch.zeros(N).type(dtype)
    loss_real = bce_loss(logits_real, ones)
    loss_fake = bce_loss(logits_fake, zeros)
    loss = loss_real + loss_fake
    print("D:", loss)
    return loss
    # END OF YOUR CODE


def generator_loss(logits_fake):
    """Is small when the discriminator takes fake images for real ones.

        l_G = -E[log sigmoid(D(G(z)))]

    Unlike log(1 - sigmoid), this has a gradient also when D is sure that the image is fake.
    Input: logits (N, 1) of fake images. Output: 0-d tensor. Use bce_loss.
    """
    # START OF YOUR CODE: return the cross-entropy of fake images labelled 1.
    N = logits_fake.size()[0]
    ones = torch.ones(N).type(dtype)
    loss = bce_loss(logits_fake, ones)
    return loss
    # END OF YOUR CODE


def get_optimizer(model):
    """Makes the optimiser of a model: Adam, learning rate 1e-3, beta1 = 0.5, beta2 = 0.999.

    The short memory of beta1 suits a loss whose other player moves all the time.
    """
    # START OF YOUR CODE: return an Adam optimiser over the model's parameters with these settings.
    learning_rate = 1e-3
    beta1 = 0.5
    beta2 = 0.999
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate, betas=(beta1, beta2))
    return optimizer
    # END OF YOUR CODE


def ls_discriminator_loss(scores_real, scores_fake):
    """Pulls scores of real images to 1 and of fake ones to 0, by least squares.

        l_D = 1/2 E[(D(x) - 1)^2] + 1/2 E[D(G(z))^2]

    Inputs: scores (N, 1) of real and of fake images. Output: 0-d tensor.
    """
    # START OF YOUR CODE: return half the mean squares of real scores - 1, plus half those of fake scores.
    N = scores_real.size()[0]
    true_labels = torch.ones(N, 1).type(dtype)
    real = 0.5 * torch.mean((scores_real - true_labels) ** 2)
    fake = 0.5 * torch.mean(scores_fake ** 2)
    return real + fake
    # END OF YOUR CODE


def ls_generator_loss(scores_fake):
    """Pulls scores of fake images to 1, by least squares.

        l_G = 1/2 E[(D(G(z)) - 1)^2]

    Input: scores (N, 1) of fake images. Output: 0-d tensor.
    """
    # START OF YOUR CODE: return half the mean squared distance of fake scores from 1.
    N = scores_fake.size()[0]
    true_labels = torch.ones(N, 1).type(dtype)
    loss = 0.5 * torch.mean((scores_fake - true_labels) ** 2)
    return loss
    # END OF YOUR CODE


def build_dc_classifier(batch_size):
    """Builds the convolutional discriminator.

    Layers: convolution 32 filters 5x5; LeakyReLU 0.01; max-pool 2x2 stride 2;
    convolution 64 filters 5x5; LeakyReLU 0.01; max-pool 2x2 stride 2;
    flatten; linear to 4*4*64; LeakyReLU 0.01; linear to 1. Convolutions have stride 1, no padding.
    The model takes images (N, 1, 28, 28) and returns scores (N, 1). batch_size is the N it will see; a
    model that works for every N need not use it.
    """
    # START OF YOUR CODE: return the convolutional discriminator as an nn.Sequential.
    model = nn.Sequential(
        Unflatten(batch_size, 1, 28, 28),
        nn.Conv2d(in_channels=1, out_channels=32, kernel_size=5, stride=1, padding=0),
        nn.LeakyReLU(0.01),
        nn.MaxPool2d(kernel_size=2, stride=2),
        nn.Conv2d(in_channels=32, out_channels=64, kernel_size=5, stride=1, padding=0),
        nn.LeakyReLU(0.01),
        nn.MaxPool2d(kernel_size=2, stride=2),
        Flatten(),
        nn.Linear(4 * 4 * 64, 4 * 4 * 64),
        nn.LeakyReLU(0.01),
        nn.Linear(4 * 4 * 64, 1),
    )
    model = model.type(dtype)
    print(model)
    return model
    # END OF YOUR CODE


def build_dc_generator(noise_dim=NOISE_DIM):
    """Builds the convolutional generator.

    Layers: linear to 1024; ReLU; batch norm; linear to 7*7*128; ReLU; batch norm;
    Unflatten to (N, 128, 7, 7); transposed convolution 64 filters 4x4, stride 2, padding 1; ReLU;
    batch norm; transposed convolution 1 filter 4x4, stride 2, padding 1; tanh; flatten.
    The model takes noise (N, noise_dim) and returns flat images (N, 784) with values in [-1, 1].
    """
    # START OF YOUR CODE: return the convolutional generator as an nn.Sequential.
    model = nn.Sequential(
        nn.Linear(noise_dim, 1024),
        nn.ReLU(),
        nn.BatchNorm1d(1024),
        nn.Linear(1024, 7 * 7 * 128),
        nn.ReLU(),
        nn.BatchNorm1d(7 * 7 * 128),
        Unflatten(N=-1, C=128, H=7, W=7),
        nn.ConvTranspose2d(in_channels=128, out_channels=64, kernel_size=4, stride=2, padding=1),
        nn.ReLU(),
        nn.BatchNorm2d(64),
        nn.ConvTranspose2d(in_channels=64, out_channels=1, kernel_size=4, stride=2, padding=1),
        nn.Tanh(),
        Flatten(),
    )
    model = model.type(dtype)
    return model
    # END OF YOUR CODE


def run_a_gan(
    D,
    G,
    D_solver,
    G_solver,
    discriminator_loss,
    generator_loss,
    loader_train,
    show_every=250,
    batch_size=128,
    noise_size=96,
    num_epochs=10,
):
    """Trains D and G against each other and returns samples taken on the way.

    Inputs:
    - D, G: discriminator (images (N, 1, 28, 28) -> (N, 1)) and generator (noise -> (N, 784))
    - D_solver, G_solver: their optimisers
    - discriminator_loss(logits_real, logits_fake), generator_loss(logits_fake)
    - loader_train: batches (images in [0, 1], labels); those shorter than batch_size are skipped
    - show_every: a line is printed and a sample kept every so many iterations, from the first on
    - batch_size, noise_size, num_epochs: integers

    Output: list of arrays (16, 784), 16 generated images each.
    """
    images = []
    iter_count = 0
    for _ in range(num_epochs):
        for real, _labels in loader_train:
            if len(real) != batch_size:
                continue
            real = real.type(dtype)

            # The discriminator's step. The fakes are constants here: no gradient flows into G.
            D_solver.zero_grad()
            logits_real = D(preprocess_img(real))  # (N, 1)
            fake = G(sample_noise(batch_size, noise_size).type(dtype)).detach()  # (N, 784)
            logits_fake = D(fake.view(batch_size, 1, 28, 28))  # (N, 1)
            d_loss = discriminator_loss(logits_real, logits_fake)
            d_loss.backward()
            D_solver.step()

            # The generator's step, through the discriminator just updated.
            G_solver.zero_grad()
            fake = G(sample_noise(batch_size, noise_size).type(dtype))  # (N, 784)
            g_loss = generator_loss(D(fake.view(batch_size, 1, 28, 28)))
            g_loss.backward()
            G_solver.step()

            if iter_count % show_every == 0:
                print(f"Iter: {iter_count}, D: {d_loss.item():.4}, G:{g_loss.item():.4}")
                images.append(fake[:16].detach().cpu().numpy())
            iter_count += 1
    return images


class ChunkSampler(sampler.Sampler):
    """Visits num_samples examples in order, beginning with example `start`."""

    def __init__(self, num_samples, start=0):
        self.num_samples = num_samples
        self.start = start

    def __iter__(self):
        return iter(range(self.start, self.start + self.num_samples))

    def __len__(self):
        return self.num_samples


class Flatten(nn.Module):
    """Turns images (N, C, H, W) into rows (N, C*H*W)."""

    def forward(self, x):
        N, _C, _H, _W = x.size()
        return x.reshape(N, -1)


class Unflatten(nn.Module):
    """Turns rows (N, C*H*W) into images (N, C, H, W); N = -1 takes whatever batch comes."""

    def __init__(self, N=-1, C=128, H=7, W=7):
        super().__init__()
        self.N = N
        self.C = C
        self.H = H
        self.W = W

    def forward(self, x):
        return x.view(self.N, self.C, self.H, self.W)


def initialize_weights(m):
    """Draws the weights of linear and transposed convolution layers as Glorot and Bengio propose.

    Use: model.apply(initialize_weights).
    """
    if isinstance(m, (nn.Linear, nn.ConvTranspose2d)):
        nn.init.xavier_uniform_(m.weight.data)


def preprocess_img(x):
    """Maps [0, 1] to [-1, 1], the range of the generator's tanh."""
    return 2 * (x - 0.5)


def deprocess_img(x):
    """Maps [-1, 1] to [0, 1]."""
    return (x + 1.0) / 2.0


def rel_error(x, y):
    """Returns the greatest relative error of two arrays; tiny denominators count as 1e-8."""
    return np.max(np.abs(x - y) / (np.maximum(1e-8, np.abs(x) + np.abs(y))))


def count_params(model):
    """Counts the learnable numbers of a model."""
    return int(np.sum([np.prod(p.size()) for p in model.parameters()]))
