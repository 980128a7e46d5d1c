"""SimCLR's augmentation and its data set of pairs (contract, section 8).

Freedoms: the transform may be built in any way (RandomApply, Compose in Compose, lambdas, functions of one's own):
what it does to pictures is judged, and how often. The first view may be `x_i` or `x_j`; the transform may be called
more than twice. Without a transform only the class is looked at.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from checks import augmentation as aug
from checks.augmentation import FUNCTION, MEAN, STD, Frequency, decide, made, stream, views
from checks.calls import argument, trusted
from checks.declare import Rng, check
from checks.same_views import same_views
from checks.shared import kept
from grader.compare import compare, describe, expect_array, expect_close, expect_scalar, unpack
from grader.errors import CallError, Failed
from grader.sandbox.client import Method
from grader.values import Array, ArrayValue, Handle, Value

if TYPE_CHECKING:
    from grader.subject import Subject

PART = "simclr"
TRAIN = "simclr_data.compute_train_transform"
SEEN = (7,)  # numbers in what the transform of the checks gives
PAIR, ITEM = "CIFAR10Pair.__getitem__", "simclr_data.CIFAR10Pair.__getitem__"


@check(f"{TRAIN}.shapes", "returns what it should", part=PART)
def check_train_transform_shapes(student: Subject, reference: Subject, rng: Rng) -> None:
    """compute_train_transform returns a transform from a picture of any size to a tensor (3, 32, 32)."""
    if same_views(student, reference, rng):
        return
    for height, width in ((32, 32), (40, 57)):
        pixels = rng.integers(256, size=(height, width, 3)).astype(np.uint8)
        transform = made(student, int(rng.integers(2**31)))
        picture = student.probe("augmentation", "picture", pixels, returns="picture*")
        view = student.method(transform, "", argument(picture))
        hint = f" of a picture of {height} x {width}"
        expect_array(view, (3, 32, 32), name=f"the view{hint}", function=FUNCTION, origin="torch")


Body = Callable[["Subject", "Subject", Rng], None]


def declared(aspect: str, title: str, *requires: str) -> Callable[[Body], Body]:
    """A check of the training transform, which whoever gives the reference's views passes."""

    def attach(body: Body) -> Body:
        @check(f"{TRAIN}.{aspect}", title, part=PART, requires=[f"{TRAIN}.{name}" for name in requires])
        @functools.wraps(body)
        def checked(student: Subject, reference: Subject, rng: Rng) -> None:
            if not same_views(student, reference, rng):
                body(student, reference, rng)

        return checked

    return attach


@declared("normalisation", "normalisation", "shapes")
def check_train_transform_normalisation(student: Subject, reference: Subject, rng: Rng) -> None:
    """compute_train_transform normalises last, with the means and deviations of CIFAR-10.

    No change of colours brightens black. White stays white in three views of five.
    """
    transform = made(student, int(rng.integers(2**31)))
    black = views(student, transform, [aug.plain(0)], 8)
    white = views(student, transform, [aug.plain(255)], 24)  # all of them darkened: once in 10^9
    found = {"black": black.reshape(8, 3, -1), "white": white.max(axis=(0, 2, 3))[None, :, None]}
    for name, level in (("black", 0.0), ("white", 1.0)):
        expected = np.broadcast_to(((level - MEAN) / STD)[:, None], found[name].shape)
        compare(
            found[name], expected, name=f"a {name} picture", function=FUNCTION, tolerance="float32",
            context="(black is (0 - mean) / std and white (1 - mean) / std, per channel)",
        )  # fmt: skip


@declared("crop", "random crop", "shapes")
def check_train_transform_crop(student: Subject, reference: Subject, rng: Rng) -> None:
    """compute_train_transform shows another part of the picture in every view, and does nothing but its steps to it."""
    if len(np.unique(aug.edges(stream(student, rng).batch(0)))) < 3:
        raise Failed(
            f"The transform of `{FUNCTION}` shows the same part of a picture in every view.",
            "The random crop to 32 x 32 that was handed out comes first.",
        )
    aug.expect_nothing_else(student, int(rng.integers(2**31)))


