"""Positional encoding as the checks see it: tables against the reference's, sums with a table that is drawn here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from checks.building import on_new_if_wrong
from checks.calls import trusted
from checks.declare import Rng
from checks.modules import Build, Case, Job, Outputs, Setup, items, run, six_sigma
from checks.random_sizes import Sizes
from grader.compare import expect_array, measure
from grader.errors import Failed
from grader.values import Array, ArrayValue, Value

if TYPE_CHECKING:
    from grader.subject import Subject

INIT, FORWARD = "PositionalEncoding.__init__", "PositionalEncoding.forward"
NEAR, PER_POSITION = 5e-5, 2e-7  # allowed error of an element, and its growth: 1e-3 at position 5000
DROP = 0.3


def layer(E: int, dropout: float = 0.0, max_len: int | None = None) -> Build:
    """A layer for sequences of up to `max_len` positions."""
    options = {} if max_len is None else {"max_len": max_len}
    return Build("transformer_layers", "PositionalEncoding", [E], {"dropout": dropout, **options})


def compare_tables(
    student: Subject, reference: Subject, sizes: Sequence[tuple[int, int | None]], contexts: Sequence[str]
) -> None:
    """The student's `pe` holds the reference's numbers, to an allowance that grows with the position.

    For each embed_dim and max_len.
    """
    builds = [layer(E, max_len=length) for E, length in sizes]
    mine, rights = (
        items(s.probe("modules", "buffers", [b.packed(s) for b in builds], "pe"), INIT, len(sizes))
        for s in (student, reference)
    )
    for (E, length), context, value, right in zip(sizes, contexts, mine, rights, strict=True):
        _expect_table(value, trusted(right).astype(np.float64), (1, length or 5000, E), context)


def _expect_table(value: Value, expected: Array, shape: tuple[int, int, int], context: str) -> None:
    actual = expect_array(value, shape, name="pe", function=INIT, origin="torch")
    allowance = np.broadcast_to((NEAR + PER_POSITION * np.arange(shape[1]))[None, :, None], shape)
    mismatch = measure(actual, expected, allowance, name="pe")
    if mismatch.different:
        raise Failed(
            f"`pe` from `{INIT}` is wrong in {mismatch.different} of {mismatch.total} elements (greatest difference "
            f"{mismatch.greatest_absolute}, for example at {list(mismatch.worst[0].index)}), {context}.",
            _hint(actual, expected, allowance),
            (mismatch,),
        )


def _hint(actual: Array, expected: Array, allowance: Array) -> str:
    def right(a: Array, b: Array) -> bool:
        return bool(np.all(np.abs(a - b) <= allowance[:, : a.shape[1], : a.shape[2]]))

    if not actual.any():
        return "`pe` is all zeros: is it filled before it is registered?"
    if right(actual[..., 0::2], expected[..., 1::2]) and right(actual[..., 1::2], expected[..., 0::2]):
        return "Sine and cosine are swapped."
    if right(actual[..., 0::2], expected[..., 0::2]):
        return (
            "The even columns are right: look at the odd ones, which use the exponent of the column before."
        )
    if right(actual[..., 1::2], expected[..., 1::2]):
        return "The odd columns are right: look at the even ones."
    if right(actual[:, 1:], expected[:, :-1]):
        return "Positions are off by one: the first is position 0."
    if right(actual[:, :, :2], expected[:, :, :2]):
        return "The first two columns are right: look at how the exponent depends on the column and on embed_dim."
    return "Compare the angle with the formula: position times 10000 to the power -j / embed_dim, j even."


def sums(rng: Rng, sizes: Sizes, context: str, dtype: str = "float64", tolerance: str = "value") -> Job:
    """x plus the first S rows of a random table: right whatever the student's own table holds."""
    N, S, E, length = sizes["N"], sizes["S"], 2 * sizes["pairs"], sizes["S"] + sizes["more"]
    setup = Setup({"pe": rng.standard_normal((1, length, E))}, dtype)
    x = rng.standard_normal((N, S, E))
    return Job(layer(E, max_len=length), setup, [Case([x])], [context], {"N": N, "T": S}, tolerance)


