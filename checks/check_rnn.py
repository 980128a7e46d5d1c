"""`CaptioningRNN`: training loss and greedy sampling, with a vanilla RNN and with an LSTM (contract, section 3).

Freedoms: `sample` may stop a caption after <END> or go on, so words are compared up to and including the first
<END>; word numbers may come in any integer dtype. The vocabulary's special words have unusual numbers here: a
solution takes them from `word_to_idx`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from checks import calls
from checks.cases import EXACT, each
from checks.declare import Rng, check
from checks.random_sizes import Sizes, for_random_sizes, text
from checks.rnn_model import (
    BOTH,
    EDGES,
    LOSS,
    RANGES,
    TYPICAL,
    Case,
    captioner,
    compare_loss,
    draw,
    drawn,
    expect_gradient_of_own_loss,
    loss,
    parameters,
    random_loss,
    results,
    vocabulary,
)
from grader.compare import expect_array, expect_mapping, expect_unchanged, unpack
from grader.errors import Failed
from grader.results import Note
from grader.values import Array, ArrayValue, Handle, Value

if TYPE_CHECKING:
    from grader.subject import Subject

SAMPLE = "CaptioningRNN.sample"
# As in the notebook's check of the loss, whose vocabulary has neither <START> nor <END>.
BARE = {"<NULL>": 0, **{f"word{i}": i for i in range(1, TYPICAL["V"])}}

LONG = 34  # words, more than the 30 of the default


def _stem(function: str, cell: str) -> str:
    """The beginning of a check's id: the vanilla RNN's have no infix."""
    return f"rnn.{function}" if cell == "rnn" else f"rnn.{function}.{cell}"


def _named(cell: str, *bodies: Callable[..., None]) -> dict[str, Any]:
    return {f"check_{cell}_{body.__name__}": body for body in bodies}


def _loss_checks(cell: str) -> dict[str, Any]:
    """The checks of `loss` with one kind of cell, to be put into this module's namespace."""
    part, aspect = cell, _stem(LOSS, cell)
    layers = (f"rnn_layers.{cell}_forward", "rnn_layers.word_embedding_forward")
    backward = (*layers, f"rnn_layers.{cell}_backward", "rnn_layers.word_embedding_backward")

    @check(f"{aspect}.shapes", "returns what it should", part=part, function=LOSS, uses=backward)
    def shapes(student: Subject, reference: Subject, rng: Rng) -> None:
        """CaptioningRNN.loss returns a scalar and one gradient per parameter, in its shape."""
        params = parameters(rng, cell, TYPICAL)
        _, grads = loss(student, captioner(student, cell, TYPICAL, params), *draw(rng, TYPICAL))
        for name, param in params.items():
            expect_array(grads[name], param.shape, name=f"grads['{name}']", function=LOSS)

    @check(
        f"{aspect}.values", "loss", part=part, function=LOSS, uses=layers, requires=[f"{aspect}.shapes"]
    )  # fmt: skip
    def values(student: Subject, reference: Subject, rng: Rng) -> None:
        """CaptioningRNN.loss computes the right loss for any sizes, with padded captions."""
        random_loss(student, reference, rng, cell, ["loss"], "value")

    @check(
        f"{aspect}.reference_gradient", "gradients", part=part, function=LOSS, uses=backward,
        requires=[f"{aspect}.shapes", f"{aspect}.values"],
    )  # fmt: skip
    def reference_gradient(student: Subject, reference: Subject, rng: Rng) -> None:
        """CaptioningRNN.loss returns the right gradient for every parameter."""
        random_loss(student, reference, rng, cell, ["grads"], "gradient")

    @check(
        f"{aspect}.numerical_gradient", "gradient of your own loss", part=part, function=LOSS, uses=backward,
        requires=[f"{aspect}.shapes"],
    )  # fmt: skip
    def numerical_gradient(student: Subject, reference: Subject, rng: Rng) -> None:
        """CaptioningRNN.loss returns the gradients of the loss that it returns."""

        def one(sizes: Sizes, generator: Rng) -> None:
            expect_gradient_of_own_loss(student, generator, cell, sizes)

        for_random_sizes(rng, RANGES, one, examples=2)

    @check(
        f"{aspect}.edge_cases", "edge cases", part=part, function=LOSS, uses=backward,
        requires=[f"{aspect}.values", f"{aspect}.reference_gradient"],
    )  # fmt: skip
    def edge_cases(student: Subject, reference: Subject, rng: Rng) -> None:
        """CaptioningRNN.loss holds for one caption, one word, any ratio of sizes, and captions of padding alone."""
        edges = [(f"with {name} ", {**TYPICAL, **changes}) for name, changes in EDGES.items()]
        cases = [drawn(rng, cell, sizes, f"{name}({text(sizes)})") for name, sizes in edges]
        padding = drawn(rng, cell, TYPICAL, "with captions of padding alone")
        padding.arguments[1][:, 1:] = vocabulary(TYPICAL["V"])["<NULL>"]
        bare = replace(drawn(rng, cell, TYPICAL, "with a vocabulary without <START> and <END>"), words=BARE)
        each(partial(compare_loss, student, reference, cell, BOTH), [*cases, padding, bare])

    @check(
        f"{aspect}.precision", "precision", part=part, function=LOSS, uses=backward,
        requires=[f"{aspect}.reference_gradient"],
    )  # fmt: skip
    def precision(student: Subject, reference: Subject, rng: Rng) -> None:
        """CaptioningRNN.loss keeps float64 precise and works in float32."""
        cases = [
            drawn(rng, cell, TYPICAL, "with dtype=np.float32", "float32", "float32"),
            drawn(rng, cell, TYPICAL, EXACT, "precision"),
        ]
        each(partial(compare_loss, student, reference, cell, BOTH), cases)

    @check(
        f"{aspect}.inputs_unmodified", "leaves parameters and inputs alone", part=part, function=LOSS, uses=backward,
        requires=[f"{aspect}.reference_gradient"],
    )  # fmt: skip
    def inputs_unmodified(student: Subject, reference: Subject, rng: Rng) -> None:
        """CaptioningRNN.loss changes no parameter and no input, and gives the same when it is called again."""
        params = parameters(rng, cell, TYPICAL)
        features, captions = draw(rng, TYPICAL)
        model = captioner(student, cell, TYPICAL, params)
        _unchanged(student, model, "loss", params, {"features": features, "captions": captions}, LOSS)
        _expect_same_again(student, model, features, captions)

    return _named(
        cell, shapes, values, reference_gradient, numerical_gradient, edge_cases, precision, inputs_unmodified
    )


