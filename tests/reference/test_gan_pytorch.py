"""The three GANs against torch's losses, closed forms, functional networks and the notebook's counts."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from reference.cs231n import gan_pytorch as gan


def logits(*seeds: int, N: int = 7) -> list[torch.Tensor]:
    """A column (N, 1) of float64 logits per seed."""
    columns = [np.random.default_rng(seed).normal(scale=2, size=(N, 1)) for seed in seeds]
    return [torch.tensor(column, requires_grad=True) for column in columns]


# Noise.


def test_noise_is_uniform():
    """Mean, variance and range are those of U(-1, 1), within five standard errors of 100000 draws."""
    torch.manual_seed(0)
    z = gan.sample_noise(1000, 100)
    assert z.shape == (1000, 100)
    assert z.dtype == torch.float32
    assert -1 <= z.min() < -0.999
    assert 0.999 < z.max() <= 1
    assert abs(z.mean().item()) < 5 * math.sqrt(1 / 3 / 1e5)
    assert abs(z.square().mean().item() - 1 / 3) < 5 * math.sqrt(4 / 45 / 1e5)
    counts = torch.histc(z, bins=10, min=-1, max=1)
    assert (counts - 1e4).abs().max() < 5 * math.sqrt(1e5 * 0.1 * 0.9)


def test_noise_seed():
    """Equal seeds give equal noise, other seeds other noise; without a seed the generator goes on."""
    assert torch.equal(gan.sample_noise(3, 4, seed=1), gan.sample_noise(3, 4, seed=1))
    assert not torch.equal(gan.sample_noise(3, 4, seed=1), gan.sample_noise(3, 4, seed=2))
    assert not torch.equal(gan.sample_noise(3, 4), gan.sample_noise(3, 4))


# Losses.

BCE = F.binary_cross_entropy_with_logits


def test_vanilla_losses_equal_binary_cross_entropy():
    """Losses and gradients are those of torch's cross-entropy with labels 1 (real) and 0 (fake)."""
    real, fake = logits(0, 1)
    expected = BCE(real, torch.ones_like(real)) + BCE(fake, torch.zeros_like(fake))
    assert_same(gan.discriminator_loss(real, fake), expected, [real, fake])
    assert_same(gan.generator_loss(fake), BCE(fake, torch.ones_like(fake)), [fake])


def test_least_squares_losses_equal_mse():
    """Both losses and their gradients are half of torch's mean squared errors to 1 (real) and 0 (fake)."""
    real, fake = logits(0, 1)
    expected = F.mse_loss(real, torch.ones_like(real)) / 2 + F.mse_loss(fake, torch.zeros_like(fake)) / 2
    assert_same(gan.ls_discriminator_loss(real, fake), expected, [real, fake])
    assert_same(gan.ls_generator_loss(fake), F.mse_loss(fake, torch.ones_like(fake)) / 2, [fake])


def assert_same(ours, theirs, inputs):
    """Equal as 0-d values, and in the gradient of every input."""
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-14)
    assert ours.shape == ()
    grads = (torch.autograd.grad(loss, inputs) for loss in (ours, theirs))
    torch.testing.assert_close(*grads, rtol=1e-12, atol=1e-14)


def test_loss_gradients_are_numerical_gradients():
    """Autograd through all four losses agrees with float64 finite differences."""
    real, fake = logits(2, 3, N=4)
    for loss in (gan.discriminator_loss, gan.ls_discriminator_loss):
        assert torch.autograd.gradcheck(loss, (real, fake))
    for loss in (gan.generator_loss, gan.ls_generator_loss):
        assert torch.autograd.gradcheck(loss, (fake,))


def test_vanilla_losses_equal_softplus():
    """-log sigmoid(s) = softplus(-s): the losses in closed form, here from numpy's logaddexp."""
    real, fake = logits(4, 5)
    r, f = real.detach().numpy(), fake.detach().numpy()
    d_loss = np.logaddexp(0, -r).mean() + np.logaddexp(0, f).mean()
    assert gan.discriminator_loss(real, fake).item() == pytest.approx(d_loss, rel=1e-12)
    assert gan.generator_loss(fake).item() == pytest.approx(np.logaddexp(0, -f).mean(), rel=1e-12)


