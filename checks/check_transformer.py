"""`CaptioningTransformer` (contract, section 5): its forward pass by itself and with the student's own parts.

Freedoms: the image may be a memory of one vector or that vector repeated (the same function in evaluation mode);
the causal mask may be made by tril, triu or comparison, hold booleans or numbers, and have axes of length one in front.
`sample`, decoder and decoder layer are given: checks of them cost nothing and tell of changes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from checks import captioning, dtypes, modules
from checks.building import called, on_new_if_wrong
from checks.calls import float32, trusted
from checks.captioning import FORWARD, OWN, SAMPLE, TYPICAL
from checks.declare import Rng, check
from checks.modules import Case, Job, Setup
from checks.random_sizes import Sizes, for_random_sizes, text
from grader.compare import compare, expect_array, expect_close
from grader.errors import Blocked, Failed, Raised
from grader.values import Array, Value

if TYPE_CHECKING:
    from grader.subject import Subject

PART = "transformer"
ATTEND, ADD = "transformer_layers.MultiHeadAttention.forward", "transformer_layers.PositionalEncoding.forward"
INIT = "transformer_layers.PositionalEncoding.__init__"
STEM = f"transformer.{FORWARD}"
LABELS = {"0": "features", "1": "captions"}
LAYER = "TransformerDecoderLayer.forward"


def _scores(
    rng: Rng,
    sizes: Sizes,
    contexts: Mapping[tuple[int, int], str],
    dtype: str = "float64",
    tolerance: str = "value",
) -> Job:
    """Calls of one model, with stand-ins for its other parts, for each (N, T) of `contexts`."""
    cases = [Case(captioning.draw(rng, {**sizes, "N": N, "T": T})) for N, T in contexts]
    texts = [f"{what} ({text({**sizes, 'N': N, 'T': T})})" for (N, T), what in contexts.items()]
    setup = Setup(captioning.own_parameters(rng, sizes), dtype)
    return Job(captioning.stood_in(rng, sizes), setup, cases, texts, {"W": sizes["W"]}, tolerance)


@check(f"{STEM}.shapes", "returns what it should", part=PART, uses=[INIT])
def check_shapes(student: Subject, reference: Subject, rng: Rng) -> None:
    """CaptioningTransformer.forward returns scores (N, T, V), a tensor.

    The year 2021 hands it out complete: it is judged only when the attention that it needs was begun.
    """
    layers, attend = ATTEND.split(".", 1)
    if student.untouched(layers, attend):
        raise Blocked(
            f"`{FORWARD}` needs `{attend}`, which is not implemented yet.", f"Write `{attend}` first."
        )
    model, case = captioning.stood_in(rng, TYPICAL)(student), Case(captioning.draw(rng, TYPICAL))

    def attempt() -> None:
        (out,) = modules.forward(student, model, Setup(), [case], FORWARD)
        expect_array(out, (3, 4, 8), name="scores", function=FORWARD, origin="torch", finite=False)

    on_new_if_wrong(student, attempt)


@check(f"{STEM}.values", "scores", part=PART, requires=[f"{STEM}.shapes"], uses=[INIT])
def check_values(student: Subject, reference: Subject, rng: Rng) -> None:
    """CaptioningTransformer.forward gives its decoder words, positions, image and causal mask, and scores what returns.

    Judged by itself: stand-ins take the place of positional encoding and decoder layers; mistakes there cost nothing
    here.
    """

    def one(sizes: Sizes, generator: Rng) -> None:
        together([(sizes, generator)])

    def together(examples: Sequence[tuple[Sizes, Rng]]) -> None:
        jobs = []
        for sizes, generator in examples:
            N, T = sizes["N"], sizes["T"]
            several = {(N, T): "for any sizes", (N + 1, T + 2): "for any sizes"}
            jobs.append(_scores(generator, {**sizes, "W": 2 * sizes["W"]}, several))
        modules.compare_forward(student, reference, jobs, function=FORWARD, name="scores")

    ranges = {"N": (2, 4), "T": (2, 5), "D": (2, 5), "W": (1, 3), "V": (5, 8)}
    for_random_sizes(rng, ranges, one, examples=2, together=together)


@check(f"{STEM}.gradients", "gradients", part=PART, requires=[f"{STEM}.values"], uses=[INIT])
def check_gradients(student: Subject, reference: Subject, rng: Rng) -> None:
    """CaptioningTransformer.forward passes gradients to features, projection, embedding (not of <NULL>) and output.

    In training mode; the stand-ins drop nothing.
    """
    model, case = captioning.stood_in(rng, TYPICAL), Case(captioning.draw(rng, TYPICAL))
    setup = Setup(captioning.own_parameters(rng, TYPICAL), training=True)
    upstream = [rng.standard_normal((3, 4, 8))]
    modules.compare_backward(
        student, reference, [Job(model, setup, [case])], upstream, wanted=OWN, function=FORWARD, labels=LABELS
    )


@check(f"{STEM}.causal", "no look ahead", part=PART, requires=[f"{STEM}.shapes"], uses=[INIT])
def check_causal(student: Subject, reference: Subject, rng: Rng) -> None:
    """A later word changes no score of CaptioningTransformer.forward, an earlier one all; nor does their number."""
    sizes = {**TYPICAL, "T": 5}
    model, setup = captioning.stood_in(rng, sizes), Setup(captioning.own_parameters(rng, sizes))
    features, captions = captioning.draw(rng, sizes)
    changed = [_with_another_word(captions, t, sizes["V"]) for t in range(sizes["T"])]
    begun = [captions[:, :t] for t in range(1, sizes["T"])]
    cases = [Case([features, words]) for words in (captions, *changed, *begun)]
    on_new_if_wrong(student, lambda: _expect_causal(student, Job(model, setup, cases), sizes))


def _expect_causal(student: Subject, job: Job, sizes: Sizes) -> None:
    (found,), cases = modules.run(student, [job], FORWARD), job.cases
    base, *others = (_as_scores(out, case, sizes["V"]) for out, case in zip(found, cases, strict=True))
    for t in range(sizes["T"]):
        _expect_change_from(t, base, others[t])
    for shorter in others[sizes["T"] :]:
        upto = shorter.shape[1]
        context = f"for the first {upto} words alone"
        compare(
            shorter,
            base[:, :upto],
            name="scores",
            function=FORWARD,
            context=context,
            against="the whole caption",
        )


def _with_another_word(captions: Array, t: int, V: int) -> Array:
    other = captions.copy()
    other[:, t] = (other[:, t] + 2) % V
    return other


def _as_scores(value: Value, case: Case, V: int) -> Array:
    return expect_array(value, (*case.args[1].shape, V), name="scores", function=FORWARD, origin="torch")


def _expect_change_from(t: int, before: Array, after: Array) -> None:
    moved = np.abs(before - after).max(axis=(0, 2)) > 1e-9  # (T,)
    if moved[:t].any():
        early = int(np.argmax(moved[:t]))
        raise Failed(
            f"The scores at position {early} of `{FORWARD}` change with word {t}, which comes later.",
            "A word may see itself and the words before it: row t of the mask is open up to column t.",
        )
    if not moved[t:].all():
        late = t + int(np.argmin(moved[t:]))
        raise Failed(
            f"The scores at position {late} of `{FORWARD}` do not change with word {t}.",
            "A word sees itself and all words before it: is the diagonal of the mask open?",
        )


@check(f"{STEM}.edge_cases", "edge cases", part=PART, requires=[f"{STEM}.values"], uses=[INIT])
def check_edge_cases(student: Subject, reference: Subject, rng: Rng) -> None:
    """CaptioningTransformer.forward holds for one caption, one word, one feature, and the longest captions."""
    lengths = {
        (1, 4): "with a batch of one", (3, 1): "with captions of one word", (1, 1): "with one caption of one word",
        (4, 4): "with as many captions as words", (3, captioning.LONGEST): "with captions of the greatest length",
    }  # fmt: skip
    jobs = [
        _scores(rng, TYPICAL, lengths),
        _scores(rng, {**TYPICAL, "D": 1}, {(3, 4): "with one feature"}),
        _scores(rng, {**TYPICAL, "D": 6}, {(3, 4): "with features as long as words"}),
    ]
    modules.compare_forward(student, reference, jobs, function=FORWARD, name="scores")


@check(f"{STEM}.precision", "precision", part=PART, requires=[f"{STEM}.values"], uses=[INIT])
def check_precision(student: Subject, reference: Subject, rng: Rng, advise: Callable[[str], None]) -> None:
    """CaptioningTransformer.forward works in float32 and does not cut float64 to it.

    Freedom: float64 may be rounded to float32 on the way.
    """
    single = _scores(rng, TYPICAL, {(3, 4): "in float32"}, "float32", "float32")
    double = _scores(rng, TYPICAL, {(3, 4): "in float64"}, tolerance="precision")
    dtypes.expect_kept(student, reference, [single], [double], advise, function=FORWARD, name="scores")


@check(
    f"{STEM}.inputs_unmodified",
    "leaves its inputs alone",
    part=PART,
    requires=[f"{STEM}.values"],
    uses=[INIT],
)
def check_inputs_unmodified(student: Subject, reference: Subject, rng: Rng) -> None:
    """CaptioningTransformer.forward changes neither features nor captions."""
    model = captioning.stood_in(rng, TYPICAL)
    setup, case = Setup(captioning.own_parameters(rng, TYPICAL)), Case(captioning.draw(rng, TYPICAL))
    modules.expect_arguments_unchanged(student, model, setup, case, FORWARD, LABELS)


@check(
    f"{STEM}.own_parts", "with your own layers", part=PART, uses=[INIT, ADD, ATTEND, f"transformer.{LAYER}"],
    requires=[f"{STEM}.values", f"{ADD}.values", f"{ATTEND}.values", f"{ATTEND}.lengths", f"{ATTEND}.mask"],
)  # fmt: skip
def check_own_parts(student: Subject, reference: Subject, rng: Rng) -> None:
    """CaptioningTransformer.forward gives the right scores with the submission's own layers; in training they vary."""
    model = captioning.model(TYPICAL, heads=2, layers=2)
    params = captioning.all_parameters(rng, reference, model, TYPICAL["W"])
    cases = [Case(captioning.draw(rng, {**TYPICAL, "N": N, "T": T})) for N, T in ((3, 4), (1, 1))]
    contexts = [f"with your own layers, 2 heads, 2 layers, N={N}, T={T}" for N, T in ((3, 4), (1, 1))]
    still = Job(model, Setup(params, "float32", quiet=True), cases, contexts, tolerance="float32")
    moving = Job(model, Setup(params, "float32", training=True), [cases[0], cases[0]])
    seed = int(rng.integers(2**31))

    def attempt() -> None:
        stood, moved = modules.run(student, [still, moving], FORWARD, seed)
        modules.expect_outputs(student, reference, [still], [stood], function=FORWARD, name="scores")
        quiet, first, second = (_as_scores(out, cases[0], 8) for out in (stood[0], *moved))
        if np.array_equal(first, second) and not np.array_equal(quiet, first):
            raise Failed(
                f"`{FORWARD}` drops the same elements in every call.",
                "Is a random seed set inside `forward`?",
            )
        if np.array_equal(quiet, first):
            raise Failed(
                f"`{FORWARD}` gives the same scores in training mode as in evaluation mode: nothing is dropped.",
                "Is `eval()` called inside `forward`? The mode is the caller's to choose.",
            )

    on_new_if_wrong(student, attempt)


