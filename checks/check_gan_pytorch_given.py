"""What the GAN part hands out complete: helpers, layers, the training loop. Worth no points; told when broken.

Freedoms of the years: `bce_loss` of 2021 does not squeeze, so that it gets flat logits here; `run_a_gan` draws its
noise with the submission's own `sample_noise`, so that no image can be foretold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from checks import calls
from checks.declare import Rng, check
from checks.networks import items
from grader.compare import expect_array, expect_close, unpack
from grader.errors import Failed
from grader.sandbox.client import Tensor
from grader.values import Array, ArrayValue, Handle, ScalarValue, SequenceValue, Value

if TYPE_CHECKING:
    from grader.subject import Subject

LAYERS = (((20, 30), 20), ((4, 6, 3, 3), 6), ((2, 3, 3, 3), 2))  # shapes of weights, numbers of biases
RESTORE = "It was handed out complete: take it over from the original file again."


@check("gan_pytorch.bce_loss.values", "values", part="gan", given=True)
def check_bce_loss_values(student: Subject, reference: Subject, rng: Rng) -> None:
    """bce_loss is the mean binary cross-entropy of logits of any size."""
    for scale in (1.0, 100.0):
        logits, targets = scale * rng.standard_normal(5), (rng.random(5) < 0.5).astype(np.float64)
        found = [s.gan_pytorch.bce_loss(Tensor(logits), Tensor(targets)) for s in (student, reference)]
        expect_close(
            found[0], calls.trusted(found[1]), name="loss", function="bce_loss", origin="torch",
            context=f"for logits of magnitude {scale:g}",
        )  # fmt: skip


@check("gan_pytorch.Flatten.values", "values", part="gan", given=True, function="Flatten")
def check_flatten_values(student: Subject, reference: Subject, rng: Rng) -> None:
    """Flatten turns images (N, C, H, W) into rows, and Unflatten turns rows of 6272 into (N, 128, 7, 7)."""
    images = rng.standard_normal((3, 2, 4, 5)).astype(np.float32)
    layer = student.gan_pytorch.Flatten(returns="layer*")
    assert isinstance(layer, Handle)
    _same(student.method(layer, "", Tensor(images)), images.reshape(3, -1), "Flatten")


@check("gan_pytorch.Unflatten.values", "values", part="gan", given=True, function="Unflatten")
def check_unflatten_values(student: Subject, reference: Subject, rng: Rng) -> None:
    """Unflatten turns rows into images: (-1, 128, 7, 7) unless told otherwise."""
    for arguments, shape in (((), (2, 128, 7, 7)), ((3, 2, 4, 5), (3, 2, 4, 5))):
        images = rng.standard_normal(shape).astype(np.float32)
        layer = student.gan_pytorch.Unflatten(*arguments, returns="layer*")
        assert isinstance(layer, Handle)
        _same(student.method(layer, "", Tensor(images.reshape(shape[0], -1))), images, "Unflatten")


@check("gan_pytorch.preprocess_img.values", "values", part="gan", given=True)
def check_preprocess_img_values(student: Subject, reference: Subject, rng: Rng) -> None:
    """preprocess_img maps [0, 1] to [-1, 1], and deprocess_img maps it back."""
    images = rng.random((2, 784)).astype(np.float32)
    _same(student.gan_pytorch.preprocess_img(Tensor(images)), 2 * images - 1, "preprocess_img")


@check("gan_pytorch.deprocess_img.values", "values", part="gan", given=True)
def check_deprocess_img_values(student: Subject, reference: Subject, rng: Rng) -> None:
    """deprocess_img maps [-1, 1] to [0, 1]."""
    images = rng.uniform(-1, 1, (2, 784)).astype(np.float32)
    _same(student.gan_pytorch.deprocess_img(Tensor(images)), (images + 1) / 2, "deprocess_img")


def _same(value: Value, expected: Array, function: str) -> None:
    try:
        expect_close(value, expected, name="result", function=function, origin="torch", tolerance="float32")
    except Failed as error:
        raise Failed(error.message, RESTORE, error.details) from None


@check("gan_pytorch.ChunkSampler.values", "values", part="gan", given=True, function="ChunkSampler")
def check_chunk_sampler_values(student: Subject, reference: Subject, rng: Rng) -> None:
    """ChunkSampler visits num_samples examples in order, from start on."""
    for arguments in ((4,), (3, 5)):
        start = arguments[1] if len(arguments) > 1 else 0
        sampler = student.gan_pytorch.ChunkSampler(*arguments, returns="sampler*")
        numbers, length = unpack(
            student.probe("gan_parts", "listed", sampler), ["numbers", "length"], "ChunkSampler"
        )
        expected = SequenceValue(tuple(ScalarValue(start + i) for i in range(arguments[0])), "list")
        if numbers != expected or length != ScalarValue(arguments[0]):
            raise Failed(
                f"`ChunkSampler{arguments}` does not visit {arguments[0]} examples from {start} on.", RESTORE
            )


@check("gan_pytorch.initialize_weights.values", "values", part="gan", given=True)
def check_initialize_weights_values(student: Subject, reference: Subject, rng: Rng) -> None:
    """initialize_weights draws Xavier weights for linear and transposed convolution layers, and for no others."""
    kept = student.probe("gan_parts", "layers_to_initialize", returns="linear*, transposed*, convolution*")
    layers = unpack(kept, ["linear", "transposed", "convolution"], "initialize_weights")
    bounds = (
        np.sqrt(6 / (30 + 20)),
        np.sqrt(6 / (9 * 4 + 9 * 6)),
        0.0,
    )  # uniform within: Glorot and Bengio 2010
    for layer, (shape, biases), bound in zip(layers, LAYERS, bounds, strict=True):
        student.gan_pytorch.initialize_weights(calls.argument(layer))
        weight, bias = items(student.probe("gan_parts", "parameters", calls.argument(layer)), 2)
        data = expect_array(weight, shape, name="weight", function="initialize_weights", origin="torch")
        # the greatest of 200 and more uniform numbers is below 0.85 of the bound with probability 1e-14
        drawn = 0.85 * bound <= np.abs(data).max() <= bound * 1.000001 and data.std() > 0.4 * bound
        if not (drawn if bound else np.all(data == 5)):
            raise Failed(f"`initialize_weights` leaves wrong numbers in a weight of shape {shape}.", RESTORE)
        _same(bias, np.ones(biases), "initialize_weights")


@check(
    "gan_pytorch.run_a_gan.values", "training loop", part="gan", given=True, uses=["gan_pytorch.sample_noise"],
    requires=["gan_pytorch.sample_noise.shapes"],
)  # fmt: skip
def check_run_a_gan_values(student: Subject, reference: Subject, rng: Rng) -> None:
    """run_a_gan trains both players on every whole batch, skips short ones and returns the samples it showed."""
    images = rng.random((16, 1, 28, 28)).astype(np.float32)
    names = ["D", "G", "D_solver", "G_solver", "D_loss", "G_loss", "loader"]
    kept = student.probe("gan_parts", "players", images, 5, returns=", ".join(f"{n}*" for n in names))
    players = [calls.argument(value) for value in unpack(kept, names, "run_a_gan")]
    before = items(student.probe("gan_parts", "parameters", *players[:2]))
    shown = student.gan_pytorch.run_a_gan(*players, show_every=2, batch_size=16, noise_size=5, num_epochs=2)
    samples = unpack(shown, ["first", "second"], "run_a_gan")  # of 4 whole batches
    for value in samples:
        expect_array(value, (16, 784), name="images", function="run_a_gan")
    for old, new in zip(
        before, items(student.probe("gan_parts", "parameters", *players[:2]), len(before)), strict=True
    ):
        if (
            not isinstance(old, ArrayValue)
            or not isinstance(new, ArrayValue)
            or np.array_equal(old.data, new.data)
        ):
            raise Failed("`run_a_gan` leaves parameters of a player as they were.", RESTORE)
    student.release(*(player for player in players if isinstance(player, Handle)))
