"""Multi-head attention as the checks see it: how its parameters, inputs and masks are drawn, and layers in which
the attention weights themselves can be read off the output.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from checks.building import on_new_if_wrong
from checks.calls import trusted
from checks.declare import Rng
from checks.modules import Build, Case, Job, Setup, compare_forward, forward, run, six_sigma
from checks.random_sizes import Sizes, text
from grader.compare import expect_array, expect_close
from grader.errors import FATAL, Failed, Verdict
from grader.values import Array, ScalarValue, Value

if TYPE_CHECKING:
    from grader.subject import Subject

LINEAR = ("key", "query", "value", "proj")
FUNCTION = "MultiHeadAttention.forward"
SIZES = {"N": 3, "S": 4, "H": 2, "D": 3, "E": 6}
MASKED = ", under a mask"
DROP, ROWS, HEADS, LENGTH = 0.3, 8, 2, 8  # of the layer in which dropped weights are counted: 1024 weights


def parameters(rng: Rng, E: int) -> dict[str, Array]:
    """Weights (E, E) and biases (E,) of the four linear layers; scores of a few units, so softmax is far from even."""
    weights = {f"{name}.weight": 1.5 * rng.standard_normal((E, E)) / np.sqrt(E) for name in LINEAR}
    return {**weights, **{f"{name}.bias": 0.5 * rng.standard_normal(E) for name in LINEAR}}


def layer(E: int, heads: int, dropout: float = 0.0) -> Build:
    """A layer; without dropout unless it is given."""
    return Build("transformer_layers", "MultiHeadAttention", [E, heads], {"dropout": dropout})


def inputs(rng: Rng, sizes: Sizes, mask: Array | None = None) -> Case:
    """query (N, S, E), key and value (N, T, E), all different; T is S unless it is given."""
    N, S, E = sizes["N"], sizes["S"], sizes["E"]
    T = sizes.get("T", S)
    shapes = {"query": (N, S, E), "key": (N, T, E), "value": (N, T, E)}
    drawn: dict[str, Array | None] = {name: rng.standard_normal(shape) for name, shape in shapes.items()}
    return Case(kwargs=drawn if mask is None else {**drawn, "attn_mask": mask})


def job(
    rng: Rng, sizes: Sizes, context: str = "", *masks: Array | None, dtype: str = "float64", tolerance: str = "value"
) -> Job:  # fmt: skip
    """Calls on fresh parameters and inputs: one, or one for each mask."""
    setup, cases = (
        Setup(parameters(rng, sizes["E"]), dtype),
        [inputs(rng, sizes, m) for m in masks or (None,)],
    )
    return Job(layer(sizes["E"], sizes["H"]), setup, cases, [context] * len(cases), sizes, tolerance)


def embedded(sizes: Sizes) -> dict[str, int]:
    """The sizes with E = H * D added."""
    return {**sizes, "E": sizes["H"] * sizes["D"]}


def masks(rng: Rng, S: int) -> dict[str, Array]:
    """Square boolean masks by description; every row has an open key (a closed row has no defined output)."""
    own = np.eye(S, dtype=bool)
    random = rng.random((S, S)) < 0.5
    random[np.arange(S), rng.integers(S, size=S)] = True
    return {
        "a fully open mask": np.ones((S, S), dtype=bool),
        "a causal mask": np.tril(np.ones((S, S), dtype=bool)),
        "a random mask": random,
        "a mask that leaves each position only itself": own,
    }


def readable(rng: Rng, heads: int, T: int) -> tuple[dict[str, Array], Array]:
    """Parameters with E = 2 heads T, and values (T, E), for which the output holds the attention weights.

    In each head the value of key t is (e_t, e_t): its output row is the row of weights, twice. Dropout on the weights
    drops both copies together; dropout anywhere behind them does not.
    """
    E = 2 * heads * T
    params = parameters(rng, E)
    for name in ("value", "proj"):
        params[f"{name}.weight"], params[f"{name}.bias"] = np.eye(E), np.zeros(E)
    return params, np.tile(np.eye(T), (1, 2 * heads))


def weights_of(output: Array, heads: int) -> Array:
    """From the output (N, S, 2 heads T) of a readable layer the two copies of the weights: (2, N, heads, S, T)."""
    N, S, E = output.shape
    return output.reshape(N, S, heads, 2, E // heads // 2).transpose(3, 0, 2, 1, 4)


def replaced(case: Case, changes: Mapping[str, Array]) -> Case:
    """The case with other arrays for some arguments."""
    return Case(case.args, {**case.kwargs, **changes})


@dataclass(frozen=True)
class Masked:
    """Calls of one layer with different masks."""

    sizes: Sizes
    job: Job
    masks: Sequence[Array | None]


def masked(rng: Rng, sizes: Sizes) -> Masked:
    """One call for each kind of mask, one with large scores, and one without a mask after all these."""
    setup, kinds = Setup(parameters(rng, sizes["E"])), dict[str, Array | None](masks(rng, sizes["S"]))
    cases = [inputs(rng, sizes, mask) for mask in kinds.values()]
    kinds["a causal mask and scores of some thousands"] = causal = kinds["a causal mask"]
    cases.append(inputs(rng, sizes, causal))
    cases[-1] = replaced(cases[-1], {"query": 1500 * np.asarray(cases[-1].kwargs["query"])})
    kinds["no mask, after calls of the same layer with masks"] = None
    cases.append(inputs(rng, sizes))
    contexts = [f"with {description} ({text(sizes)})" for description in kinds]
    job = Job(layer(sizes["E"], sizes["H"]), setup, cases, contexts, sizes)
    return Masked(sizes, job, list(kinds.values()))


def compare_masks(student: Subject, reference: Subject, many: Sequence[Masked]) -> None:
    """Layers give the right output for each kind of mask; a wrong one is read against other uses of the mask."""
    jobs = [one.job for one in many]

    def attempt() -> None:
        actual, expected = run(student, jobs, FUNCTION), run(reference, jobs, FUNCTION)
        for one, gotten, rights in zip(many, actual, expected, strict=True):
            _expect_masked(reference, one, gotten, rights)

    on_new_if_wrong(student, attempt)


def _expect_masked(
    reference: Subject, masked: Masked, actual: Sequence[Value], expected: Sequence[Value]
) -> None:
    job, sizes = masked.job, masked.sizes
    for context, mask, case, got, right in zip(
        job.contexts, masked.masks, job.cases, actual, expected, strict=True
    ):
        try:
            expect_close(
                got, trusted(right), name="output", function=FUNCTION, origin="torch", context=context, axes=sizes,
                given={**case.arrays, **job.setup.params},
            )  # fmt: skip
        except Failed as failed:
            data = getattr(got, "data", None)
            if mask is None:
                failed.hint = "Does a mask live on from an earlier call?"
            elif isinstance(data, np.ndarray):
                failed.hint = _other_reading(reference, job, case, mask, data) or failed.hint
            raise


def _other_reading(reference: Subject, job: Job, case: Case, mask: Array, actual: Array) -> str:
    """What a wrong output is right for: no mask, the opposite one, the transposed one."""
    readings = {
        "This is the output without any mask.": np.ones_like(mask),
        "This is the output for the opposite mask: where it is 0 (False), the key is closed.": ~mask,
        "This is the output for the transposed mask: row s says which keys query s may see.": mask.T,
    }
    cases = [replaced(case, {"attn_mask": other}) for other in readings.values()]
    outputs = forward(reference, job.module, job.setup, cases, FUNCTION)
    for sentence, output in zip(readings, outputs, strict=True):
        right = trusted(output)
        if right.shape == actual.shape and np.allclose(right, actual, rtol=1e-6, atol=1e-9):
            return sentence
    return ""


def advise_on_masks(student: Subject, reference: Subject, rng: Rng, advise: Callable[[str], None]) -> None:
    """Advises on masks that correct work need not take: of numbers, and for keys of another length."""
    square = masks(rng, 4)["a random mask"]
    wide = {**SIZES, "T": 5}
    open_somewhere = np.column_stack([square, np.ones(4, dtype=bool)])
    kinds = {
        "a mask of floating-point numbers 0 and 1": (square.astype(np.float64), SIZES),
        "a mask of integers 0 and 1": (square.astype(np.int64), SIZES),
        "a mask (S, T) for keys of another length than the query": (open_somewhere, wide),
    }
    jobs = {description: job(rng, sizes, "", mask) for description, (mask, sizes) in kinds.items()}
    try:
        return compare_forward(student, reference, list(jobs.values()), function=FUNCTION)
    except FATAL:
        pass  # which of them it was is found by the process that comes after
    except Verdict:
        pass
    for description, one in jobs.items():
        try:
            compare_forward(student, reference, [one], function=FUNCTION)
        except Verdict:
            advise(
                f"`{FUNCTION}` does not take {description}; `attn_mask == 0` marks closed keys for every kind."
            )


def expect_order(student: Subject, reference: Subject, seed: int) -> None:
    """After the same seed a new layer has the reference's weights."""
    names, build = [f"{name}.weight" for name in LINEAR], layer(4, 2)
    made = build(
        student, seed
    )  # a file that can't be imported, or a constructor that raises, is told as what it is
    mine = student.probe("modules", "parameters", made.packed(student), names)
    right = reference.probe("modules", "parameters", build.packed(reference), names, seed=seed)
    for name in names:
        value, expected = (
            getattr(found, "items", {}).get(name, ScalarValue(None)) for found in (mine, right)
        )
        data = expect_array(value, (4, 4), name=name, function="MultiHeadAttention", origin="torch")
        if not np.allclose(data, trusted(expected), rtol=1e-5):
            raise Failed(
                f"After `torch.manual_seed`, `{name}` of a new `MultiHeadAttention` is not what it is as handed out.",
                "The constructor makes key, query, value and proj in this order, before anything else that is random.",
            )


