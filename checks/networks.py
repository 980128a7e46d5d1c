"""The checks that every network of the GAN part gets, from a declaration of its layers.

Freedoms: a network may be any torch module (nested `nn.Sequential`s, in-place or functional activations, a class of
its own); it is judged by what it computes, with its parameters set layer by layer, and never by its text. Layers
are matched by the shapes of their parameters, in the order of their registration where shapes agree.
Models are built once per submission and refilled by each check, since building is what costs most.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np

from checks import calls
from checks.declare import Rng, check
from grader.compare import compare, describe, expect_array
from grader.errors import Failed, Raised
from grader.results import Note
from grader.sandbox.client import Argument, Tensor
from grader.values import Array, Handle, ScalarValue, SequenceValue, Value

if TYPE_CHECKING:
    from grader.subject import Subject

PATTERN = 10007  # numbers with which parameters are tiled; prime, so that no two rows of a weight agree
NEGATIVE = -2.0  # what is sent through one activation, while all later ones get positive numbers
LATER, TAP, LAST_TAP = 1.0, 1.0, 0.1
BATCH = 3  # a number of its own, so that one written into the code shows

Shapes = list[list[tuple[int, ...]]]  # of each layer's parameters


@dataclass(frozen=True)
class Layer:
    """A layer with parameters, in words, and what follows it."""

    name: str  # "the first linear layer"
    activation: str = ""  # "LeakyReLU with slope 0.01"


@dataclass(frozen=True)
class Network:
    """How a network is built and fed here, and its layers with parameters in order."""

    function: str
    arguments: tuple[int, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    layers: tuple[Layer, ...]
    source: str  # "images", "noise"
    result: str  # "scores", "images"
    bounded: bool = False  # tanh at the end
    modes: tuple[str, ...] = ("train",)
    precision: bool = (
        True  # computed in float64 too, which costs time for millions of parameters; else looked at
    )

    @property
    def call(self) -> str:
        """`build_dc_generator(7)`, for messages."""
        return f"{self.function}({', '.join(map(str, self.arguments))})"

    def draw(self, rng: Rng) -> Array:
        """A batch of inputs, uniform in [-1, 1), as images and noise are."""
        return rng.uniform(-1, 1, self.inputs).astype(np.float32)


_models: WeakKeyDictionary[Subject, dict[str, Handle]] = WeakKeyDictionary()


def built(subject: Subject, network: Network) -> Handle:
    """The network in the subject's worker, built at its first use there."""
    models = _models.setdefault(subject, {})
    if network.call not in models or not subject.holds(models[network.call]):
        models[network.call] = build(subject, network.function, *network.arguments)
    return models[network.call]


def build(subject: Subject, function: str, *arguments: int) -> Handle:
    """A new network. Raises `Failed` when what comes back is none."""
    value = getattr(subject.gan_pytorch, function)(*arguments, returns="model*")
    assert isinstance(value, Handle)
    if subject.probe("gan", "is_module", value) != ScalarValue(True):
        kind = "None" if value.kind == "NoneType" else f"an object of type {value.kind}"
        raise Failed(f"`{function}` returned {kind}; expected a torch module.", "Return its `nn.Sequential`.")
    return value


def observe(subject: Subject, network: Network, probe: str, *args: Argument) -> Value:
    """A probe of `checks.probes.gan` on the network; what the network raises is told as its own."""
    model = built(subject, network)  # outside: a file that can't be imported is told as what it is
    try:
        return subject.probe("gan", probe, model, *args)
    except Raised as error:
        said = error.message.removeprefix(f"{probe} ")
        message = (
            f"The model of `{network.call}`, called with {network.source} of shape {network.inputs}, {said}"
        )
        raise Raised(message, error.hint, error.details, kind=error.kind, where=error.where) from None


def known(reference: Subject, network: Network, probe: str, *args: Argument) -> Value:
    """The same probe on the reference's network, which is named, not held: such a call is remembered."""
    return reference.probe("gan", probe, [network.function, *network.arguments], *args)


def items(value: Value, count: int | None = None) -> tuple[Value, ...]:
    """What a probe listed. Raises `Failed` for what it can't have: something in the submission meddles."""
    if not isinstance(value, SequenceValue) or count not in (None, len(value.items)):
        raise Failed("The model can't be read out.", "Does the code replace parts of torch?")
    return value.items


def _layer_shapes(listed: Value) -> Shapes:
    """The shapes of the parameters, layer by layer, as they were registered."""
    layers = items(listed)
    return [[tuple(map(_whole, items(shape))) for shape in items(layer)] for layer in layers]


