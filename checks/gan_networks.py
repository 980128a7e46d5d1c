"""The four networks of the GAN part, layer by layer."""

from __future__ import annotations

from checks.networks import BATCH, Layer, Network

NOISE = 7  # here, so that a number written into the code shows
LEAKY, RELU, TANH = "LeakyReLU with slope 0.01", "ReLU", "tanh"

DISCRIMINATOR = Network(
    "discriminator", (), (BATCH, 1, 28, 28), (BATCH, 1),
    (
        Layer("the first linear layer (784 to 256)", LEAKY),
        Layer("the second linear layer (256 to 256)", LEAKY),
        Layer("the last linear layer (256 to 1)"),
    ),
    source="images", result="scores",
)  # fmt: skip
GENERATOR = Network(
    "generator", (NOISE,), (BATCH, NOISE), (BATCH, 784),
    (
        Layer("the first linear layer (noise_dim to 1024)", RELU),
        Layer("the second linear layer (1024 to 1024)", RELU),
        Layer("the last linear layer (1024 to 784)", TANH),
    ),
    source="noise", result="images", bounded=True, precision=False,
)  # fmt: skip
DC_CLASSIFIER = Network(
    "build_dc_classifier", (BATCH,), (BATCH, 1, 28, 28), (BATCH, 1),
    (
        Layer("the first convolution (1 to 32 channels, 5x5)", LEAKY),
        Layer("the second convolution (32 to 64 channels, 5x5)", LEAKY),
        Layer("the first linear layer (1024 to 1024)", LEAKY),
        Layer("the last linear layer (1024 to 1)"),
    ),
    source="images", result="scores",
)  # fmt: skip
DC_GENERATOR = Network(
    "build_dc_generator", (NOISE,), (BATCH + 1, NOISE), (BATCH + 1, 784),
    (
        Layer("the first linear layer (noise_dim to 1024)", f"{RELU}, and only then batch norm"),
        Layer("the first batch norm (1024)"),
        Layer("the second linear layer (1024 to 6272)", f"{RELU}, and only then batch norm"),
        Layer("the second batch norm (6272)"),
        Layer("the first transposed convolution (128 to 64 channels, 4x4)", f"{RELU}, and only then batch norm"),
        Layer("the third batch norm (64 channels)"),
        Layer("the second transposed convolution (64 to 1 channel, 4x4)", TANH),
    ),
    source="noise", result="images", bounded=True, learns=True, precision=False,
)  # fmt: skip
