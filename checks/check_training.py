"""Training: each model learns what it should, measured from its parameters with the reference (contract, section 6).

A threshold is a sign of life, not a proof: several real mistakes train as well as correct work. Nothing that the
student's process reports counts; start, batches and optimiser are gradmark's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from checks.declare import Rng, check
from checks.training_report import caption_pictures, curves
from grader.errors import Failed
from grader.training.context import Training, told
from grader.training.recurrent import Recurrent

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


def _captioner(student: Subject, reference: Subject, rng: Rng, training: Training, cell: str) -> None:
    settings = getattr(training.profile, cell)
    bars = training.bars_of(cell)
    course, run = training.attempt(
        cell, lambda: Recurrent(student, reference, cell, training.captions, settings, rng)
    )
    assert isinstance(run, Recurrent)
    training.details += curves(bars, course)
    training.details += caption_pictures(training.captions, run.lesson, run.sampled)
    if not course.met:
        raise Failed(told(bars, course), MEASURED)


@check("training.rnn.overfit", "overfits 50 captions", part="training", function="RNN captioner", uses=RNN)
def check_rnn(student: Subject, reference: Subject, rng: Rng, training: Training) -> None:
    """The RNN captioner learns 50 captions by heart."""
    _captioner(student, reference, rng, training, "rnn")


@check(
    "training.lstm.overfit",
    "overfits 50 captions",
    part="training_lstm",
    function="LSTM captioner",
    uses=LSTM,
)
def check_lstm(student: Subject, reference: Subject, rng: Rng, training: Training) -> None:
    """The LSTM captioner learns 50 captions by heart."""
    _captioner(student, reference, rng, training, "lstm")
