"""The checks that every network of the GAN part gets, from a declaration of its layers.

Freedoms: a network may be any torch module (nested `nn.Sequential`s, in-place or functional activations, a class of
its own); it is judged by what it computes, with its parameters set layer by layer, and never by its text.

What a right network shows is seen at once, in one pass forward and back and one in evaluation mode (`Case`): building
and running the largest are what costs most. Whatever that leaves open, each check looks at by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from checks import calls
from checks.declare import Rng, check
from checks.networks import (
    BATCH,
    NEGATIVE,
    Layer,
    Network,
    Shapes,
    built_anew,
    items,
    judged,
    layer_shapes,
    observe,
    order_of,
    settings,
)
from checks.probes.gan import PERIOD
from checks.shared import at_once, common, holds, kept, seed_of
from grader.compare import compare, describe, expect_array
from grader.errors import Failed
from grader.sandbox.client import Argument, Tensor
from grader.values import Array, ScalarValue, SequenceValue, Value

if TYPE_CHECKING:
    from grader.subject import Subject

MODES = ("train", "eval")
CLOSE = 5e-6  # of the greatest output: a slope that is off by 1e-4 is further off than that, rounding is not


@dataclass
class Case:
    """A network of a submission and what the reference's shows for the same numbers: filled from `start` on, it is
    given one batch in training mode, with a gradient of its output, and another in evaluation mode."""

    network: Network
    student: Subject
    reference: Subject
    start: int
    batches: tuple[Array, Array]
    upstream: Array
    exact_batch: Array  # for float64

    @cached_property
    def right(self) -> tuple[Value, ...]:
        """What the reference's network shows: one question, whose answer is remembered."""
        network = self.network
        exact = Tensor(self.exact_batch) if network.precision else None
        x = Tensor(np.zeros((min(network.inputs[0], BATCH), *network.inputs[1:]), np.float32))
        return items(
            self.reference.probe("gan", "expected", self._build, *self._given, settings(network), x, exact),
            9,
        )

    @property
    def shapes(self) -> Shapes:
        """Of the parameters, layer by layer."""
        return layer_shapes(self.right[0])

    @property
    def outputs(self) -> list[Array]:
        """In training mode and in evaluation mode."""
        return [calls.trusted(self.right[number]) for number in (2, 5)]

    @property
    def gradients(self) -> list[Array]:
        """In the input, and the two numbers of each parameter."""
        return [calls.trusted(value) for value in self.right[3:5]]

    @property
    def walked(self) -> Value:
        """The outputs for `settings`."""
        return self.right[7]

    @property
    def exact(self) -> Value:
        """The output for `exact_batch` in evaluation mode in float64."""
        return self.right[8]

    @property
    def _build(self) -> list[Argument]:
        return [self.network.function, *self.network.arguments]

    @property
    def _given(self) -> list[Argument]:
        return [self.start, *map(Tensor, self.batches), Tensor(self.upstream)]

    @cached_property
    def settled(self) -> frozenset[str]:
        """The checks that the submission's network passes, as far as one look says."""
        shapes = [[list(shape) for shape in layer] for layer in self.shapes]
        value = at_once(self.student, "gan", "observed", self._build, shapes, *self._given)
        seen = value.items if isinstance(value, SequenceValue) else ()
        if len(seen) != 7 or not holds(lambda: self._same_values(seen)):
            return frozenset()
        found = {"shapes", "parameters", "values"}
        outputs = [calls.trusted(seen[number]) for number in (2, 5)]
        if all(map(_alike, outputs, self.outputs)):
            found.add("activations")
            # the same functions of the same numbers: they give float64 for float64
            if seen[6] == self.right[6]:
                found.add("precision")
        came_training = seen[1] == ScalarValue(True) or not self.network.learns
        if came_training and holds(lambda: compare_gradients(self, seen[3], seen[4])):
            found.add("gradients")
        return frozenset(found)

    def _same_values(self, seen: Sequence[Value]) -> None:
        order_of(self.network, layer_shapes(seen[0]), self.shapes)
        compare_runs(self, [seen[2], seen[5]])

    def order(self) -> list[int]:
        """For each documented layer the number of the student's. Raises `Failed`."""
        own = layer_shapes(observe(self.student, self.network, "shapes"))
        return order_of(self.network, own, self.shapes)

    def filled(self, probe: str, *args: Argument) -> Value:
        """What a probe says of the student's network, filled."""
        return observe(self.student, self.network, "filled", self.start, self.order(), probe, *args)


