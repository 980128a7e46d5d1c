"""A `CaptioningRNN` in a subject's worker: its parameters and data, its loss compared with the reference's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from checks import calls
from checks.agreement import agree
from checks.cases import named
from checks.declare import Rng
from checks.gradients import WIDEST, acquitted, direction, expect_own_gradient
from checks.probes.bundles import bundled
from checks.random_sizes import Sizes, for_random_sizes, text
from checks.shared import kept
from grader.compare import all_close, expect_array, expect_close, expect_mapping, expect_scalar, unpack
from grader.errors import Blocked, Failed
from grader.values import Array, Handle, Value

if TYPE_CHECKING:
    from grader.subject import Subject

LOSS = "CaptioningRNN.loss"
BOTH = ("loss", "grads")
GATES = {"rnn": 1, "lstm": 4}
DIMS = {f"grads['{name}']": dims for name, dims in {"Wx": ("W", "G"), "Wh": ("H", "G"), "b": ("G",)}.items()}
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
    """`size` words, four or more; <NULL>, <START> and <END> are not 0, 1 and 2 where there is room."""
    special = {"<START>": 0, "<NULL>": 1, "<UNK>": 2, "<END>": size - 1}
    return {**special, **{f"word{i}": i for i in range(3, size - 1)}}


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
    subject: Subject, cell: str, sizes: Sizes, params: Mapping[str, Array], dtype: str = "float64",
    words: Mapping[str, int] | None = None,
) -> Handle:  # fmt: skip
    """A model in the subject's worker that holds these parameters."""
    kind = _dtype(subject, dtype)
    model = subject.rnn.CaptioningRNN(
        dict(words or vocabulary(sizes["V"])), input_dim=sizes["D"], wordvec_dim=sizes["W"], hidden_dim=sizes["H"],
        cell_type=cell, dtype=kind, returns="model*",
    )  # fmt: skip
    if not isinstance(model, Handle):
        raise Failed("`CaptioningRNN(...)` did not make an object.")
    subject.probe("captioner", "set_params", model, {k: v.astype(dtype) for k, v in params.items()})
    return model


def _dtype(subject: Subject, name: str) -> Handle | Array | None:
    """The numpy type of this name in the subject's worker, asked for once."""
    known: dict[str, Handle] = kept(subject, "dtypes")
    if name in known and subject.holds(known[name]):
        return known[name]
    found = calls.argument(subject.probe("captioner", "dtype", name, returns="dtype*"))
    if isinstance(found, Handle):
        known[name] = found
    return found


def draw(rng: Rng, sizes: Sizes) -> tuple[Array, Array]:
    """Features, and captions of T+1 words: the first ends with <END>, the others with any word.

    Any word stands anywhere else, <NULL> and <START> too: what counts is the definition, not what is usual.
    """
    features = rng.standard_normal((sizes["N"], sizes["D"]))
    captions = rng.integers(sizes["V"], size=(sizes["N"], sizes["T"] + 1))
    lengths = rng.integers(2, sizes["T"] + 2, size=sizes["N"])
    special = vocabulary(sizes["V"])
    captions[0, lengths[0] - 1] = special["<END>"]
    captions[np.arange(sizes["T"] + 1)[None, :] >= lengths[:, None]] = special["<NULL>"]
    return features, captions


@dataclass(frozen=True)
class Case:
    """A model's parameters and data, and how its results are compared and named."""

    sizes: Sizes
    params: Mapping[str, Array]  # float64
    arguments: tuple[Any, ...]
    context: str
    tolerance: str = "value"
    dtype: str = "float64"
    words: Mapping[str, int] | None = None  # the vocabulary, if it is not the usual one
    before: tuple[Any, ...] = ()  # arguments of an earlier call on the same model

    @property
    def sent(self) -> dict[str, Any]:
        """All of it, for `checks.probes.captioner`."""
        sizes = self.sizes
        return {
            "vocabulary": dict(self.words or vocabulary(sizes["V"])),
            "sizes": {"input_dim": sizes["D"], "wordvec_dim": sizes["W"], "hidden_dim": sizes["H"]},
            "dtype": self.dtype,
            "params": {k: v.astype(self.dtype) for k, v in self.params.items()},
            "arguments": list(self.arguments),
            "before": [list(self.before)] if self.before else [],
        }

    @property
    def exact(self) -> Case:
        """The same numbers, as `dtype` rounds them, in double precision: for the reference."""
        params = {k: v.astype(self.dtype).astype("float64") for k, v in self.params.items()}
        arguments = tuple(calls.float64(a) if isinstance(a, np.ndarray) else a for a in self.arguments)
        return replace(self, params=params, arguments=arguments, dtype="float64")