def sums_in_turn(rng: Rng, sizes: Sizes) -> Job:
    """One layer, called with sequences of several lengths: none leaves anything behind for the next."""
    N, E = sizes["N"], 2 * sizes["pairs"]
    lengths = (3, 7, 1, 5)
    setup = Setup({"pe": rng.standard_normal((1, max(lengths), E))})
    cases = [Case([rng.standard_normal((N, S, E))]) for S in lengths]
    said = ", then ".join(map(str, lengths))
    contexts = [f"with {S} positions, where one layer sees {said} of them" for S in lengths]
    return Job(layer(E, max_len=max(lengths)), setup, cases, contexts, {"N": N})


def expect_float32_kept(out: Value) -> None:
    """As it is built, the layer gave float32 for float32: the linear layers that follow take nothing else."""
    if isinstance(out, ArrayValue) and out.data.dtype == np.float64:
        raise Failed(
            f"`{FORWARD}` makes float64 of float32 inputs: the layers after it, which are float32, refuse that.",
            "Is the table `pe` made in float64, as from numpy? `.float()` it before it is registered.",
        )


def expect_dropout(student: Subject, rng: Rng) -> None:
    """Elements of the sum are dropped in training mode, with the constructor's probability; none in evaluation mode."""
    x, table = rng.standard_normal((4, 12, 16)), rng.standard_normal((1, 15, 16))
    module, case, seed = layer(16, DROP, 15), Case([x]), int(rng.integers(2**31))
    jobs = [
        Job(module, Setup({"pe": table}), [case]),
        Job(module, Setup({"pe": table}, training=True), [case, case]),
    ]
    on_new_if_wrong(student, lambda: _expect_sum_dropped(run(student, jobs, FORWARD, seed), x, table[:, :12]))


def _expect_sum_dropped(outputs: Outputs, x: Array, table: Array) -> None:
    still, first, second = (
        expect_array(o, x.shape, name="output", function=FORWARD, origin="torch")
        for job in outputs
        for o in job
    )
    if not np.allclose(still, x + table):
        raise Failed(
            f"`{FORWARD}` drops something in evaluation mode too.",
            "After `eval()` nothing is dropped: `self.dropout` knows the mode, `F.dropout` must be told.",
        )
    _expect_share_dropped(first, x, table)
    if np.array_equal(first, second):
        raise Failed(
            f"`{FORWARD}` drops the same elements in every call.", "Is a random seed set inside `forward`?"
        )
    dropped = np.abs(first) < 1e-12  # (4, 12, 16)
    for axis, what in enumerate(("every row of the batch", "every position", "every dimension")):
        if (dropped == dropped.take([0], axis)).all():
            raise Failed(
                f"`{FORWARD}` drops the same elements for {what}.",
                "Each element is dropped by itself: apply dropout to the whole sum (N, S, E).",
            )


def _expect_share_dropped(out: Array, x: Array, table: Array) -> None:
    total = x + table
    dropped = np.abs(out) < 1e-12
    if np.allclose(out, total):
        raise Failed(
            f"`{FORWARD}` drops nothing in training mode (dropout={DROP}).", "Apply the given `self.dropout`."
        )
    if not dropped.any():
        raise Failed(
            f"`{FORWARD}` drops something other than elements of the sum in training mode.",
            "Dropout comes last: add the encodings to x first.",
        )
    share, count = float(dropped.mean()), dropped.size
    if abs(share - DROP) * count > six_sigma(count, DROP):
        raise Failed(
            f"`{FORWARD}` drops {share:.0%} of the elements in training mode; expected about {DROP:.0%}.",
            "Use the probability given to the constructor, once.",
        )
    if not np.allclose(out, np.where(dropped, 0, total / (1 - DROP)), rtol=1e-4, atol=1e-6):
        raise Failed(
            f"What `{FORWARD}` keeps in training mode is not the sum divided by 1-p.",
            "Dropout acts on the whole sum: add the encodings to x first.",
        )
