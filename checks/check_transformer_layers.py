"""`PositionalEncoding` and `MultiHeadAttention` (contract, section 4).

Freedoms: heads may be split by view, permute, einsum, chunk or a loop; what drops weights may have any name and may
be functional; masks are boolean and square for points, other kinds are advice only (the years differ on them); the
table of encodings may be computed by powers or by exp and log, in float32. Rows without an open key are never used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from checks import attention, dtypes, encoding, modules
from checks.attention import FUNCTION, LINEAR, SIZES
from checks.building import on_new_if_wrong
from checks.declare import Rng, check
from checks.encoding import FORWARD, INIT
from checks.modules import Case, Job, Setup
from checks.random_sizes import Sizes, Together, for_random_sizes, text
from grader.compare import compare, expect_array
from grader.errors import Failed
from grader.values import Array

if TYPE_CHECKING:
    from grader.subject import Subject

PART = "transformer"
TABLE, ADD, ATTEND = (f"transformer_layers.{name}" for name in (INIT, FORWARD, FUNCTION))

Examples = Sequence[tuple[Sizes, Rng]]


def _for_random_sizes(
    rng: Rng, dims: Mapping[str, tuple[int, int]], together: Together, examples: int = 5
) -> None:
    """All examples in one round trip; the smallest that fails is looked for one by one."""
    for_random_sizes(rng, dims, lambda sizes, generator: together([(sizes, generator)]), examples, together)


# PositionalEncoding.__init__


@check(f"{TABLE}.shapes", "the table is there", part=PART)
def check_table_shapes(student: Subject, reference: Subject, rng: Rng) -> None:
    """PositionalEncoding holds its table in a buffer `pe` (1, max_len, E), which is no parameter."""
    module = encoding.layer(6, max_len=9)(student)
    parameters, buffers = modules.shapes_of(student, module)
    if "pe" in parameters or "pe" not in buffers:
        raise Failed(
            "`pe` of `PositionalEncoding` is not a buffer.",
            "The given `self.register_buffer('pe', pe)` makes it one: it moves with the module and is never trained.",
        )
    if buffers["pe"] != (1, 9, 6):
        raise Failed(
            f"`pe` of `PositionalEncoding(6, max_len=9)` has shape {buffers['pe']}; expected (1, 9, 6)."
        )


@check(f"{TABLE}.values", "encodings", part=PART, requires=[f"{TABLE}.shapes"])
def check_table_values(student: Subject, reference: Subject, rng: Rng) -> None:
    """PositionalEncoding tabulates sines in even and cosines in odd columns, for any embed_dim and max_len."""

    def together(examples: Examples) -> None:
        sizes = [(2 * drawn["pairs"], drawn["max_len"]) for drawn, _ in examples]
        contexts = [f"with embed_dim={E}, max_len={length}" for E, length in sizes]
        encoding.compare_tables(student, reference, sizes, contexts)

    _for_random_sizes(rng, {"pairs": (1, 6), "max_len": (2, 40)}, together, examples=4)


@check(f"{TABLE}.far_positions", "encodings of far positions", part=PART, requires=[f"{TABLE}.values"])
def check_table_far_positions(student: Subject, reference: Subject, rng: Rng) -> None:
    """PositionalEncoding is right to 1e-3 up to the last of its 5000 positions; any formula in float32 will do."""
    encoding.compare_tables(student, reference, [(4, None)], ["with the default max_len"])


# PositionalEncoding.forward


@check(f"{ADD}.shapes", "returns what it should", part=PART, uses=[TABLE])
def check_encoding_shapes(student: Subject, reference: Subject, rng: Rng) -> None:
    """PositionalEncoding.forward returns a tensor of the shape of its input."""
    x, module = rng.standard_normal((2, 3, 4)), encoding.layer(4, max_len=7)(student)

    def attempt() -> None:
        (out,) = modules.forward(student, module, Setup(), [Case([x])], FORWARD)
        expect_array(out, x.shape, name="output", function=FORWARD, origin="torch", finite=False)

    on_new_if_wrong(student, attempt)


@check(f"{ADD}.values", "values", part=PART, requires=[f"{ADD}.shapes"], uses=[TABLE])
def check_encoding_values(student: Subject, reference: Subject, rng: Rng) -> None:
    """PositionalEncoding.forward adds to position s the row s of the table, whatever the table holds."""

    def together(examples: Examples) -> None:
        jobs = [encoding.sums(generator, sizes, f"with {text(sizes)}") for sizes, generator in examples]
        modules.compare_forward(student, reference, jobs, function=FORWARD)

    _for_random_sizes(rng, {"N": (2, 4), "S": (2, 5), "pairs": (1, 4), "more": (1, 4)}, together, examples=4)


@check(f"{ADD}.gradient", "gradient", part=PART, requires=[f"{ADD}.values"], uses=[TABLE])
def check_encoding_gradient(student: Subject, reference: Subject, rng: Rng) -> None:
    """PositionalEncoding.forward lets gradients through to its input, in training mode (without dropout)."""
    case, upstream = Case([rng.standard_normal((2, 3, 4))]), rng.standard_normal((2, 3, 4))
    job = Job(encoding.layer(4, max_len=7), Setup(training=True), [case])
    modules.compare_backward(
        student, reference, [job], [upstream], wanted=[], function=FORWARD, labels={"0": "x"}
    )


@check(f"{ADD}.edge_cases", "edge cases", part=PART, requires=[f"{ADD}.values"], uses=[TABLE])
def check_encoding_edge_cases(student: Subject, reference: Subject, rng: Rng) -> None:
    """PositionalEncoding.forward takes a batch of one, one position, sequences as long as its table; any in turn."""
    typical = {"N": 3, "S": 4, "pairs": 2, "more": 3}
    edges = {
        "a batch of one": {"N": 1},
        "one position": {"S": 1},
        "a sequence as long as the table": {"more": 0},
    }
    jobs = [encoding.sums(rng, {**typical, **changes}, f"with {what}") for what, changes in edges.items()]
    jobs.append(encoding.sums_in_turn(rng, typical))
    modules.compare_forward(student, reference, jobs, function=FORWARD)


@check(f"{ADD}.precision", "precision", part=PART, requires=[f"{ADD}.values"], uses=[TABLE])
def check_encoding_precision(
    student: Subject, reference: Subject, rng: Rng, advise: Callable[[str], None]
) -> None:
    """PositionalEncoding.forward works in float32: as it is built, float32 stays float32; float64 is not cut to it.

    Freedom: float64 may be rounded to float32 on the way.
    """
    sizes = {"N": 2, "S": 4, "pairs": 3, "more": 2}
    single = [
        encoding.sums(rng, sizes, "in float32", dtype, "float32") for dtype in ("float32", modules.AS_BUILT)
    ]
    double = encoding.sums(rng, sizes, "in float64", tolerance="precision")
    _, built = dtypes.expect_kept(student, reference, single, [double], advise, function=FORWARD)
    encoding.expect_float32_kept(built[0])


@check(
    f"{ADD}.inputs_unmodified", "leaves its inputs alone", part=PART, requires=[f"{ADD}.values"], uses=[TABLE]
)
def check_encoding_inputs_unmodified(student: Subject, reference: Subject, rng: Rng) -> None:
    """PositionalEncoding.forward does not change x."""
    case = Case([rng.standard_normal((2, 3, 4))])
    module = encoding.layer(4, max_len=7)
    modules.expect_arguments_unchanged(student, module, Setup(), case, FORWARD, {"0": "x"})


@check(f"{ADD}.dropout", "dropout", part=PART, requires=[f"{ADD}.values"], uses=[TABLE])
def check_encoding_dropout(student: Subject, reference: Subject, rng: Rng) -> None:
    """PositionalEncoding.forward drops elements of the sum in training, with its probability; none in evaluation."""
    encoding.expect_dropout(student, rng)


# MultiHeadAttention


@check("transformer_layers.MultiHeadAttention.__init__.order", "order of its layers", part=PART, given=True)
def check_attention_order(student: Subject, reference: Subject, rng: Rng) -> None:
    """MultiHeadAttention makes key, query, value and proj in this order: it decides their weights under a seed."""
    attention.expect_order(student, reference, int(rng.integers(2**31)))


@check(f"{ATTEND}.shapes", "returns what it should", part=PART)
def check_attention_shapes(student: Subject, reference: Subject, rng: Rng) -> None:
    """MultiHeadAttention.forward returns one tensor of the shape of its query, not the weights beside it."""
    case, module = attention.inputs(rng, SIZES), attention.layer(6, 2)(student)

    def attempt() -> None:
        (out,) = modules.forward(student, module, Setup(), [case], FUNCTION)
        expect_array(out, (3, 4, 6), name="output", function=FUNCTION, origin="torch", finite=False)

    on_new_if_wrong(student, attempt)


@check(f"{ATTEND}.values", "values", part=PART, requires=[f"{ATTEND}.shapes"])
def check_attention_values(student: Subject, reference: Subject, rng: Rng) -> None:
    """MultiHeadAttention.forward computes the right values for any sizes, with three different inputs of one length."""

    def together(examples: Examples) -> None:
        wholes = [(attention.embedded(sizes), generator) for sizes, generator in examples]
        jobs = [attention.job(generator, whole, f"with {text(whole)}") for whole, generator in wholes]
        modules.compare_forward(student, reference, jobs, function=FUNCTION)

    _for_random_sizes(rng, {"N": (2, 4), "S": (2, 5), "H": (2, 3), "D": (2, 4)}, together)


@check(f"{ATTEND}.lengths", "keys of another length", part=PART, requires=[f"{ATTEND}.values"])
def check_attention_lengths(student: Subject, reference: Subject, rng: Rng) -> None:
    """MultiHeadAttention.forward takes keys and values of another length than the query, longer or shorter."""

    def together(examples: Examples) -> None:
        jobs = []
        for sizes, generator in examples:
            for S, T in ((sizes["S"], sizes["S"] + 1), (sizes["S"] + 1, sizes["S"])):
                whole = attention.embedded({**sizes, "S": S, "T": T})
                jobs.append(attention.job(generator, whole, f"with {text(whole)}"))
        modules.compare_forward(student, reference, jobs, function=FUNCTION)

    _for_random_sizes(rng, {"N": (2, 3), "S": (2, 5), "H": (2, 3), "D": (2, 3)}, together, examples=2)


@check(f"{ATTEND}.mask", "mask", part=PART, requires=[f"{ATTEND}.values"])
def check_attention_mask(
    student: Subject, reference: Subject, rng: Rng, advise: Callable[[str], None]
) -> None:
    """MultiHeadAttention.forward gives closed keys no weight, for any square boolean mask; others are advice only.

    The years write the mask (S, T) or (T, S) and use it square; some correct solutions take no numbers for booleans.
    """

    def together(examples: Examples) -> None:
        masked = [attention.masked(generator, attention.embedded(sizes)) for sizes, generator in examples]
        attention.compare_masks(student, reference, masked)

    _for_random_sizes(rng, {"N": (2, 3), "S": (2, 5), "H": (2, 3), "D": (2, 3)}, together, examples=3)
    attention.advise_on_masks(student, reference, rng, advise)


@check(f"{ATTEND}.gradients", "gradients", part=PART, requires=[f"{ATTEND}.values"])
def check_attention_gradients(student: Subject, reference: Subject, rng: Rng) -> None:
    """MultiHeadAttention.forward passes gradients to its three inputs and to the parameters of its four layers.

    As in training: in training mode (without dropout), and with an open mask as well. The key's bias moves all
    scores of a row alike: its gradient is zero but for rounding, and is not looked at.
    """

    wanted = [f"{name}.{kind}" for name in LINEAR for kind in ("weight", "bias")]
    wanted.remove("key.bias")

    def together(examples: Examples) -> None:
        jobs, upstream = [], []
        for sizes, generator in examples:
            whole = attention.embedded(sizes)
            setup = Setup(attention.parameters(generator, whole["E"]), training=True)
            arrived = generator.standard_normal((whole["N"], whole["S"], whole["E"]))
            masks = {"": None, " and an open mask": np.ones((whole["S"], whole["S"]), dtype=bool)}
            for with_mask, mask in masks.items():
                case, context = attention.inputs(generator, whole, mask), f"with {text(whole)}{with_mask}"
                jobs.append(
                    Job(attention.layer(whole["E"], whole["H"]), setup, [case], [context], axes=whole)
                )
                upstream.append(arrived)
        modules.compare_backward(student, reference, jobs, upstream, wanted=wanted, function=FUNCTION)

    _for_random_sizes(rng, {"N": (2, 3), "S": (2, 4), "H": (2, 3), "D": (2, 3)}, together, examples=2)


EDGES: Mapping[tuple[int, int], Mapping[str, tuple[int, int, int]]] = {  # (H, D) of a layer -> its cases (N, S, T)
    (2, 3): {
        "a batch of one": (1, 4, 5), "one query": (3, 1, 5), "one key": (3, 4, 1), "one query and one key": (3, 1, 1),
        "as many rows as heads": (2, 4, 5),
    },
    (1, 3): {"one head": (3, 4, 5)},
    (2, 1): {"heads of one dimension": (3, 4, 5)},
    (4, 3): {"as many heads as queries": (3, 4, 5)},
    (1, 1): {"one number in all": (1, 1, 1)},
}  # fmt: skip


@check(f"{ATTEND}.edge_cases", "edge cases", part=PART, requires=[f"{ATTEND}.values", f"{ATTEND}.lengths"])
def check_attention_edge_cases(student: Subject, reference: Subject, rng: Rng) -> None:
    """MultiHeadAttention.forward holds for one row, query, key, head or dimension; a layer takes any sizes in turn."""
    jobs = []
    for (H, D), edges in EDGES.items():
        E = H * D
        cases = [attention.inputs(rng, {"N": N, "S": S, "T": T, "E": E}) for N, S, T in edges.values()]
        contexts = [f"with {what} (N={N}, S={S}, T={T}, H={H}, E={E})" for what, (N, S, T) in edges.items()]
        jobs.append(Job(attention.layer(E, H), Setup(attention.parameters(rng, E)), cases, contexts))
    modules.compare_forward(student, reference, jobs, function=FUNCTION)


@check(f"{ATTEND}.precision", "precision", part=PART, requires=[f"{ATTEND}.values"])
def check_attention_precision(
    student: Subject, reference: Subject, rng: Rng, advise: Callable[[str], None]
) -> None:
    """MultiHeadAttention.forward works in float32 and does not cut float64 to it.

    Freedom: float64 may be rounded to float32 on the way.
    """
    masks = (None, np.tril(np.ones((4, 4), dtype=bool)))
    single = attention.job(rng, SIZES, "in float32", *masks, dtype="float32", tolerance="float32")
    double = attention.job(rng, SIZES, "in float64", *masks, tolerance="precision")
    dtypes.expect_kept(student, reference, [single], [double], advise, function=FUNCTION)


@check(f"{ATTEND}.inputs_unmodified", "leaves its inputs alone", part=PART, requires=[f"{ATTEND}.values"])
def check_attention_inputs_unmodified(student: Subject, reference: Subject, rng: Rng) -> None:
    """MultiHeadAttention.forward changes none of query, key, value and mask."""
    causal = np.tril(np.ones((4, 4), dtype=bool))
    case, setup = attention.inputs(rng, SIZES, causal), Setup(attention.parameters(rng, 6))
    modules.expect_arguments_unchanged(student, attention.layer(6, 2), setup, case, FUNCTION)


@check(f"{ATTEND}.weights", "attention weights", part=PART, requires=[f"{ATTEND}.shapes"])
def check_attention_weights(student: Subject, reference: Subject, rng: Rng) -> None:
    """The weights of MultiHeadAttention are positive and sum to 1 over the keys, also for scores of magnitude 1000.

    They are read off the output, with values and last layer that copy them there: no name of the student's is used.
    """
    heads, T = 2, 5
    params, values = attention.readable(rng, heads, T)
    case = attention.inputs(rng, {"N": 2, "S": 4, "T": T, "E": values.shape[1]})
    ordinary = attention.replaced(case, {"value": np.stack([values, values])})
    extreme = attention.replaced(ordinary, {"query": 300 * np.asarray(case.kwargs["query"])})
    module, shape = attention.layer(values.shape[1], heads), (2, 4, values.shape[1])

    def attempt() -> None:
        found = modules.forward(student, module, Setup(params), [ordinary, extreme], FUNCTION)
        for context, output in zip(("", "with scores of magnitude 1000"), found, strict=True):
            out = expect_array(output, shape, name="output", function=FUNCTION, origin="torch")
            _expect_distribution(attention.weights_of(out, heads)[0], context)

    on_new_if_wrong(student, attempt)


def _expect_distribution(weights: Array, context: str) -> None:
    total = weights.sum(axis=-1)
    name = "sum of the attention weights over the keys"
    compare(total, np.ones_like(total), name=name, function=FUNCTION, context=context)
    if weights.min() < -1e-9:
        raise Failed(
            f"An attention weight in `{FUNCTION}` is negative: {weights.min():.6g}.", "Is there a softmax?"
        )


@check(f"{ATTEND}.batch", "rows of the batch", part=PART, requires=[f"{ATTEND}.shapes"])
def check_attention_batch(student: Subject, reference: Subject, rng: Rng) -> None:
    """MultiHeadAttention.forward treats each row of the batch by itself: permuted rows give permuted outputs."""
    case, setup = attention.inputs(rng, {**SIZES, "N": 4}), Setup(attention.parameters(rng, 6))
    order = np.array([2, 0, 3, 1])
    turned = Case(kwargs={k: None if v is None else v[order] for k, v in case.kwargs.items()})

    def attempt() -> None:
        found = modules.forward(student, attention.layer(6, 2), setup, [case, turned], FUNCTION)
        straight, permuted = (
            expect_array(out, (4, 4, 6), name="output", function=FUNCTION, origin="torch") for out in found
        )
        context = "after the rows of the batch were permuted: rows get mixed"
        compare(permuted, straight[order], name="output", function=FUNCTION, context=context)

    on_new_if_wrong(student, attempt)


@check(f"{ATTEND}.dropout", "dropout", part=PART, requires=[f"{ATTEND}.values", f"{ATTEND}.weights"])
def check_attention_dropout(student: Subject, reference: Subject, rng: Rng) -> None:
    """MultiHeadAttention.forward drops attention weights in training, each by itself, and none in evaluation.

    Judged by what arrives at the output: whole weights are missing, the others are 1/(1-p) times as large; their
    number has a bound that correct code misses less than once in ten million.
    """
    attention.expect_dropout(student, reference, rng)
