"""`CaptioningRNN`: training loss and greedy sampling, with a vanilla RNN and with an LSTM (contract, section 3).

Freedoms: `sample` may stop a caption after <END> or go on, so words are compared up to and including the first
<END>; word numbers may come in any integer dtype. The vocabulary's special words have unusual numbers here: a
solution takes them from `word_to_idx`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from checks import calls
from checks.declare import Rng, check
from checks.gradients import expect_own_gradient
from checks.random_sizes import Sizes, for_random_sizes, text
from grader.compare import expect_array, expect_close, expect_mapping, expect_scalar, expect_unchanged, unpack
from grader.errors import Failed
from grader.results import Note
from grader.values import Array, Handle, Value

if TYPE_CHECKING:
    from grader.subject import Subject

LOSS, SAMPLE = "CaptioningRNN.loss", "CaptioningRNN.sample"
GATES = {"rnn": 1, "lstm": 4}
RANGES = {"N": (2, 4), "T": (2, 5), "D": (2, 5), "W": (2, 5), "H": (2, 5), "V": (4, 8)}
TYPICAL = {"N": 3, "T": 4, "D": 5, "W": 6, "H": 7, "V": 8}
EDGES: Mapping[str, Mapping[str, int]] = {
    "a batch of one": {"N": 1},
    "captions of one word": {"T": 1},
    "one feature": {"D": 1},
    "more hidden units than word-vector elements": {"W": 2, "H": 9},
    "fewer hidden units than word-vector elements": {"W": 9, "H": 2},
}


def vocabulary(size: int) -> dict[str, int]:
    """`size` words; <NULL>, <START> and <END> are not 0, 1 and 2 where there is room."""
    special = {"<START>": 0, "<NULL>": 1, "<END>": size - 1}
    return {**special, **{f"word{i}": i for i in range(2, size - 1)}}


def parameters(rng: Rng, cell: str, sizes: Sizes) -> dict[str, Array]:
    """Fresh float64 parameters, all different from zero (biases too)."""
    D, W, H, V, m = sizes["D"], sizes["W"], sizes["H"], sizes["V"], GATES[cell]
    shapes = {
        "W_embed": (V, W), "W_proj": (D, H), "b_proj": (H,), "Wx": (W, m * H), "Wh": (H, m * H), "b": (m * H,),
        "W_vocab": (H, V), "b_vocab": (V,),
    }  # fmt: skip
    scale = {"W_embed": 1.0, "b_proj": 0.5, "b": 0.5, "b_vocab": 0.5}
    return {k: rng.standard_normal(s) * scale.get(k, s[0] ** -0.5) for k, s in shapes.items()}


def captioner(
    subject: Subject, cell: str, sizes: Sizes, params: Mapping[str, Array], dtype: str = "float64"
) -> Handle:
    """A model in the subject's worker that holds these parameters."""
    kind = subject.probe("captioner", "dtype", dtype, returns="dtype*")
    model = subject.rnn.CaptioningRNN(
        vocabulary(sizes["V"]), input_dim=sizes["D"], wordvec_dim=sizes["W"], hidden_dim=sizes["H"],
        cell_type=cell, dtype=calls.argument(kind), returns="model*",
    )  # fmt: skip
    if not isinstance(model, Handle):
        raise Failed("`CaptioningRNN(...)` did not make an object.")
    subject.probe("captioner", "set_params", model, {k: v.astype(dtype) for k, v in params.items()})
    return model


def draw(rng: Rng, sizes: Sizes) -> tuple[Array, Array]:
    """Features, and captions of T+1 words <NULL> at their ends."""
    features = rng.standard_normal((sizes["N"], sizes["D"]))
    captions = rng.integers(sizes["V"], size=(sizes["N"], sizes["T"] + 1))
    lengths = rng.integers(2, sizes["T"] + 2, size=sizes["N"])
    captions[np.arange(sizes["T"] + 1)[None, :] >= lengths[:, None]] = vocabulary(sizes["V"])["<NULL>"]
    return features, captions


def loss(subject: Subject, model: Handle, features: Array, captions: Array) -> tuple[Value, dict[str, Value]]:
    """Loss and gradients by name; form is judged here."""
    value = subject.method(model, "loss", features, captions)
    result, grads = unpack(value, ["loss", "grads"], LOSS)
    keys = ["W_embed", "W_proj", "b_proj", "Wx", "Wh", "b", "W_vocab", "b_vocab"]
    expect_scalar(result, name="loss", function=LOSS)
    return result, expect_mapping(grads, keys, name="grads", function=LOSS)


Compare = Callable[..., None]


