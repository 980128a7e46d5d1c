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
from checks import rnn_sampling as sampling
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
    expect_gradients_of_own_loss,
    left,
    loss,
    opened,
    parameters,
    random_loss,
    results,
    vocabulary,
)
from grader.compare import expect_array, expect_mapping, expect_unchanged
from grader.errors import Failed
from grader.values import Array, ArrayValue, Handle, Value

if TYPE_CHECKING:
    from grader.subject import Subject

# As in the notebook's check of the loss, whose vocabulary has neither <START> nor <END>.
BARE = {"<NULL>": 0, **{f"word{i}": i for i in range(1, TYPICAL["V"])}}
STEEP = 60.0  # gradients up to some hundreds, from scores whose exponentials neither overflow nor vanish


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
        expect_gradients_of_own_loss(student, reference, rng, cell)

    @check(
        f"{aspect}.edge_cases", "edge cases", part=part, function=LOSS, uses=backward,
        requires=[f"{aspect}.values", f"{aspect}.reference_gradient"],
    )  # fmt: skip
    def edge_cases(student: Subject, reference: Subject, rng: Rng) -> None:
        """CaptioningRNN.loss holds for one caption, one word, any sizes, padding alone, and large gradients."""
        edges = [(f"with {name} ", {**TYPICAL, **changes}) for name, changes in EDGES.items()]
        cases = [drawn(rng, cell, sizes, f"{name}({text(sizes)})") for name, sizes in edges]
        padding = drawn(rng, cell, TYPICAL, "with captions of padding alone")
        padding.arguments[1][:, 1:] = vocabulary(TYPICAL["V"])["<NULL>"]
        bare = replace(drawn(rng, cell, TYPICAL, "with a vocabulary without <START> and <END>"), words=BARE)
        steep = drawn(rng, cell, TYPICAL, "with scores of magnitude 100, and gradients to match")
        steep.params["W_vocab"] *= STEEP
        each(partial(compare_loss, student, reference, cell, BOTH), [*cases, padding, bare, steep])

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
        case = drawn(rng, cell, TYPICAL, "")
        first, again = _unchanged(student, cell, "loss", case, ["features", "captions"], again=2)
        _expect_same_again(opened(first), opened(again))

    return _named(
        cell, shapes, values, reference_gradient, numerical_gradient, edge_cases, precision, inputs_unmodified
    )


def _sample_checks(cell: str) -> dict[str, Any]:
    """The checks of `sample` with one kind of cell, to be put into this module's namespace."""
    part, sample = cell, _stem(sampling.FUNCTION, cell)
    steps = (f"rnn_layers.{cell}_step_forward", "rnn_layers.word_embedding_forward")

    @check(f"{sample}.shapes", "returns what it should", part=part, function=sampling.FUNCTION, uses=steps)
    def sample_shapes(student: Subject, reference: Subject, rng: Rng) -> None:
        """CaptioningRNN.sample returns word numbers of shape (N, max_length), 30 unless told otherwise."""
        params = parameters(rng, cell, TYPICAL)
        model = captioner(student, cell, TYPICAL, params)
        features, _ = draw(rng, TYPICAL)
        sampling.words(student.method(model, "sample", features), (TYPICAL["N"], 30), TYPICAL["V"])
        cases = [Case(TYPICAL, params, (features, length), f"with max_length={length}") for length in (7, 1)]

        def expect_words(some: Sequence[Case]) -> None:
            for case, value in zip(some, results(student, cell, "sample", some), strict=True):
                sampling.words(value, (TYPICAL["N"], case.arguments[1]), TYPICAL["V"])

        each(expect_words, cases)

    @check(
        f"{sample}.values", "words", part=part, function=sampling.FUNCTION, uses=steps,
        requires=[f"{sample}.shapes"],
    )  # fmt: skip
    def sample_values(student: Subject, reference: Subject, rng: Rng) -> None:
        """CaptioningRNN.sample writes the word of the highest score at each step, up to the first <END>."""

        def together(examples: Sequence[tuple[Sizes, Rng]]) -> None:
            cases = [sampling.case(generator, cell, sizes) for sizes, generator in examples]
            sampling.compare(student, reference, cell, cases)

        ranges = {**RANGES, "N": (2, 6), "H": (3, 8), "V": (5, 12)}
        for_random_sizes(rng, ranges, lambda *example: together([example]), examples=12, together=together)

    @check(
        f"{sample}.edge_cases", "edge cases", part=part, function=sampling.FUNCTION, uses=steps,
        requires=[f"{sample}.values"],
    )  # fmt: skip
    def sample_edge_cases(student: Subject, reference: Subject, rng: Rng) -> None:
        """CaptioningRNN.sample holds for one image, one word, many words, float32, and leaves the parameters alone."""
        edges = ({**TYPICAL, "N": 1}, {**TYPICAL, "H": 12, "W": 2}, {**TYPICAL, "H": 2, "W": 12})
        cases = [sampling.Judged(sampling.case(rng, cell, sizes), sampling.expect_right) for sizes in edges]
        single = replace(sampling.case(rng, cell, TYPICAL), dtype="float32", context="with dtype=np.float32")
        features, length = single.arguments  # of one type with the parameters, as the course's data are
        single = replace(single, arguments=(calls.float32(features), length))
        cases.append(sampling.Judged(single, sampling.expect_form))
        long = sampling.endless(sampling.case(rng, cell, TYPICAL, sampling.LONG))
        cases.append(sampling.Judged(long, sampling.expect_full))
        fresh = sampling.case(rng, cell, TYPICAL)
        others = draw(rng, TYPICAL)[0]
        cases.append(
            sampling.Judged(replace(fresh, before=(others, fresh.arguments[1])), sampling.expect_fresh)
        )
        each(partial(sampling.judge, student, reference, cell), cases)
        images = Case(TYPICAL, parameters(rng, cell, TYPICAL), (draw(rng, TYPICAL)[0], 7), "")
        _unchanged(student, cell, "sample", images, ["features"])

    return _named(cell, sample_shapes, sample_values, sample_edge_cases)


