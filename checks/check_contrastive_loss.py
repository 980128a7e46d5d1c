"""SimCLR's similarities and contrastive loss (contract, section 8).

Freedoms: `sim` takes vectors of shape (D,), many refuse (1, D); the naive loss may have no gradient; a loss may have
one element in any shape; a few units in the last place are nothing; loops in the vectorised loss and an overflow
of exp(1/tau) in float32 are advice. A function that is built from a wrong one is judged with a stand-in for that one.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from checks import calls
from checks.cases import each
from checks.declare import Rng, check
from checks.modules import ROUNDED
from checks.random_sizes import EXAMPLES, Sizes, for_random_sizes
from checks.similarity import (
    MATRIX,
    NAIVE,
    PAIRS,
    SIM,
    VECTORIZED,
    Case,
    Quantity,
    against_reference,
    agree,
    alike,
    apply,
    case,
    read,
    rows,
    temperature,
    tensor,
)
from grader.compare import expect_array, expect_unchanged
from grader.errors import FATAL, CallError, Failed
from grader.values import Array, ArrayValue, ScalarValue, SequenceValue, Value

if TYPE_CHECKING:
    from grader.subject import Subject

PART = "simclr"
TYPICAL = {"N": 3, "D": 4}
SMALL_TAU = 0.1
RANGES = {"N": (2, 5), "D": (2, 6)}
LARGE, LOOPED = {"N": 9, "D": 3}, {"N": 6, "D": 3}  # more pairs than dimensions; loops take time as N^2
EDGES = (
    {"N": 1, "D": 4},
    {"N": 1, "D": 1},
    {"N": 3, "D": 1},
    {"N": 4, "D": 4},
    {"N": 2, "D": 4},
)


def _checks_of(quantity: Quantity) -> dict[str, Callable[..., None]]:
    """The checks that all five functions get."""
    name = quantity.name
    shared: dict[str, Any] = {"part": PART, "uses": quantity.ids_used}
    after_shapes, after_values = [f"{quantity.id}.shapes"], [f"{quantity.id}.values"]

    @check(f"{quantity.id}.shapes", "returns what it should", **shared)
    def shapes(student: Subject, reference: Subject, rng: Rng, advise: Any) -> None:
        (value,) = apply(student, quantity, [case(quantity, rng, TYPICAL, 0.5)])
        read(value, quantity.shape(TYPICAL), quantity)
        _advise_form(value, quantity, advise)

    @check(f"{quantity.id}.values", "values", requires=after_shapes, **shared)
    def values(student: Subject, reference: Subject, rng: Rng, advise: Any) -> None:
        _for_random_cases(rng, quantity, partial(against_reference, student, reference, quantity))

    @check(f"{quantity.id}.edge_cases", "edge cases", requires=after_values, **shared)
    def edge_cases(student: Subject, reference: Subject, rng: Rng, advise: Any) -> None:
        temperatures = (0.05, 50.0) if quantity.tau else (1.0,)
        cases = [case(quantity, rng, sizes, tau) for sizes in EDGES for tau in temperatures]
        cases += [case(quantity, rng, LOOPED if quantity is NAIVE else LARGE, temperatures[0])]
        cases = [alike(c) if c.tau < SMALL_TAU else c for c in cases]
        cases += [_parallel(quantity, rng, factor) for factor in (1.0, -1.0)]
        if quantity.tau:
            cases.append(_twins(quantity, rng))
        each(partial(against_reference, student, reference, quantity), cases)

    @check(f"{quantity.id}.precision", "precision", requires=after_values, **shared)
    def precision(student: Subject, reference: Subject, rng: Rng, advise: Any) -> None:
        inputs = quantity.draw(rng, TYPICAL, scale=100)  # a guard of 1e-8 in a denominator is no fault
        single = Case({k: calls.float32(v) for k, v in inputs.items()}, 0.5, "with float32 inputs", "float32")
        double = Case(inputs, 0.5, "in float64", "precision")
        try:
            against_reference(student, reference, quantity, [single, double])
        except FATAL:
            raise
        except Failed:
            against_reference(student, reference, quantity, [single])
            with contextlib.suppress(Failed):
                against_reference(student, reference, quantity, [double])
                return
            advise(ROUNDED.format(name))

    @check(f"{quantity.id}.inputs_unmodified", "leaves its inputs alone", requires=after_values, **shared)
    def inputs_unmodified(student: Subject, reference: Subject, rng: Rng, advise: Any) -> None:
        inputs = quantity.draw(rng, TYPICAL)
        _, after = getattr(student.contrastive_loss, name).echo(*quantity.arguments(inputs, 0.5))
        for (argument, before), value in zip(inputs.items(), after, strict=False):
            expect_unchanged(before, value, name=argument, function=name)

    shapes.__doc__ = f"{name} returns a tensor of shape ({', '.join(quantity.output)})."
    values.__doc__ = f"{name} computes the right values for any sizes and lengths of vectors."
    edge_cases.__doc__ = f"{name} holds for one pair, one dimension, equal and opposite vectors."
    precision.__doc__ = f"{name} takes float32.\n\nFreedom: float64 may be rounded to float32 on the way."
    inputs_unmodified.__doc__ = f"{name} changes no input."
    found = (shapes, values, edge_cases, precision, inputs_unmodified)
    return {f"check_{name}_{body.__name__}": body for body in found}


def _for_random_cases(
    rng: Rng, quantity: Quantity, compare: Callable[[Sequence[Case]], None], examples: int = EXAMPLES
) -> None:
    """Compares for random sizes, all at once, or one after the other to find the smallest that fails."""

    def draw(sizes: Sizes, generator: Rng) -> Case:
        return case(quantity, generator, sizes, temperature(generator))

    def one(sizes: Sizes, generator: Rng) -> None:
        each(compare, [draw(sizes, generator)])

    def together(drawn: Sequence[tuple[Sizes, Rng]]) -> None:
        compare([draw(*example) for example in drawn])

    for_random_sizes(rng, RANGES, one, examples=examples, together=together)


def _parallel(quantity: Quantity, rng: Rng, factor: float) -> Case:
    """The two sides equal or opposite; of a matrix, the first two rows."""
    inputs = quantity.draw(rng, TYPICAL)
    first, last = next(iter(inputs)), list(inputs)[-1]
    if first == last:
        inputs[first][1] = factor * inputs[first][0]
        return Case(inputs, 0.5, f"with {first}[1] = {factor:g} {first}[0]")
    inputs[last] = factor * inputs[first]
    return Case(inputs, 0.5, f"with {last} = {factor:g} {first}")


def _twins(quantity: Quantity, rng: Rng) -> Case:
    """Two images with the same left vector: each of them is among the other's others."""
    inputs = quantity.draw(rng, TYPICAL)
    inputs["out_left"][1] = inputs["out_left"][0]
    return Case(inputs, 0.5, "with out_left[1] = out_left[0]")