@pytest.mark.parametrize("size", [100.0, 1e4])
@pytest.mark.parametrize("kind", [torch.float32, torch.float64])
def test_large_logits_are_exact(size, kind):
    """A logit of size s costs s on the wrong side, with gradient -1, and 0 on the right side."""
    wrong = torch.full((3, 1), size, dtype=kind, requires_grad=True)
    right = torch.full((3, 1), -size, dtype=kind, requires_grad=True)
    assert gan.discriminator_loss(right, wrong).item() == pytest.approx(2 * size)
    assert gan.discriminator_loss(wrong, right).item() == pytest.approx(0, abs=1e-30)
    loss = gan.generator_loss(right)
    assert loss.item() == pytest.approx(size)
    loss.backward()
    torch.testing.assert_close(right.grad, torch.full_like(right, -1 / 3))


@pytest.mark.parametrize(("n_real", "n_fake"), [(1, 1), (1, 4), (5, 2)])
def test_losses_take_batches_of_any_two_sizes(n_real, n_fake):
    """Real and fake batches are averaged each by itself, also those of one image."""
    (real,), (fake,) = logits(0, N=n_real), logits(1, N=n_fake)
    expected = F.softplus(-real).mean() + F.softplus(fake).mean()
    torch.testing.assert_close(gan.discriminator_loss(real, fake), expected)
    expected = ((real - 1) ** 2).mean() / 2 + (fake**2).mean() / 2
    torch.testing.assert_close(gan.ls_discriminator_loss(real, fake), expected)


def test_losses_prefer_the_right_side():
    """A confident right answer costs less than an undecided one, which costs less than a wrong one."""
    high, middle, low = (torch.full((2, 1), s) for s in (2.0, 0.5, -1.0))
    for d_loss in (gan.discriminator_loss, gan.ls_discriminator_loss):
        assert d_loss(middle + 0.5, low + 1) < d_loss(middle, middle) < d_loss(low, high)
    for g_loss in (gan.generator_loss, gan.ls_generator_loss):
        assert g_loss(torch.ones(2, 1)) < g_loss(middle) < g_loss(low)


def test_bce_loss_squeezes_its_logits():
    """Logits (N, 1) meet targets (N,) without broadcasting to N x N."""
    (x,) = logits(0)
    target = torch.tensor([1.0, 0, 0, 1, 1, 0, 1], dtype=torch.float64)
    torch.testing.assert_close(gan.bce_loss(x, target), BCE(x[:, 0], target))


# Networks.


@pytest.mark.parametrize(
    ("build", "count"),
    [
        (gan.discriminator, 267009),
        (lambda: gan.generator(4), 1858320),
        (lambda: gan.build_dc_classifier(128), 1102721),
        (lambda: gan.build_dc_generator(4), 6580801),
    ],
)
def test_parameter_counts(build: Callable[[], torch.nn.Module], count: int):
    """The four networks have as many parameters as the notebook states."""
    assert gan.count_params(build()) == count


def linear_layers(model):
    """Weight and bias of every layer that has a weight and no running statistics, in order."""
    layers = [m for m in model.modules() if hasattr(m, "weight") and not hasattr(m, "running_mean")]
    return [(m.weight, m.bias) for m in layers]


def test_discriminator_equals_its_formula():
    """784 -> 256 -> 256 -> 1 with slope 0.01 below zero, written out with its own weights."""
    model = gan.discriminator(seed=3)
    x = torch.randn(5, 1, 28, 28)
    (A, a), (B, b), (C, c) = linear_layers(model)
    leaky = lambda s: torch.where(s > 0, s, 0.01 * s)  # noqa: E731
    expected = leaky(leaky(x.reshape(5, 784) @ A.T + a) @ B.T + b) @ C.T + c
    torch.testing.assert_close(model(x), expected, rtol=1e-5, atol=1e-6)
    assert model(x).shape == (5, 1)


