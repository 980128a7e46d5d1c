"""The words that a `CaptioningRNN` samples: which they should be, and what a wrong one comes from.

Sampling may stop a caption after <END> or go on, so words count up to and including the first <END>.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from checks.declare import Rng
from checks.random_sizes import Sizes, text
from checks.rnn_model import Case, draw, parameters, results, right_results, vocabulary
from grader.compare import expect_array
from grader.errors import Failed
from grader.results import Note
from grader.values import Array, Value

if TYPE_CHECKING:
    from grader.subject import Subject

FUNCTION = "CaptioningRNN.sample"
LONG = 34  # words, more than the 30 of the default


def endless(case: Case) -> Case:
    """The case with captions that never end."""
    numbers = vocabulary(case.sizes["V"])
    case.params["b_vocab"][[numbers["<NULL>"], numbers["<END>"]]] = -1e3
    return replace(case, context=f"with captions that have no <END>, and max_length={LONG}")


def words(value: Value, shape: tuple[int, ...], vocabulary_size: int) -> Array:
    """The captions as integers; form is judged here."""
    captions = expect_array(value, shape, name="captions", function=FUNCTION)
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


def case(rng: Rng, cell: str, sizes: Sizes, length: int = 9) -> Case:
    """Long captions of varied words: the state matters at every step, and <END> comes at different times."""
    params = parameters(rng, cell, sizes)
    params["W_vocab"], params["Wh"], params["Wx"] = 3 * params["W_vocab"], 2 * params["Wh"], 2 * params["Wx"]
    return Case(sizes, params, (draw(rng, sizes)[0], length), f"with {text(sizes)}")


Judge = Callable[[Case, Value, Value], None]
"""What becomes of a case, the student's result and the reference's."""


@dataclass(frozen=True)
class Judged:
    """A case, and how its words are judged."""

    case: Case
    judge: Judge

    @property
    def context(self) -> str:
        """What the case is about."""
        return self.case.context


def judge(student: Subject, reference: Subject, cell: str, judged: Sequence[Judged]) -> None:
    """Judges all cases, from one round trip when they are many."""
    cases = [one.case for one in judged]
    mine = results(student, cell, "sample", cases)
    right = right_results(reference, cell, "sample", cases)
    for one, actual, expected in zip(judged, mine, right, strict=True):
        one.judge(one.case, actual, expected)


def compare(student: Subject, reference: Subject, cell: str, cases: Sequence[Case]) -> None:
    """The words are the reference's."""
    judge(student, reference, cell, [Judged(case, expect_right) for case in cases])


def _of(case: Case, value: Value) -> Array:
    return words(value, (case.sizes["N"], case.arguments[1]), case.sizes["V"])


def expect_right(case: Case, actual: Value, right: Value) -> None:
    """The words are the reference's."""
    _expect_words(_of(case, actual), _of(case, right), case.sizes)


def expect_form(case: Case, actual: Value, right: Value) -> None:
    """Some words or other: rounding may change one."""
    _of(case, actual)


def expect_full(case: Case, actual: Value, right: Value) -> None:
    """Captions that never end go on up to max_length. Which words they are is not compared: rounding adds up."""
    empty = np.flatnonzero((_of(case, actual) == vocabulary(case.sizes["V"])["<NULL>"]).any(axis=0))
    if empty.size:
        raise Failed(
            f"`{FUNCTION}` writes nothing at step {empty[0]} of captions that have no <END>, with max_length={LONG}.",
            "The loop runs over max_length steps, however many that is.",
        )


def expect_fresh(case: Case, actual: Value, right: Value) -> None:
    """A model that has written captions for other images writes the right ones for these."""
    try:
        expect_right(case, actual, right)
    except Failed as failed:
        raise Failed(
            f"{failed.message.rstrip('.')}, in a second call on the same model.",
            "Does a state live on from an earlier call? Each call starts anew from its images.",
            failed.details,
        ) from None


def _expect_words(actual: Array, right: Array, sizes: Sizes) -> None:
    for n in range(len(right)):
        ends = np.flatnonzero(right[n] == vocabulary(sizes["V"])["<END>"])
        upto = int(ends[0]) + 1 if ends.size else right.shape[1]
        wrong = np.flatnonzero(actual[n, :upto] != right[n, :upto])
        if wrong.size:
            raise _failure(actual[n], right[n], n, int(wrong[0]), upto, sizes)


def _failure(actual: Array, right: Array, n: int, t: int, upto: int, sizes: Sizes) -> Failed:
    words = {number: word for word, number in vocabulary(sizes["V"]).items()}
    lines = [
        " ".join(words[int(w)] for w in caption[:upto]) for caption in (right, actual)
    ]  # fmt: skip
    hint = _hint(actual, right, t, vocabulary(sizes["V"]))
    return Failed(
        f"`CaptioningRNN.sample` writes another word at step {t} of caption {n}, with {text(sizes)}.",
        hint,
        (Note(title="Words up to <END>", text=f"expected: {lines[0]}\nyours:    {lines[1]}"),),
    )


def _hint(actual: Array, right: Array, t: int, numbers: Mapping[str, int]) -> str:
    if right[t] == numbers["<END>"] and (actual[t:] == numbers["<NULL>"]).all():
        return "<END> is sampled like any word: it belongs into the caption."
    if t and (actual[t:] == numbers["<NULL>"]).all():
        return (
            f"From step {t} on yours is <NULL> alone: does decoding stop before this caption has its <END>?"
        )
    if t:
        return (
            "Are the hidden state (and an LSTM's cell state) and the sampled word carried to the next step?"
        )
    return (
        "At the first step: is <START> the word read, is the state the image's (features W_proj + b_proj), an LSTM's "
        "cell 0, and is the first column the first word *sampled*?"
    )