@check(
    f"transformer.{SAMPLE}.words",
    "words",
    part=PART,
    given=True,
    requires=[f"{STEM}.own_parts"],
    uses=[STEM, INIT],
)
def check_sample_words(student: Subject, reference: Subject, rng: Rng) -> None:
    """CaptioningTransformer.sample writes at each step the word with the highest score, up to the first <END>.

    Judged by the scores of a model with stand-ins: where two words are level to rounding, either may be written. Of few
    captions, words that come from the wrong scores often are the right ones all the same.
    """
    whole = {**TYPICAL, "W": 12, "V": 20}
    model, V, sizes = captioning.stood_in(rng, whole), whole["V"], ((40, 4), (1, 1))
    setup = Setup(captioning.own_parameters(rng, whole), "float32")
    features = [float32(rng.standard_normal((N, TYPICAL["D"]))) for N, _ in sizes]

    def attempt() -> None:
        asked: list[list[Array | int]] = [
            [given, length] for given, (_, length) in zip(features, sizes, strict=True)
        ]
        value = _written(student, model, setup, asked)
        written = [
            _sampled(v, size, V) for v, size in zip(modules.items(value, SAMPLE, 2), sizes, strict=True)
        ]
        read = [Case([given, _read(words, V)]) for given, words in zip(features, written, strict=True)]
        found = modules.run(reference, [Job(model, setup, read).exact()], FORWARD)[0]
        for words, scores in zip(written, found, strict=True):
            _expect_greedy(words, trusted(scores), captioning.vocabulary(V)["<END>"])

    on_new_if_wrong(student, attempt)