def _advise_form(value: Value, quantity: Quantity, advise: Any) -> None:
    name = quantity.name
    if isinstance(value, ScalarValue):
        advise(f"`{name}` returns a Python number; the notebook calls `.item()` on it: return a tensor.")
    elif quantity.output == () and isinstance(value, ArrayValue) and value.data.shape != ():
        advise(f"`{name}` returns one number in the shape {value.data.shape}; a 0-d tensor is expected.")


for _quantity in (SIM, NAIVE, PAIRS, MATRIX, VECTORIZED):
    globals().update(_checks_of(_quantity))


def _expect(actual: Array, expected: Array | float, name: str, quantity: Quantity) -> None:
    agree(actual, np.asarray(expected), name=name, function=quantity.name)


@check(f"{SIM.id}.properties", "a cosine", part=PART, requires=[f"{SIM.id}.values"])
def check_sim_properties(student: Subject, reference: Subject, rng: Rng) -> None:
    """sim is symmetric, does not see the vectors' lengths, and is 1 for equal, -1 for opposite directions."""
    a, b = rows(rng, (5,)), rows(rng, (5,))
    cases = {"sim(a, b)": (a, b), "sim(b, a)": (b, a), "sim(1000 a, b)": (1000 * a, b),
             "sim(a, 10 a)": (a, 10 * a), "sim(a, -3 a)": (a, -3 * a)}  # fmt: skip
    found = student.contrastive_loss.sim.batch([tuple(map(tensor, pair)) for pair in cases.values()])
    numbers = dict(zip(cases, (read(value, (), SIM) for value in found), strict=True))
    first = numbers["sim(a, b)"]
    for name, expected in (("sim(b, a)", first), ("sim(1000 a, b)", first), ("sim(a, 10 a)", 1.0),
                           ("sim(a, -3 a)", -1.0)):  # fmt: skip
        _expect(numbers[name], expected, name, SIM)


