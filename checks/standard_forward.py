"""The standard checks of a layer's forward function."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from checks import calls
from checks.calls import apply_forward, apply_forward_many
from checks.cases import EXACT, Body, Case, each, edge_sizes, expect_all_results, for_random_cases, typical
from checks.declare import Layer, Rng
from checks.random_sizes import text
from grader.compare import expect_array, expect_unchanged

if TYPE_CHECKING:
    from grader.subject import Subject


def shapes(layer: Layer) -> Body:
    def body(student: Subject, reference: Subject, rng: Rng) -> None:
        sizes = typical(layer)
        outputs, _ = apply_forward(student, layer, layer.draw(rng, sizes))
        for name, value in outputs.items():
            expect_array(value, layer.shape(name, sizes), name=name, function=layer.forward)

    return body


def _compare_forward(student: Subject, reference: Subject, layer: Layer, cases: Sequence[Case]) -> None:
    actual = apply_forward_many(student, layer, [case.inputs for case in cases])
    expected = calls.right_outputs(reference, layer, [case.exact for case in cases])
    expect_all_results(actual, expected, cases, layer, layer.forward)


def example(layer: Layer) -> Body:
    def body(student: Subject, reference: Subject, rng: Rng) -> None:
        inputs = layer.draw(rng, layer.example)
        for name, (low, high) in layer.example_ranges.items():
            inputs[name] = np.linspace(low, high, num=inputs[name].size).reshape(inputs[name].shape)
        case = Case(inputs, layer.example, text(layer.example), "example")
        _compare_forward(student, reference, layer, [case])

    return body


def values(layer: Layer) -> Body:
    return for_random_cases(
        layer,
        _compare_forward,
        lambda sizes, rng: Case(layer.draw(rng, sizes), sizes, f"with {text(sizes)}"),
    )


def edges(layer: Layer) -> Body:
    def body(student: Subject, reference: Subject, rng: Rng) -> None:
        cases = [Case(layer.draw(rng, sizes), sizes, context) for context, sizes in edge_sizes(layer)]
        if layer.saturates:
            sizes = typical(layer)
            inputs = {k: 300 * v for k, v in layer.draw(rng, sizes).items()}
            cases.append(Case(inputs, sizes, "with inputs of magnitude 300"))
        each(partial(_compare_forward, student, reference, layer), cases)

    return body


def precision(layer: Layer) -> Body:
    def body(student: Subject, reference: Subject, rng: Rng) -> None:
        sizes = typical(layer)
        inputs = layer.draw(rng, sizes)
        single = {k: calls.float32(v) for k, v in inputs.items()}
        cases = [
            Case(single, sizes, "with float32 inputs", "float32"),
            Case(inputs, sizes, EXACT, "precision"),
        ]
        each(partial(_compare_forward, student, reference, layer), cases)

    return body


def pure(layer: Layer) -> Body:
    def body(student: Subject, reference: Subject, rng: Rng) -> None:
        inputs = layer.draw(rng, typical(layer))
        callee = calls.function(student, layer, layer.forward)
        _, after = callee.echo(*inputs.values(), returns=calls.forward_returns(layer))
        for (name, before), value in zip(inputs.items(), after, strict=True):
            expect_unchanged(before, value, name=name, function=layer.forward)

    return body
