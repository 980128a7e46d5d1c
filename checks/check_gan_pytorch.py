"""The GAN part: noise, networks, losses and the optimiser (contract, section 7).

Freedoms: networks are judged by behaviour (see `checks.networks`); the convolutional classifier is only ever called
with the batch size it was built for, and its leading Unflatten of 2021 is as good as none; noise may come from any
random call, in any floating dtype.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from checks import calls
from checks.declare import Rng, check
from checks.gan_losses import LOSSES, loss_checks
from checks.gan_networks import DC_CLASSIFIER, DC_GENERATOR, DISCRIMINATOR, GENERATOR
from checks.network_checks import network_checks
from checks.networks import build, items
from checks.shared import at_once, common, holds, once
from grader.compare import compare, describe, expect_array, expect_finite
from grader.errors import Failed
from grader.sandbox.client import Argument, Function, Tensor
from grader.values import Array, Handle, MappingValue, ScalarValue, Value

if TYPE_CHECKING:
    from grader.subject import Subject

NOISE_DIM = 96  # of the module, when nothing is said

for _network in (DISCRIMINATOR, GENERATOR, DC_CLASSIFIER, DC_GENERATOR):
    globals().update(network_checks(_network))


@check(
    "gan_pytorch.generator.noise_dim", "default noise", part="gan", requires=["gan_pytorch.generator.parameters"]
)  # fmt: skip
def check_generator_noise_dim(student: Subject, reference: Subject, rng: Rng) -> None:
    """generator takes noise of dimension 96 when it is not told otherwise."""
    noise = Tensor(rng.uniform(-1, 1, (2, NOISE_DIM)).astype(np.float32))
    seen = at_once(student, "gan", "answers", ["generator"], noise, 1)
    if seen is not None and holds(lambda: _expect_images(*items(seen, 1))):
        return
    model = build(student, "generator")
    value = student.method(model, "", noise)
    student.release(model)
    _expect_images(value)


def _expect_images(value: Value) -> None:
    expect_array(value, (2, 784), name="images", function="generator()(noise)", origin="torch")


@check(
    "gan_pytorch.discriminator.new_model", "a new model at each call", part="gan",
    requires=["gan_pytorch.discriminator.shapes"],
)  # fmt: skip
def check_discriminator_new_model(student: Subject, reference: Subject, rng: Rng) -> None:
    """discriminator builds a new model at each call, with parameters of its own: three GANs are trained in a row."""
    images = Tensor(DISCRIMINATOR.draw(rng))
    seen = at_once(student, "gan", "answers", ["discriminator"], images, 2)
    if seen is not None and holds(lambda: _expect_two(items(seen, 2))):
        return
    models = [build(student, "discriminator") for _ in range(2)]
    values = [student.method(model, "", images) for model in models]
    student.release(*models)
    _expect_two(values)


def _expect_two(values: Sequence[Value]) -> None:
    shape, name = DISCRIMINATOR.outputs, "discriminator()(images)"
    first, second = (expect_array(v, shape, name="scores", function=name, origin="torch") for v in values)
    if np.array_equal(first, second):
        raise Failed(
            "Two models of `discriminator()` compute the same: they share their parameters, or all begin alike.",
            "Build new layers at each call, and leave the random seed alone unless `seed` is given.",
        )


# Noise

FEW, SEEDED, SIZE = ((3, 4), (5, 2), (1, 1)), (4, 5), (256, 128)
FILLED = 0.6  # how far noise reaches at least, also if a mistake draws one row alone: 0.8^128 is 4e-13
CHANCE = 1e-7  # that a correct solution fails one of the three tests


def _noise(student: Subject, *shape: int, **seed: int) -> Array:
    arguments: dict[str, Argument] = dict(seed)
    return _floats(
        student.call(Function("cs231n.gan_pytorch", "sample_noise"), shape, arguments).value, shape
    )


def _floats(value: Value, shape: tuple[int, ...]) -> Array:
    data = expect_array(value, shape, name="noise", function="sample_noise", origin="torch")
    if data.dtype.kind != "f":
        raise Failed(f"`noise` from `sample_noise` is {describe(value)}; expected floating-point numbers.")
    return data


def _seeds(rng: Rng) -> list[int]:
    return [int(seed) for seed in common(rng, "seeds").choice(10**6, 2, replace=False)]


def _drawn(student: Subject, rng: Rng) -> tuple[Value, ...]:
    """All the noise that is judged, in one go: of `FEW` shapes, of SIZE, and of SEEDED with seeds and without."""
    one, two = _seeds(rng)
    asked = [
        *((shape, None) for shape in (*FEW, SIZE)),
        *((SEEDED, seed) for seed in (one, one, two, None, None)),
    ]
    value = once(student, rng, "noise", lambda: at_once(student, "gan_parts", "noise", asked))
    return items(value, len(asked)) if value is not None else ()


def _large(student: Subject, rng: Rng) -> Array:
    drawn = _drawn(student, rng)[len(FEW) :][:1]
    if drawn and holds(lambda: _floats(drawn[0], SIZE)):
        return _floats(drawn[0], SIZE)
    return _noise(student, *SIZE)


@check("gan_pytorch.sample_noise.shapes", "returns what it should", part="gan")
def check_sample_noise_shapes(student: Subject, reference: Subject, rng: Rng) -> None:
    """sample_noise returns a floating-point tensor of shape (batch_size, dim)."""
    drawn = _drawn(student, rng)[: len(FEW)]
    if not drawn or not all(holds(partial(_floats, *pair)) for pair in zip(drawn, FEW, strict=True)):
        for shape in FEW:
            _noise(student, *shape)


@check(
    "gan_pytorch.sample_noise.range", "range", part="gan", requires=["gan_pytorch.sample_noise.shapes"]
)  # fmt: skip
def check_sample_noise_range(student: Subject, reference: Subject, rng: Rng) -> None:
    """sample_noise stays within [-1, 1] and reaches beyond the middle."""
    noise = _large(student, rng)
    low, high = float(noise.min()), float(noise.max())
    if low < -1 or high > 1 or low > -FILLED or high < FILLED:
        raise Failed(
            f"`sample_noise` gives numbers from {low:.4g} to {high:.4g}; expected -1 to 1.",
            "Stretch and shift uniform random numbers, whose range is [0, 1).",
        )


@check(
    "gan_pytorch.sample_noise.distribution", "distribution", part="gan", requires=["gan_pytorch.sample_noise.range"]
)  # fmt: skip
def check_sample_noise_distribution(student: Subject, reference: Subject, rng: Rng) -> None:
    """sample_noise is uniform, and every number is drawn by itself.

    Bounds hold for a correct solution but for one in ten million (Dvoretzky, Kiefer, Wolfowitz with Massart's
    constant; Hoeffding for products of neighbours). Freedom: any way to draw uniform numbers.
    """
    noise = _large(student, rng)
    n = noise.size
    furthest = _distance(noise)
    if furthest > np.sqrt(np.log(2 / CHANCE) / (2 * n)):
        raise Failed(
            f"The numbers of `sample_noise` are not uniform between -1 and 1: their mean is {noise.mean():.4f} "
            f"(expected 0) and their variance {noise.var():.4f} (expected {1 / 3:.4f}).",
            "Use `torch.rand`, which is uniform; `torch.randn` is normal.",
        )
    # float32 has 2^24 levels here: 32 of 32768 numbers meet by chance
    if noise.dtype.itemsize >= 4 and len(np.unique(np.abs(noise))) < 0.9 * n:
        raise Failed(
            f"`sample_noise` repeats itself: {n} numbers have {len(np.unique(np.abs(noise)))} different sizes.",
            "Draw batch_size times dim numbers from a continuous range, and use each once.",
        )
    for axis, name in ((0, "rows"), (1, "columns")):
        first, second = (np.take(noise, range(a, noise.shape[axis] - 1 + a), axis) for a in (0, 1))
        product = float((first * second).mean())
        # the terms of every second pair are independent, so that Hoeffding holds for each half
        if abs(product) > np.sqrt(2 * np.log(4 / CHANCE) / (first.size // 2)):
            raise Failed(
                f"Neighbouring {name} of `sample_noise` are alike (mean product {product:.4f}; expected 0).",
                "Draw batch_size times dim numbers, not one row or column that is repeated.",
            )


def _distance(noise: Array) -> float:
    """How far the empirical distribution is from the uniform one on (-1, 1)."""
    ranks = np.arange(noise.size + 1) / noise.size
    exact = (np.sort(noise, axis=None) + 1) / 2
    return float(max(np.abs(ranks[1:] - exact).max(), np.abs(ranks[:-1] - exact).max()))


@check("gan_pytorch.sample_noise.seed", "seed", part="gan", requires=["gan_pytorch.sample_noise.shapes"])
def check_sample_noise_seed(student: Subject, reference: Subject, rng: Rng) -> None:
    """sample_noise repeats itself for the same seed, and draws anew without one."""
    one, two = _seeds(rng)
    drawn = [partial(_floats, value, SEEDED) for value in _drawn(student, rng)[len(FEW) + 1 :]]
    if drawn and holds(lambda: _expect_seeds(drawn, one)):
        return
    ask = partial(_noise, student, *SEEDED)
    _expect_seeds([*(partial(ask, seed=seed) for seed in (one, one, two)), ask, ask], one)


def _expect_seeds(draw: Sequence[Callable[[], Array]], one: int) -> None:
    """Of five draws the first two were made with the seed `one`, the third with another, the last two without any."""
    first, again, other = (draw[number]() for number in range(3))
    keep = "Keep the given lines that set the seed."
    if not np.array_equal(first, again):
        raise Failed(f"`sample_noise(4, 5, seed={one})` gives other numbers each time.", keep)
    if np.array_equal(first, other):
        raise Failed("`sample_noise` gives the same numbers for different seeds.", keep)
    if np.array_equal(draw[3](), draw[4]()):
        raise Failed(
            "`sample_noise` gives the same numbers at every call without a seed.", "Set no seed of your own."
        )


for _loss in LOSSES:
    globals().update(loss_checks(_loss))


# Optimiser

SETTINGS = {"lr": 1e-3, "beta1": 0.5, "beta2": 0.999}
STEPS = 4
SHAPES = ((4, 3), (4,), (4,), (4,), (2, 4), (2,))  # of the parameters
SLIGHT, FALLING = (
    0,
    1,
)  # parameters whose gradient is near epsilon; that is 0 and gets a large gradient, then small ones
ALLOWED = {
    SLIGHT: 5e-6,  # epsilon may be added before the bias is corrected or after
    FALLING: 5e-8,  # the greatest second moment kept, as `amsgrad` does, makes 10 times as much
}
ROUNDING = 3e-7  # of the other parameters' size in each step: several times what float32 loses


def _gradients(rng: Rng) -> list[list[Array]]:
    """For each step those of all parameters: of any size, but at first not small where epsilon should not matter."""
    scales = rng.choice([1e-4, 1.0, 1e3], size=(STEPS, len(SHAPES)))
    scales[0] = np.maximum(scales[0], 1.0)
    scales[:, SLIGHT], scales[:, FALLING] = 1e-4, (1e3, *[1.0] * (STEPS - 1))
    return [
        [
            s * rng.choice([-1, 1], shape) * rng.uniform(0.5, 1.5, shape)
            for s, shape in zip(row, SHAPES, strict=True)
        ]
        for row in scales
    ]


def _optimized(student: Subject, rng: Rng) -> Value | None:
    """What the optimiser holds for each parameter, and the parameters after the steps."""
    gradients = _gradients(common(rng, "get_optimizer"))
    return once(student, rng, "optimized", lambda: at_once(student, "gan_parts", "optimized", gradients))


def _optimizer(student: Subject) -> tuple[Handle, Handle]:
    model = student.probe("gan_parts", "small_model", returns="model*")
    assert isinstance(model, Handle)
    solver = student.gan_pytorch.get_optimizer(model, returns="solver*")
    assert isinstance(solver, Handle)
    if solver.kind == "NoneType":
        raise Failed("`get_optimizer` returned None; expected an optimiser.", "Is the `return` line there?")
    return solver, model


@check("gan_pytorch.get_optimizer.settings", "settings", part="gan")
def check_get_optimizer_settings(student: Subject, reference: Subject, rng: Rng) -> None:
    """get_optimizer holds every parameter of the model, with learning rate 1e-3 and betas (0.5, 0.999).

    Freedom: any class of optimiser and any grouping of the parameters that has these numbers.
    """
    seen = _optimized(student, rng)
    if seen is not None and holds(lambda: _expect_settings(items(seen, 2)[0])):
        return
    _expect_settings(student.probe("gan_parts", "settings", *_optimizer(student)))


def _expect_settings(settings: Value) -> None:
    for number, value in enumerate(items(settings, len(SHAPES))):
        held = value.items if isinstance(value, MappingValue) else {}
        if not held:
            raise Failed(
                f"The optimiser of `get_optimizer` does not hold parameter {number} of the model.",
                "Give it all of `model.parameters()`.",
            )
        for name, right in SETTINGS.items():
            _setting(name, held.get(name, ScalarValue(None)), right)


def _setting(name: str, value: Value, right: float) -> None:
    if value == ScalarValue(None):
        message = f"The optimiser of `get_optimizer` has no {name}; expected {right:g}."
        raise Failed(message, "It should be an Adam optimiser.")
    if not isinstance(value, ScalarValue) or value.data != right:
        own = value.data if isinstance(value, ScalarValue) else describe(value)
        message = f"The optimiser of `get_optimizer` has {name} {own}; expected {right:g}."
        raise Failed(message, "The docstring names its settings.")


@check(
    "gan_pytorch.get_optimizer.updates", "updates", part="gan", requires=["gan_pytorch.get_optimizer.settings"]
)  # fmt: skip
def check_get_optimizer_updates(student: Subject, reference: Subject, rng: Rng) -> None:
    """get_optimizer moves the parameters as Adam does, for several steps and gradients of any size.

    Freedom: judged by what it does, so AdamW without decay is Adam.
    """
    gradients = _gradients(common(rng, "get_optimizer"))
    _, moved = items(reference.probe("gan_parts", "optimized", gradients), 2)
    right = [calls.trusted(value) for value in items(moved)]
    seen = _optimized(student, rng)
    if seen is not None and holds(lambda: _expect_updates(items(seen, 2)[1], right)):
        return
    _expect_updates(student.probe("gan_parts", "steps", *_optimizer(student), gradients), right)


def _expect_updates(parameters: Value, right: Sequence[Array]) -> None:
    for number, (value, expected) in enumerate(zip(items(parameters, len(SHAPES)), right, strict=True)):
        name = f"parameter {number} after {STEPS} steps"
        own = expect_array(value, SHAPES[number], name=name, function="get_optimizer", origin="torch")
        expect_finite(own, name=name, function="get_optimizer")
        rounding = STEPS * ROUNDING * max(1.0, float(np.abs(expected).max()))
        if np.abs(own - expected).max() > ALLOWED.get(number, rounding):
            compare(own, expected, name=name, function="get_optimizer", tolerance="precision")