@check(f"{MATRIX.id}.properties", "a matrix of cosines", part=PART, requires=[f"{MATRIX.id}.values"])
def check_compute_sim_matrix_properties(student: Subject, reference: Subject, rng: Rng) -> None:
    """compute_sim_matrix is symmetric with ones on its diagonal, and does not see the rows' lengths."""
    out = rows(rng, (6, 4))
    scaled = out * np.array([[1000], [1], [10], [1], [30], [1]])
    found = student.contrastive_loss.compute_sim_matrix.batch([(tensor(out),), (tensor(scaled),)])
    matrix, other = (read(value, (6, 6), MATRIX) for value in found)
    _expect(matrix, matrix.T, "sim_matrix against its transpose", MATRIX)
    _expect(np.diagonal(matrix), np.ones(6), "the diagonal of sim_matrix", MATRIX)
    _expect(other, matrix, "sim_matrix of rows scaled one by one", MATRIX)


def _invariance(quantity: Quantity) -> Callable[..., None]:
    parts = ([f"{SIM.id}.properties"], [f"{MATRIX.id}.properties", f"{PAIRS.id}.values"])
    needed = [f"{quantity.id}.values", *parts[quantity is VECTORIZED]]

    @check(f"{quantity.id}.properties", "invariances", part=PART, uses=quantity.ids_used, requires=needed)
    def invariances(student: Subject, reference: Subject, rng: Rng) -> None:
        left, right, order = rows(rng, (3, 3)), rows(rng, (3, 3)), np.array([2, 0, 1])
        longer = left * np.array([[1], [7], [1000]])
        cases = {
            "": (left, right),
            "with left and right swapped": (right, left),
            "with rows scaled": (longer, right),
            "with the pairs in another order": (left[order], right[order]),
        }
        given = [Case({"out_left": a, "out_right": b}, 0.4, name) for name, (a, b) in cases.items()]
        first, *others = (read(value, (), quantity) for value in apply(student, quantity, given))
        for name, number in zip(list(cases)[1:], others, strict=True):
            _expect(number, first, f"loss {name}", quantity)

    invariances.__doc__ = (
        f"{quantity.name} does not see the order of sides or pairs, nor the lengths of rows."
    )
    return invariances


check_naive_properties, check_vectorized_properties = _invariance(NAIVE), _invariance(VECTORIZED)


def _gradient(quantity: Quantity) -> Callable[..., None]:
    @check(f"{quantity.id}.gradient", "gradient", part=PART, requires=[f"{quantity.id}.values"])
    def gradient(student: Subject, reference: Subject, rng: Rng) -> None:
        inputs, seed = quantity.draw(rng, TYPICAL), int(rng.integers(2**31))
        arrays = [tensor(array) for array in inputs.values()]
        right = reference.probe("simclr", "slopes", quantity.name, arrays, seed)
        try:
            mine = student.probe("simclr", "slopes", quantity.name, arrays, seed)
        except CallError as error:
            error.message = error.message.replace("slopes", quantity.name, 1)
            raise
        if not isinstance(mine, SequenceValue) or len(mine.items) != len(inputs):
            raise Failed(
                f"The result of `{quantity.name}` carries no gradient: the loss built from it can't be trained.",
                "`.item()`, `.detach()`, `.data`, numpy or `torch.no_grad()` cut it off.",
            )
        for name, value, expected in zip(inputs, mine.items, calls.items_of(right), strict=True):
            label = f"gradient of {name}"
            data = expect_array(value, inputs[name].shape, name=label, function=quantity.name, origin="torch")
            agree(data, calls.trusted(expected), name=label, function=quantity.name, tolerance="gradient")

    gradient.__doc__ = (
        f"{quantity.name} can be differentiated with respect to each input, also through the lengths."
    )
    return gradient


