"""Numerical gradients of a submission's own forward pass, cheap enough to run on everything.

One random direction u through all inputs at once gives d/dt F(x + t u) = <grad F, u>, for F = sum(upstream * out):
four evaluations in one frame, whatever the number of elements, acquit what agrees to the last digits that count.
Directions are Gaussian, since two errors that cancel along a +-1 direction are missed half of the time. Only what
does not agree is looked at again, with sixteen evaluations to a direction: the step is chosen by a ladder, and its own
disagreement widens the allowance, so that a kink or single precision on the way is never blamed on the student.
Only a mismatch there is looked at array by array, and then element by element.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from checks.declare import Rng
from grader.brief import is_brief
from grader.compare import measure, tolerance_of
from grader.diagnose import Evidence, pattern
from grader.errors import Failed, NotRecorded
from grader.values import Array

STEPS = (1e-3, 1e-4, 1e-5, 1e-6)
KINK = 1e-2  # an uncertainty above this share of the gradient's norm decides nothing
CAUTION = 10  # allowance in units of the uncertainty: single precision on the way stays inside
SLIGHT = 1e4  # tolerances of the joint direction: a gradient that is greater was no small part of it
NEAR = 1e-5  # a numerical gradient is what it is up to this, relative to its greatest element
MOST_LOOKED_AT = 5  # arrays that are differentiated element by element to find a pattern
ELEMENTS = 40  # of an array that are differentiated one by one for the report

Inputs = Mapping[str, Array]
Known = Callable[[], Mapping[str, Array]]
Evaluate = Callable[[Sequence[Inputs]], Array]  # F at each of the inputs


@dataclass(frozen=True)
class Slope:
    """A directional derivative and how far it may be off, judged by the ladder itself."""

    value: float
    uncertainty: float


def ladder(evaluate: Evaluate, inputs: Inputs, direction: Inputs) -> Slope:
    """The derivative of F along `direction`: Richardson's estimate at the most certain step.

    A step is as uncertain as its own disagreement between h and h/2, as the rounding that smaller steps show
    (rounding grows as 1/h, so theirs counts h_small/h times), and as its distance from the next larger step.
    Alone, two rounded values may agree by chance: on the grid of single precision the smallest step often does, so
    it shows rounding and is never chosen.
    """
    return ladders(evaluate, inputs, [direction])[0]


def ladders(evaluate: Evaluate, inputs: Inputs, directions: Sequence[Inputs]) -> list[Slope]:
    """`ladder` along each direction, from one evaluation of all points."""
    offsets = [sign * h * part for h in STEPS for part in (1.0, 0.5) for sign in (1, -1)]
    points = [_moved(inputs, direction, t) for direction in directions for t in offsets]
    return [_slope(F) for F in evaluate(points).reshape(len(directions), len(STEPS), 2, 2)]


def _slope(F: Array) -> Slope:
    """F by step, by part of the step (1, 1/2), by sign."""
    h = np.array(STEPS)
    whole = (F[:, 0, 0] - F[:, 0, 1]) / (2 * h)
    half = (F[:, 1, 0] - F[:, 1, 1]) / h
    disagreement = np.abs(whole - half)
    uncertain = np.array([(disagreement[i:] * h[i:]).max() / h[i] for i in range(len(STEPS) - 1)])
    estimate = (4 * half - whole) / 3
    jump = np.abs(np.diff(estimate))  # from one step to the next smaller one
    uncertain = np.maximum(uncertain, jump[[0, *range(len(uncertain) - 1)]])
    best = int(np.argmin(uncertain))
    return Slope(float(estimate[best]), float(uncertain[best]))


WIDEST = (STEPS[0], -STEPS[0], STEPS[0] / 2, -STEPS[0] / 2)  # offsets at which F acquits


def acquitted(F: Sequence[float] | Array, analytic: Mapping[str, Array], direction: Inputs) -> bool:
    """Whether the gradient agrees at the widest step already, along one direction; F at the offsets `WIDEST`.

    Nothing is widened here: an error is missed when its share along a Gaussian direction is within the tolerance, for
    an error a thousand times as large less than once in a thousand times.
    """
    whole, half = (F[0] - F[1]) / (2 * WIDEST[0]), (F[2] - F[3]) / (2 * WIDEST[2])
    return _fits(analytic, direction, Slope(float((4 * half - whole) / 3), 0.0)) is True


def depends(analytic: Mapping[str, Array]) -> bool:
    """Whether F depends on each array, if this gradient was acquitted: a slight part of it shows nothing."""
    norms = [float((gradient**2).sum()) ** 0.5 for gradient in analytic.values()]
    return bool(min(norms) > SLIGHT * tolerance_of("numerical").relative * max(norms))


def _acquits(evaluate: Evaluate, inputs: Inputs, analytic: Mapping[str, Array], rng: Rng) -> bool:
    along = direction(inputs, analytic, rng)
    return acquitted(evaluate([_moved(inputs, along, t) for t in WIDEST]), analytic, along)


def _moved(inputs: Inputs, direction: Inputs, t: float) -> dict[str, Array]:
    return {k: v + t * direction[k] if k in direction else v for k, v in inputs.items()}


def expect_own_gradient(
    evaluate: Evaluate,
    inputs: Inputs,
    analytic: Mapping[str, Array],
    rng: Rng,
    *,
    names: Mapping[str, str],
    function: str,
    forward: str,
    context: str = "",
    known: Known | None = None,
) -> bool:
    """`analytic[k]` is the gradient of F with respect to `inputs[k]`, for every k.

    `names[k]` is what the gradient is called ("dWx"); `known` gives the gradient of the right forward pass, which
    explains a failure better and sooner than numbers where the submission's own forward pass has it, too.
    Returns False when the numbers decide nothing (a kink, or rounding so coarse that no step works). Raises `Failed`
    naming the array and the element.
    """

    def two_differ() -> list[bool | None]:
        directions = [direction(inputs, analytic, rng) for _ in range(2)]
        slopes = ladders(evaluate, inputs, directions)
        agree = [_fits(analytic, *pair) for pair in zip(directions, slopes, strict=True)]
        return [None if verdict is None else not verdict for verdict in agree]

    if _acquits(evaluate, inputs, analytic, rng):
        return True
    verdicts = two_differ()
    if any(verdicts):
        verdicts += two_differ()  # rounding in single precision fools one direction in a thousand
    if verdicts.count(True) < 2:
        return None not in verdicts
    if is_brief():
        raise Failed(f"`{function}` does not give the gradient of your own `{forward}`.")
    right = _right(known, evaluate, inputs, rng)
    if right is not None:
        wrong = [k for k in analytic if _wrong(analytic[k], right[k]).any()]
    else:
        wrong = [k for k in analytic if _differs(evaluate, inputs, analytic, k, rng)]
    said = _Told(names, function, forward, context)
    _explain(evaluate, inputs, analytic, rng, wrong or list(analytic), right, said)
    return False


def _right(known: Known | None, evaluate: Evaluate, inputs: Inputs, rng: Rng) -> Mapping[str, Array] | None:
    """What `known` gives, if it is the gradient of F."""
    if known is None:
        return None
    try:
        right = known()
    except NotRecorded:
        return None
    return right if _agrees(evaluate, inputs, right, direction(inputs, right, rng)) else None


def _differs(evaluate: Evaluate, inputs: Inputs, analytic: Mapping[str, Array], key: str, rng: Rng) -> bool:
    """Whether this array alone is wrong; three directions, as one may be nearly at right angles to the error."""
    return any(_agrees(evaluate, inputs, analytic, direction(inputs, [key], rng)) is False for _ in range(3))


def direction(inputs: Inputs, keys: Sequence[str] | Mapping[str, Array], rng: Rng) -> dict[str, Array]:
    """A Gaussian direction through these of the inputs."""
    return {k: rng.standard_normal(inputs[k].shape) for k in keys}


def _agrees(
    evaluate: Evaluate, inputs: Inputs, analytic: Mapping[str, Array], direction: Inputs
) -> bool | None:
    return _fits(analytic, direction, ladder(evaluate, inputs, direction))


def _fits(analytic: Mapping[str, Array], direction: Inputs, slope: Slope) -> bool | None:
    """True, False, or None when the slope is too uncertain to say."""
    claimed = sum(float((analytic[k] * u).sum()) for k, u in direction.items())
    norm = sum(float((analytic[k] ** 2).sum()) for k in direction) ** 0.5
    norm = max(norm, abs(slope.value), 1e-12)
    if not np.isfinite(slope.value) or slope.uncertainty > KINK * norm:
        return None
    allowance = max(tolerance_of("numerical").relative * norm, CAUTION * slope.uncertainty)
    return bool(abs(claimed - slope.value) <= allowance)


class _Told(NamedTuple):
    """How a failure speaks of what was compared."""

    names: Mapping[str, str]
    function: str
    forward: str
    context: str


def _explain(
    evaluate: Evaluate,
    inputs: Inputs,
    analytic: Mapping[str, Array],
    rng: Rng,
    wrong: Sequence[str],
    right: Mapping[str, Array] | None,
    told: _Told,
) -> None:
    """Raises `Failed` with the right gradient, or the numerical one of some elements, beside the student's."""

    def expected(key: str) -> Array:
        return _numerical(evaluate, inputs, key, analytic[key], rng) if right is None else right[key]

    key, names = wrong[0], told.names
    name, known = names[key], expected(key)
    mismatch = measure(analytic[key], known, tolerance_of("element").allowance(known), name=name)
    if not mismatch.different:
        mismatch = measure(analytic[key], known, np.full(known.shape, 1e-9), name=name)
    seen = ""
    for other in wrong[:MOST_LOOKED_AT]:
        if not seen and (right is not None or analytic[other].size <= ELEMENTS):
            numbers = known if other == key else expected(other)
            seen = _pattern(inputs, names[other], analytic[other], numbers)
    others = [names[k] for k in wrong if k != key]
    also = f" ({', '.join(f'`{other}`' for other in others)} too)" if others else ""
    place = f", at {list(mismatch.worst[0].index)} most of all" if mismatch.worst else ""
    source = "come from moving one input of your forward pass a little at a time"
    if right is not None:
        source = "are the reference's; moved a little, your forward pass changes as they say"
    raise Failed(
        f"`{name}` from `{told.function}` is not the gradient of your own `{told.forward}`{also}{place}"
        f"{', ' + told.context if told.context else ''}.",
        seen or f"The expected values below {source}.",
        (mismatch,),
    )


