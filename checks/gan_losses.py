"""The checks that every loss of the GAN part gets: two cross-entropies and two sums of squares.

Freedoms: as many real as fake scores, of shape (N, 1), never N = 1, which the given `bce_loss` refuses; a float32
label or constant on the way.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from checks import calls
from checks.declare import Rng, check
from checks.networks import items
from grader.compare import describe, expect_array, expect_close, unpack
from grader.errors import Failed
from grader.sandbox.client import Tensor
from grader.values import Array, ArrayValue, Handle, Value

if TYPE_CHECKING:
    from grader.subject import Subject


@dataclass(frozen=True)
class Loss:
    """A loss, the scores it takes and what is likely when large ones go wrong."""

    function: str
    scores: tuple[str, ...]
    hint: str
    labels_round: bool = False  # float32 labels, which are right, make a loss of float64 scores a float32 one

    def draw(self, rng: Rng, n: int, scale: float = 1.0) -> list[Array]:
        """Scores (N, 1) for each argument."""
        return [scale * rng.standard_normal((n, 1)) for _ in self.scores]

    def draw_large(self, rng: Rng, scale: float) -> list[Array]:
        """Scores (4, 1) of this magnitude, two of either sign: else loss and gradient could be 1e-100, all rounding."""
        signs = np.array([[1.0], [1.0], [-1.0], [-1.0]])
        return [scale * rng.permutation(signs) * rng.uniform(0.5, 1.5, (4, 1)) for _ in self.scores]


BCE = "A sigmoid and its log lose large logits: `bce_loss` takes the logits themselves."
SQUARES = "Scores are not probabilities: they go into the squares as they are."
LOSSES = (
    Loss("discriminator_loss", ("logits_real", "logits_fake"), BCE, labels_round=True),
    Loss("generator_loss", ("logits_fake",), BCE, labels_round=True),
    Loss("ls_discriminator_loss", ("scores_real", "scores_fake"), SQUARES),
    Loss("ls_generator_loss", ("scores_fake",), SQUARES),
)
SIZES = (2, 3, 5, 8)
LARGE = (100.0, 1000.0, 1e5)


def _loss(value: Value, loss: Loss) -> None:
    """A tensor with one number and no axes: `.backward()` and `.item()` are called on it."""
    expect_array(value, (), name="loss", function=loss.function, origin="torch")
    if not isinstance(value, ArrayValue) or value.origin != "torch":
        raise Failed(
            f"`loss` from `{loss.function}` is {describe(value)}; expected a torch tensor without axes.",
            "`.backward()` is called on it: return the tensor itself, not its `.item()`.",
        )


def _compare_losses(
    student: Subject, reference: Subject, loss: Loss, many: list[list[Array]], contexts: list[str],
    tolerance: str = "value", dtype: str = "float64", hint: str = "",
) -> None:  # fmt: skip
    points = [[Tensor(scores.astype(dtype)) for scores in one] for one in many]
    exact = [[Tensor(scores.astype(dtype).astype("float64")) for scores in one] for one in many]
    actual = getattr(student.gan_pytorch, loss.function).batch(points)
    right = getattr(reference.gan_pytorch, loss.function).batch(exact)
    for value, expected, scores, context in zip(actual, right, many, contexts, strict=True):
        try:
            expect_close(
                value, calls.trusted(expected), name="loss", function=loss.function, origin="torch",
                tolerance=tolerance, context=context, axes={"N": len(scores[0])},
                given=dict(zip(loss.scores, scores, strict=False)),
            )  # fmt: skip
        except Failed as error:
            raise Failed(error.message, hint or error.hint, error.details) from None


def _gradients(subject: Subject, loss: Loss, scores: list[Array]) -> list[Value]:
    names = ", ".join(f"{name}*" for name in loss.scores)
    kept = subject.probe(
        "arrays", "keep", *(Tensor(s, requires_grad=True) for s in scores), 0, returns=f"{names}, _"
    )
    handles = unpack(kept, [*loss.scores, "_"], "keep")[:-1]
    value = getattr(subject.gan_pytorch, loss.function)(*handles, returns="loss*")
    assert isinstance(value, Handle)
    found = subject.probe("gan_parts", "backward", value, *handles)
    subject.release(value, *handles)
    return list(items(found))


def _compare_gradients(
    student: Subject, reference: Subject, loss: Loss, scores: list[Array], context: str
) -> None:
    actual = _gradients(student, loss, scores)
    if not actual:
        raise Failed(
            f"`loss` from `{loss.function}` has no gradient.",
            "Look for `.detach()`, `.item()`, `torch.tensor(...)` of a tensor, or numpy on the way.",
        )
    right = _gradients(reference, loss, scores)
    for name, value, expected in zip(loss.scores, actual, right, strict=True):
        expect_close(
            value, calls.trusted(expected), name=f"d{name}", function=loss.function, origin="torch",
            tolerance="gradient", context=context, axes={"N": len(scores[0])},
            given=dict(zip(loss.scores, scores, strict=False)),
        )  # fmt: skip


def loss_checks(loss: Loss) -> dict[str, Callable[..., None]]:
    name, stem = loss.function, f"gan_pytorch.{loss.function}"

    @check(f"{stem}.shapes", "returns what it should", part="gan")
    def shapes(student: Subject, reference: Subject, rng: Rng) -> None:
        callee = getattr(student.gan_pytorch, name)
        _loss(callee(*map(Tensor, loss.draw(rng, 4))), loss)

    shapes.__doc__ = f"{name} returns a tensor that is one number."

    @check(f"{stem}.values", "values", part="gan", requires=[f"{stem}.shapes"])
    def values(student: Subject, reference: Subject, rng: Rng) -> None:
        many = [loss.draw(rng, n, 2.0) for n in SIZES]
        contexts = [f"with N={n} logits of each kind" for n in SIZES]
        _compare_losses(student, reference, loss, many, contexts)

    values.__doc__ = f"{name} computes the right loss for any batch size."

    @check(f"{stem}.large_values", "large scores", part="gan", requires=[f"{stem}.values"])
    def large_values(student: Subject, reference: Subject, rng: Rng) -> None:
        many = [loss.draw_large(rng, scale) for scale in LARGE]
        contexts = [f"for scores of magnitude {scale:g}" for scale in LARGE]
        _compare_losses(student, reference, loss, many, contexts, hint=loss.hint)
        for scores, context in zip(many, contexts, strict=True):
            _compare_gradients(student, reference, loss, scores, context)

    large_values.__doc__ = f"{name} and its gradient hold for scores of magnitude 100 and more."

    @check(f"{stem}.gradients", "gradients", part="gan", requires=[f"{stem}.values"])
    def gradients(student: Subject, reference: Subject, rng: Rng) -> None:
        for n in (3, 5):
            _compare_gradients(student, reference, loss, loss.draw(rng, n, 2.0), f"with N={n}")

    gradients.__doc__ = f"{name} passes the right gradient to every score."

    @check(f"{stem}.precision", "precision", part="gan", requires=[f"{stem}.values"])
    def precision(student: Subject, reference: Subject, rng: Rng, advise: Callable[[str], None]) -> None:
        many = [loss.draw(rng, 6, 2.0)]
        _compare_losses(student, reference, loss, many, ["with float32 scores"], "float32", "float32")
        context = "to float64 precision: is there a cast to float32 (`.float()`, `.type(dtype)`) on the way?"
        try:
            _compare_losses(student, reference, loss, many, [context], "precision")
        except Failed as error:
            if not loss.labels_round:
                raise
            advise(
                f"{error.message} Labels of type float32 do that too; `torch.ones_like(logits)` has the logits' type."
            )

    rounded = "Freedom: labels of type float32, with which `BCEWithLogitsLoss` rounds float64 logits."
    float64 = rounded if loss.labels_round else "It does not round float64 scores."
    precision.__doc__ = f"{name} takes float32 scores.\n\n{float64}"

    found = (shapes, values, large_values, gradients, precision)
    return {f"check_{name}_{body.__name__}": body for body in found}
