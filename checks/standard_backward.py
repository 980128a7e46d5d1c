"""The standard checks of a layer's backward function."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
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
    expect_all_results,
    for_random_cases,
    ranges,
    typical,
)
from checks.declare import Layer, Rng
from checks.gradients import WIDEST, acquitted, depends, direction, expect_own_gradient
from checks.probes.bundles import bundled
from checks.random_sizes import Sizes, for_random_sizes, text
from grader.compare import expect_array, expect_unchanged, unpack
from grader.errors import Blocked, Failed
from grader.values import Array, Value

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


@dataclass(frozen=True)
class _Example:
    """Where a backward pass is held against its own forward pass."""

    sizes: Sizes
    inputs: Mapping[str, Array]
    upstream: tuple[Array, ...]
    rng: Rng


def numerical(layer: Layer) -> Body:
    def body(student: Subject, reference: Subject, rng: Rng) -> None:
        def draw(sizes: Sizes, generator: Rng) -> _Example:
            return _Example(sizes, layer.draw(generator, sizes), layer.upstream(generator, sizes), generator)

        def one(example: _Example) -> None:
            if student.mender is None:
                _refuse_trivial(student, reference, layer, example)
            _expect_own_gradient(student, reference, layer, example)

        def together(examples: Sequence[tuple[Sizes, Rng]]) -> None:
            drawn = [draw(*example) for example in examples]
            for example, right in zip(drawn, _acquitted(student, layer, drawn), strict=True):
                if not right:
                    one(example)

        for_random_sizes(
            rng, ranges(layer), lambda *example: one(draw(*example)), examples=2, together=together, search=2
        )

    return body


def _acquitted(student: Subject, layer: Layer, examples: Sequence[_Example]) -> list[bool]:
    """Which examples show at once, all in one frame, a right gradient of a forward pass that uses all its inputs.

    What is not acquitted is to be looked at closely: here no form is told and nothing is blamed.
    """
    if student.mender is not None:
        return [False] * len(examples)
    directions = [direction(example.inputs, layer.differentiable, example.rng) for example in examples]
    points = [
        [list(example.inputs.values()), list(example.upstream), [along.get(name) for name in example.inputs]]
        for example, along in zip(examples, directions, strict=True)
    ]
    values = calls.probed(student, layer, "slopes", bundled(points), list(WIDEST))
    return [
        _acquits(layer, example, along, value)
        for example, along, value in zip(
            examples, directions, calls.items_of(values, len(examples)), strict=True
        )
    ]


def _acquits(layer: Layer, example: _Example, along: Mapping[str, Array], value: Value) -> bool:
    given, outputs = calls.items_of(value, 2)
    try:
        gradients = unpack(given, list(layer.gradients), layer.backward)
        analytic = {
            of: expect_array(gradient, example.inputs[of].shape, name=name, function=layer.backward)
            for (name, of), gradient in zip(layer.gradients.items(), gradients, strict=True)
        }
        F = [
            calls.contracted(layer, there, example.upstream, example.sizes)
            for there in calls.items_of(outputs, len(WIDEST))
        ]
    except Failed:
        return False
    return acquitted(F, analytic, along) and depends(analytic)


def _expect_own_gradient(student: Subject, reference: Subject, layer: Layer, example: _Example) -> None:
    inputs, upstream, sizes = example.inputs, example.upstream, example.sizes
    values = apply_backward(student, layer, inputs, upstream)
    # from a mended cache backward is the gradient of the right forward pass
    forward = student.mender or student
    analytic = {}
    for name, value in values.items():
        of = layer.gradients[name]
        analytic[of] = expect_array(value, inputs[of].shape, name=name, function=layer.backward)
    expect_own_gradient(
        calls.loss_of(forward, layer, inputs, upstream, sizes), inputs, analytic, example.rng,
        names={i: g for g, i in layer.gradients.items()},
        function=layer.backward, forward=layer.forward, context=f"with {text(sizes)}",
        known=lambda: _right(reference, layer, inputs, upstream),
    )  # fmt: skip


def _right(
    reference: Subject, layer: Layer, inputs: Mapping[str, Array], upstream: tuple[Array, ...]
) -> dict[str, Array]:
    """The reference's gradient by the inputs' names."""
    (values,) = apply_backward_many(reference, layer, [(inputs, upstream, None)])
    found = {layer.gradients[name]: calls.trusted(value) for name, value in values.items()}
    return {name: array.astype(np.float64) for name, array in found.items()}


def _refuse_trivial(student: Subject, reference: Subject, layer: Layer, example: _Example) -> None:
    """A forward pass that ignores an input has a zero gradient there, which is no evidence of a right backward."""
    names, inputs, sizes, rng = layer.differentiable, example.inputs, example.sizes, example.rng
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
    actual = apply_backward_many(
        student, layer, [(case.inputs, case.upstream, case.between) for case in cases]
    )
    exact = [(case.exact, tuple(calls.float64(v) for v in case.upstream)) for case in cases]
    expected = calls.right_gradients(reference, layer, exact)
    expect_all_results(actual, expected, cases, layer, layer.backward)


def _gradient_case(layer: Layer, rng: Rng, sizes: Sizes, context: str, tolerance: str = "gradient") -> Case:
    return Case(layer.draw(rng, sizes), sizes, context, tolerance, layer.upstream(rng, sizes))


def values(layer: Layer) -> Body:
    return for_random_cases(
        layer, _compare_backward, lambda sizes, rng: _gradient_case(layer, rng, sizes, f"with {text(sizes)}")
    )


def edges(layer: Layer) -> Body:
    def body(student: Subject, reference: Subject, rng: Rng) -> None:
        cases = [_gradient_case(layer, rng, sizes, context) for context, sizes in edge_sizes(layer)]
        steep = _gradient_case(layer, rng, typical(layer), "with an upstream gradient of magnitude 300")
        cases.append(replace(steep, upstream=tuple(300 * array for array in steep.upstream)))
        context = f"when `{layer.forward}` ran on other inputs in between"
        case = _gradient_case(layer, rng, typical(layer), context)
        cases.append(replace(case, between=layer.draw(rng, case.sizes)))
        each(partial(_compare_backward, student, reference, layer), cases)

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
