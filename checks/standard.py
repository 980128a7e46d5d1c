"""The checks that every declared layer gets, for its forward and its backward function.

`shapes` comes first and judges form alone; the others are judged only when it passes. Points sit on `values` and
on the gradients; what a wrong function could get right by accident (inputs left alone, precision) requires them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from checks import calls
from checks.calls import apply_backward, apply_forward
from checks.declare import Layer, Rng, check
from checks.gradients import expect_own_gradient
from checks.random_sizes import Sizes, for_random_sizes, text
from grader.compare import expect_array, expect_close, expect_unchanged
from grader.errors import Blocked
from grader.values import Array

if TYPE_CHECKING:
    from grader.subject import Subject

Body = Callable[["Subject", "Subject", Rng], None]


def standard_checks(layer: Layer) -> dict[str, Callable[..., None]]:
    """All checks of a layer by name, for the module's namespace: `globals().update(standard_checks(RNN))`."""
    found = {**_forward_checks(layer), **_backward_checks(layer)}
    return {name.replace(".", "_"): body for name, body in found.items()}


@dataclass(frozen=True)
class _Maker:
    """Attaches the declaration that all checks of one function share."""

    layer: Layer
    function: str
    uses: tuple[str, ...]

    def __call__(
        self, aspect: str, title: str, body: Body, claim: str, *requires: str
    ) -> dict[str, Callable[..., None]]:
        stem = f"{self.layer.module}.{self.function}"
        needed = [r if "." in r else f"{stem}.{r}" for r in requires]

        def run(student: Subject, reference: Subject, rng: Rng) -> None:
            body(student, reference, rng)

        run.__doc__ = claim
        run.__name__ = run.__qualname__ = f"check_{self.function}_{aspect}"
        declare = check(
            f"{stem}.{aspect}",
            title,
            part=self.layer.part,
            requires=needed,
            uses=self.uses,
            given=self.layer.given,
        )
        return {run.__name__: declare(run)}


def _forward_checks(layer: Layer) -> dict[str, Callable[..., None]]:
    make = _Maker(layer, layer.forward, layer.uses)
    name = layer.forward
    return {
        **make(
            "shapes",
            "returns what it should",
            _shapes(layer),
            f"{name} returns arrays of the documented shapes.",
        ),
        **make(
            "example",
            "worked example",
            _example(layer),
            f"{name} gives the handout's worked example.",
            "shapes",
        ),
        **make(
            "values", "values", _values(layer), f"{name} computes the right values for any sizes.", "shapes"
        ),
        **make(
            "edge_cases", "edge cases", _edges(layer), f"{name} holds at the edges of its domain.", "values"
        ),
        **make(
            "precision",
            "precision",
            _precision(layer),
            f"{name} keeps float64 precise, takes float32.",
            "values",
        ),
        **make(
            "inputs_unmodified",
            "leaves its inputs alone",
            _pure(layer),
            f"{name} changes no input.",
            "values",
        ),
    }


def _backward_checks(layer: Layer) -> dict[str, Callable[..., None]]:
    make = _Maker(layer, layer.backward, (f"{layer.module}.{layer.forward}", *layer.backward_uses))
    name, stem = layer.backward, f"{layer.module}.{layer.forward}"
    shapes, values = f"{stem}.shapes", f"{stem}.values"
    return {
        **make(
            "shapes", "returns what it should", _gradient_shapes(layer),
            f"{name} returns one gradient per input.", shapes,
        ),
        **make(
            "numerical_gradient", "gradient of your own forward pass", _numerical(layer),
            f"{name} is the gradient of the submission's own {layer.forward}.", "shapes",
        ),
        **make(
            "reference_gradient", "gradient", _gradient(layer),
            f"{name} agrees with the reference's gradient for any sizes.", "shapes", values,
        ),
        **make(
            "edge_cases", "edge cases", _gradient_edges(layer),
            f"{name} holds at the edges of its domain, and uses the cache it is given.", "reference_gradient",
        ),
        **make(
            "precision", "precision", _gradient_precision(layer),
            f"{name} keeps float64 precise, takes float32.", "reference_gradient",
        ),
        **make(
            "inputs_unmodified", "leaves its inputs alone", _gradient_pure(layer),
            f"{name} changes no input of the forward pass.", "reference_gradient",
        ),
    }  # fmt: skip


def _ranges(layer: Layer) -> Mapping[str, tuple[int, int]]:
    return {dim: (2, layer.maximum) for dim in layer.dims}