def _sample_checks(cell: str) -> dict[str, Any]:
    """The checks of `sample` with one kind of cell, to be put into this module's namespace."""
    part, sample = cell, _stem(SAMPLE, cell)
    steps = (f"rnn_layers.{cell}_step_forward", "rnn_layers.word_embedding_forward")

    @check(f"{sample}.shapes", "returns what it should", part=part, function=SAMPLE, uses=steps)
    def sample_shapes(student: Subject, reference: Subject, rng: Rng) -> None:
        """CaptioningRNN.sample returns word numbers of shape (N, max_length), 30 unless told otherwise."""
        model = captioner(student, cell, TYPICAL, parameters(rng, cell, TYPICAL))
        features, _ = draw(rng, TYPICAL)
        for arguments, length in (((features,), 30), ((features, 7), 7), ((features, 1), 1)):
            _words(student.method(model, "sample", *arguments), (TYPICAL["N"], length), TYPICAL["V"])

    @check(f"{sample}.values", "words", part=part, function=SAMPLE, uses=steps, requires=[f"{sample}.shapes"])
    def sample_values(student: Subject, reference: Subject, rng: Rng) -> None:
        """CaptioningRNN.sample writes the word of the highest score at each step, up to the first <END>."""

        def together(examples: Sequence[tuple[Sizes, Rng]]) -> None:
            cases = [_sampling_case(generator, cell, sizes) for sizes, generator in examples]
            _compare_samples(student, reference, cell, cases)

        ranges = {**RANGES, "N": (2, 6), "H": (3, 8), "V": (5, 12)}
        for_random_sizes(rng, ranges, lambda *example: together([example]), examples=12, together=together)

    @check(
        f"{sample}.edge_cases", "edge cases", part=part, function=SAMPLE, uses=steps, requires=[f"{sample}.values"]
    )  # fmt: skip
    def sample_edge_cases(student: Subject, reference: Subject, rng: Rng) -> None:
        """CaptioningRNN.sample holds for one image, one word, many words, float32, and leaves the parameters alone."""
        edges = ({**TYPICAL, "N": 1}, {**TYPICAL, "H": 12, "W": 2}, {**TYPICAL, "H": 2, "W": 12})
        cases = [_sampling_case(rng, cell, sizes) for sizes in edges]
        each(partial(_compare_samples, student, reference, cell), cases)
        single = replace(_sampling_case(rng, cell, TYPICAL), dtype="float32")  # rounding may change a word
        _words(results(student, cell, "sample", [single])[0], (TYPICAL["N"], 9), TYPICAL["V"])
        _expect_long_captions(student, cell, _sampling_case(rng, cell, TYPICAL, LONG))
        params = parameters(rng, cell, TYPICAL)
        model = captioner(student, cell, TYPICAL, params)
        _unchanged(student, model, "sample", params, {"features": draw(rng, TYPICAL)[0]}, SAMPLE)
        _expect_fresh_samples(
            student, reference, cell, _sampling_case(rng, cell, TYPICAL), draw(rng, TYPICAL)[0]
        )

    return _named(cell, sample_shapes, sample_values, sample_edge_cases)


