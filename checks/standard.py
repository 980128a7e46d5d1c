"""The checks that every declared layer gets, for its forward and its backward function.

`shapes` comes first and judges form alone; the others are judged only when it passes. Points sit on `values` and
on the gradients; what a wrong function could get right by accident (inputs left alone, precision) requires them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from checks import standard_backward as backward
from checks import standard_forward as forward
from checks.cases import Body
from checks.declare import Layer, Rng, check

if TYPE_CHECKING:
    from grader.subject import Subject


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
    forward: str = ""  # the function whose cache it reads

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
            forward=self.forward,
        )
        return {run.__name__: declare(run)}


def _forward_checks(layer: Layer) -> dict[str, Callable[..., None]]:
    make = _Maker(layer, layer.forward, layer.uses)
    name = layer.forward
    return {
        **make(
            "shapes",
            "returns what it should",
            forward.shapes(layer),
            f"{name} returns arrays of the documented shapes.",
        ),
        **make(
            "example",
            "worked example",
            forward.example(layer),
            f"{name} gives the handout's worked example.",
            "shapes",
        ),
        **make(
            "values",
            "values",
            forward.values(layer),
            f"{name} computes the right values for any sizes.",
            "shapes",
        ),
        **make(
            "edge_cases",
            "edge cases",
            forward.edges(layer),
            f"{name} holds at the edges of its domain.",
            "values",
        ),
        **make(
            "precision",
            "precision",
            forward.precision(layer),
            f"{name} keeps float64 precise, takes float32.",
            "values",
        ),
        **make(
            "inputs_unmodified",
            "leaves its inputs alone",
            forward.pure(layer),
            f"{name} changes no input.",
            "values",
        ),
    }


def _backward_checks(layer: Layer) -> dict[str, Callable[..., None]]:
    name, stem = layer.backward, f"{layer.module}.{layer.forward}"
    make = _Maker(layer, name, (stem, *layer.backward_uses), stem)
    shapes, values = f"{stem}.shapes", f"{stem}.values"
    return {
        **make(
            "shapes", "returns what it should", backward.shapes(layer),
            f"{name} returns one gradient per input.", shapes,
        ),
        **make(
            "numerical_gradient", "gradient of your own forward pass", backward.numerical(layer),
            f"{name} is the gradient of the submission's own {layer.forward}.", "shapes",
        ),
        **make(
            "reference_gradient", "gradient", backward.values(layer),
            f"{name} agrees with the reference's gradient for any sizes.", "shapes", values,
        ),
        **make(
            "edge_cases", "edge cases", backward.edges(layer),
            f"{name} holds at the edges of its domain, and uses the cache it is given.", "reference_gradient",
        ),
        **make(
            "precision", "precision", backward.precision(layer),
            f"{name} keeps float64 precise, takes float32.", "reference_gradient",
        ),
        **make(
            "inputs_unmodified", "leaves its inputs alone", backward.pure(layer),
            f"{name} changes no input of the forward pass.", "reference_gradient",
        ),
    }  # fmt: skip