def drawn(
    rng: Rng, cell: str, sizes: Sizes, context: str, tolerance: str = "value", dtype: str = "float64"
) -> Case:
    """A case for `loss` of fresh parameters and data."""
    features, captions = draw(rng, sizes)
    return Case(
        sizes, parameters(rng, cell, sizes), (features.astype(dtype), captions), context, tolerance, dtype
    )


def results(subject: Subject, cell: str, method: str, cases: Sequence[Case]) -> list[Value]:
    """What a method of the model returns for each case.

    Many cases take one round trip; a single one takes plain calls, whose errors are worded better.
    """
    if len(cases) > 1:
        return _results(subject, cell, method, cases)
    (case,) = cases
    model = captioner(subject, cell, case.sizes, case.params, case.dtype, case.words)
    if case.before:
        subject.method(model, method, *case.before)
    return [subject.method(model, method, *case.arguments)]


def right_results(reference: Subject, cell: str, method: str, cases: Sequence[Case]) -> list[Value]:
    """What the reference returns, by a call whose answer it remembers."""
    return _results(reference, cell, method, [replace(case.exact, before=()) for case in cases])


def _results(subject: Subject, cell: str, method: str, cases: Sequence[Case]) -> list[Value]:
    with calls.told_of("results", f"CaptioningRNN.{method}"):
        value = subject.probe("captioner", "results", cell, method, bundled([case.sent for case in cases]))
    return list(calls.items_of(value, len(cases)))


def left(
    student: Subject, cell: str, method: str, case: Case, count: int, again: int
) -> tuple[tuple[Value, ...], Value, tuple[Value, ...]]:
    """What `count` arguments and the parameters hold after a call, and what so many further calls return."""
    with calls.told_of("left", f"CaptioningRNN.{method}"):
        value = student.probe("captioner", "left", cell, method, bundled(case.sent), again)
    arguments, params, further = calls.items_of(value, 3)
    return calls.items_of(arguments, count), params, calls.items_of(further, again)


def loss(subject: Subject, model: Handle, features: Array, captions: Array) -> tuple[Value, dict[str, Value]]:
    """Loss and gradients by name; form is judged here."""
    return opened(subject.method(model, "loss", features, captions))


def opened(value: Value) -> tuple[Value, dict[str, Value]]:
    """What `loss` returned, taken apart; form is judged here."""
    result, grads = unpack(value, ["loss", "grads"], LOSS)
    keys = ["W_embed", "W_proj", "b_proj", "Wx", "Wh", "b", "W_vocab", "b_vocab"]
    expect_scalar(result, name="loss", function=LOSS)
    return result, expect_mapping(grads, keys, name="grads", function=LOSS)


def compare_loss(
    student: Subject, reference: Subject, cell: str, what: Sequence[str], cases: Sequence[Case]
) -> None:
    """Compares the loss, the gradients, or both (`what`)."""
    mine = results(student, cell, "loss", cases)
    right = right_results(reference, cell, "loss", cases)
    pairs = [
        _pairs(what, opened(value), opened(expected)) for value, expected in zip(mine, right, strict=True)
    ]
    if not agree([
        (got, true, case.tolerance) for case, some in zip(cases, pairs, strict=True) for got, true in some.values()
    ]):  # fmt: skip
        for case, some in zip(cases, pairs, strict=True):
            _expect_loss(case, some)


def _pairs(
    what: Sequence[str], mine: tuple[Value, dict[str, Value]], right: tuple[Value, dict[str, Value]]
) -> dict[str, tuple[Value, Array]]:
    """What is compared by name: the student's, and the right one."""
    pairs = {"loss": (mine[0], calls.trusted(right[0]))} if "loss" in what else {}
    if "grads" in what:
        pairs |= {f"grads['{k}']": (mine[1][k], calls.trusted(right[1][k])) for k in right[1]}
    return pairs


def _expect_loss(case: Case, pairs: Mapping[str, tuple[Value, Array]]) -> None:
    all_close({
        name: partial(
            expect_close, got, true, name=name, function=LOSS, tolerance=case.tolerance,
            context=case.context, axes={k: case.sizes[k] for k in ("N", "T")}, dims=DIMS.get(name, ()),
            given=case.params,
        )
        for name, (got, true) in pairs.items()
    })  # fmt: skip