def _compare_loss(
    student: Subject, reference: Subject, rng: Rng, cell: str, sizes: Sizes, *, what: Sequence[str],
    tolerance: str = "value", context: str = "", dtype: str = "float64", data: tuple[Array, Array] | None = None,
) -> None:  # fmt: skip
    """Compares the loss, the gradients, or both (`what`) on fresh parameters and data."""
    params = parameters(rng, cell, sizes)
    features, captions = data or draw(rng, sizes)
    params = {k: v.astype(dtype).astype("float64") for k, v in params.items()}
    features = features.astype(dtype)
    actual, grads = loss(student, captioner(student, cell, sizes, params, dtype), features, captions)
    right, right_grads = loss(
        reference, captioner(reference, cell, sizes, params), features.astype("float64"), captions
    )
    pairs: list[tuple[str, Value, Value]] = [("loss", actual, right)] if "loss" in what else []
    pairs += [(f"grads['{k}']", grads[k], right_grads[k]) for k in right_grads] if "grads" in what else []
    for name, got, expected in pairs:
        expect_close(
            got, calls.trusted(expected), name=name, function=LOSS,
            tolerance=tolerance, context=context, axes={k: sizes[k] for k in ("N", "T")},
        )  # fmt: skip


def _checks_of(cell: str) -> dict[str, Any]:
    """The checks of the captioner with one kind of cell, to be put into this module's namespace."""
    part = cell
    infix = "" if cell == "rnn" else f".{cell}"
    aspect = f"rnn.{LOSS}{infix}"
    layers = (f"rnn_layers.{cell}_forward", "rnn_layers.word_embedding_forward")
    backward = (*layers, f"rnn_layers.{cell}_backward", "rnn_layers.word_embedding_backward")
    steps = (f"rnn_layers.{cell}_step_forward", "rnn_layers.word_embedding_forward")

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

        def one(sizes: Sizes, generator: Rng) -> None:
            _compare_loss(
                student, reference, generator, cell, sizes, what=["loss"], context=f"with {text(sizes)}"
            )

        for_random_sizes(rng, RANGES, one, examples=4)

    @check(
        f"{aspect}.reference_gradient", "gradients", part=part, function=LOSS, uses=backward,
        requires=[f"{aspect}.shapes", f"{aspect}.values"],
    )  # fmt: skip
    def reference_gradient(student: Subject, reference: Subject, rng: Rng) -> None:
        """CaptioningRNN.loss returns the right gradient for every parameter."""

        def one(sizes: Sizes, generator: Rng) -> None:
            _compare_loss(
                student, reference, generator, cell, sizes, what=["grads"], tolerance="gradient",
                context=f"with {text(sizes)}",
            )  # fmt: skip

        for_random_sizes(rng, RANGES, one, examples=4)

    @check(
        f"{aspect}.numerical_gradient", "gradient of your own loss", part=part, function=LOSS, uses=backward,
        requires=[f"{aspect}.shapes"],
    )  # fmt: skip
    def numerical_gradient(student: Subject, reference: Subject, rng: Rng) -> None:
        """CaptioningRNN.loss returns the gradients of the loss that it returns."""

        def one(sizes: Sizes, generator: Rng) -> None:
            _numerical(student, generator, cell, sizes)

        for_random_sizes(rng, RANGES, one, examples=2)

    @check(
        f"{aspect}.edge_cases", "edge cases", part=part, function=LOSS, uses=backward,
        requires=[f"{aspect}.values", f"{aspect}.reference_gradient"],
    )  # fmt: skip
    def edge_cases(student: Subject, reference: Subject, rng: Rng) -> None:
        """CaptioningRNN.loss holds for one caption, one word, any ratio of sizes, and captions of padding alone."""
        both = ["loss", "grads"]
        for description, changes in EDGES.items():
            sizes = {**TYPICAL, **changes}
            context = f"with {description} ({text(sizes)})"
            _compare_loss(student, reference, rng, cell, sizes, what=both, context=context)
        features, captions = draw(rng, TYPICAL)
        captions[:, 1:] = vocabulary(TYPICAL["V"])["<NULL>"]
        context, data = "with captions of padding alone", (features, captions)
        _compare_loss(student, reference, rng, cell, TYPICAL, what=both, context=context, data=data)

    @check(
        f"{aspect}.precision", "precision", part=part, function=LOSS, uses=backward,
        requires=[f"{aspect}.reference_gradient"],
    )  # fmt: skip
    def precision(student: Subject, reference: Subject, rng: Rng) -> None:
        """CaptioningRNN.loss keeps float64 precise and works in float32."""
        both = ["loss", "grads"]
        _compare_loss(
            student, reference, rng, cell, TYPICAL, what=both, tolerance="float32", dtype="float32",
            context="with dtype=np.float32",
        )  # fmt: skip
        context = "to float64 precision: is there a float32 array on the way?"
        _compare_loss(
            student, reference, rng, cell, TYPICAL, what=both, tolerance="precision", context=context
        )  # fmt: skip

    @check(
        f"{aspect}.inputs_unmodified", "leaves parameters and inputs alone", part=part, function=LOSS, uses=backward,
        requires=[f"{aspect}.reference_gradient"],
    )  # fmt: skip
    def inputs_unmodified(student: Subject, reference: Subject, rng: Rng) -> None:
        """CaptioningRNN.loss changes no parameter and no input."""
        params = parameters(rng, cell, TYPICAL)
        features, captions = draw(rng, TYPICAL)
        model = captioner(student, cell, TYPICAL, params)
        _unchanged(student, model, "loss", params, {"features": features, "captions": captions}, LOSS)

    sample = f"rnn.{SAMPLE}{infix}"

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

        def one(sizes: Sizes, generator: Rng) -> None:
            _compare_sample(student, reference, generator, cell, sizes)

        for_random_sizes(rng, {**RANGES, "N": (2, 6), "H": (3, 8), "V": (5, 12)}, one, examples=6)

    @check(
        f"{sample}.edge_cases", "edge cases", part=part, function=SAMPLE, uses=steps, requires=[f"{sample}.values"]
    )  # fmt: skip
    def sample_edge_cases(student: Subject, reference: Subject, rng: Rng) -> None:
        """CaptioningRNN.sample holds for one image, one word, float32, and leaves the parameters alone."""
        for sizes in ({**TYPICAL, "N": 1}, {**TYPICAL, "H": 12, "W": 2}, {**TYPICAL, "H": 2, "W": 12}):
            _compare_sample(student, reference, rng, cell, sizes)
        params = parameters(rng, cell, TYPICAL)
        model = captioner(student, cell, TYPICAL, params)
        _unchanged(student, model, "sample", params, {"features": draw(rng, TYPICAL)[0]}, SAMPLE)

    found: Sequence[Compare] = (
        shapes, values, reference_gradient, numerical_gradient, edge_cases, precision, inputs_unmodified,
        sample_shapes, sample_values, sample_edge_cases,
    )  # fmt: skip
    return {f"check_{cell}_{body.__name__}": body for body in found}


