"""How checks and layers are declared: data from which `checks.standard` makes the checks that every layer gets.

A check is a function `check_*(student, reference, rng)` with a `CheckSpec` attached; its first docstring line is
the claim that it makes about correct work. A `Layer` is a forward and a backward function with named dimensions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

from checks.probes.stand_ins import STAND_INS
from grader.values import Array

Rng = np.random.Generator
F = TypeVar("F", bound=Callable[..., None])


EQUAL = ("contrastive_loss.simclr_loss_vectorized", "contrastive_loss.simclr_loss_naive")


@dataclass(frozen=True)
class CheckSpec:
    """What is known about a check before it runs."""

    id: str  # "rnn_layers.rnn_step_forward.values"
    title: str
    part: str  # a key of the rubric's parts
    module: str  # "rnn_layers", a key of `grader.subject.MODULES`
    function: str  # "rnn_step_forward", "CaptioningRNN.loss"
    requires: tuple[str, ...] = ()  # ids: not judged unless these pass
    uses: tuple[str, ...] = ()  # student functions ("module.function") that this one may be built from
    given: bool = False  # about code that was handed out complete
    forward: str = ""  # the student function whose cache this one reads, as "module.function"
    stand_ins: tuple[tuple[str, ...], ...] = ()  # of `uses`: pairs that something can stand in for together


def replaceable(function: str, uses: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """Those of `uses` that something can stand in for, each with its partner; not `function` and its own partner."""
    found = dict.fromkeys(_pair(name) for name in uses if name in STAND_INS)
    return tuple(pair for pair in found if function not in pair)


def _pair(name: str) -> tuple[str, ...]:
    """A function with its backward or forward function, if it has one; SimCLR's two losses do the same."""
    if name in EQUAL:
        return EQUAL
    stem = name.removesuffix("_forward").removesuffix("_backward")
    partners = (f"{stem}_forward", f"{stem}_backward")
    return partners if name in partners else (name,)


def check(
    id: str,
    title: str,
    *,
    part: str,
    requires: Sequence[str] = (),
    uses: Sequence[str] = (),
    given: bool = False,
    function: str | None = None,
    forward: str = "",
) -> Callable[[F], F]:
    """Declares a check; its id is `module.function.aspect`, where the function may be dotted itself."""
    module, _, rest = id.partition(".")
    function = function or rest.rpartition(".")[0]
    spec = CheckSpec(
        id=id,
        title=title,
        part=part,
        module=module,
        function=function,
        requires=tuple(requires),
        uses=tuple(uses),
        given=given,
        forward=forward,
        stand_ins=replaceable(f"{module}.{function}", uses),
    )

    def attach(body: F) -> F:
        body.gradmark = spec  # type: ignore[attr-defined]
        return body

    return attach


Sampler = Callable[[Rng, tuple[int, ...], Mapping[str, int]], Array]


@dataclass(frozen=True)
class Input:
    """One argument of a layer: its named dimensions and how it is drawn."""

    dims: tuple[str, ...]
    sample: Sampler
    differentiable: bool = True

    def draw(self, rng: Rng, sizes: Mapping[str, int]) -> Array:
        """An array of this argument's shape."""
        return self.sample(rng, tuple(sizes[d] for d in self.dims), sizes)


def normal(*dims: str) -> Input:
    """Standard normal numbers."""
    return Input(dims, lambda rng, shape, sizes: rng.standard_normal(shape))


def weight(*dims: str) -> Input:
    """Normal numbers over the square root of the fan-in (the first dimension).

    Unscaled weights make a recurrent network chaotic after ten steps, and a numerical gradient meaningless.
    """
    return Input(dims, lambda rng, shape, sizes: rng.standard_normal(shape) / np.sqrt(shape[0]))


def bias(*dims: str) -> Input:
    """Normal numbers, half as large: far enough from zero that a forgotten bias shows."""
    return Input(dims, lambda rng, shape, sizes: 0.5 * rng.standard_normal(shape))