def _expect_long_captions(student: Subject, cell: str, case: Case) -> None:
    """Captions that never end go on up to max_length. Which words they are is not compared: rounding adds up."""
    numbers = vocabulary(case.sizes["V"])
    case.params["b_vocab"][[numbers["<NULL>"], numbers["<END>"]]] = -1e3
    captions = _words(results(student, cell, "sample", [case])[0], (case.sizes["N"], LONG), case.sizes["V"])
    empty = np.flatnonzero((captions == numbers["<NULL>"]).any(axis=0))
    if empty.size:
        raise Failed(
            f"`{SAMPLE}` writes nothing at step {empty[0]} of captions that have no <END>, with max_length={LONG}.",
            "The loop runs over max_length steps, however many that is.",
        )


def _expect_fresh_samples(student: Subject, reference: Subject, cell: str, case: Case, others: Array) -> None:
    """A model that has written captions for other images writes the right ones for these."""
    model = captioner(student, cell, case.sizes, case.params)
    student.method(model, "sample", others, case.arguments[1])
    (right,) = results(reference, cell, "sample", [case])
    shape, V = (case.sizes["N"], case.arguments[1]), case.sizes["V"]
    mine = _words(student.method(model, "sample", *case.arguments), shape, V)
    try:
        _expect_words(mine, _words(right, shape, V), case.sizes)
    except Failed as failed:
        raise Failed(
            f"{failed.message.rstrip('.')}, in a second call on the same model.",
            "Does a state live on from an earlier call? Each call starts anew from its images.",
            failed.details,
        ) from None


def _expect_same_again(student: Subject, model: Handle, features: Array, captions: Array) -> None:
    first, again = (loss(student, model, features, captions) for _ in range(2))
    pairs = {"loss": (first[0], again[0])} | {k: (first[1][k], again[1][k]) for k in first[1]}
    for name, (before, after) in pairs.items():
        if not np.array_equal(calls.trusted(before), calls.trusted(after)):
            raise Failed(
                f"`{name}` from `{LOSS}` is another one in a second call with the same inputs.",
                "Does something live on from an earlier call, such as a gradient that is added to?",
            )


def _unchanged(
    student: Subject,
    model: Handle,
    method: str,
    params: Mapping[str, Array],
    inputs: Mapping[str, Array],
    name: str,
) -> None:
    kept = student.probe("arrays", "keep", *inputs.values(), 0, returns=", ".join(["a*"] * (len(inputs) + 1)))
    handles = [calls.argument(v) for v in unpack(kept, ["a"] * (len(inputs) + 1), "keep")]
    student.method(model, method, *handles[:-1])
    after = unpack(student.probe("arrays", "read", *handles), ["a"] * len(handles), "read")
    for (key, before), value in zip(inputs.items(), after, strict=False):
        expect_unchanged(before, value, name=key, function=name)
    current = expect_mapping(
        student.probe("captioner", "get_params", model), list(params), name="params", function=name
    )
    for key, before in params.items():
        expect_unchanged(before, current[key], name=f"params['{key}']", function=name)


def _words(value: Value, shape: tuple[int, ...], vocabulary_size: int) -> Array:
    captions = expect_array(value, shape, name="captions", function=SAMPLE)
    if captions.dtype.kind == "f" and not np.array_equal(captions, np.round(captions)):
        raise Failed(
            "`captions` from `CaptioningRNN.sample` holds numbers that are not whole.",
            "It holds word numbers.",
        )
    outside = (captions < 0) | (captions >= vocabulary_size)
    if outside.any():
        raise Failed(
            f"`captions` from `CaptioningRNN.sample` holds {captions[outside].flat[0]:g}, which is no word's number.",
            f"Words have numbers from 0 to {vocabulary_size - 1} here.",
        )
    return captions.astype(np.int64)