def _expect_same_again(
    first: tuple[Value, Mapping[str, Value]], again: tuple[Value, Mapping[str, Value]]
) -> None:
    pairs = {"loss": (first[0], again[0])} | {k: (first[1][k], again[1][k]) for k in first[1]}
    for name, (before, after) in pairs.items():
        if not np.array_equal(calls.trusted(before), calls.trusted(after)):
            raise Failed(
                f"`{name}` from `{LOSS}` is another one in a second call with the same inputs.",
                "Does something live on from an earlier call, such as a gradient that is added to?",
            )


def _unchanged(
    student: Subject, cell: str, method: str, case: Case, names: Sequence[str], again: int = 0
) -> tuple[Value, ...]:
    """The call changes neither these arguments nor a parameter. What so many further calls return."""
    after, params, further = left(student, cell, method, case, len(case.arguments), again)
    function = f"CaptioningRNN.{method}"
    for name, before, value in zip(names, case.arguments, after, strict=False):
        expect_unchanged(before, value, name=name, function=function)
    current = expect_mapping(params, list(case.params), name="params", function=function)
    for key, before in case.params.items():
        expect_unchanged(before, current[key], name=f"params['{key}']", function=function)
    return further


INIT = "CaptioningRNN.__init__"


@check(f"rnn.{INIT}.parameters", "parameters", part="rnn", given=True)
def check_rnn_init_parameters(student: Subject, reference: Subject, rng: Rng) -> None:
    """CaptioningRNN draws its parameters as handed out: names, shapes, dtype, order and scale of the draws."""
    seed = int(rng.integers(2**31))
    for cell in ("rnn", "lstm"):
        mine, right = _initial(student, cell, seed), _right_initial(reference, cell, seed)
        for name, expected in right.items():
            _expect_initial(mine[name], calls.trusted(expected), f"params['{name}']", cell)


INITIAL = {"D": 3, "W": 4, "H": 5, "V": TYPICAL["V"]}


def _initial(student: Subject, cell: str, seed: int) -> dict[str, Value]:
    D, W, H, V = INITIAL.values()
    model = student.rnn.CaptioningRNN(
        vocabulary(V), D, W, H, cell_type=cell, returns="model*", random_state=seed
    )
    if not isinstance(model, Handle):
        raise Failed("`CaptioningRNN(...)` did not make an object.")
    held = student.probe("captioner", "get_params", model)
    student.release(model)
    return expect_mapping(
        held, list(parameters(np.random.default_rng(0), cell, TYPICAL)), name="params", function=INIT
    )


def _right_initial(reference: Subject, cell: str, seed: int) -> dict[str, Value]:
    """As above, by a call whose answer the reference remembers."""
    D, W, H, V = INITIAL.values()
    sizes = {"input_dim": D, "wordvec_dim": W, "hidden_dim": H}
    held = reference.probe("captioner", "initial", cell, vocabulary(V), sizes, seed=seed)
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
