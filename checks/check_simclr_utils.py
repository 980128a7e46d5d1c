"""SimCLR's training loop, on a tiny model with parameters drawn here (contract, section 8).

Freedoms: nearly half of correct solutions do not hand `device` to the loss, whose default is 'cuda': where there is
none, the default is replaced and the omission advised on. The loss may come from either of the two loss functions;
where one's own loss is wrong, `train` is judged with a stand-in for it. Both views may go through the model at once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from checks.calls import trusted
from checks.declare import Rng, check
from checks.similarity import agree
from grader.compare import describe, expect_array, expect_scalar, unpack
from grader.errors import Failed, Raised
from grader.values import Array, ArrayValue, MappingValue, Value

if TYPE_CHECKING:
    from grader.subject import Subject

PART, MODULE = "simclr", "simclr_utils"
TRAIN = f"{MODULE}.train"
SHAPE, FEATURES, PROJECTED = (3, 2, 2), 5, 4  # of an image, a representation, a projection
USES = ["contrastive_loss.simclr_loss_vectorized"]
LESSON = "model*, optimizer*, loader*"
CUDA = re.compile("cuda|nvidia", re.IGNORECASE)


@dataclass(frozen=True)
class Run:
    """One call of `train`: the model's weights, batches of two views, and what else it is given."""

    weights: Mapping[str, Array]
    batches: list[tuple[Array, Array, Array]]
    rate: float = 0.5
    temperature: float = 0.5
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Result:
    """What `train` returned, the parameters that it left behind, and the modes in which it called the model."""

    loss: Value
    parameters: Mapping[str, Array]
    seen: Array


def draw(rng: Rng, batches: int = 1, size: int = 4, **settings: Any) -> Run:
    """A fresh model and fresh batches, the second view a disturbed first one."""
    pixels = int(np.prod(SHAPE))
    weights = {
        "f": rng.standard_normal((pixels, FEATURES)) / 3,
        "g": rng.standard_normal((FEATURES, PROJECTED)),
    }
    items = []
    for _ in range(batches):
        left = rng.standard_normal((size, *SHAPE))
        items.append((left, left + 0.7 * rng.standard_normal(left.shape), rng.integers(10, size=size)))
    return Run(weights, items, **settings)


def train(subject: Subject, run: Run, advise: Any) -> Result:
    """Trains for one epoch; once more, with the loss on the CPU by default, when there is no CUDA device for it."""
    try:
        return _train(subject, run)
    except Raised as error:
        if not CUDA.search(error.message) or not _cpu_by_default(subject):
            raise
    found = _train(subject, run)
    advise(
        "`train` leaves `device` to the loss's default, 'cuda', which is no device on every machine: "
        "hand your `device` on to `simclr_loss_vectorized`."
    )
    return found


def _cpu_by_default(subject: Subject) -> bool:
    """Whether there was a default to be replaced."""
    changed = subject.probe("simclr", "cpu_by_default")
    return expect_scalar(changed, name="defaults", function="train") > 0


def _train(subject: Subject, run: Run) -> Result:
    made = subject.probe("simclr", "lesson", dict(run.weights), run.rate, run.batches, returns=LESSON)
    model, optimizer, loader = unpack(made, LESSON.split(", "), "lesson")
    settings = {
        "batch_size": len(run.batches[0][0]),
        "temperature": run.temperature,
        "device": "cpu",
        **run.extra,
    }
    loss = subject.simclr_utils.train(model, loader, optimizer, 1, 1, **settings)
    parameters, seen = _state(subject, model, run)
    subject.release(model, optimizer, loader)
    return Result(loss, parameters, seen)


def _state(subject: Subject, model: Value, run: Run) -> tuple[dict[str, Array], Array]:
    state = subject.probe("simclr", "state", model)
    known = state.items if isinstance(state, MappingValue) else {}
    named = known.get("parameters")
    if not isinstance(named, MappingValue) or "seen" not in known:
        raise Failed(f"`train` leaves a model behind whose parameters are {describe(state)}.")
    held, seen = named.items, known["seen"]
    parameters = {
        name: expect_array(
            held.get(name, seen), before.shape, name=f"model.{name}", function="train", origin="torch"
        )
        for name, before in run.weights.items()
    }
    return parameters, seen.data if isinstance(seen, ArrayValue) else np.empty(0, bool)


def expect_loss(actual: Result, expected: Result, context: str = "") -> None:
    """`train` returned the reference's average loss."""
    found = expect_array(actual.loss, (), name="the average loss", function="train", origin="torch")
    right = trusted(expected.loss)
    agree(found, right, name="the average loss", function="train", tolerance="value", context=context)


def expect_parameters(actual: Result, expected: Result, context: str) -> None:
    """`train` left the parameters behind that the reference does."""
    for name, right in expected.parameters.items():
        agree(actual.parameters[name], right, name=f"model.{name}", function="train", context=context)


Body = Callable[["Subject", "Subject", Rng, Any], None]


def declared(aspect: str, title: str, *requires: str) -> Callable[[Body], Body]:
    """A check of `train`."""
    needed = [f"{TRAIN}.{name}" for name in requires]
    return check(f"{TRAIN}.{aspect}", title, part=PART, uses=USES, requires=needed)


@declared("shapes", "returns what it should")
def check_train_shapes(student: Subject, reference: Subject, rng: Rng, advise: Any) -> None:
    """train returns one number."""
    found = train(student, draw(rng), advise)
    expect_array(found.loss, (), name="the average loss", function="train", origin="torch")