def _whole(value: Value) -> int:
    return value.data if isinstance(value, ScalarValue) and isinstance(value.data, int) else -1


def order_of(student: Subject, reference: Subject, network: Network) -> list[int]:
    """For each documented layer the number of the student's layer of these shapes. Raises `Failed`."""
    own = _layer_shapes(observe(student, network, "shapes"))
    expected = _layer_shapes(known(reference, network, "shapes"))
    free, order = list(range(len(own))), []
    for number, shapes in enumerate(expected):
        found = next((n for n in free if own[n] == shapes), None)
        if found is None:
            raise _lacks(network, own, expected, number)
        free.remove(found)
        order.append(found)
    if free:
        raise Failed(
            f"The model of `{network.call}` has {len(own)} layers with parameters; expected {len(expected)}.",
            f"The one with parameters of shape {_text(own[free[0]])} is one too many.",
            _layer_note(network, own, expected),
        )
    return order


def _lacks(network: Network, own: Shapes, expected: Shapes, number: int) -> Failed:
    there = f"yours has {len(own)} layers with parameters"
    if number < len(own):
        there = f"layer {number + 1} of yours has {_text(own[number])}"
    return Failed(
        f"The model of `{network.call}` lacks {network.layers[number].name}, "
        f"with parameters of shape {_text(expected[number])}: {there}.",
        f"Compare the sizes of its layers with the docstring of `{network.function}`.",
        _layer_note(network, own, expected),
    )


def _layer_note(network: Network, own: Shapes, expected: Shapes) -> tuple[Note]:
    lines = [
        f"  {_text(shapes)}: {layer.name}" for shapes, layer in zip(expected, network.layers, strict=True)
    ]
    text = "\n".join(["expected:", *lines, "yours:", *(f"  {_text(shapes)}" for shapes in own)])
    return (Note(title="Shapes of the parameters, layer by layer", text=text),)


def _text(shapes: Sequence[tuple[int, ...]]) -> str:
    return " and ".join(map(str, shapes))


# The checks


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


Body = Callable[["Network", "Subject", "Subject", Rng], None]


def _declared(
    network: Network, aspect: str, title: str, body: Body, claim: str, requires: tuple[str, ...]
) -> Callable[..., None]:
    def run(student: Subject, reference: Subject, rng: Rng) -> None:
        body(network, student, reference, rng)

    run.__doc__ = claim
    run.__name__ = run.__qualname__ = f"check_{network.function}_{aspect}"
    stem = f"gan_pytorch.{network.function}"
    return check(f"{stem}.{aspect}", title, part="gan", requires=[f"{stem}.{r}" for r in requires])(run)


def _shapes(network: Network, student: Subject, reference: Subject, rng: Rng) -> None:
    _models.pop(student, None)  # a new one for each function: what another left behind goes
    value = items(observe(student, network, "runs", Tensor(network.draw(rng)), ["train"]), 1)[0]
    name = f"{network.call}({network.source})"
    expect_array(value, network.outputs, name=network.result, function=name, origin="torch")


def _parameters(network: Network, student: Subject, reference: Subject, rng: Rng) -> None:
    order_of(student, reference, network)


def _judged(network: Network) -> list[Layer]:
    """The layers that something follows, and the last one: after that of a discriminator there is nothing."""
    return [layer for layer in network.layers if layer.activation or layer is network.layers[-1]]


def _settings(network: Network) -> list[list[tuple[float, float]]]:
    """For each of `_judged`, (tap, shift) of all layers: it gives `NEGATIVE`, and all later ones more than 0."""
    found = []
    for number, layer in enumerate(network.layers):
        before, after = [(0.0, 0.0)] * number, [(TAP, LATER)] * (len(network.layers) - number - 1)
        if after:
            after[-1] = (LAST_TAP, 0.0)  # the last may be a tanh: not where it is flat
        if layer in _judged(network):
            found.append([*before, (0.0, NEGATIVE), *after])
    return found


def _paths(network: Network, order: Sequence[int]) -> list[Argument]:
    x = Tensor(np.zeros((min(network.inputs[0], BATCH), *network.inputs[1:]), np.float32))
    return [list(order), _settings(network), x]


def _outputs(network: Network, value: Value) -> list[Array]:
    shape, count = network.outputs[1:], len(_settings(network))
    found = items(value, count)
    return [expect_array(v, shape, name=network.result, function=network.call, origin="torch") for v in found]