def words(*dims: str, below: str) -> Input:
    """Word numbers in [0, sizes[below]), with repeats wherever there is room for one.

    The last number always occurs, unless there are more words than positions, when it never does. The first two
    positions always hold the same word.
    """

    def sample(rng: Rng, shape: tuple[int, ...], sizes: Mapping[str, int]) -> Array:
        V = sizes[below]
        rare = int(np.prod(shape)) < V
        drawn = rng.integers(V - rare, size=shape)
        drawn.flat[-1] = drawn.flat[-1] if rare else V - 1
        if drawn.size > 2:
            drawn.flat[1] = drawn.flat[0]
        return drawn

    return Input(dims, sample, differentiable=False)


def mask(*dims: str) -> Input:
    """A boolean mask, different in each row, at least one element on."""

    def sample(rng: Rng, shape: tuple[int, ...], sizes: Mapping[str, int]) -> Array:
        drawn = rng.random(shape) < 0.6
        drawn.flat[int(rng.integers(drawn.size))] = True
        return drawn

    return Input(dims, sample, differentiable=False)


@dataclass(frozen=True)
class Layer:
    """A forward and a backward function.

    `inputs` in the order of the arguments; `outputs` maps each output to its dimensions; `gradients` maps what
    backward returns, in order, to the input it belongs to. The cache is the last thing that forward returns.
    """

    module: str
    forward: str
    backward: str
    part: str
    inputs: Mapping[str, Input]
    outputs: Mapping[str, tuple[str, ...]]
    gradients: Mapping[str, str]
    example: Mapping[str, int]  # the sizes of the handout's worked example
    example_ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)  # linspace end points
    edges: Mapping[str, Mapping[str, int]] = field(default_factory=dict)  # description -> sizes
    derived: Mapping[str, tuple[str, int]] = field(default_factory=dict)  # dimension -> (of which, times)
    uses: tuple[str, ...] = ()  # other student functions it may be built from, as "module.name"
    backward_uses: tuple[str, ...] = ()
    step: Layer | None = None  # of a sequence: the layer of one time step, whose outputs are its next inputs
    given: bool = False
    upstream_may_change: bool = False  # most correct step functions add into the upstream gradient
    saturates: bool = False  # has tanh or sigmoid: judged on inputs of magnitude 100 and more as well
    maximum: int = 6  # of each dimension in random draws

    @property
    def dims(self) -> tuple[str, ...]:
        """All independent dimensions, in order of appearance."""
        names = [d for item in self.inputs.values() for d in item.dims]
        return tuple(d for d in dict.fromkeys(names) if d not in self.derived)

    def complete(self, sizes: Mapping[str, int]) -> dict[str, int]:
        """The sizes with the derived dimensions added: G = 4 H."""
        return {**sizes, **{d: sizes[of] * times for d, (of, times) in self.derived.items()}}

    @property
    def differentiable(self) -> tuple[str, ...]:
        """The inputs that have a gradient."""
        return tuple(name for name, item in self.inputs.items() if item.differentiable)

    def draw(self, rng: Rng, sizes: Mapping[str, int]) -> dict[str, Array]:
        """Fresh arrays for all inputs."""
        return {name: item.draw(rng, self.complete(sizes)) for name, item in self.inputs.items()}

    def upstream(self, rng: Rng, sizes: Mapping[str, int]) -> tuple[Array, ...]:
        """An upstream gradient for every output."""
        return tuple(rng.standard_normal(tuple(sizes[d] for d in dims)) for dims in self.outputs.values())

    def shape(self, output: str, sizes: Mapping[str, int]) -> tuple[int, ...]:
        """The shape of an output for these sizes."""
        return tuple(sizes[d] for d in self.outputs[output])


def collected(namespace: Mapping[str, Any]) -> tuple[CheckSpec, ...]:
    """The specs of the checks in a module's namespace, in the order of their definition."""
    return tuple(value.gradmark for value in namespace.values() if hasattr(value, "gradmark"))