def _alike(own: Array, right: Array) -> bool:
    return bool(np.abs(own - right).max() <= CLOSE * np.abs(right).max())


def case(network: Network, student: Subject, reference: Subject, rng: Rng) -> Case:
    """The same in all checks of a network in a run."""
    cases, key = kept(student, "network_checks"), (network.call, seed_of(rng))
    if key not in cases:
        draw = common(rng, network.function)
        start, batches = int(draw.integers(PERIOD)), (network.draw(draw), network.draw(draw))
        upstream = draw.standard_normal(network.outputs).astype(np.float32)
        exact = draw.uniform(-1, 1, network.inputs)
        cases[key] = Case(network, student, reference, start, batches, upstream, exact)
    found: Case = cases[key]
    return found


def network_checks(network: Network) -> dict[str, Callable[..., None]]:
    """All checks of a network by name, for the module's namespace."""
    name = network.function
    bodies = {
        "shapes": ("takes and returns what it should", _shapes, f"{name} builds a model of the documented shapes.", ()),
        "parameters": ("layers", _parameters, f"{name} has the documented layers with parameters.", ("shapes",)),
        "activations": (
            "activations", _activations, f"{name} has the documented function after each layer.", ("parameters",)
        ),
        "values": (
            "values", _values, f"{name} computes what the documented layers compute, whatever it is built from.",
            ("parameters",),
        ),
        "gradients": (
            "gradients", _gradients, f"{name} passes gradients to its input and to every parameter.", ("values",)
        ),
        "precision": ("precision", _precision, f"{name} in float64 does not fall back to float32.", ("values",)),
    }  # fmt: skip
    return {f"check_{name}_{aspect}": _declared(network, aspect, *parts) for aspect, parts in bodies.items()}


def _declared(
    network: Network, aspect: str, title: str, body: Callable[[Case], None], claim: str, requires: tuple[str, ...]
) -> Callable[..., None]:  # fmt: skip
    def run(student: Subject, reference: Subject, rng: Rng) -> None:
        one = case(network, student, reference, rng)
        if aspect not in one.settled:
            body(one)

    run.__doc__ = claim
    run.__name__ = run.__qualname__ = f"check_{network.function}_{aspect}"
    stem = f"gan_pytorch.{network.function}"
    return check(f"{stem}.{aspect}", title, part="gan", requires=[f"{stem}.{r}" for r in requires])(run)


def _shapes(one: Case) -> None:
    network = one.network
    built_anew(one.student, network)  # what another check left behind goes
    value = items(observe(one.student, network, "runs", [Tensor(one.batches[0])], ["train"]), 1)[0]
    name = f"{network.call}({network.source})"
    expect_array(value, network.outputs, name=network.result, function=name, origin="torch")


def _parameters(one: Case) -> None:
    one.order()


def _activations(one: Case) -> None:
    network = one.network
    x = Tensor(np.zeros((min(network.inputs[0], BATCH), *network.inputs[1:]), np.float32))
    walked = observe(one.student, network, "paths", one.order(), settings(network), x)
    actual, expected = (_outputs(network, value) for value in (walked, one.walked))
    pairs = list(zip(judged(network), actual, expected, strict=True))
    for layer, own, right in reversed(pairs):  # a wrong one shows in those before it too
        _compare_activation(network, layer, own, right)


def _outputs(network: Network, value: Value) -> list[Array]:
    shape, count = network.outputs[1:], len(settings(network))
    found = items(value, count)
    return [expect_array(v, shape, name=network.result, function=network.call, origin="torch") for v in found]