@declared("values", "loss", "shapes")
def check_train_values(student: Subject, reference: Subject, rng: Rng, advise: Any) -> None:
    """train returns the loss of the projections at the given temperature, averaged over all images."""
    for temperature in (0.5, 0.15, 2.0):
        run = draw(rng, batches=1 + 2 * (temperature == 2.0), rate=0.0, temperature=temperature)
        context = f"with temperature={temperature:g} and {len(run.batches)} batches"
        expect_loss(train(student, run, advise), train(reference, run, advise), context)


@declared("step", "one step of training", "shapes")
def check_train_step(student: Subject, reference: Subject, rng: Rng, advise: Any) -> None:
    """train changes all parameters by one step of the optimiser along the gradient of the loss.

    The parameters hold old gradients when it is called, as after another epoch: they do not count.
    """
    for size in (4, 2):
        run = draw(rng, size=size)
        actual, expected = train(student, run, advise), train(reference, run, advise)
        if all(np.array_equal(actual.parameters[name], before) for name, before in run.weights.items()):
            raise Failed(
                "`train` changes no parameter of the model.",
                "Does the loss come from the model's outputs without `.detach()` or `no_grad`, and is a step taken?",
            )
        expect_parameters(actual, expected, f"after one batch of {size} images")


@declared("gradient_reset", "gradients are reset", "step")
def check_train_gradient_reset(student: Subject, reference: Subject, rng: Rng, advise: Any) -> None:
    """train uses the gradient of each batch alone, over many batches."""
    run = draw(rng, batches=4)
    actual, expected = train(student, run, advise), train(reference, run, advise)
    expect_parameters(actual, expected, "after four batches: is a gradient left over from the batch before?")
    expect_loss(actual, expected, "over four batches")


@declared("edge_cases", "edge cases", "step", "values")
def check_train_edge_cases(student: Subject, reference: Subject, rng: Rng, advise: Any) -> None:
    """train holds for batches of one image and for batches larger than the default of 32."""
    for size in (1, 33):
        run = draw(rng, batches=2, size=size)
        actual, expected = train(student, run, advise), train(reference, run, advise)
        expect_loss(actual, expected, f"with batches of {size}")
        expect_parameters(actual, expected, f"with batches of {size}")


@declared("mode", "training mode", "shapes")
def check_train_mode(student: Subject, reference: Subject, rng: Rng, advise: Any) -> None:
    """train calls the model in training mode, also when it was handed over in evaluation mode."""
    seen = train(student, draw(rng, batches=2), advise).seen
    if not seen.size or not seen.all():
        what = "in evaluation mode" if seen.size else "not at all"
        raise Failed(f"`train` calls the model {what}.", "Batch normalisation learns in training mode alone.")


@check(f"{MODULE}.train_val.values", "values", part=PART, given=True)
def check_train_val_values(student: Subject, reference: Subject, rng: Rng) -> None:
    """train_val returns loss and accuracies, trains with an optimiser and leaves the model alone without."""
    weight = rng.standard_normal((int(np.prod(SHAPE)), 7))
    images, targets = rng.standard_normal((2, 6, *SHAPE)), rng.integers(7, size=(2, 6))
    for training in (True, False):
        found = []
        for subject in (student, reference):
            made = subject.probe("simclr", "classifier", weight, 0.1, returns="model*, optimizer*")
            model, optimizer = unpack(made, ["model", "optimizer"], "classifier")
            loader = subject.probe("simclr", "batches", *zip(images, targets, strict=True), returns="loader*")
            value = subject.simclr_utils.train_val(
                model, loader, optimizer if training else None, 1, 1, device="cpu"
            )
            found.append([*unpack(value, ["loss", "acc@1", "acc@5"], "train_val"), _weight(subject, model)])
        for name, actual, right in zip(("loss", "acc@1", "acc@5", "the weight"), *found, strict=True):
            data = expect_array(actual, trusted(right).shape, name=name, function="train_val", origin="torch")
            agree(data, trusted(right), name=name, function="train_val")


def _weight(subject: Subject, model: Value) -> Value:
    state = subject.probe("simclr", "state", model)
    held = state.items.get("parameters") if isinstance(state, MappingValue) else None
    weight = held.items.get("1.weight") if isinstance(held, MappingValue) else None
    if weight is None:
        raise Failed("`train_val` leaves a model behind whose parameters can't be read.")
    return weight


@check(f"{MODULE}.test.values", "values", part=PART, given=True)
def check_test_values(student: Subject, reference: Subject, rng: Rng) -> None:
    """test returns the accuracies of a vote among the nearest neighbours."""
    weights = draw(rng).weights
    memory, queries = rng.standard_normal((2, 8, *SHAPE)), rng.standard_normal((2, 8, *SHAPE))
    known, asked = rng.integers(7, size=(2, 8)), rng.integers(7, size=(2, 8))
    found = []
    for subject in (student, reference):
        made = subject.probe("simclr", "learner", dict(weights), 0.1, returns="model*, optimizer*")
        model = unpack(made, ["model", "optimizer"], "learner")[0]
        neighbours = subject.probe(
            "simclr", "batches", *zip(memory, memory, known, strict=True), returns="loader*"
        )
        classes = [int(target) for target in known.ravel()]
        neighbours = subject.probe("simclr", "memory", neighbours, classes, returns="memory*")
        loader = subject.probe(
            "simclr", "batches", *zip(queries, queries, asked, strict=True), returns="loader*"
        )
        value = subject.simclr_utils.test(
            model, neighbours, loader, 1, 1, 7, temperature=0.3, k=6, device="cpu"
        )
        found.append(unpack(value, ["acc@1", "acc@5"], "test"))
    for name, actual, right in zip(("acc@1", "acc@5"), *found, strict=True):
        data = expect_array(actual, (), name=name, function="test", origin="torch")
        agree(data, trusted(right), name=name, function="test")