def _typical(layer: Layer) -> dict[str, int]:
    """Sizes that all differ, so that no two axes can be confused."""
    return {dim: size for dim, size in zip(layer.dims, (3, 4, 5, 6, 7, 2), strict=False)}


# Forward


def _shapes(layer: Layer) -> Body:
    def body(student: Subject, reference: Subject, rng: Rng) -> None:
        sizes = _typical(layer)
        outputs, _ = apply_forward(student, layer, layer.draw(rng, sizes))
        for name, value in outputs.items():
            expect_array(value, layer.shape(name, sizes), name=name, function=layer.forward)

    return body


def _compare_forward(
    student: Subject, reference: Subject, layer: Layer, inputs: Mapping[str, Array], sizes: Sizes,
    tolerance: str = "value", context: str = "",
) -> None:  # fmt: skip
    actual, kept = apply_forward(student, layer, inputs)
    expected, _ = apply_forward(reference, layer, {k: calls.float64(v) for k, v in inputs.items()})
    student.release(kept)
    for name, value in actual.items():
        expect_close(
            value, calls.trusted(expected[name]), name=name, function=layer.forward,
            tolerance=tolerance, context=context, axes=sizes,
        )  # fmt: skip


def _example(layer: Layer) -> Body:
    def body(student: Subject, reference: Subject, rng: Rng) -> None:
        inputs = layer.draw(rng, layer.example)
        for name, (low, high) in layer.example_ranges.items():
            inputs[name] = np.linspace(low, high, num=inputs[name].size).reshape(inputs[name].shape)
        _compare_forward(student, reference, layer, inputs, layer.example, "example", text(layer.example))

    return body


def _values(layer: Layer) -> Body:
    def body(student: Subject, reference: Subject, rng: Rng) -> None:
        def one(sizes: Sizes, generator: Rng) -> None:
            context = f"with {text(sizes)}"
            _compare_forward(student, reference, layer, layer.draw(generator, sizes), sizes, context=context)

        for_random_sizes(rng, _ranges(layer), one)

    return body


def _edges(layer: Layer) -> Body:
    def body(student: Subject, reference: Subject, rng: Rng) -> None:
        for description, changes in layer.edges.items():
            sizes = {**_typical(layer), **changes}
            inputs = layer.draw(rng, sizes)
            _compare_forward(
                student, reference, layer, inputs, sizes, context=f"with {description} ({text(sizes)})"
            )
        if layer.saturates:
            sizes = _typical(layer)
            inputs = {k: 300 * v for k, v in layer.draw(rng, sizes).items()}
            _compare_forward(student, reference, layer, inputs, sizes, context="with inputs of magnitude 300")

    return body


def _precision(layer: Layer) -> Body:
    def body(student: Subject, reference: Subject, rng: Rng) -> None:
        sizes = _typical(layer)
        inputs = layer.draw(rng, sizes)
        single = {k: calls.float32(v) for k, v in inputs.items()}
        _compare_forward(student, reference, layer, single, sizes, "float32", "with float32 inputs")
        context = "to float64 precision: is there a float32 array on the way?"
        _compare_forward(student, reference, layer, inputs, sizes, "precision", context)

    return body


def _pure(layer: Layer) -> Body:
    def body(student: Subject, reference: Subject, rng: Rng) -> None:
        inputs = layer.draw(rng, _typical(layer))
        callee = calls.function(student, layer, layer.forward)
        _, after = callee.echo(*inputs.values(), returns=calls.forward_returns(layer))
        for (name, before), value in zip(inputs.items(), after, strict=True):
            expect_unchanged(before, value, name=name, function=layer.forward)

    return body


# Backward


def _gradient_shapes(layer: Layer) -> Body:
    def body(student: Subject, reference: Subject, rng: Rng) -> None:
        sizes = _typical(layer)
        inputs = layer.draw(rng, sizes)
        gradients = apply_backward(student, layer, inputs, layer.upstream(rng, sizes))
        for name, value in gradients.items():
            expect_array(value, inputs[layer.gradients[name]].shape, name=name, function=layer.backward)

    return body