def expect_dropout(student: Subject, reference: Subject, rng: Rng) -> None:
    """Weights, and weights alone, are dropped in training mode with probability DROP; nothing in evaluation mode.

    Under a mask, too: there the weights that the submission gives without dropout count, since others judge the mask.
    Raises `Failed` saying where the dropout seems to act.
    """
    params, values = readable(rng, HEADS, LENGTH)
    drawn = inputs(rng, {"N": ROWS, "S": LENGTH, "T": LENGTH, "E": values.shape[1]})
    case = replaced(drawn, {"value": np.stack([values] * ROWS)})
    off, on = layer(values.shape[1], HEADS, 0.0), layer(values.shape[1], HEADS, DROP)
    (right,) = forward(reference, off, Setup(params), [case], FUNCTION)
    full, seed = weights_of(trusted(right), HEADS), int(rng.integers(2**31))
    jobs = [Job(on, Setup(params), [case]), Job(on, Setup(params, training=True), [case, case])]
    closed = replaced(case, {"attn_mask": np.tril(np.ones((LENGTH, LENGTH), dtype=bool))})
    masked = [
        Job(off, Setup(params), [closed]),
        Job(on, Setup(params), [closed]),
        Job(on, Setup(params, training=True), [closed]),
    ]

    def attempt() -> None:
        (still,), moving = map(_weights, run(student, jobs, FUNCTION, seed))
        _expect_still(still, full[0])
        _expect_weights_dropped(moving[0], full)
        _expect_independent(moving[0][0] == 0, moving[1][0] == 0)

    def attempt_masked() -> None:
        try:
            (own,), (still,), (moved,) = map(_weights, run(student, masked, FUNCTION, seed))
        except FATAL:
            raise
        except Verdict:
            return  # for the check of masks
        _expect_still(still, own[0], MASKED)
        _expect_weights_dropped(moved, own, MASKED)

    on_new_if_wrong(student, attempt)
    on_new_if_wrong(student, attempt_masked)