def _written(student: Subject, model: modules.Build, setup: Setup, asked: list[list[Array | int]]) -> Value:
    try:
        with called(SAMPLE):
            return student.probe("modules", "sampled", model.packed(student), setup.packed(), asked)
    except Raised as error:
        made = model(student).made if error.kind == "AttributeError" and not error.details else None
        if made is not None:
            student.method(made, "sample", *asked[0])  # says it better when there is no such method
        raise


def _read(written: Array, V: int) -> Array:
    """The words that were read when these were written."""
    start = np.full((len(written), 1), captioning.vocabulary(V)["<START>"])
    return np.hstack([start, written[:, :-1]])


def _sampled(value: Value, shape: tuple[int, int], V: int) -> Array:
    captions = expect_array(value, shape, name="captions", function=SAMPLE).astype(np.int64)
    if captions.min() < 0 or captions.max() >= V:
        raise Failed(
            f"`captions` from `{SAMPLE}` holds numbers that are no words.", "Words run from 0 to V-1."
        )
    return captions


def _expect_greedy(captions: Array, scores: Array, end: int) -> None:
    chosen = np.take_along_axis(scores, captions[:, :, None], axis=2)[:, :, 0]  # (N, length)
    lost = scores.max(axis=2) - chosen > 1e-3 * np.abs(scores).max()
    for n, caption in enumerate(captions):
        ends = np.flatnonzero(caption == end)
        upto = int(ends[0]) + 1 if ends.size else caption.size
        wrong = np.flatnonzero(lost[n, :upto])
        if wrong.size:
            raise Failed(
                f"`{SAMPLE}` writes a word at step {int(wrong[0])} of caption {n} that has not the highest score.",
                "It was handed out complete: compare it with the handout; it needs the scores of the last position.",
            )


@check(
    f"transformer.{LAYER}.values", "values", part=PART, given=True, uses=[ATTEND],
    requires=[f"{ATTEND}.values", f"{ATTEND}.lengths", f"{ATTEND}.mask"],
)  # fmt: skip
def check_decoder_layer_values(student: Subject, reference: Subject, rng: Rng) -> None:
    """TransformerDecoderLayer, handed out complete, still is what it was."""
    N, T, M, W = 2, 4, 3, 6
    layer = modules.Build(
        "transformer", "TransformerDecoderLayer", [W, 2], {"dim_feedforward": 5, "dropout": 0.0}
    )
    model = layer(student)
    shapes, _ = modules.shapes_of(reference, layer)
    setup = Setup({name: captioning.drawn(rng, name, shape) for name, shape in shapes.items()})
    causal = np.tril(np.ones((T, T), dtype=bool))
    case = Case([rng.standard_normal((N, T, W)), rng.standard_normal((N, M, W)), causal])
    (got,) = modules.forward(student, model, setup, [case], LAYER)
    (right,) = modules.forward(reference, layer, setup, [case], LAYER)
    expect_close(got, trusted(right), name="output", function=LAYER, origin="torch", axes={"N": N, "T": T})