def _numerical(layer: Layer) -> Body:
    def body(student: Subject, reference: Subject, rng: Rng) -> None:
        def one(sizes: Sizes, generator: Rng) -> None:
            inputs = layer.draw(generator, sizes)
            upstream = layer.upstream(generator, sizes)
            evaluate = calls.loss_of(student, layer, inputs, upstream, sizes)
            _refuse_trivial(student, reference, layer, inputs, sizes, generator)
            values = apply_backward(student, layer, inputs, upstream)
            analytic = {
                layer.gradients[g]: expect_array(
                    v, inputs[layer.gradients[g]].shape, name=g, function=layer.backward
                )
                for g, v in values.items()
            }
            expect_own_gradient(
                evaluate, inputs, analytic, generator, names={i: g for g, i in layer.gradients.items()},
                function=layer.backward, forward=layer.forward, context=f"with {text(sizes)}",
            )  # fmt: skip

        for_random_sizes(rng, _ranges(layer), one, examples=3)

    return body


def _refuse_trivial(
    student: Subject, reference: Subject, layer: Layer, inputs: Mapping[str, Array], sizes: Sizes, rng: Rng
) -> None:
    """A forward pass that ignores an input has a zero gradient there, which is no evidence of a right backward."""
    for name in layer.differentiable:
        moved = {**inputs, name: inputs[name] + rng.standard_normal(inputs[name].shape)}
        before, after = (calls.outputs_of(student, layer, which, sizes) for which in (inputs, moved))
        if not all(np.array_equal(a, b) for a, b in zip(before, after, strict=True)):
            continue
        true = [calls.outputs_of(reference, layer, which, sizes) for which in (inputs, moved)]
        if not all(np.array_equal(a, b) for a, b in zip(*true, strict=True)):
            raise Blocked(
                f"`{layer.backward}` can't be judged by your own `{layer.forward}`, which ignores `{name}`.",
                f"Mend `{layer.forward}` first.",
            )


def _compare_backward(
    student: Subject, reference: Subject, layer: Layer, rng: Rng, sizes: Sizes,
    tolerance: str = "gradient", context: str = "", dtype: str = "float64", between: bool = False,
) -> None:  # fmt: skip
    inputs, upstream = layer.draw(rng, sizes), layer.upstream(rng, sizes)
    cast = calls.float32 if dtype == "float32" else calls.float64
    inputs, upstream = {k: cast(v) for k, v in inputs.items()}, tuple(cast(v) for v in upstream)
    other = layer.draw(rng, sizes) if between else None
    actual = apply_backward(student, layer, inputs, upstream, other)
    exact = {k: calls.float64(v) for k, v in inputs.items()}
    expected = apply_backward(reference, layer, exact, tuple(calls.float64(v) for v in upstream))
    for name, value in actual.items():
        expect_close(
            value, calls.trusted(expected[name]), name=name, function=layer.backward,
            tolerance=tolerance, context=context, axes=sizes,
        )  # fmt: skip


def _gradient(layer: Layer) -> Body:
    def body(student: Subject, reference: Subject, rng: Rng) -> None:
        def one(sizes: Sizes, generator: Rng) -> None:
            _compare_backward(student, reference, layer, generator, sizes, context=f"with {text(sizes)}")

        for_random_sizes(rng, _ranges(layer), one)

    return body


def _gradient_edges(layer: Layer) -> Body:
    def body(student: Subject, reference: Subject, rng: Rng) -> None:
        for description, changes in layer.edges.items():
            sizes = {**_typical(layer), **changes}
            context = f"with {description} ({text(sizes)})"
            _compare_backward(student, reference, layer, rng, sizes, context=context)
        context = f"when `{layer.forward}` ran on other inputs in between"
        _compare_backward(student, reference, layer, rng, _typical(layer), context=context, between=True)

    return body


def _gradient_precision(layer: Layer) -> Body:
    def body(student: Subject, reference: Subject, rng: Rng) -> None:
        sizes = _typical(layer)
        single = "with float32 inputs"
        _compare_backward(student, reference, layer, rng, sizes, "float32", single, dtype="float32")
        context = "to float64 precision: is there a float32 array on the way?"
        _compare_backward(student, reference, layer, rng, sizes, "precision", context)

    return body


def _gradient_pure(layer: Layer) -> Body:
    def body(student: Subject, reference: Subject, rng: Rng) -> None:
        sizes = _typical(layer)
        inputs, upstream = layer.draw(rng, sizes), layer.upstream(rng, sizes)
        before = {**inputs, **dict(zip(calls.upstream_names(layer), upstream, strict=True))}
        after = calls.arrays_after_backward(student, layer, inputs, upstream)
        for name, array in before.items():
            if name in inputs or not layer.upstream_may_change:
                expect_unchanged(array, after[name], name=name, function=layer.backward)

    return body