def _weights(outputs: Sequence[Value]) -> list[Array]:
    shape = (ROWS, LENGTH, 2 * HEADS * LENGTH)
    arrays = [expect_array(out, shape, name="output", function=FUNCTION, origin="torch") for out in outputs]
    return [weights_of(array, HEADS) for array in arrays]


def _expect_still(weights: Array, full: Array, context: str = "") -> None:
    if not np.allclose(weights[0], full, rtol=1e-4, atol=1e-7):
        raise Failed(
            f"`{FUNCTION}` drops something in evaluation mode too{context}.",
            "After `eval()` nothing is dropped: an `nn.Dropout` knows the mode, `F.dropout` must be told.",
        )


def _expect_weights_dropped(weights: Array, full: Array, context: str = "") -> None:
    dropped, there = np.abs(weights) < 1e-12, np.abs(full[0]) > 1e-12
    share = float(dropped[0][there].mean()) if there.any() else DROP
    if not (dropped & there).any():
        raise Failed(
            f"`{FUNCTION}` drops nothing in training mode (dropout={DROP}){context}.",
            "Dropout belongs on the attention weights, between the softmax and the product with the values.",
        )
    if not np.array_equal(dropped[0], dropped[1]):
        raise Failed(
            f"`{FUNCTION}` drops something other than whole attention weights in training mode{context}.",
            "A dropped weight takes away all of a key's value at once: drop between the softmax and the values.",
        )
    kept = np.where(dropped, 0, full / (1 - DROP))
    count = int(there.sum())
    if abs(share - DROP) * count > six_sigma(count, DROP):
        raise Failed(
            f"`{FUNCTION}` drops {share:.0%} of the attention weights in training mode{context}; "
            f"expected about {DROP:.0%}.",
            "Use the probability given to the constructor, once.",
        )
    if not np.allclose(weights, kept, rtol=1e-4, atol=1e-7):
        raise Failed(
            f"The attention weights that `{FUNCTION}` keeps in training are not 1/(1-p) times those of evaluation"
            f"{context}.",
            "Drop after the softmax, whose rows sum to 1: what is dropped before it changes all weights of the row.",
        )


def _expect_independent(first: Array, second: Array) -> None:
    """Dropped weights (N, H, S, T) of two calls."""
    axes = ("row of the batch", "head", "query", "key")
    for axis, name in enumerate(axes):
        if all(np.array_equal(first.take(0, axis), first.take(i, axis)) for i in range(first.shape[axis])):
            raise Failed(
                f"`{FUNCTION}` drops the same attention weights for every {name}.",
                "Each weight is dropped by itself: apply dropout to the whole (N, H, S, T) tensor.",
            )
    if np.array_equal(first, second):
        raise Failed(
            f"`{FUNCTION}` drops the same attention weights in every call.",
            "Is a random seed set inside `forward`?",
        )
