"""Driving a torch module of a subject: parameters and inputs in, outputs and gradients back as trusted values.

Parameters are drawn here and set by name in the student's module and in the reference's, in float64 and in
evaluation mode unless a check says otherwise: nothing depends on anybody's random stream.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from checks.calls import float32, float64, trusted
from grader.compare import describe, expect_close, expect_unchanged
from grader.errors import CallError, Failed
from grader.values import Array, ArrayValue, Handle, MappingValue, ScalarValue, SequenceValue, Value

if TYPE_CHECKING:
    from grader.subject import Subject

Params = Mapping[str, Array]
Make = Callable[["Subject"], Handle]


def tensor(array: Array) -> ArrayValue:
    """An argument that arrives in the worker as a torch tensor."""
    return ArrayValue(array, "torch")


@dataclass(frozen=True)
class Case:
    """The arguments of one call; None stays None."""

    args: Sequence[Array] = ()
    kwargs: Mapping[str, Array | None] = field(default_factory=dict)

    def packed(self, cast: Callable[[Array], Array]) -> dict[str, Any]:
        """The arguments as tensors."""
        kwargs = {k: None if v is None else tensor(cast(v)) for k, v in self.kwargs.items()}
        return {"args": [tensor(cast(v)) for v in self.args], "kwargs": kwargs}

    @property
    def arrays(self) -> dict[str, Array]:
        """The arguments by name; positional ones by number."""
        named = {k: v for k, v in self.kwargs.items() if v is not None}
        return {**{str(i): v for i, v in enumerate(self.args)}, **named}


@dataclass(frozen=True)
class Setup:
    """How a module is set before it is run."""

    params: Params = field(default_factory=dict)
    dtype: str = "float64"
    training: bool = False
    quiet: bool = False  # every nn.Dropout in it is told to drop nothing

    @property
    def cast(self) -> Callable[[Array], Array]:
        """Brings floating-point arrays to the dtype."""
        return float32 if self.dtype == "float32" else float64

    def packed(self) -> list[Any]:
        """The arguments of `probes.modules.prepare`."""
        params = {k: tensor(self.cast(v)) for k, v in self.params.items()}
        return [params, self.dtype, self.training, self.quiet]


@contextlib.contextmanager
def called(function: str) -> Iterator[None]:
    """What is raised inside a probe is told under the name of the student's function."""
    try:
        yield
    except CallError as error:
        for probe in ("forward_in_place", "forward", "backward", "prepare"):
            if error.message.startswith(f"{probe} "):
                error.message = function + error.message.removeprefix(probe)
                break
        raise


def made(value: Value, name: str) -> Handle:
    """The module that a constructor returned."""
    if not isinstance(value, Handle):
        raise Failed(
            f"`{name}(...)` did not make an object.", "Is it still a class derived from `nn.Module`?"
        )
    return value


def forward(
    subject: Subject,
    module: Handle,
    setup: Setup,
    cases: Sequence[Case],
    function: str,
    seed: int | None = None,
) -> tuple[Value, ...]:
    """The output for each case, in one frame."""
    packed = [case.packed(setup.cast) for case in cases]
    with called(function):
        value = subject.probe("modules", "forward", module, setup.packed(), packed, seed=seed)
    if not isinstance(value, SequenceValue):
        raise Failed(f"`{function}` gave more than can be read back: {describe(value)}.")
    return value.items


def compare_forward(
    student: Subject, reference: Subject, make: Make, setup: Setup, cases: Sequence[Case], *,
    function: str, name: str = "output", tolerance: str = "value", contexts: Sequence[str] = (),
    axes: Mapping[str, int] | None = None,
) -> None:  # fmt: skip
    """The student's module gives for each case what the reference's gives with the same parameters.

    `contexts` says of each case what it is, for the message.
    """
    actual = forward(student, make(student), setup, cases, function)
    params = {k: float64(setup.cast(v)) for k, v in setup.params.items()}
    exact = Setup(params, "float64", setup.training, setup.quiet)
    rounded = [_rounded(case, setup.cast) for case in cases]
    expected = forward(reference, make(reference), exact, rounded, function)
    for got, right, context in zip(actual, expected, contexts or [""] * len(cases), strict=True):
        expect_close(
            got, trusted(right), name=name, function=function, origin="torch",
            tolerance=tolerance, context=context, axes=axes,
        )  # fmt: skip


def _rounded(case: Case, cast: Callable[[Array], Array]) -> Case:
    kwargs = {k: None if v is None else float64(cast(v)) for k, v in case.kwargs.items()}
    return Case([float64(cast(v)) for v in case.args], kwargs)


def backward(
    subject: Subject,
    module: Handle,
    setup: Setup,
    case: Case,
    upstream: Array,
    wanted: Sequence[str],
    function: str,
) -> dict[str, Value]:
    """Gradients by name of argument and parameter."""
    with called(function):
        value = subject.probe(
            "modules",
            "backward",
            module,
            setup.packed(),
            case.packed(setup.cast),
            tensor(upstream),
            list(wanted),
        )
    return value.items if isinstance(value, MappingValue) else {}


def compare_backward(
    student: Subject, reference: Subject, make: Make, setup: Setup, case: Case, upstream: Array, *,
    wanted: Sequence[str], function: str, context: str = "", axes: Mapping[str, int] | None = None,
    labels: Mapping[str, str] | None = None,
) -> None:  # fmt: skip
    """Autograd through the student's module gives the reference's gradients, for arguments and parameters."""
    actual = backward(student, make(student), setup, case, upstream, wanted, function)
    expected = backward(reference, make(reference), setup, case, upstream, wanted, function)
    for name, right in expected.items():
        label = f"gradient of {(labels or {}).get(name, name)}"
        got = actual.get(name, ScalarValue(None))
        if isinstance(got, ScalarValue) and got.data is None:
            raise Failed(
                f"Autograd finds no {label} through `{function}`{', ' + context if context else ''}.",
                "Compute the output from it with torch operations: no `.data`, `.detach()`, numpy or new tensors.",
            )
        expect_close(
            got, trusted(right), name=label, function=function, origin="torch",
            tolerance="gradient", context=context, axes=axes,
        )  # fmt: skip


def expect_arguments_unchanged(
    student: Subject,
    module: Handle,
    setup: Setup,
    case: Case,
    function: str,
    labels: Mapping[str, str] | None = None,
) -> None:
    """A call leaves its arguments as they were."""
    with called(function):
        value = student.probe("modules", "forward_in_place", module, setup.packed(), case.packed(setup.cast))
    names = [*(str(i) for i in range(len(case.args))), *case.kwargs]
    after = dict(zip(names, getattr(value, "items", ()), strict=False))
    for name, before in case.arrays.items():
        label = (labels or {}).get(name, name)
        expect_unchanged(before, after.get(name, ScalarValue(None)), name=label, function=function)


def shapes_of(subject: Subject, module: Handle, kind: str) -> dict[str, tuple[int, ...]]:
    """Names and shapes of a module's "parameters" or "buffers"."""
    value = subject.probe("modules", "names", module)
    found = value.items.get(kind) if isinstance(value, MappingValue) else None
    if not isinstance(found, MappingValue):
        return {}
    return {
        name: tuple(int(getattr(i, "data", 0)) for i in getattr(v, "items", ()))
        for name, v in found.items.items()
    }


def six_sigma(count: int, probability: float) -> float:
    """How far a binomial count may stray from its mean: exceeded less than once in a hundred million."""
    return float(6 * np.sqrt(count * probability * (1 - probability)))
