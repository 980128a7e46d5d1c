"""The checks that every loss of the GAN part gets: two cross-entropies and two sums of squares.

Freedoms: as many real as fake scores, of shape (N, 1), never N = 1, which the given `bce_loss` refuses; a float32
label or constant on the way.

All checks of a loss judge the same scores: they are sent at once, and one by one when anything is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING

import numpy as np

from checks import calls
from checks.declare import Rng, check
from checks.networks import items
from checks.shared import at_once, common, holds, kept, seed_of
from grader.compare import describe, expect_array, expect_close, unpack
from grader.errors import Failed
from grader.sandbox.client import Tensor
from grader.values import Array, ArrayValue, Handle, SequenceValue, Value

if TYPE_CHECKING:
    from grader.subject import Callee, Subject


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


@dataclass(frozen=True)
class Point:
    """Scores at which a loss is judged."""

    scores: list[Array]
    context: str
    dtype: str = "float64"  # that they are sent in
    tolerance: str = "value"

    @property
    def sent(self) -> list[Tensor]:
        """As the submission gets them."""
        return [Tensor(scores.astype(self.dtype)) for scores in self.scores]

    @property
    def exact(self) -> list[Tensor]:
        """The same numbers as the reference gets them, in float64."""
        return [Tensor(tensor.array.astype("float64")) for tensor in self.sent]


@dataclass(frozen=True)
class Answer:
    """A loss and its gradients; none without a graph."""

    loss: Value
    gradients: tuple[Value, ...]

    @classmethod
    def of(cls, value: Value) -> Answer:
        """What `checks.probes.gan_parts.losses` says of one point."""
        loss, gradients = items(value, 2)
        return cls(loss, items(gradients))


@dataclass
class Case:
    """The points at which a submission's loss is judged, by check, and what the reference gives there."""

    loss: Loss
    student: Subject
    reference: Subject
    points: dict[str, list[Point]]

    @cached_property
    def right(self) -> dict[str, list[Answer]]:
        """The reference's answers: one question, which is remembered."""
        sent = [point.exact for points in self.points.values() for point in points]
        return self._sorted(self.reference.probe("gan_parts", "losses", self.loss.function, sent))

    @cached_property
    def settled(self) -> frozenset[str]:
        """The checks that the submission passes, as far as its answers to all at once say."""
        sent = [point.sent for points in self.points.values() for point in points]
        value = at_once(self.student, "gan_parts", "losses", self.loss.function, sent)
        if value is None or not isinstance(value, SequenceValue):
            return frozenset()
        found = self._sorted(value)
        passed = {check for check in self.points if holds(partial(self._compare, check, found[check]))}
        if holds(partial(self._expect_losses, found["values"])):
            passed.add("shapes")
        return frozenset(passed)

    def _expect_losses(self, found: Sequence[Answer]) -> None:
        for answer in found:
            expect_loss(answer.loss, self.loss)

    def _sorted(self, value: Value) -> dict[str, list[Answer]]:
        answers = iter(items(value, sum(map(len, self.points.values()))))
        return {check: [Answer.of(next(answers)) for _ in points] for check, points in self.points.items()}

    def _compare(self, check: str, found: Sequence[Answer]) -> None:
        if check != "gradients":
            self.compare_losses(check, [answer.loss for answer in found])
        if check in ("gradients", "large_values"):
            self.compare_gradients(check, [answer.gradients for answer in found])

    def compare_losses(self, check: str, found: Sequence[Value], hint: str = "") -> None:
        """The losses at the points of a check are the reference's."""
        for point, value, right in zip(self.points[check], found, self.right[check], strict=True):
            try:
                self._expect("loss", point, value, right.loss, point.tolerance)
            except Failed as error:
                raise Failed(error.message, hint or error.hint, error.details) from None

    def compare_gradients(self, check: str, found: Iterable[Sequence[Value]]) -> None:
        """The gradients at the points of a check are the reference's; looked at one after the other."""
        for point, gradients, right in zip(self.points[check], found, self.right[check], strict=True):
            if not gradients:
                raise Failed(
                    f"`loss` from `{self.loss.function}` has no gradient.",
                    "Look for `.detach()`, `.item()`, `torch.tensor(...)` of a tensor, or numpy on the way.",
                )
            for name, value, expected in zip(self.loss.scores, gradients, right.gradients, strict=True):
                self._expect(f"d{name}", point, value, expected, "gradient")

    def _expect(self, name: str, point: Point, value: Value, right: Value, tolerance: str) -> None:
        expect_close(
            value, calls.trusted(right), name=name, function=self.loss.function, origin="torch",
            tolerance=tolerance, context=point.context, axes={"N": len(point.scores[0])},
            given=dict(zip(self.loss.scores, point.scores, strict=False)),
        )  # fmt: skip

    def losses(self, check: str) -> list[Value]:
        """The submission's losses at the points of a check."""
        callee: Callee = getattr(self.student.gan_pytorch, self.loss.function)
        return callee.batch([point.sent for point in self.points[check]])

    def gradients(self, check: str) -> Iterator[list[Value]]:
        """The submission's gradients at each point of a check."""
        names = self.loss.scores
        for point in self.points[check]:
            sent = [Tensor(tensor.array, requires_grad=True) for tensor in point.sent]
            returns = ", ".join([*(f"{name}*" for name in names), "_"])
            kept = self.student.probe("arrays", "keep", *sent, 0, returns=returns)
            handles = unpack(kept, [*names, "_"], "keep")[:-1]
            value = getattr(self.student.gan_pytorch, self.loss.function)(*handles, returns="loss*")
            assert isinstance(value, Handle)
            found = self.student.probe("gan_parts", "backward", value, *handles)
            self.student.release(value, *handles)
            yield list(items(found))