@declared("flip", "flip", "normalisation")
def check_train_transform_flip(student: Subject, reference: Subject, rng: Rng) -> None:
    """compute_train_transform mirrors left and right with probability 0.5, and never up and down."""
    decide(stream(student, rng), Frequency("mirrors left and right", 0.5), aug.mirrored)
    aug.expect_upright(student, int(rng.integers(2**31)))


@declared("grey", "grey", "normalisation")
def check_train_transform_grey(student: Subject, reference: Subject, rng: Rng) -> None:
    """compute_train_transform takes the colours away with probability 0.2."""
    decide(stream(student, rng), Frequency("turns pictures grey", 0.2), aug.is_grey)


@declared("jitter", "jitter", "normalisation")
def check_train_transform_jitter(student: Subject, reference: Subject, rng: Rng) -> None:
    """compute_train_transform jitters the colours with probability 0.8."""
    decide(stream(student, rng), Frequency("jitters the colours", 0.8), aug.is_jittered)


@declared("strength", "strength of the jitter", "jitter", "grey")
def check_train_transform_strength(student: Subject, reference: Subject, rng: Rng) -> None:
    """compute_train_transform jitters brightness, contrast, saturation and hue within their limits, before the grey.

    Whether a view is jittered, grey or mirrored says nothing about the other two.
    """
    drawn, found, number = stream(student, rng), dict[str, Array](), 0
    while min((len(v) for v in found.values()), default=0) < 64:
        more = aug.strengths(drawn.batch(number))
        found = {
            name: np.concatenate([found.get(name, np.empty(0)), values]) for name, values in more.items()
        }
        number += 1
    for kind in aug.STRENGTHS:
        aug.expect_strength(kind, found[kind.name])
    aug.expect_grey_last(student, int(rng.integers(2**31)))
    aug.expect_independent(drawn)


@check("simclr_data.compute_test_transform.values", "values", part=PART, given=True)
def check_test_transform_values(student: Subject, reference: Subject, rng: Rng) -> None:
    """compute_test_transform normalises, and changes nothing else."""
    pixels = rng.integers(256, size=(32, 32, 3)).astype(np.uint8)
    expected = reference.probe("augmentation", "test_view", pixels)
    transform = student.simclr_data.compute_test_transform(returns="transform*")
    picture = student.probe("augmentation", "picture", pixels, returns="picture*")
    if not isinstance(transform, Handle):
        raise Failed("`compute_test_transform` did not return a transform.")
    expect_close(
        student.method(transform, "", argument(picture)), trusted(expected).astype(np.float64), name="view",
        function="compute_test_transform", tolerance="float32", origin="torch",
    )  # fmt: skip


def dataset(
    student: Subject, rng: Rng, transform: Any = None, shift: int | None = None
) -> tuple[Handle, Array, list[int]]:
    """A `CIFAR10Pair` of five pictures, with their pixels and classes."""
    data = rng.integers(256, size=(5, 32, 32, 3)).astype(np.uint8)
    targets = [int(target) for target in rng.permutation(10)[:5]]
    made = student.probe(
        "simclr", "pairs", _family(student), data, targets, transform, shift, returns="pairs*"
    )
    assert isinstance(made, Handle)
    return made, data, targets


def _family(student: Subject) -> Handle:
    """The class and those that it is derived from."""
    families = kept(student, "families")
    known: Handle | None = families.get("")
    if known is not None and student.holds(known):
        return known
    found = getattr(student.simclr_data, "CIFAR10Pair.mro")(returns="classes*")
    if not isinstance(found, Handle):
        raise Failed("`CIFAR10Pair` is no class.", "Take over its first line from the original file again.")
    families[""] = found
    return found


def items(student: Subject, pairs: Handle, *indices: int) -> list[Sequence[Value]]:
    """`pairs[index]`, which has three parts, for each index."""
    found = student.calls(Method(pairs, "__getitem__"), [(index,) for index in indices])
    return [unpack(reply.value, ["x_i", "x_j", "target"], PAIR) for reply in found]


def seen(view: Value, name: str) -> Array:
    """What a view of `checks.probes.simclr` says: a tensor, as real views are, or what numpy made of it."""
    origin = view.origin if isinstance(view, ArrayValue) else "torch"
    return expect_array(view, SEEN, name=name, function=PAIR, origin=origin)