def _activations(network: Network, student: Subject, reference: Subject, rng: Rng) -> None:
    order = order_of(student, reference, network)
    actual = _outputs(network, observe(student, network, "paths", *_paths(network, order)))
    expected = _outputs(network, known(reference, network, "paths", *_paths(network, range(len(order)))))
    pairs = list(zip(_judged(network), actual, expected, strict=True))
    for layer, own, right in reversed(pairs):  # a wrong one shows in those before it too
        _compare_activation(network, layer, own, right)


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


def _pattern(rng: Rng) -> Array:
    return rng.standard_normal(PATTERN).astype(np.float32)


def _both(
    network: Network, student: Subject, reference: Subject, rng: Rng, probe: str, *args: Argument
) -> tuple[Value, Value]:
    """What a probe says of the student's and of the reference's network, filled with the same numbers."""
    order, pattern = order_of(student, reference, network), _pattern(rng)
    actual = observe(student, network, "filled", pattern, order, probe, *args)
    return actual, known(reference, network, "filled", pattern, list(range(len(order))), probe, *args)


def _values(network: Network, student: Subject, reference: Subject, rng: Rng) -> None:
    x = Tensor(network.draw(rng))
    actual, right = _both(network, student, reference, rng, "runs", x, list(network.modes))
    pairs = zip(items(actual, len(network.modes)), items(right), network.modes, strict=True)
    for own, expected, mode in pairs:
        context = f"in {mode} mode, with the reference's parameters"
        _compare_outputs(network, own, expected, "float32", context)


def _compare_outputs(network: Network, actual: Value, right: Value, tolerance: str, context: str) -> None:
    name = f"{network.call}({network.source})"
    out = expect_array(actual, network.outputs, name=network.result, function=name, origin="torch")
    if network.bounded and np.abs(out).max() > 1:
        raise Failed(
            f"The images of `{network.call}` have values up to {np.abs(out).max():.4g}; expected -1 to 1.",
            "The last layer's result goes through tanh.",
        )
    compare(
        out, calls.trusted(right), name=network.result, function=name, tolerance=tolerance, context=context
    )


def _precision(network: Network, student: Subject, reference: Subject, rng: Rng) -> None:
    if not network.precision:
        return _expect_double(network, student)
    found = _both(network, student, reference, rng, "double", Tensor(rng.uniform(-1, 1, network.inputs)))
    return _compare_outputs(network, *found, "precision", "as a float64 model with float64 input")


def _expect_double(network: Network, student: Subject) -> None:
    found = observe(student, network, "double_type", *network.inputs)
    if found != ScalarValue("torch.float64"):
        kind = found.data if isinstance(found, ScalarValue) else describe(found)
        raise Failed(
            f"A layer of `{network.call}` makes numbers of type {kind} from float64 {network.source}.",
            "Is there a cast to float32 (`.float()`, `.type(dtype)`) on the way?",
        )


def _gradients(network: Network, student: Subject, reference: Subject, rng: Rng) -> None:
    x, upstream = network.draw(rng), rng.standard_normal(network.outputs).astype(np.float32)
    actual, right = _both(network, student, reference, rng, "gradients", Tensor(x), Tensor(upstream))
    if not items(actual):
        raise Failed(
            f"No gradient flows through the model of `{network.call}`.",
            "Look for `.detach()`, `.data`, `torch.no_grad()` or parameters with `requires_grad=False`.",
        )
    _compare_gradients(network, items(actual), [calls.trusted(v) for v in items(right)])
    if "eval" in network.modes and observe(student, network, "came_training") != ScalarValue(True):
        raise Failed(
            f"The model of `{network.call}` comes in evaluation mode: its batch norms would never learn.",
            "Return it as it was built, without `.eval()`: `run_a_gan` changes no mode.",
        )


def _compare_gradients(network: Network, found: Sequence[Value], right: Sequence[Array]) -> None:
    """Norms and products are compared in units of the true norm: parameters differ in size by magnitudes."""
    name = f"{network.call}({network.source})"
    _, dx, numbers = items(SequenceValue(tuple(found)), 3)
    own = expect_array(numbers, right[2].shape, name="gradients", function=name)
    missing = int((own[:, 0] < 0).sum())
    if missing:
        raise Failed(
            f"{missing} parameters of the model of `{network.call}` get no gradient.", "Are all layers used?"
        )
    unit = np.maximum(right[2][:, :1], 1e-30)
    context = "as norm and projection of each parameter's gradient, in units of its norm"
    compare(
        own / unit, right[2] / unit, name="gradients", function=name, tolerance="float32", context=context
    )
    array = expect_array(dx, network.inputs, name=f"d{network.source}", function=name, origin="torch")
    compare(array, right[1], name=f"d{network.source}", function=name, tolerance="float32")