def _sampling_case(rng: Rng, cell: str, sizes: Sizes, length: int = 9) -> Case:
    """Long captions of varied words: the state matters at every step, and <END> comes at different times."""
    params = parameters(rng, cell, sizes)
    params["W_vocab"], params["Wh"], params["Wx"] = 3 * params["W_vocab"], 2 * params["Wh"], 2 * params["Wx"]
    return Case(sizes, params, (draw(rng, sizes)[0], length), f"with {text(sizes)}")


def _compare_samples(student: Subject, reference: Subject, cell: str, cases: Sequence[Case]) -> None:
    mine = results(student, cell, "sample", cases)
    right = results(reference, cell, "sample", [case.exact for case in cases])
    for case, actual, expected in zip(cases, mine, right, strict=True):
        shape, V = (case.sizes["N"], case.arguments[1]), case.sizes["V"]
        _expect_words(_words(actual, shape, V), _words(expected, shape, V), case.sizes)


def _expect_words(actual: Array, right: Array, sizes: Sizes) -> None:
    for n in range(len(right)):
        ends = np.flatnonzero(right[n] == vocabulary(sizes["V"])["<END>"])
        upto = int(ends[0]) + 1 if ends.size else right.shape[1]
        wrong = np.flatnonzero(actual[n, :upto] != right[n, :upto])
        if wrong.size:
            raise _sampling_failure(actual[n], right[n], n, int(wrong[0]), upto, sizes)


def _sampling_failure(actual: Array, right: Array, n: int, t: int, upto: int, sizes: Sizes) -> Failed:
    words = {number: word for word, number in vocabulary(sizes["V"]).items()}
    lines = [
        " ".join(words[int(w)] for w in caption[:upto]) for caption in (right, actual)
    ]  # fmt: skip
    hint = _sampling_hint(actual, right, t, vocabulary(sizes["V"]))
    return Failed(
        f"`CaptioningRNN.sample` writes another word at step {t} of caption {n}, with {text(sizes)}.",
        hint,
        (Note(title="Words up to <END>", text=f"expected: {lines[0]}\nyours:    {lines[1]}"),),
    )


def _sampling_hint(actual: Array, right: Array, t: int, numbers: Mapping[str, int]) -> str:
    if right[t] == numbers["<END>"] and actual[t] == numbers["<NULL>"]:
        return "<END> is sampled like any word: it belongs into the caption."
    if t and (actual[t:] == numbers["<NULL>"]).all():
        return (
            f"From step {t} on yours is <NULL> alone: does decoding stop before this caption has its <END>?"
        )
    if t:
        return (
            "Are the hidden state (and an LSTM's cell state) and the sampled word carried to the next step?"
        )
    return "Is <START> the first word read, and is the first column the first word *sampled*?"


INIT = "CaptioningRNN.__init__"


@check(f"rnn.{INIT}.parameters", "parameters", part="rnn", given=True)
def check_rnn_init_parameters(student: Subject, reference: Subject, rng: Rng) -> None:
    """CaptioningRNN draws its parameters as handed out: names, shapes, dtype, order and scale of the draws."""
    seed = int(rng.integers(2**31))
    for cell in ("rnn", "lstm"):
        mine, right = (_initial(subject, cell, seed) for subject in (student, reference))
        for name, expected in right.items():
            _expect_initial(mine[name], calls.trusted(expected), f"params['{name}']", cell)


def _initial(subject: Subject, cell: str, seed: int) -> dict[str, Value]:
    D, W, H, V = 3, 4, 5, TYPICAL["V"]
    model = subject.rnn.CaptioningRNN(
        vocabulary(V), D, W, H, cell_type=cell, returns="model*", random_state=seed
    )
    if not isinstance(model, Handle):
        raise Failed("`CaptioningRNN(...)` did not make an object.")
    held = subject.probe("captioner", "get_params", model)
    subject.release(model)
    return expect_mapping(
        held, list(parameters(np.random.default_rng(0), cell, TYPICAL)), name="params", function=INIT
    )


def _expect_initial(value: Value, right: Array, name: str, cell: str) -> None:
    data = expect_array(value, right.shape, name=name, function=INIT)
    single = isinstance(value, ArrayValue) and value.data.dtype == right.dtype
    if not single or not np.allclose(data, right, rtol=1e-6):
        raise Failed(
            f"`{name}` of a new `CaptioningRNN` (cell_type={cell!r}) is not drawn as it was handed out.",
            "Take the constructor over from the original file: training starts from these numbers.",
        )


for _cell in ("rnn", "lstm"):
    globals().update(_loss_checks(_cell) | _sample_checks(_cell))