@check(f"{ITEM}.shapes", "returns what it should", part=PART)
def check_pair_shapes(student: Subject, reference: Subject, rng: Rng) -> None:
    """CIFAR10Pair returns two views and a class."""
    pairs, _, _ = dataset(student, rng)
    ((*found, target),) = items(student, pairs, 0)
    for name, view in zip(("x_i", "x_j"), found, strict=True):
        seen(view, name)
    expect_scalar(target, name="target", function=PAIR)


@check(f"{ITEM}.image", "the right image", part=PART, requires=[f"{ITEM}.shapes"])
def check_pair_image(student: Subject, reference: Subject, rng: Rng) -> None:
    """CIFAR10Pair gives the transform the image of this index, as a PIL image, for both views."""
    pairs, data, _ = dataset(student, rng)
    shown = (3, 0, 4)
    for index, item in zip(shown, items(student, pairs, *shown), strict=True):
        for name, view in zip(("x_i", "x_j"), item[:2], strict=True):
            _, is_picture, *colour = seen(view, name)
            if not is_picture:
                raise Failed(f"`{PAIR}` gives the transform something else than the PIL image `img`.")
            if not np.array_equal(colour[:3], data[index, 3, 7]):
                raise Failed(
                    f"`{name}` of item {index} is not a view of image {index}.",
                    "Both views are made from the same `img`; a transform is applied to it once for each.",
                )


@check(f"{ITEM}.views", "two separate views", part=PART, requires=[f"{ITEM}.image"])
def check_pair_views(student: Subject, reference: Subject, rng: Rng, advise: Any) -> None:
    """CIFAR10Pair draws its two views separately.

    A seed that is set after them shows in the third item at the latest. Their order is advice: the official sanity
    check, which fixes the random numbers, wants x_i drawn first.
    """
    pairs, _, _ = dataset(student, rng)
    found = [seen(view, "x") for item in items(student, pairs, 1, 1, 1) for view in item[:2]]
    (first, second), drawn = (int(view[0]) for view in found[:2]), {tuple(view[-2:]) for view in found}
    if first == second:
        raise Failed(
            f"`x_i` and `x_j` from `{PAIR}` come from the same call of the transform: the two views are equal.",
            "Each view is a transform of `img` drawn by itself.",
        )
    if len(drawn) < len(found):
        raise Failed(
            f"`{PAIR}` draws the same random numbers for more than one view.",
            "Is a seed set inside it? Then views don't differ: from each other, or from one epoch to the next.",
        )
    if first > second:
        advise(
            "`x_j` is drawn before `x_i`; the notebook's check of the augmentation expects the other order."
        )


@check(f"{ITEM}.target", "the class", part=PART, requires=[f"{ITEM}.shapes"])
def check_pair_target(student: Subject, reference: Subject, rng: Rng, advise: Any) -> None:
    """CIFAR10Pair returns the class of this index, through target_transform if there is one."""
    for shift in (None, 100):
        pairs, _, targets = dataset(student, rng, shift=shift)
        shown = (2, 4)
        for index, item in zip(shown, items(student, pairs, *shown), strict=True):
            target = expect_scalar(item[2], name="target", function=PAIR)
            expected = targets[index] + (shift or 0)
            if target != expected:
                how = "with a target_transform that adds 100" if shift else "without a target_transform"
                raise Failed(
                    f"`target` of item {index} from `{PAIR}` is {target:g}; expected {expected}, {how}.",
                    "The lines around your region set it: are they as they were handed out?",
                )
    _advise_without_transform(student, rng, advise)


def _advise_without_transform(student: Subject, rng: Rng, advise: Any) -> None:
    pairs, _, _ = dataset(student, rng, transform=False)
    try:
        value = student.method(pairs, "__getitem__", 0)
    except CallError as error:
        advise(f"Without a transform: {error.message}")
        return
    if describe(value) not in ("a tuple of 3", "a list of 3"):
        advise(f"Without a transform `{PAIR}` returns {describe(value)}; expected three parts.")
