"""What the GAN part hands out complete: helpers, layers, the training loop. Worth no points; told when broken.

Freedoms of the years: `bce_loss` of 2021 does not squeeze, so that it gets flat logits here; `run_a_gan` draws its
noise with the submission's own `sample_noise`, so that no image can be foretold.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from checks import calls
from checks.declare import Rng, check
from checks.networks import items
from checks.shared import at_once, holds
from grader.compare import expect_array, expect_close, unpack
from grader.errors import Failed
from grader.sandbox.client import Tensor
from grader.values import Array, ArrayValue, Handle, ScalarValue, SequenceValue, Value

if TYPE_CHECKING:
    from grader.subject import Subject

LAYERS = (  # shape of the weight, number of biases, bound of Xavier's uniform numbers or 0
    ((20, 30), 20, float(np.sqrt(6 / (30 + 20)))),
    ((4, 6, 3, 3), 6, float(np.sqrt(6 / (9 * 4 + 9 * 6)))),
    ((2, 3, 3, 3), 2, 0.0),
)
CHUNKS = ((4,), (3, 5))
RESTORE = "It was handed out complete: take it over from the original file again."


@check("gan_pytorch.bce_loss.values", "values", part="gan", given=True)
def check_bce_loss_values(student: Subject, reference: Subject, rng: Rng) -> None:
    """bce_loss is the mean binary cross-entropy of logits of any size."""
    scales = (1.0, 100.0)
    pairs = [
        [Tensor(scale * rng.standard_normal(5)), Tensor((rng.random(5) < 0.5).astype(np.float64))]
        for scale in scales
    ]
    found, right = (subject.gan_pytorch.bce_loss.batch(pairs) for subject in (student, reference))
    for scale, value, expected in zip(scales, found, right, strict=True):
        expect_close(
            value, calls.trusted(expected), name="loss", function="bce_loss", origin="torch",
            context=f"for logits of magnitude {scale:g}",
        )  # fmt: skip


@check("gan_pytorch.Flatten.values", "values", part="gan", given=True, function="Flatten")
def check_flatten_values(student: Subject, reference: Subject, rng: Rng) -> None:
    """Flatten turns images (N, C, H, W) into rows, and Unflatten turns rows of 6272 into (N, 128, 7, 7)."""
    images = rng.standard_normal((3, 2, 4, 5)).astype(np.float32)
    _reshapes(student, "Flatten", [((), images, images.reshape(3, -1))])


@check("gan_pytorch.Unflatten.values", "values", part="gan", given=True, function="Unflatten")
def check_unflatten_values(student: Subject, reference: Subject, rng: Rng) -> None:
    """Unflatten turns rows into images: (-1, 128, 7, 7) unless told otherwise."""
    cases: list[tuple[tuple[int, ...], Array, Array]] = []
    for arguments, shape in (((), (2, 128, 7, 7)), ((3, 2, 4, 5), (3, 2, 4, 5))):
        images = rng.standard_normal(shape).astype(np.float32)
        cases.append((arguments, images.reshape(shape[0], -1), images))
    _reshapes(student, "Unflatten", cases)


def _reshapes(student: Subject, name: str, cases: Sequence[tuple[tuple[int, ...], Array, Array]]) -> None:
    """A layer of this class, made with the arguments, turns the first array into the second."""
    arguments, inputs, expected = zip(*cases, strict=True)
    seen = at_once(student, "gan_parts", "reshaped", name, arguments, list(map(Tensor, inputs)))
    if seen is not None and holds(lambda: _all_same(items(seen), expected, name)):
        return
    for own, given, right in cases:
        layer = getattr(student.gan_pytorch, name)(*own, returns="layer*")
        assert isinstance(layer, Handle)
        _same(student.method(layer, "", Tensor(given)), right, name)


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


def _all_same(found: Sequence[Value], expected: Sequence[Array], function: str) -> None:
    for pair in zip(found, expected, strict=True):
        _same(*pair, function)


def _same(value: Value, expected: Array, function: str) -> None:
    try:
        expect_close(value, expected, name="result", function=function, origin="torch", tolerance="float32")
    except Failed as error:
        raise Failed(error.message, RESTORE, error.details) from None


@check("gan_pytorch.ChunkSampler.values", "values", part="gan", given=True, function="ChunkSampler")
def check_chunk_sampler_values(student: Subject, reference: Subject, rng: Rng) -> None:
    """ChunkSampler visits num_samples examples in order, from start on."""
    seen = at_once(student, "gan_parts", "sampled", CHUNKS)
    if seen is not None and holds(lambda: _expect_chunks(items(seen))):
        return
    for arguments in CHUNKS:
        sampler = student.gan_pytorch.ChunkSampler(*arguments, returns="sampler*")
        _expect_chunk(student.probe("gan_parts", "listed", sampler), arguments)


def _expect_chunks(found: Sequence[Value]) -> None:
    for value, arguments in zip(found, CHUNKS, strict=True):
        _expect_chunk(value, arguments)


def _expect_chunk(value: Value, arguments: tuple[int, ...]) -> None:
    numbers, length = unpack(value, ["numbers", "length"], "ChunkSampler")
    start = arguments[1] if len(arguments) > 1 else 0
    expected = SequenceValue(tuple(ScalarValue(start + i) for i in range(arguments[0])), "list")
    if numbers != expected or length != ScalarValue(arguments[0]):
        raise Failed(
            f"`ChunkSampler{arguments}` does not visit {arguments[0]} examples from {start} on.", RESTORE
        )


@check("gan_pytorch.initialize_weights.values", "values", part="gan", given=True)
def check_initialize_weights_values(student: Subject, reference: Subject, rng: Rng) -> None:
    """initialize_weights draws Xavier weights for linear and transposed convolution layers, and for no others."""
    seen = at_once(student, "gan_parts", "initialized")
    if seen is not None and holds(lambda: _expect_initialized(items(seen))):
        return
    kept = student.probe("gan_parts", "layers_to_initialize", returns="linear*, transposed*, convolution*")
    layers = unpack(kept, ["linear", "transposed", "convolution"], "initialize_weights")
    for number, layer in enumerate(layers):
        student.gan_pytorch.initialize_weights(calls.argument(layer))
        _expect_drawn(number, student.probe("gan_parts", "parameters", calls.argument(layer)))


def _expect_initialized(found: Sequence[Value]) -> None:
    for number, value in zip(range(len(LAYERS)), found, strict=True):
        _expect_drawn(number, value)


def _expect_drawn(number: int, value: Value) -> None:
    """Uniform within the bounds of Glorot and Bengio 2010, or left as it was."""
    shape, biases, bound = LAYERS[number]
    weight, bias = items(value, 2)
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
    settings: dict[str, Any] = {"show_every": 2, "batch_size": 16, "num_epochs": 2}
    seen = at_once(student, "gan_parts", "trained", images, 5, settings)
    if seen is not None and holds(lambda: _expect_trained(*items(seen, 3))):
        return
    names = ["D", "G", "D_solver", "G_solver", "D_loss", "G_loss", "loader"]
    kept = student.probe("gan_parts", "players", images, 5, returns=", ".join(f"{n}*" for n in names))
    players = [calls.argument(value) for value in unpack(kept, names, "run_a_gan")]
    before = student.probe("gan_parts", "parameters", *players[:2])
    shown = student.gan_pytorch.run_a_gan(*players, noise_size=5, **settings)
    _expect_shown(shown)
    _expect_moved(before, student.probe("gan_parts", "parameters", *players[:2]))
    student.release(*(player for player in players if isinstance(player, Handle)))


def _expect_trained(before: Value, shown: Value, after: Value) -> None:
    _expect_shown(shown)
    _expect_moved(before, after)


def _expect_shown(shown: Value) -> None:
    for value in unpack(shown, ["first", "second"], "run_a_gan"):  # of 4 whole batches
        expect_array(value, (16, 784), name="images", function="run_a_gan")


def _expect_moved(before: Value, after: Value) -> None:
    found = items(before)
    for old, new in zip(found, items(after, len(found)), strict=True):
        if (
            not isinstance(old, ArrayValue)
            or not isinstance(new, ArrayValue)
            or np.array_equal(old.data, new.data)
        ):
            raise Failed("`run_a_gan` leaves parameters of a player as they were.", RESTORE)
