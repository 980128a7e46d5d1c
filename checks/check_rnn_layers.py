"""The layers of a recurrent captioner: vanilla RNN, LSTM, word embedding (RNN_Captioning and LSTM_Captioning).

Freedoms: any cache, also one that backward consumes; results in float64 from float32 inputs; step functions may
add into the upstream gradient that they are given. Sizes: N batch, T time, D input, H hidden, V words.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from checks import calls, softmax
from checks.cases import Case, each, expect_results
from checks.declare import Layer, Rng, bias, check, normal, weight, words
from checks.random_sizes import Sizes, for_random_sizes, text
from checks.standard import standard_checks
from grader.compare import expect_unchanged
from grader.values import Array

if TYPE_CHECKING:
    from grader.subject import Subject

RNN_STEP = Layer(
    module="rnn_layers",
    forward="rnn_step_forward",
    backward="rnn_step_backward",
    part="rnn",
    inputs={
        "x": normal("N", "D"),
        "prev_h": normal("N", "H"),
        "Wx": weight("D", "H"),
        "Wh": weight("H", "H"),
        "b": bias("H"),
    },
    outputs={"next_h": ("N", "H")},
    gradients={"dx": "x", "dprev_h": "prev_h", "dWx": "Wx", "dWh": "Wh", "db": "b"},
    example={"N": 3, "D": 10, "H": 4},
    example_ranges={
        "x": (-0.4, 0.7),
        "prev_h": (-0.2, 0.5),
        "Wx": (-0.1, 0.9),
        "Wh": (-0.3, 0.7),
        "b": (-0.2, 0.4),
    },
    edges={
        "a batch of one": {"N": 1},
        "one hidden unit": {"H": 1},
        "one input": {"D": 1},
        "more hidden units than inputs": {"D": 2, "H": 9},
        "more inputs than hidden units": {"D": 9, "H": 2},
        "equal sizes": {"N": 4, "D": 4, "H": 4},
    },
    upstream_may_change=True,
    saturates=True,
)

SEQUENCE_EDGES = {
    "a batch of one": {"N": 1},
    "one time step": {"T": 1},
    "two time steps": {"T": 2},
    "many time steps": {"T": 17},
    "one hidden unit": {"H": 1},
    "more hidden units than inputs": {"D": 2, "H": 9},
    "more inputs than hidden units": {"D": 9, "H": 2},
    "equal sizes": {"N": 4, "T": 4, "D": 4, "H": 4},
}

RNN = Layer(
    module="rnn_layers",
    forward="rnn_forward",
    backward="rnn_backward",
    part="rnn",
    inputs={
        "x": normal("N", "T", "D"),
        "h0": normal("N", "H"),
        "Wx": weight("D", "H"),
        "Wh": weight("H", "H"),
        "b": bias("H"),
    },
    outputs={"h": ("N", "T", "H")},
    gradients={"dx": "x", "dh0": "h0", "dWx": "Wx", "dWh": "Wh", "db": "b"},
    example={"N": 2, "T": 3, "D": 4, "H": 5},
    example_ranges={
        "x": (-0.1, 0.3),
        "h0": (-0.3, 0.1),
        "Wx": (-0.2, 0.4),
        "Wh": (-0.4, 0.1),
        "b": (-0.7, 0.1),
    },
    edges=SEQUENCE_EDGES,
    uses=("rnn_layers.rnn_step_forward",),
    step=RNN_STEP,
    backward_uses=("rnn_layers.rnn_step_backward", "rnn_layers.rnn_step_forward"),
)

WORD_EMBEDDING = Layer(
    module="rnn_layers",
    forward="word_embedding_forward",
    backward="word_embedding_backward",
    part="rnn",
    inputs={"x": words("N", "T", below="V"), "W": normal("V", "D")},
    outputs={"out": ("N", "T", "D")},
    gradients={"dW": "W"},
    example={"N": 2, "T": 4, "V": 5, "D": 3},
    example_ranges={"W": (0, 1)},
    edges={
        "a batch of one": {"N": 1},
        "one time step": {"T": 1},
        "every word the same": {"V": 1},
        "many repeated words": {"N": 6, "T": 8, "V": 2},
        "more words than positions": {"N": 2, "T": 2, "V": 40},
        "word vectors of length one": {"D": 1},
        "equal sizes": {"N": 4, "T": 4, "V": 4, "D": 4},
    },
)

LSTM_STEP = Layer(
    module="rnn_layers",
    forward="lstm_step_forward",
    backward="lstm_step_backward",
    part="lstm",
    inputs={
        "x": normal("N", "D"),
        "prev_h": normal("N", "H"),
        "prev_c": normal("N", "H"),
        "Wx": weight("D", "G"),
        "Wh": weight("H", "G"),
        "b": bias("G"),
    },
    outputs={"next_h": ("N", "H"), "next_c": ("N", "H")},
    gradients={"dx": "x", "dprev_h": "prev_h", "dprev_c": "prev_c", "dWx": "Wx", "dWh": "Wh", "db": "b"},
    example={"N": 3, "D": 4, "H": 5},
    example_ranges={
        "x": (-0.4, 1.2), "prev_h": (-0.3, 0.7), "prev_c": (-0.4, 0.9),
        "Wx": (-2.1, 1.3), "Wh": (-0.7, 2.2), "b": (0.3, 0.7),
    },
    edges=RNN_STEP.edges,
    derived={"G": ("H", 4)},
    upstream_may_change=True,
    saturates=True,
)  # fmt: skip

LSTM = Layer(
    module="rnn_layers",
    forward="lstm_forward",
    backward="lstm_backward",
    part="lstm",
    inputs={
        "x": normal("N", "T", "D"),
        "h0": normal("N", "H"),
        "Wx": weight("D", "G"),
        "Wh": weight("H", "G"),
        "b": bias("G"),
    },
    outputs={"h": ("N", "T", "H")},
    gradients={"dx": "x", "dh0": "h0", "dWx": "Wx", "dWh": "Wh", "db": "b"},
    example={"N": 2, "D": 5, "H": 4, "T": 3},
    example_ranges={
        "x": (-0.4, 0.6),
        "h0": (-0.4, 0.8),
        "Wx": (-0.2, 0.9),
        "Wh": (-0.3, 0.6),
        "b": (0.2, 0.7),
    },
    edges=SEQUENCE_EDGES,
    derived={"G": ("H", 4)},
    uses=("rnn_layers.lstm_step_forward",),
    step=LSTM_STEP,
    backward_uses=("rnn_layers.lstm_step_backward", "rnn_layers.lstm_step_forward"),
)

AFFINE = Layer(
    module="rnn_layers",
    forward="affine_forward",
    backward="affine_backward",
    part="rnn",
    inputs={"x": normal("N", "D"), "w": weight("D", "M"), "b": bias("M")},
    outputs={"out": ("N", "M")},
    gradients={"dx": "x", "dw": "w", "db": "b"},
    example={"N": 2, "D": 4, "M": 3},
    edges={"a batch of one": {"N": 1}, "one output": {"M": 1}},
    given=True,
)

TEMPORAL_AFFINE = Layer(
    module="rnn_layers",
    forward="temporal_affine_forward",
    backward="temporal_affine_backward",
    part="rnn",
    inputs={"x": normal("N", "T", "D"), "w": weight("D", "M"), "b": bias("M")},
    outputs={"out": ("N", "T", "M")},
    gradients={"dx": "x", "dw": "w", "db": "b"},
    example={"N": 2, "T": 3, "D": 4, "M": 5},
    edges={"a batch of one": {"N": 1}, "one time step": {"T": 1}, "one output": {"M": 1}},
    given=True,
)

for _layer in (RNN_STEP, RNN, WORD_EMBEDDING, LSTM_STEP, LSTM, AFFINE, TEMPORAL_AFFINE):
    globals().update(standard_checks(_layer))

# An affine map of images: each is flattened to 40 numbers.
IMAGES = {"N": 3, "height": 2, "width": 4, "colours": 5, "M": 6}


def _images(rng: Rng) -> dict[str, Array]:
    N, *image, M = IMAGES.values()
    D = int(np.prod(image))
    w = rng.standard_normal((D, M)) / np.sqrt(D)
    return {"x": rng.standard_normal((N, *image)), "w": w, "b": rng.standard_normal(M)}


@check(
    "rnn_layers.affine_forward.images", "inputs of more dimensions", part="rnn", given=True,
    requires=["rnn_layers.affine_forward.values"],
)  # fmt: skip
def check_affine_forward_images(student: Subject, reference: Subject, rng: Rng) -> None:
    """affine_forward flattens each example, whatever its shape."""
    case = Case(_images(rng), IMAGES, "with x of shape (3, 2, 4, 5)")
    (right,) = calls.right_outputs(reference, AFFINE, [case.inputs])
    (mine,) = calls.apply_forward_many(student, AFFINE, [case.inputs])
    expect_results(mine, right, case, AFFINE, AFFINE.forward)


@check(
    "rnn_layers.affine_backward.images", "inputs of more dimensions", part="rnn", given=True,
    requires=["rnn_layers.affine_backward.reference_gradient", "rnn_layers.affine_forward.images"],
    uses=["rnn_layers.affine_forward"],
)  # fmt: skip
def check_affine_backward_images(student: Subject, reference: Subject, rng: Rng) -> None:
    """affine_backward gives dx the shape of x, whatever that is."""
    upstream = (rng.standard_normal((IMAGES["N"], IMAGES["M"])),)
    case = Case(_images(rng), IMAGES, "with x of shape (3, 2, 4, 5)", "gradient", upstream)
    (right,) = calls.right_gradients(reference, AFFINE, [(case.inputs, upstream)])
    mine = calls.apply_backward(student, AFFINE, case.inputs, upstream)
    expect_results(mine, right, case, AFFINE, AFFINE.backward)


@check("rnn_layers.temporal_softmax_loss.values", "values", part="rnn", given=True)
def check_temporal_softmax_loss_values(student: Subject, reference: Subject, rng: Rng) -> None:
    """temporal_softmax_loss sums over time, averages over the batch, and leaves masked words out."""

    def together(examples: Sequence[tuple[Sizes, Rng]]) -> None:
        cases = []
        for sizes, generator in examples:
            x, y = softmax.scores(generator, sizes)
            masks = softmax.masks(generator, y.shape)
            cases += [softmax.Case(x, y, mask, f"with {kind} ({text(sizes)})") for kind, mask in masks]
        softmax.compare(student, reference, cases)

    for_random_sizes(rng, softmax.RANGES, lambda *example: together([example]), examples=3, together=together)


@check(
    "rnn_layers.temporal_softmax_loss.edge_cases",
    "edge cases",
    part="rnn",
    given=True,
    requires=["rnn_layers.temporal_softmax_loss.values"],
)
def check_temporal_softmax_loss_edge_cases(student: Subject, reference: Subject, rng: Rng) -> None:
    """temporal_softmax_loss is stable for large scores, right for one caption of one word, and changes no input."""
    x, y = softmax.scores(rng, {"N": 3, "T": 4, "V": 5})
    x += 5000.0 * rng.standard_normal((3, 4, 1))  # far from zero, but no probability underflows
    large = softmax.Case(x, y, np.ones(y.shape, dtype=bool), "with scores that are all large")
    x, y = softmax.scores(rng, {"N": 1, "T": 1, "V": 4})
    mask = np.ones(y.shape, dtype=bool)
    small = softmax.Case(x, y, mask, "with one caption of one word")
    each(partial(softmax.compare, student, reference), [large, small])
    _, after = student.rnn_layers.temporal_softmax_loss.echo(x, y, mask, returns="loss, dx")
    for name, before, value in zip(("x", "y", "mask"), (x, y, mask), after, strict=True):
        expect_unchanged(before, value, name=name, function=softmax.FUNCTION)


@check(
    "rnn_layers.temporal_softmax_loss.numerical_gradient", "gradient of its own loss", part="rnn", given=True
)
def check_temporal_softmax_loss_numerical_gradient(student: Subject, reference: Subject, rng: Rng) -> None:
    """temporal_softmax_loss returns the gradient of the loss that it returns."""

    def together(examples: Sequence[tuple[Sizes, Rng]]) -> None:
        softmax.expect_own_gradients(student, [softmax.example(*example) for example in examples])

    def one(sizes: Sizes, generator: Rng) -> None:
        softmax.expect_own_gradient_at(student, softmax.example(sizes, generator))

    for_random_sizes(rng, softmax.RANGES, one, examples=2, together=together, search=2)