@pytest.mark.parametrize("noise_dim", [4, 96])
def test_generator_equals_its_formula(noise_dim):
    """noise -> 1024 -> 1024 -> 784, ReLU between, tanh at the end, written out with its own weights."""
    model = gan.generator(noise_dim, seed=3)
    z = torch.randn(5, noise_dim)
    (A, a), (B, b), (C, c) = linear_layers(model)
    expected = torch.tanh(((z @ A.T + a).clamp(min=0) @ B.T + b).clamp(min=0) @ C.T + c)
    torch.testing.assert_close(model(z), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("N", [1, 6])
def test_dc_classifier_equals_its_formula(N):
    """Two convolutions, slope 0.01, max-pooling, two linear layers; any N, not only batch_size."""
    torch.manual_seed(0)
    model = gan.build_dc_classifier(4)
    x = torch.randn(N, 1, 28, 28)
    (A, a), (B, b), (C, c), (E, e) = linear_layers(model)
    h = F.max_pool2d(F.leaky_relu(F.conv2d(x, A, a), 0.01), 2)
    h = F.max_pool2d(F.leaky_relu(F.conv2d(h, B, b), 0.01), 2)
    assert h.shape == (N, 64, 4, 4)
    expected = F.linear(F.leaky_relu(F.linear(h.reshape(N, 1024), C, c), 0.01), E, e)
    torch.testing.assert_close(model(x), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("training", [True, False])
def test_dc_generator_equals_its_formula(training):
    """Linear, ReLU, batch norm twice; then 7x7 to 14x14 to 28x28 by transposed convolutions, tanh, flat."""
    torch.manual_seed(0)
    model = gan.build_dc_generator(5).train(training)
    z = torch.randn(6, 5)
    (A, a), (B, b), (C, c), (E, e) = linear_layers(model)

    def norm(x):  # fresh layers: scale 1, shift 0, running mean 0, running variance 1
        running = torch.zeros(x.shape[1]), torch.ones(x.shape[1])
        return F.batch_norm(x, *running, training=training)

    h = norm(F.relu(F.linear(z, A, a)))
    h = norm(F.relu(F.linear(h, B, b))).reshape(6, 128, 7, 7)
    h = norm(F.relu(F.conv_transpose2d(h, C, c, stride=2, padding=1)))
    expected = torch.tanh(F.conv_transpose2d(h, E, e, stride=2, padding=1)).reshape(6, 784)
    torch.testing.assert_close(model(z), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("build", [gan.generator, gan.build_dc_generator])
def test_generators_make_images_in_range(build):
    """96 numbers of noise become 784 pixels in [-1, 1]; large noise reaches both ends."""
    images = build()(1e3 * gan.sample_noise(8, gan.NOISE_DIM, seed=0))
    assert gan.NOISE_DIM == 96
    assert images.shape == (8, 784)
    assert images.abs().max() <= 1
    if build is gan.generator:
        assert images.min() < -0.99
        assert images.max() > 0.99


def test_building_with_a_seed_repeats():
    """Equal seeds give equal networks."""
    for build in (gan.discriminator, gan.generator):
        first, second = build(seed=1).state_dict(), build(seed=1).state_dict()
        assert all(torch.equal(first[name], second[name]) for name in first)


def test_optimizer_settings():
    """get_optimizer returns Adam over all parameters, rate 1e-3, betas 0.5 and 0.999."""
    model = torch.nn.Linear(3, 2)
    optimizer = gan.get_optimizer(model)
    (group,) = optimizer.param_groups
    assert isinstance(optimizer, torch.optim.Adam)
    assert (group["lr"], group["betas"]) == (1e-3, (0.5, 0.999))
    assert group["params"] == list(model.parameters())
    before = model.bias.detach().clone()
    model(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    torch.testing.assert_close(before - model.bias, torch.full((2,), 1e-3), rtol=1e-3, atol=0)


# The given parts.


def test_flatten_and_unflatten():
    """They undo each other, keep the order of pixels, and Flatten refuses what is not an image."""
    x = torch.arange(48.0).reshape(2, 3, 4, 2)
    flat = gan.Flatten()(x)
    assert torch.equal(flat, torch.arange(48.0).reshape(2, 24))
    assert torch.equal(gan.Unflatten(-1, 3, 4, 2)(flat), x)
    assert gan.Unflatten()(torch.zeros(3, 6272)).shape == (3, 128, 7, 7)
    with pytest.raises(ValueError, match="expected 4"):
        gan.Flatten()(flat)


def test_chunk_sampler():
    """It visits `num_samples` indices from `start` on, as often as asked."""
    chunk = gan.ChunkSampler(4, start=3)
    assert list(chunk) == list(chunk) == [3, 4, 5, 6]
    assert len(chunk) == 4
    loader = torch.utils.data.DataLoader(torch.arange(10), batch_size=3, sampler=chunk)
    assert [b.tolist() for b in loader] == [[3, 4, 5], [6]]


def test_initialize_weights_is_glorot():
    """Linear and transposed convolution weights lie within sqrt(6 / (fan_in + fan_out)); others stay."""
    torch.manual_seed(0)
    linear, transposed = torch.nn.Linear(100, 200), torch.nn.ConvTranspose2d(8, 16, 4)
    convolution = torch.nn.Conv2d(8, 16, 4)
    before = convolution.weight.detach().clone()
    torch.nn.Sequential(linear, transposed, convolution).apply(gan.initialize_weights)
    for layer, fans in ((linear, 300), (transposed, (8 + 16) * 16)):
        bound = math.sqrt(6 / fans)
        assert 0.98 * bound < layer.weight.abs().max() <= bound
    assert torch.equal(convolution.weight, before)


def test_pixels_there_and_back():
    """preprocess maps [0, 1] to [-1, 1], deprocess back."""
    x = torch.tensor([0.0, 0.25, 1.0])
    assert gan.preprocess_img(x).tolist() == [-1.0, -0.5, 1.0]
    assert torch.equal(gan.deprocess_img(gan.preprocess_img(x)), x)


def test_rel_error():
    """The greatest |x - y| / (|x| + |y|), where the denominator is at least 1e-8."""
    assert gan.rel_error(np.array([1.0, 3.0]), np.array([1.0, 1.0])) == 0.5
    assert gan.rel_error(np.array([1e-9]), np.array([0.0])) == pytest.approx(0.1)


def tiny_gan(batches, **options):
    """A run of a very small GAN; returns the networks before, the networks after, and the samples."""
    torch.manual_seed(0)
    D = torch.nn.Sequential(gan.Flatten(), torch.nn.Linear(784, 1)).type(gan.dtype)
    G = torch.nn.Sequential(torch.nn.Linear(3, 784), torch.nn.Tanh()).type(gan.dtype)
    before = [p.detach().clone() for p in (*D.parameters(), *G.parameters())]
    solvers = [torch.optim.SGD(net.parameters(), lr=0.1) for net in (D, G)]
    losses = gan.discriminator_loss, gan.generator_loss
    images = gan.run_a_gan(D, G, *solvers, *losses, batches, batch_size=20, noise_size=3, **options)
    return before, [*D.parameters(), *G.parameters()], images


def test_run_a_gan_keeps_samples_and_skips_short_batches(capsys):
    """Four full batches in two epochs, one line and one sample (16, 784) every third iteration."""
    full, short = (torch.rand(20, 1, 28, 28), None), (torch.rand(7, 1, 28, 28), None)
    before, after, images = tiny_gan([full, full, short], show_every=3, num_epochs=2)
    assert [image.shape for image in images] == [(16, 784), (16, 784)]
    assert [line.split(",")[0] for line in capsys.readouterr().out.splitlines()] == ["Iter: 0", "Iter: 3"]
    assert all(not torch.equal(b, a) for b, a in zip(before, after, strict=True))


def test_run_a_gan_makes_the_steps_as_defined():
    """An iteration is one SGD step of D on real and fixed fake images, then one of G through the new D."""
    batches = [torch.rand(20, 1, 28, 28) for _ in range(3)]
    before, after, images = tiny_gan([(real, None) for real in batches], num_epochs=1, show_every=1)
    D, G = [[p.requires_grad_() for p in pair] for pair in (before[:2], before[2:])]

    def sgd(parameters, loss):
        gradients = torch.autograd.grad(loss, parameters)
        return [(p - 0.1 * g).detach().requires_grad_() for p, g in zip(parameters, gradients, strict=True)]

    torch.manual_seed(0)
    _ = torch.nn.Linear(784, 1), torch.nn.Linear(3, 784)  # the same draws for the weights
    for real, image in zip(batches, images, strict=True):
        fake = torch.tanh(F.linear(gan.sample_noise(20, 3), *G)).detach()
        scores_real, scores_fake = F.linear(2 * real.view(20, 784) - 1, *D), F.linear(fake, *D)
        D = sgd(D, F.softplus(-scores_real).mean() + F.softplus(scores_fake).mean())
        fake = torch.tanh(F.linear(gan.sample_noise(20, 3), *G))
        G = sgd(G, F.softplus(-F.linear(fake, *D)).mean())
        np.testing.assert_allclose(image, fake[:16].detach().numpy(), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(after, [*D, *G], rtol=1e-4, atol=1e-5, check_device=False)
