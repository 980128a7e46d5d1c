"""SimCLR's similarities and losses as data: what each takes, what it returns, and comparing it with the reference's.

Cosines and losses are of order one, so a tolerance holds absolutely as well: where a loss is exactly 0 (a single
pair), correct work gives 1e-16.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from checks import calls
from checks.declare import Rng
from checks.random_sizes import Sizes, text
from grader.compare import compare, expect_array, tolerance_of
from grader.errors import Failed
from grader.values import Array, ArrayValue, Value

if TYPE_CHECKING:
    from grader.subject import Subject

MODULE = "contrastive_loss"


@dataclass(frozen=True)
class Quantity:
    """A function: the shapes of its arguments and of its result, what follows the arrays, what it is built from."""

    name: str
    result: str
    inputs: Mapping[str, tuple[str, ...]]
    output: tuple[str, ...]
    tau: bool = False
    device: bool = False
    uses: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """The beginning of its checks' ids."""
        return f"{MODULE}.{self.name}"

    @property
    def ids_used(self) -> list[str]:
        """The functions that it may be built from, as a check declares them."""
        return [f"{MODULE}.{used}" for used in self.uses]

    def draw(self, rng: Rng, sizes: Sizes, scale: float = 1.0) -> dict[str, Array]:
        """Fresh arrays."""
        full = complete(sizes)
        return {k: scale * rows(rng, tuple(full[d] for d in dims)) for k, dims in self.inputs.items()}

    def shape(self, sizes: Sizes) -> tuple[int, ...]:
        """The shape of the result."""
        return tuple(complete(sizes)[d] for d in self.output)

    def arguments(self, inputs: Mapping[str, Array], tau: float) -> list[Any]:
        """All arguments of a call, in order."""
        return [*map(tensor, inputs.values()), *[tau] * self.tau, *["cpu"] * self.device]


LEFT_RIGHT = {"out_left": ("N", "D"), "out_right": ("N", "D")}
SIM = Quantity("sim", "similarity", {"z_i": ("D",), "z_j": ("D",)}, ())
NAIVE = Quantity("simclr_loss_naive", "loss", LEFT_RIGHT, (), tau=True, uses=("sim",))
PAIRS = Quantity("sim_positive_pairs", "pos_pairs", LEFT_RIGHT, ("N", "1"))
MATRIX = Quantity("compute_sim_matrix", "sim_matrix", {"out": ("M", "D")}, ("M", "M"))
VECTORIZED = Quantity(
    "simclr_loss_vectorized", "loss", LEFT_RIGHT, (), tau=True, device=True,
    uses=("compute_sim_matrix", "sim_positive_pairs"),
)  # fmt: skip


@dataclass(frozen=True)
class Case:
    """One set of arguments, and how a message speaks of it."""

    inputs: Mapping[str, Array]
    tau: float
    context: str
    tolerance: str = "value"


def complete(sizes: Sizes) -> dict[str, int]:
    """With M = 2N, the rows of both views together."""
    return {**sizes, "M": 2 * sizes.get("N", 0), "1": 1}


def rows(rng: Rng, shape: tuple[int, ...]) -> Array:
    """Vectors of lengths from 0.3 to 10: too long to notice a guard against division by zero."""
    drawn = rng.standard_normal(shape)
    lengths = np.exp(rng.uniform(np.log(0.3), np.log(10), size=(*shape[:-1], 1)))
    return np.asarray(drawn / np.linalg.norm(drawn, axis=-1, keepdims=True) * lengths)


def temperature(rng: Rng) -> float:
    """From 0.1 to 5."""
    return float(np.exp(rng.uniform(np.log(0.1), np.log(5))))


def tensor(array: Array) -> ArrayValue:
    """An argument that arrives as a tensor."""
    return ArrayValue(array, "torch")


def case(quantity: Quantity, rng: Rng, sizes: Sizes, tau: float) -> Case:
    """Fresh arguments for these sizes."""
    shown = {d: s for d, s in sizes.items() if d == "D" or quantity is not SIM}
    context = f"with {text(shown)}" + f" and tau={tau:.3g}" * quantity.tau
    return Case(quantity.draw(rng, sizes), tau, context)


def alike(single: Case) -> Case:
    """The same with no negative similarity.

    A sum without its diagonal is right as "sum minus diagonal", too, as long as the diagonal, exp(1/tau), does not
    drown what is left.
    """
    return Case(
        {k: np.abs(v) for k, v in single.inputs.items()}, single.tau, single.context, single.tolerance
    )


def apply(subject: Subject, quantity: Quantity, cases: Sequence[Case]) -> list[Value]:
    """The function's values, in one frame."""
    callee = getattr(getattr(subject, MODULE), quantity.name)
    found: list[Value] = callee.batch([quantity.arguments(c.inputs, c.tau) for c in cases])
    return found


def read(value: Value, shape: tuple[int, ...], quantity: Quantity) -> Array:
    """The result as an array of this shape; one element stands for a scalar."""
    if shape == () and isinstance(value, ArrayValue) and value.data.size == 1:
        value = ArrayValue(value.data.reshape(()), value.origin)
    if quantity is PAIRS and isinstance(value, ArrayValue) and value.data.shape == shape[:1]:
        raise Failed(
            f"`sim_positive_pairs` returned shape {value.data.shape}; expected the column {shape}.",
            "Against an (N, 1) column an (N,) row broadcasts to (N, N), and every comparison is wrong: "
            "keep the axis that is summed over.",
        )
    return expect_array(value, shape, name=quantity.result, function=quantity.name, origin="torch")


def agree(
    actual: Array, expected: Array, *, name: str, function: str,
    tolerance: str = "value", context: str = "", axes: Sizes | None = None, given: Mapping[str, Array] | None = None,
) -> None:  # fmt: skip
    """Two arrays are equal within the tolerance, relative or absolute."""
    near = tolerance_of(tolerance).relative
    if actual.shape == expected.shape and np.abs(actual - expected).max(initial=0.0) <= near:
        return
    compare(
        actual, expected, name=name, function=function, tolerance=tolerance, context=context, axes=axes, given=given
    )  # fmt: skip


def against_reference(
    student: Subject, reference: Subject, quantity: Quantity, cases: Sequence[Case]
) -> None:
    """The student's values are the reference's, which computes in float64."""
    exact = [Case({k: calls.float64(v) for k, v in c.inputs.items()}, c.tau, "") for c in cases]
    actual, expected = apply(student, quantity, cases), apply(reference, quantity, exact)
    for one, found, right in zip(cases, actual, map(calls.trusted, expected), strict=True):
        axes = {} if quantity is SIM else {"N": len(next(iter(one.inputs.values())))}
        agree(
            read(found, right.shape, quantity), right, name=quantity.result, function=quantity.name,
            tolerance=one.tolerance, context=one.context, axes=axes, given=one.inputs,
        )  # fmt: skip