def _numerical(student: Subject, rng: Rng, cell: str, sizes: Sizes) -> None:
    params = parameters(rng, cell, sizes)
    features, captions = draw(rng, sizes)
    model = captioner(student, cell, sizes, params)
    _, grads = loss(student, model, features, captions)

    def evaluate(points: Sequence[Mapping[str, Array]]) -> Array:
        value = student.probe("captioner", "losses", model, [dict(p) for p in points], features, captions)
        items = unpack(value, [str(i) for i in range(len(points))], LOSS)
        return np.array([expect_scalar(item, name="loss", function=LOSS) for item in items])

    analytic = {
        k: expect_array(grads[k], params[k].shape, name=f"grads['{k}']", function=LOSS) for k in params
    }
    expect_own_gradient(
        evaluate, params, analytic, rng, names={k: f"grads['{k}']" for k in params},
        function=LOSS, forward=LOSS, context=f"with {text(sizes)}",
    )  # fmt: skip


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


def _compare_sample(
    student: Subject, reference: Subject, rng: Rng, cell: str, sizes: Sizes, length: int = 9
) -> None:
    """Long captions of varied words: the state matters at every step, and <END> comes at different times."""
    params = parameters(rng, cell, sizes)
    params["W_vocab"], params["Wh"], params["Wx"] = 3 * params["W_vocab"], 2 * params["Wh"], 2 * params["Wx"]
    features, _ = draw(rng, sizes)
    shape, end = (sizes["N"], length), vocabulary(sizes["V"])["<END>"]
    actual = _words(
        student.method(captioner(student, cell, sizes, params), "sample", features, length), shape, sizes["V"]
    )
    right = _words(
        reference.method(captioner(reference, cell, sizes, params), "sample", features, length),
        shape,
        sizes["V"],
    )
    for n in range(sizes["N"]):
        ends = np.flatnonzero(right[n] == end)
        upto = int(ends[0]) + 1 if ends.size else length
        wrong = np.flatnonzero(actual[n, :upto] != right[n, :upto])
        if wrong.size:
            raise _sampling_failure(actual[n], right[n], n, int(wrong[0]), upto, sizes)


def _sampling_failure(actual: Array, right: Array, n: int, t: int, upto: int, sizes: Sizes) -> Failed:
    words = {number: word for word, number in vocabulary(sizes["V"]).items()}
    lines = [
        " ".join(words[int(w)] for w in caption[:upto]) for caption in (right, actual)
    ]  # fmt: skip
    hint = "Is <START> the first word read, and is the first column the first word *sampled*?" if t == 0 else (
        "Are the hidden state (and an LSTM's cell state) and the sampled word carried to the next step?"
    )  # fmt: skip
    return Failed(
        f"`CaptioningRNN.sample` writes another word at step {t} of caption {n}, with {text(sizes)}.",
        hint,
        (Note(title="Words up to <END>", text=f"expected: {lines[0]}\nyours:    {lines[1]}"),),
    )


for _cell in GATES:
    globals().update(_checks_of(_cell))
