"""SimCLR's training loop, on a tiny model with parameters drawn here (contract, section 8).

Freedoms: nearly half of correct solutions do not hand `device` to the loss, whose default is 'cuda': where there is
none, the default is replaced and the omission advised on. The loss may come from either of the two loss functions;
where one's own loss is wrong, `train` is judged with a stand-in for it. Both views may go through the model at once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from checks.calls import argument, items_of, trusted
from checks.declare import Rng, check
from checks.probes.simclr import EPOCH
from checks.similarity import agree
from grader.compare import describe, expect_array, expect_scalar, unpack
from grader.errors import FATAL, CallError, Failed, NotRecorded, Raised
from grader.values import Array, ArrayValue, MappingValue, Value

if TYPE_CHECKING:
    from grader.subject import Subject

PART, MODULE = "simclr", "simclr_utils"
TRAIN = f"{MODULE}.train"
SHAPE, FEATURES, PROJECTED = (3, 2, 2), 5, 4  # of an image, a representation, a projection
USES = ["contrastive_loss.simclr_loss_vectorized"]
MANY = 66  # batches, of two images each
LESSON = "model*, optimizer*, loader*"
Trained = TypeVar("Trained")
CUDA = re.compile("cuda|nvidia", re.IGNORECASE)


@dataclass(frozen=True)
class Run:
    """One call of `train`: the model's weights, batches of two views, and what else it is given."""

    weights: Mapping[str, Array]
    batches: list[tuple[Array, Array, Array]]
    rate: float = 0.5
    temperature: float = 0.5
    told: bool = True  # of the temperature, which is 0.5 by default

    @property
    def settings(self) -> dict[str, Any]:
        """What `train` is given by name."""
        temperature = {"temperature": self.temperature} if self.told else {}
        return {"batch_size": len(self.batches[0][0]), **temperature, "device": "cpu"}


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


def train(subject: Subject, runs: Sequence[Run], advise: Any) -> list[Result]:
    """Trains for an epoch per run; again, with the loss on the CPU by default, if there is no CUDA device for it."""
    return _with_device(subject, lambda: _train(subject, runs), advise)


def _with_device(subject: Subject, attempt: Callable[[], Trained], advise: Any) -> Trained:
    try:
        return attempt()
    except Raised as error:
        if not CUDA.search(error.message) or not _cpu_by_default(subject):
            raise
    found = attempt()
    advise(
        "`train` leaves `device` to the loss's default, 'cuda', which is no device on every machine: "
        "hand your `device` on to `simclr_loss_vectorized`."
    )
    return found


def _cpu_by_default(subject: Subject) -> bool:
    """Whether there was a default to be replaced."""
    changed = subject.probe("simclr", "cpu_by_default")
    return expect_scalar(changed, name="defaults", function="train") > 0


def _train(subject: Subject, runs: Sequence[Run]) -> list[Result]:
    """Runs one after the other, in one round trip: only after a check that called `train`, since an import may fail."""
    lessons = [[dict(run.weights), run.rate, run.batches, run.settings] for run in runs]
    found = _probe(subject, "epochs", lessons)
    return [
        Result(loss, *_state(state, run))
        for run, (loss, state) in zip(runs, (items_of(e, 2) for e in items_of(found, len(runs))), strict=True)
    ]


def _probe(subject: Subject, name: str, *arguments: Any) -> Value:
    """What a probe gives that calls `train`, under whose name it is told what that raises."""
    try:
        return subject.probe("simclr", name, *arguments)
    except CallError as error:
        if error.message.startswith(f"{name} "):
            error.message = f"train{error.message.removeprefix(name)}"
        raise


def _state(state: Value, run: Run) -> tuple[dict[str, Array], Array]:
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


def expect_loss(run: Run, actual: Result, expected: Result, context: str) -> None:
    """`train` returned the reference's average loss."""
    found = expect_array(actual.loss, (), name="the average loss", function="train", origin="torch")
    right = trusted(expected.loss)
    agree(
        found, right, name="the average loss", function="train", tolerance="value", context=context,
        axes={"images": sum(len(batch[0]) for batch in run.batches), "batches": len(run.batches)},
    )  # fmt: skip