def _compare_activation(network: Network, layer: Layer, own: Array, right: Array) -> None:
    difference = np.abs(own - right)
    if difference.max() <= 1e-5 + 1e-4 * np.abs(right).max():
        return
    worst = np.unravel_index(int(difference.argmax()), right.shape)
    raise Failed(
        f"What follows {layer.name} in the model of `{network.call}` is wrong: when {layer.name} gives {NEGATIVE:g} "
        f"and all later ones are open, the model gives {own[worst]:.6g}; expected {right[worst]:.6g}.",
        f"{layer.name.capitalize()} is followed by {layer.activation or 'nothing: what it gives are the scores'}.",
    )


def _values(one: Case) -> None:
    found = one.filled("runs", list(map(Tensor, one.batches)), list(MODES))
    compare_runs(one, items(found, len(MODES)))


def compare_runs(one: Case, found: Sequence[Value]) -> None:
    """The outputs in both modes are the reference's."""
    for own, right, mode in zip(found, one.outputs, MODES, strict=True):
        context = f"in {mode} mode, with the reference's parameters"
        _compare_outputs(one.network, own, right, "float32", context)


def _compare_outputs(network: Network, actual: Value, right: Array, tolerance: str, context: str) -> None:
    name = f"{network.call}({network.source})"
    out = expect_array(actual, network.outputs, name=network.result, function=name, origin="torch")
    if network.bounded and np.abs(out).max() > 1:
        raise Failed(
            f"The images of `{network.call}` have values up to {np.abs(out).max():.4g}; expected -1 to 1.",
            "The last layer's result goes through tanh.",
        )
    compare(out, right, name=network.result, function=name, tolerance=tolerance, context=context)


def _precision(one: Case) -> None:
    if not one.network.precision:
        return _expect_double(one)
    found, right = one.filled("double", Tensor(one.exact_batch)), calls.trusted(one.exact)
    return _compare_outputs(one.network, found, right, "precision", "as a float64 model with float64 input")


def _expect_double(one: Case) -> None:
    network = one.network
    found = observe(one.student, network, "double_type", *network.inputs)
    if found != ScalarValue("torch.float64"):
        kind = found.data if isinstance(found, ScalarValue) else describe(found)
        raise Failed(
            f"A layer of `{network.call}` makes numbers of type {kind} from float64 {network.source}.",
            "Is there a cast to float32 (`.float()`, `.type(dtype)`) on the way?",
        )


def _gradients(one: Case) -> None:
    network = one.network
    found = items(one.filled("gradients", Tensor(one.batches[0]), Tensor(one.upstream)))
    if not found:
        raise Failed(
            f"No gradient flows through the model of `{network.call}`.",
            "Look for `.detach()`, `.data`, `torch.no_grad()` or parameters with `requires_grad=False`.",
        )
    compare_gradients(one, *items(SequenceValue(found), 3)[1:])
    if network.learns and observe(one.student, network, "came_training") != ScalarValue(True):
        raise Failed(
            f"The model of `{network.call}`, or a part of it, comes in evaluation mode: "
            "its batch norms would never learn.",
            "Return it as it was built, without `.eval()`: `run_a_gan` changes no mode.",
        )


def compare_gradients(one: Case, dx: Value, numbers: Value) -> None:
    """Norms and products are compared in units of the true norm: parameters differ in size by magnitudes."""
    network, right = one.network, one.gradients
    name = f"{network.call}({network.source})"
    own = expect_array(numbers, right[1].shape, name="gradients", function=name)
    missing = int((own[:, 0] < 0).sum())
    if missing:
        raise Failed(
            f"{missing} parameters of the model of `{network.call}` get no gradient.", "Are all layers used?"
        )
    unit = np.maximum(right[1][:, :1], 1e-30)
    context = "as norm and projection of each parameter's gradient, in units of its norm"
    compare(
        own / unit, right[1] / unit, name="gradients", function=name, tolerance="float32", context=context
    )
    array = expect_array(dx, network.inputs, name=f"d{network.source}", function=name, origin="torch")
    compare(array, right[0], name=f"d{network.source}", function=name, tolerance="float32")
