"""Training: each model learns what it should, measured from its parameters with the reference (contract, section 6).

A threshold is a sign of life, not a proof: several real mistakes train as well as correct work. Nothing that the
student's process reports counts; start, batches and optimiser are gradmark's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from checks.declare import Rng, check
from checks.training_report import caption_pictures, curves
from grader.errors import Blocked, Failed, NotAttempted
from grader.training.context import Training, told
from grader.training.recurrent import Recurrent
from grader.training.transformer import Attention

if TYPE_CHECKING:
    from grader.subject import Subject

MEASURED = "It was measured with the reference from the parameters that your code had trained."
RNN = [
    "rnn_layers.rnn_forward", "rnn_layers.rnn_backward", "rnn_layers.rnn_step_forward",
    "rnn_layers.rnn_step_backward", "rnn_layers.word_embedding_forward", "rnn_layers.word_embedding_backward",
    "rnn.CaptioningRNN.loss",
]  # fmt: skip
LSTM = [
    "rnn_layers.lstm_forward", "rnn_layers.lstm_backward", "rnn_layers.lstm_step_forward",
    "rnn_layers.lstm_step_backward", "rnn_layers.word_embedding_forward", "rnn_layers.word_embedding_backward",
    "rnn.CaptioningRNN.loss",
]  # fmt: skip

TRANSFORMER = [
    "transformer_layers.PositionalEncoding.__init__", "transformer_layers.PositionalEncoding.forward",
    "transformer_layers.MultiHeadAttention.forward", "transformer.CaptioningTransformer.forward",
]  # fmt: skip


def _expect_attempted(student: Subject, uses: Sequence[str]) -> None:
    """Raises `NotAttempted` when nothing of what is trained was written, `Blocked` when something is missing."""
    untouched = [name for name in uses if student.untouched(*name.split(".", 1))]
    if len(untouched) == len(uses):
        raise NotAttempted("What would be trained is not implemented yet.")
    if untouched:
        name = untouched[0].partition(".")[2]
        raise Blocked(f"Training needs `{name}`, which is not implemented yet.", f"Write `{name}` first.")


Captioner = Recurrent | Attention


def _captioner(training: Training, name: str, make: Callable[[], Captioner]) -> None:
    bars = training.bars_of(name)
    course, run = training.attempt(name, make)
    training.details += curves(bars, course)
    training.details += caption_pictures(training.captions, run.lesson, run.sampled)
    if not course.met:
        raise Failed(told(bars, course), MEASURED)


def _recurrent(student: Subject, reference: Subject, rng: Rng, training: Training, cell: str) -> None:
    settings = getattr(training.profile, cell)
    _captioner(training, cell, lambda: Recurrent(student, reference, cell, training.captions, settings, rng))


@check("training.rnn.overfit", "overfits 50 captions", part="training", function="RNN captioner", uses=RNN)
def check_rnn(student: Subject, reference: Subject, rng: Rng, training: Training) -> None:
    """The RNN captioner learns 50 captions by heart."""
    _expect_attempted(student, RNN)
    _recurrent(student, reference, rng, training, "rnn")


@check(
    "training.transformer.overfit",
    "overfits 50 captions",
    part="training",
    function="transformer captioner",
    uses=TRANSFORMER,
)
def check_transformer(student: Subject, reference: Subject, rng: Rng, training: Training) -> None:
    """The transformer captioner learns 50 captions by heart."""
    _expect_attempted(student, TRANSFORMER)
    settings, device = training.profile.transformer, training.device(student)
    _captioner(
        training,
        "transformer",
        lambda: Attention(student, reference, training.captions, settings, rng, device),
    )


@check(
    "training.lstm.overfit",
    "overfits 50 captions",
    part="training_lstm",
    function="LSTM captioner",
    uses=LSTM,
)
def check_lstm(student: Subject, reference: Subject, rng: Rng, training: Training) -> None:
    """The LSTM captioner learns 50 captions by heart."""
    _expect_attempted(student, LSTM)
    _recurrent(student, reference, rng, training, "lstm")