def expect_parameters(actual: Result, expected: Result, context: str) -> None:
    """`train` left the parameters behind that the reference does."""
    for name, right in expected.parameters.items():
        agree(actual.parameters[name], right, name=f"model.{name}", function="train", context=context)


def _both(
    student: Subject, reference: Subject, runs: Sequence[Run], advise: Any
) -> Iterator[tuple[Run, Result, Result]]:
    """Each run with what it gave for the student and for the reference."""
    return zip(runs, train(student, runs, advise), train(reference, runs, advise), strict=True)


Body = Callable[["Subject", "Subject", Rng, Any], None]


def declared(aspect: str, title: str, *requires: str) -> Callable[[Body], Body]:
    """A check of `train`."""
    needed = [f"{TRAIN}.{name}" for name in requires]
    return check(f"{TRAIN}.{aspect}", title, part=PART, uses=USES, requires=needed)


@declared("shapes", "returns what it should")
def check_train_shapes(student: Subject, reference: Subject, rng: Rng, advise: Any) -> None:
    """train returns one number."""
    run = draw(rng)

    def attempt() -> Value:
        made = student.probe("simclr", "lesson", dict(run.weights), run.rate, run.batches, returns=LESSON)
        model, optimizer, loader = unpack(made, LESSON.split(", "), "lesson")
        loss = student.simclr_utils.train(model, loader, optimizer, *EPOCH, **run.settings)
        student.release(model, optimizer, loader)
        return loss

    loss = _with_device(student, attempt, advise)
    expect_array(loss, (), name="the average loss", function="train", origin="torch")


@declared("values", "loss", "shapes")
def check_train_values(student: Subject, reference: Subject, rng: Rng, advise: Any) -> None:
    """train returns the loss of the projections at the given temperature (or 0.5), averaged over all images."""
    runs = [
        draw(rng, batches=n, rate=0.0, temperature=tau, told=tau != 0.5)
        for tau, n in ((0.5, 1), (0.15, 1), (2.0, 3))
    ]
    for run, actual, expected in _both(student, reference, runs, advise):
        temperature = f"temperature={run.temperature:g}" if run.told else "the temperature of the default"
        expect_loss(run, actual, expected, f"with {temperature} and {len(run.batches)} batches")


@declared("step", "one step of training", "shapes")
def check_train_step(student: Subject, reference: Subject, rng: Rng, advise: Any) -> None:
    """train changes all parameters by one step of the optimiser along the gradient of the loss.

    The parameters hold old gradients when it is called, as after another epoch: they do not count.
    """
    runs = [draw(rng, size=size) for size in (4, 2)]
    for run, actual, expected in _both(student, reference, runs, advise):
        if all(np.array_equal(actual.parameters[name], before) for name, before in run.weights.items()):
            raise Failed(
                "`train` changes no parameter of the model.",
                "Does the loss come from the model's outputs without `.detach()` or `no_grad`, and is a step taken?",
            )
        expect_parameters(actual, expected, f"after one batch of {len(run.batches[0][0])} images")


@declared("gradient_reset", "gradients are reset", "step")
def check_train_gradient_reset(student: Subject, reference: Subject, rng: Rng, advise: Any) -> None:
    """train uses the gradient of each batch alone, over many batches, and leaves none of them out."""
    runs = [draw(rng, batches=4), draw(rng, batches=MANY, size=2, rate=0.02)]
    if _all_counted(student, reference, runs[1]):
        del runs[1]
    for run, actual, expected in _both(student, reference, runs, advise):
        batches = len(run.batches)
        expect_parameters(
            actual,
            expected,
            f"after {batches} batches (a gradient is left over from the batch before, or a batch is left out)",
        )
        expect_loss(run, actual, expected, f"over {batches} batches")