check_positive_pairs_gradient, check_sim_matrix_gradient = _gradient(PAIRS), _gradient(MATRIX)

LOSS = VECTORIZED.id
SHARED: dict[str, Any] = {"part": PART, "uses": VECTORIZED.ids_used}


@check(f"{LOSS}.gradient", "gradient", requires=[f"{LOSS}.shapes", f"{LOSS}.values"], **SHARED)
def check_vectorized_gradient(student: Subject, reference: Subject, rng: Rng, advise: Any) -> None:
    """simclr_loss_vectorized can be differentiated with respect to both sides, and its gradient is right."""

    def compare(cases: Sequence[Case]) -> None:
        for one, actual, expected in zip(
            cases, _gradients(student, cases), _gradients(reference, cases), strict=True
        ):
            for name, right in expected.items():
                agree(
                    actual[name], right, name=name, function=VECTORIZED.name,
                    tolerance="gradient", context=one.context, axes={"N": len(right)},
                )  # fmt: skip

    _for_random_cases(rng, VECTORIZED, compare, examples=4)


def _gradients(subject: Subject, cases: Sequence[Case]) -> list[dict[str, Array]]:
    """The gradients with respect to both sides, for each case."""
    given = [[*map(tensor, one.inputs.values()), one.tau] for one in cases]
    try:
        found = subject.probe("simclr", "loss_gradients", given)
    except CallError as error:
        error.message = error.message.replace("loss_gradients", VECTORIZED.name, 1)
        raise
    return [_sides(value, one) for value, one in zip(calls.items_of(found, len(cases)), cases, strict=True)]


def _sides(value: Value, one: Case) -> dict[str, Array]:
    if not isinstance(value, SequenceValue) or len(value.items) != len(one.inputs):
        raise Failed(
            "The result of `simclr_loss_vectorized` carries no gradient, so that nothing can be trained with it.",
            "`.item()`, `.detach()`, numpy or `torch.tensor(...)` around computed values cut it off.",
        )
    return {
        name: expect_array(item, array.shape, name=name, function=VECTORIZED.name, origin="torch")
        for (name, array), item in zip(
            ((f"d loss / d {side}", array) for side, array in one.inputs.items()), value.items, strict=True
        )
    }


@check(f"{LOSS}.device", "device", requires=[f"{LOSS}.values"], **SHARED)
def check_vectorized_device(student: Subject, reference: Subject, rng: Rng, advise: Any) -> None:
    """simclr_loss_vectorized works on the device that it is given, also as a torch.device.

    Loops, and an overflow at a temperature of 0.01 in float32, are only advised on.
    """
    drawn = VECTORIZED.draw(rng, {"N": 48, "D": 8})
    kind = student.probe("simclr", "device", "cpu", returns="device*")
    single = [tensor(calls.float32(array)) for array in drawn.values()]
    callee, before = student.contrastive_loss.simclr_loss_vectorized, (student.seconds, reference.seconds)
    value = read(callee(*single, 0.5, device=calls.argument(kind)), (), VECTORIZED)
    (expected,) = map(calls.trusted, apply(reference, VECTORIZED, [Case(drawn, 0.5, "")]))
    spent, usual = student.seconds - before[0], reference.seconds - before[1]
    context = "with device=torch.device('cpu')"
    agree(value, expected, name="loss", function=VECTORIZED.name, tolerance="float32", context=context)
    if spent > 0.05 and spent > 20 * usual:
        advise(f"`{VECTORIZED.name}` takes {spent:.2g} s for 48 pairs: is there a loop left in it?")
    sharp = callee(*single, 0.01, device="cpu")
    if isinstance(sharp, ArrayValue) and not np.isfinite(sharp.data).all():
        advise(f"`{VECTORIZED.name}` overflows at tau = 0.01 in float32: `torch.logsumexp` does not.")
