"""One layer's sets of arguments, compared with the reference: all in one round trip, singly only to name a failure."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Protocol, TypeVar

from checks import calls
from checks.agreement import agree
from checks.declare import Layer, Rng
from checks.random_sizes import Sizes, for_random_sizes, text
from grader.compare import all_close, expect_close
from grader.errors import FATAL, Raised, Verdict
from grader.values import Array, Value

if TYPE_CHECKING:
    from grader.subject import Subject


Body = Callable[["Subject", "Subject", Rng], None]


def ranges(layer: Layer) -> Mapping[str, tuple[int, int]]:
    return {dim: (2, layer.maximum) for dim in layer.dims}


def typical(layer: Layer) -> dict[str, int]:
    """Sizes that all differ, so that no two axes can be confused."""
    return {dim: size for dim, size in zip(layer.dims, (3, 4, 5, 6, 7, 2), strict=False)}


@dataclass(frozen=True)
class Case:
    """One set of arguments, and how its results are compared and named."""

    inputs: Mapping[str, Array]
    sizes: Sizes
    context: str
    tolerance: str = "value"
    upstream: tuple[Array, ...] = ()
    between: Mapping[str, Array] | None = None  # of another forward pass, made between forward and backward

    @property
    def exact(self) -> dict[str, Array]:
        """The inputs in double precision, for the reference."""
        return {k: calls.float64(v) for k, v in self.inputs.items()}


CompareMany = Callable[["Subject", "Subject", Layer, Sequence[Case]], None]


def expect_results(
    mine: Mapping[str, Value], right: Mapping[str, Value], case: Case, layer: Layer, function: str
) -> None:
    """Each output, or each gradient, is the reference's; a failure names those that are wrong and the right ones."""
    given = {**case.inputs, **dict(zip(calls.upstream_names(layer), case.upstream, strict=False))}
    dims = {**layer.outputs, **{name: layer.inputs[of].dims for name, of in layer.gradients.items()}}
    all_close({
        name: partial(
            expect_close, value, calls.trusted(right[name]), name=name, function=function, tolerance=case.tolerance,
            context=case.context, axes=case.sizes, dims=dims[name], given=given,
        )
        for name, value in mine.items()
    })  # fmt: skip


def expect_all_results(
    mine: Sequence[Mapping[str, Value]],
    right: Sequence[Mapping[str, Value]],
    cases: Sequence[Case],
    layer: Layer,
    function: str,
) -> None:
    """`expect_results` for each case, when they do not plainly agree."""
    pairs = [
        (value, calls.trusted(expected[name]), case.tolerance)
        for results, expected, case in zip(mine, right, cases, strict=True)
        for name, value in results.items()
    ]
    if not agree(pairs):
        for results, expected, case in zip(mine, right, cases, strict=True):
            expect_results(results, expected, case, layer, function)


class Named(Protocol):
    """Something that says what it is about: "with a batch of one"."""

    @property
    def context(self) -> str: ...


C = TypeVar("C", bound=Named)


def each(compare: Callable[[Sequence[C]], None], cases: Sequence[C]) -> None:
    """Compares all cases in one round trip; what fails there is looked for case by case, to name the case."""
    try:
        compare(cases)
    except FATAL:
        raise
    except Verdict:
        for case in cases:
            with named(case):
                compare([case])
        raise


@contextlib.contextmanager
def named(case: Named) -> Iterator[None]:
    """An exception of the student's code says for which case it was raised."""
    try:
        yield
    except Raised as error:
        error.message = f"{error.message.rstrip('.')}, {case.context}."
        raise


def for_random_cases(layer: Layer, compare: CompareMany, draw: Callable[[Sizes, Rng], Case]) -> Body:
    """Compares for random sizes, all at once, or one after the other to find the smallest that fails."""

    def body(student: Subject, reference: Subject, rng: Rng) -> None:
        def together(examples: Sequence[tuple[Sizes, Rng]]) -> None:
            compare(student, reference, layer, [draw(*example) for example in examples])

        def one(sizes: Sizes, generator: Rng) -> None:
            case = draw(sizes, generator)
            with named(case):
                compare(student, reference, layer, [case])

        for_random_sizes(rng, ranges(layer), one, together=together)

    return body


def edge_sizes(layer: Layer) -> Iterator[tuple[str, Sizes]]:
    for description, changes in layer.edges.items():
        sizes = {**typical(layer), **changes}
        yield f"with {description} ({text(sizes)})", sizes


EXACT = "to float64 precision: is there a float32 array on the way?"