def _all_counted(student: Subject, reference: Subject, run: Run) -> bool:
    """Whether `train` does the same things as often, in the same order, and returns the same loss, for a model that
    learns nothing. What it is worth otherwise a model that learns must show, which takes four times as long.
    """
    arguments = (run.batches, run.settings)
    try:
        mine, done = items_of(_probe(student, "tally", *arguments), 2)
        right, expected = items_of(_probe(reference, "tally", *arguments), 2)
        found = expect_array(mine, (), name="the average loss", function="train", origin="torch")
        agree(found, trusted(right), name="the average loss", function="train")
    except FATAL:
        raise
    except (Failed, NotRecorded):
        return False
    return done == expected


@declared("edge_cases", "edge cases", "step", "values")
def check_train_edge_cases(student: Subject, reference: Subject, rng: Rng, advise: Any) -> None:
    """train holds for batches of one image and for batches larger than the default of 32."""
    runs = [draw(rng, batches=2, size=size) for size in (1, 33)]
    for run, actual, expected in _both(student, reference, runs, advise):
        context = f"with batches of {len(run.batches[0][0])}"
        expect_loss(run, actual, expected, context)
        expect_parameters(actual, expected, context)


@declared("mode", "training mode", "shapes")
def check_train_mode(student: Subject, reference: Subject, rng: Rng, advise: Any) -> None:
    """train calls the model in training mode, also when it was handed over in evaluation mode."""
    seen = train(student, [draw(rng, batches=2)], advise)[0].seen
    if not seen.size or not seen.all():
        what = "in evaluation mode" if seen.size else "not at all"
        raise Failed(f"`train` calls the model {what}.", "Batch normalisation learns in training mode alone.")


@check(f"{MODULE}.train_val.values", "values", part=PART, given=True)
def check_train_val_values(student: Subject, reference: Subject, rng: Rng) -> None:
    """train_val returns loss and accuracies, trains with an optimiser and leaves the model alone without."""
    weight = rng.standard_normal((int(np.prod(SHAPE)), 7))
    images, targets = rng.standard_normal((2, 6, *SHAPE)), rng.integers(7, size=(2, 6))
    given = (weight, 0.1, list(zip(images, targets, strict=True)))
    expected = reference.probe("simclr", "classified", *given)
    names = ["loader*", *["model*", "optimizer*"] * 2]
    made = student.probe("simclr", "classifiers", *given, 2, returns=", ".join(names))
    loader, *models = map(argument, unpack(made, names, "classifiers"))
    values = [
        student.simclr_utils.train_val(model, loader, optimizer, 1, 1, device="cpu")
        for model, optimizer in ((models[0], models[1]), (models[2], None))
    ]
    states = items_of(student.probe("simclr", "states", models[0], models[2]), 2)
    for value, state, right in zip(values, states, items_of(expected, 2), strict=True):
        actual = [*unpack(value, ["loss", "acc@1", "acc@5"], "train_val"), _weight(state)]
        numbers, left = items_of(right, 2)
        for name, mine, own in zip(
            ("loss", "acc@1", "acc@5", "the weight"),
            actual,
            [*items_of(numbers, 3), _weight(left)],
            strict=True,
        ):
            data = expect_array(mine, trusted(own).shape, name=name, function="train_val", origin="torch")
            agree(data, trusted(own), name=name, function="train_val")


def _weight(state: Value) -> Value:
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
    batches = [list(zip(x, x, y, strict=True)) for x, y in ((memory, known), (queries, asked))]
    settings: dict[str, Any] = {"temperature": 0.3, "k": 6, "device": "cpu"}
    expected = reference.probe("simclr", "votes", dict(weights), *batches, 7, settings)
    made = student.probe("simclr", "vote", dict(weights), *batches, returns="model*, memory*, loader*")
    arguments = map(argument, unpack(made, ["model", "memory", "loader"], "vote"))
    value = student.simclr_utils.test(*arguments, 1, 1, 7, **settings)
    for name, actual, right in zip(
        ("acc@1", "acc@5"), unpack(value, ["acc@1", "acc@5"], "test"), items_of(expected, 2), strict=True
    ):
        data = expect_array(actual, (), name=name, function="test", origin="torch")
        agree(data, trusted(right), name=name, function="test")