def _numerical(evaluate: Evaluate, inputs: Inputs, key: str, analytic: Array, rng: Rng) -> Array:
    """The student's gradient with the numerical one in the place of at most `ELEMENTS` of its elements."""
    flat = rng.permutation(analytic.size)[:ELEMENTS]
    known = analytic.copy()
    known.flat[flat] = _elements(evaluate, inputs, key, flat)
    return known


def _wrong(analytic: Array, known: Array) -> Array:
    found: Array = ~(np.abs(analytic - known) <= tolerance_of("element").allowance(known))
    return found


def _pattern(inputs: Inputs, name: str, analytic: Array, known: Array) -> str:
    """What the gradient looks like beside the right one, when all of that is known; coarser than elsewhere."""
    wrong = _wrong(analytic, known)
    if not wrong.any():
        return ""
    return pattern(Evidence(name, analytic, known, wrong, given=inputs, close=NEAR))


def _elements(evaluate: Evaluate, inputs: Inputs, key: str, flat: Array, h: float = 1e-5) -> Array:
    points = []
    for i in flat:
        for sign in (1, -1):
            moved = inputs[key].copy()
            moved.flat[i] += sign * h
            points.append({**inputs, key: moved})
    F = evaluate(points).reshape(-1, 2)
    return np.asarray((F[:, 0] - F[:, 1]) / (2 * h))