def random_loss(
    student: Subject, reference: Subject, rng: Rng, cell: str, what: Sequence[str], tolerance: str
) -> None:
    """Compares on random sizes, all at once, or one after the other to find the smallest that fails."""

    def make(sizes: Sizes, generator: Rng) -> Case:
        return drawn(generator, cell, sizes, f"with {text(sizes)}", tolerance)

    def together(examples: Sequence[tuple[Sizes, Rng]]) -> None:
        compare_loss(student, reference, cell, what, [make(*example) for example in examples])

    def one(sizes: Sizes, generator: Rng) -> None:
        case = make(sizes, generator)
        with named(case):
            compare_loss(student, reference, cell, what, [case])

    for_random_sizes(rng, RANGES, one, examples=6, together=together)


def expect_gradients_of_own_loss(student: Subject, reference: Subject, rng: Rng, cell: str) -> None:
    """Judges two random sizes, in one frame when the gradients are right."""

    def together(examples: Sequence[tuple[Sizes, Rng]]) -> None:
        cases = [_numerical(cell, *example) for example in examples]
        for case, (_, generator), right in zip(
            cases, examples, _acquitted(student, cell, cases, examples), strict=True
        ):
            if not right:
                _expect_gradient_of_own_loss(student, reference, cell, case, generator)

    def one(sizes: Sizes, generator: Rng) -> None:
        _expect_gradient_of_own_loss(student, reference, cell, _numerical(cell, sizes, generator), generator)

    for_random_sizes(rng, RANGES, one, examples=2, together=together, search=2)


def _numerical(cell: str, sizes: Sizes, rng: Rng) -> Case:
    return drawn(rng, cell, sizes, f"with {text(sizes)}")


def _acquitted(
    student: Subject, cell: str, cases: Sequence[Case], examples: Sequence[tuple[Sizes, Rng]]
) -> list[bool]:
    """Which cases show at once a right gradient; what is not acquitted is to be looked at closely, and not blamed."""
    along = [direction(case.params, case.params, rng) for case, (_, rng) in zip(cases, examples, strict=True)]
    sent = [case.sent | {"along": u} for case, u in zip(cases, along, strict=True)]
    with calls.told_of("slopes", LOSS):
        values = student.probe("captioner", "slopes", cell, bundled(sent), list(WIDEST))
    return [
        _acquits(case, u, value)
        for case, u, value in zip(cases, along, calls.items_of(values, len(cases)), strict=True)
    ]


def _acquits(case: Case, along: Mapping[str, Array], value: Value) -> bool:
    given, moved = calls.items_of(value, 2)
    try:
        _, grads = opened(given)
        losses = [
            expect_scalar(item, name="loss", function=LOSS) for item in calls.items_of(moved, len(WIDEST))
        ]
        analytic = _analytic(case, grads)
    except Failed:
        return False
    return any(gradient.any() for gradient in analytic.values()) and acquitted(losses, analytic, along)


def _analytic(case: Case, grads: Mapping[str, Value]) -> dict[str, Array]:
    return {
        k: expect_array(grads[k], v.shape, name=f"grads['{k}']", function=LOSS)
        for k, v in case.params.items()
    }


def _expect_gradient_of_own_loss(
    student: Subject, reference: Subject, cell: str, case: Case, rng: Rng
) -> None:
    model = captioner(student, cell, case.sizes, case.params)
    _, grads = loss(student, model, *case.arguments)

    def evaluate(points: Sequence[Mapping[str, Array]]) -> Array:
        with calls.told_of("losses", LOSS):
            value = student.probe("captioner", "losses", model, [dict(p) for p in points], *case.arguments)
        items = unpack(value, [str(i) for i in range(len(points))], LOSS)
        return np.array([expect_scalar(item, name="loss", function=LOSS) for item in items])

    analytic = _analytic(case, grads)
    if not any(gradient.any() for gradient in analytic.values()):
        raise Blocked(
            f"`{LOSS}` can't be judged by a loss that depends on no parameter.", f"Write `{LOSS}` first."
        )
    expect_own_gradient(
        evaluate, case.params, analytic, rng, names={k: f"grads['{k}']" for k in case.params},
        function=LOSS, forward=LOSS, context=case.context, known=lambda: _right(reference, cell, case),
    )  # fmt: skip


def _right(reference: Subject, cell: str, case: Case) -> dict[str, Array]:
    """The reference's gradients by the parameters' names."""
    _, grads = loss(reference, captioner(reference, cell, case.sizes, case.params), *case.arguments)
    return {name: calls.trusted(grads[name]) for name in case.params}
