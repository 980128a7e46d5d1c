"""The networks of the GAN part: declarations of their layers, and the models that a subject builds.

Layers are matched by the shapes of their parameters, in the order of their registration where shapes agree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from checks.declare import Rng
from checks.shared import kept
from grader.errors import Failed, Raised
from grader.results import Note
from grader.sandbox.client import Argument
from grader.values import Array, Handle, ScalarValue, SequenceValue, Value

if TYPE_CHECKING:
    from grader.subject import Subject

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
    learns: bool = False  # in training mode, by batch norms
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


def built(subject: Subject, network: Network) -> Handle:
    """The network in the subject's worker, built at its first use there."""
    models = kept(subject, "networks")
    if network.call not in models or not subject.holds(models[network.call]):
        models[network.call] = build(subject, network.function, *network.arguments)
    model: Handle = models[network.call]
    return model


def built_anew(subject: Subject, network: Network) -> Handle:
    """The same, never one that was built before."""
    kept(subject, "networks").clear()
    return built(subject, network)


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


def items(value: Value, count: int | None = None) -> tuple[Value, ...]:
    """What a probe listed. Raises `Failed` for what it can't have: something in the submission meddles."""
    if not isinstance(value, SequenceValue) or count not in (None, len(value.items)):
        raise Failed("The model can't be read out.", "Does the code replace parts of torch?")
    return value.items


def layer_shapes(listed: Value) -> Shapes:
    """The shapes of the parameters, layer by layer, as they were registered."""
    layers = items(listed)
    return [[tuple(map(_whole, items(shape))) for shape in items(layer)] for layer in layers]


def _whole(value: Value) -> int:
    return value.data if isinstance(value, ScalarValue) and isinstance(value.data, int) else -1


def order_of(network: Network, own: Shapes, expected: Shapes) -> list[int]:
    """For each documented layer the number of the student's layer of these shapes. Raises `Failed`."""
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


def judged(network: Network) -> list[Layer]:
    """The layers that something follows, and the last one: after that of a discriminator there is nothing."""
    return [layer for layer in network.layers if layer.activation or layer is network.layers[-1]]


def settings(network: Network) -> list[list[tuple[float, float]]]:
    """For each of `judged`, (tap, shift) of all layers: it gives `NEGATIVE`, and all later ones more than 0."""
    found = []
    for number, layer in enumerate(network.layers):
        before, after = [(0.0, 0.0)] * number, [(TAP, LATER)] * (len(network.layers) - number - 1)
        if after:
            after[-1] = (LAST_TAP, 0.0)  # the last may be a tanh: not where it is flat
        if layer in judged(network):
            found.append([*before, (0.0, NEGATIVE), *after])
    return found
