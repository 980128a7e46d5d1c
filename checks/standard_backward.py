"""The standard checks of a layer's backward function."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from checks import calls
from checks.calls import apply_backward, apply_backward_many
from checks.cases import (
    EXACT,
    Body,
    Case,
    each,
    edge_sizes,
    expect_results,
    for_random_cases,
    named,
    ranges,
    typical,
)
from checks.declare import Layer, Rng
from checks.gradients import expect_own_gradient
from checks.random_sizes import Sizes, for_random_sizes, text
from grader.compare import expect_array, expect_unchanged
from grader.errors import Blocked
from grader.values import Array

if TYPE_CHECKING:
    from grader.subject import Subject


def shapes(layer: Layer) -> Body:
    def body(student: Subject, reference: Subject, rng: Rng) -> None:
        sizes = typical(layer)
        inputs = layer.draw(rng, sizes)
        gradients = apply_backward(student, layer, inputs, layer.upstream(rng, sizes))
        for name, value in gradients.items():
            expect_array(value, inputs[layer.gradients[name]].shape, name=name, function=layer.backward)

    return body


def numerical(layer: Layer) -> Body:
    def body(student: Subject, reference: Subject, rng: Rng) -> None:
        def one(sizes: Sizes, generator: Rng) -> None:
            inputs = layer.draw(generator, sizes)
            upstream = layer.upstream(generator, sizes)
            if student.mender is None:
                _refuse_trivial(student, reference, layer, inputs, sizes, generator)
            _expect_own_gradient(student, layer, inputs, upstream, sizes, generator)

        for_random_sizes(rng, ranges(layer), one, examples=2)

    return body


def _expect_own_gradient(
    student: Subject,
    layer: Layer,
    inputs: Mapping[str, Array],
    upstream: tuple[Array, ...],
    sizes: Sizes,
    rng: Rng,
) -> None:
    (values,) = apply_backward_many(student, layer, [(inputs, upstream)])
    # from a mended cache backward is the gradient of the right forward pass
    forward = student.mender or student
    analytic = {}
    for name, value in values.items():
        of = layer.gradients[name]
        analytic[of] = expect_array(value, inputs[of].shape, name=name, function=layer.backward)
    expect_own_gradient(
        calls.loss_of(forward, layer, inputs, upstream, sizes), inputs, analytic, rng,
        names={i: g for g, i in layer.gradients.items()},
        function=layer.backward, forward=layer.forward, context=f"with {text(sizes)}",
    )  # fmt: skip


def _refuse_trivial(
    student: Subject, reference: Subject, layer: Layer, inputs: Mapping[str, Array], sizes: Sizes, rng: Rng
) -> None:
    """A forward pass that ignores an input has a zero gradient there, which is no evidence of a right backward."""
    names = layer.differentiable
    moved = [{**inputs, k: inputs[k] + rng.standard_normal(inputs[k].shape)} for k in names]
    points = [inputs, *moved]
    ignored = _ignored(student, layer, points, sizes)
    if any(ignored):
        ignored = [
            mine and not right
            for mine, right in zip(ignored, _ignored(reference, layer, points, sizes), strict=True)
        ]
    for name, blind in zip(names, ignored, strict=True):
        if blind:
            raise Blocked(
                f"`{layer.backward}` can't be judged by your own `{layer.forward}`, which ignores `{name}`.",
                f"Mend `{layer.forward}` first.",
            )


def _ignored(
    subject: Subject, layer: Layer, points: Sequence[Mapping[str, Array]], sizes: Sizes
) -> list[bool]:
    """Whether each point after the first has the same outputs as the first."""
    first, *others = calls.outputs_of_many(subject, layer, points, sizes)
    return [all(np.array_equal(a, b) for a, b in zip(first, other, strict=True)) for other in others]


def _compare_backward(student: Subject, reference: Subject, layer: Layer, cases: Sequence[Case]) -> None:
    actual = apply_backward_many(student, layer, [(case.inputs, case.upstream) for case in cases])
    exact = [(case.exact, tuple(calls.float64(v) for v in case.upstream)) for case in cases]
    expected = apply_backward_many(reference, layer, exact)
    for case, mine, right in zip(cases, actual, expected, strict=True):
        expect_results(mine, right, case, layer, layer.backward)


def _gradient_case(layer: Layer, rng: Rng, sizes: Sizes, context: str, tolerance: str = "gradient") -> Case:
    return Case(layer.draw(rng, sizes), sizes, context, tolerance, layer.upstream(rng, sizes))


def values(layer: Layer) -> Body:
    return for_random_cases(
        layer, _compare_backward, lambda sizes, rng: _gradient_case(layer, rng, sizes, f"with {text(sizes)}")
    )


def edges(layer: Layer) -> Body:
    def body(student: Subject, reference: Subject, rng: Rng) -> None:
        cases = [_gradient_case(layer, rng, sizes, context) for context, sizes in edge_sizes(layer)]
        each(partial(_compare_backward, student, reference, layer), cases)
        context = f"when `{layer.forward}` ran on other inputs in between"
        case = _gradient_case(layer, rng, typical(layer), context)
        other = layer.draw(rng, case.sizes)
        with named(case):
            actual = apply_backward(student, layer, case.inputs, case.upstream, other)
        (expected,) = apply_backward_many(reference, layer, [(case.inputs, case.upstream)])
        expect_results(actual, expected, case, layer, layer.backward)

    return body


def precision(layer: Layer) -> Body:
    def body(student: Subject, reference: Subject, rng: Rng) -> None:
        double = _gradient_case(layer, rng, typical(layer), EXACT, "precision")
        single = Case(
            {k: calls.float32(v) for k, v in double.inputs.items()}, double.sizes, "with float32 inputs", "float32",
            tuple(calls.float32(v) for v in double.upstream),
        )  # fmt: skip
        each(partial(_compare_backward, student, reference, layer), [single, double])

    return body


def pure(layer: Layer) -> Body:
    def body(student: Subject, reference: Subject, rng: Rng) -> None:
        sizes = typical(layer)
        inputs, upstream = layer.draw(rng, sizes), layer.upstream(rng, sizes)
        before = {**inputs, **dict(zip(calls.upstream_names(layer), upstream, strict=True))}
        after = calls.arrays_after_backward(student, layer, inputs, upstream)
        for name, array in before.items():
            if name in inputs or not layer.upstream_may_change:
                expect_unchanged(array, after[name], name=name, function=layer.backward)

    return body