def case(loss: Loss, student: Subject, reference: Subject, rng: Rng) -> Case:
    """The same in all checks of a loss in a run."""
    cases, key = kept(student, "gan_losses"), (loss.function, seed_of(rng))
    if key not in cases:
        cases[key] = Case(loss, student, reference, _points(loss, common(rng, loss.function)))
    found: Case = cases[key]
    return found


def _points(loss: Loss, rng: Rng) -> dict[str, list[Point]]:
    scores = loss.draw(rng, 6, 2.0)
    rounded = "to float64 precision: is there a cast to float32 (`.float()`, `.type(dtype)`) on the way?"
    return {
        "values": [Point(loss.draw(rng, n, 2.0), f"with N={n} logits of each kind") for n in SIZES],
        "large_values": [
            Point(loss.draw_large(rng, scale), f"for scores of magnitude {scale:g}") for scale in LARGE
        ],
        "gradients": [Point(loss.draw(rng, n, 2.0), f"with N={n}") for n in (3, 5)],
        "single": [Point(scores, "with float32 scores", "float32", "float32")],
        "precision": [Point(scores, rounded, tolerance="precision")],
    }


def expect_loss(value: Value, loss: Loss) -> None:
    """A tensor with one number and no axes: `.backward()` and `.item()` are called on it."""
    expect_array(value, (), name="loss", function=loss.function, origin="torch")
    if not isinstance(value, ArrayValue) or value.origin != "torch":
        raise Failed(
            f"`loss` from `{loss.function}` is {describe(value)}; expected a torch tensor without axes.",
            "`.backward()` is called on it: return the tensor itself, not its `.item()`.",
        )


def loss_checks(loss: Loss) -> dict[str, Callable[..., None]]:
    """All checks of a loss by name, for the module's namespace."""
    name, stem = loss.function, f"gan_pytorch.{loss.function}"

    @check(f"{stem}.shapes", "returns what it should", part="gan")
    def shapes(student: Subject, reference: Subject, rng: Rng) -> None:
        one = case(loss, student, reference, rng)
        if "shapes" not in one.settled:
            callee = getattr(student.gan_pytorch, name)
            expect_loss(callee(*map(Tensor, loss.draw(rng, 4))), loss)

    shapes.__doc__ = f"{name} returns a tensor that is one number."

    @check(f"{stem}.values", "values", part="gan", requires=[f"{stem}.shapes"])
    def values(student: Subject, reference: Subject, rng: Rng) -> None:
        one = case(loss, student, reference, rng)
        if "values" not in one.settled:
            one.compare_losses("values", one.losses("values"))

    values.__doc__ = f"{name} computes the right loss for any batch size."

    @check(f"{stem}.large_values", "large scores", part="gan", requires=[f"{stem}.values"])
    def large_values(student: Subject, reference: Subject, rng: Rng) -> None:
        one = case(loss, student, reference, rng)
        if "large_values" not in one.settled:
            one.compare_losses("large_values", one.losses("large_values"), loss.hint)
            one.compare_gradients("large_values", one.gradients("large_values"))

    large_values.__doc__ = f"{name} and its gradient hold for scores of magnitude 100 and more."

    @check(f"{stem}.gradients", "gradients", part="gan", requires=[f"{stem}.values"])
    def gradients(student: Subject, reference: Subject, rng: Rng) -> None:
        one = case(loss, student, reference, rng)
        if "gradients" not in one.settled:
            one.compare_gradients("gradients", one.gradients("gradients"))

    gradients.__doc__ = f"{name} passes the right gradient to every score."

    @check(f"{stem}.precision", "precision", part="gan", requires=[f"{stem}.values"])
    def precision(student: Subject, reference: Subject, rng: Rng, advise: Callable[[str], None]) -> None:
        one = case(loss, student, reference, rng)
        if one.settled >= {"single", "precision"}:
            return
        one.compare_losses("single", one.losses("single"))
        try:
            one.compare_losses("precision", one.losses("precision"))
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
