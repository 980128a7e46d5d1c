"""Training: each model learns what it should, measured from its parameters with the reference (contract, section 6).

A threshold is a sign of life, not a proof: several real mistakes train as well as correct work. Nothing that the
student's process reports counts; start, batches and optimiser are gradmark's.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from checks import declare
from checks.declare import Rng
from checks.training_report import caption_pictures, compared, curves, digits_picture
from grader.errors import Blocked, Failed, NotAttempted
from grader.training.adversarial import Adversaries
from grader.training.context import Training, told
from grader.training.contrastive import Contrast
from grader.training.recurrent import Recurrent
from grader.training.transformer import Attention

if TYPE_CHECKING:
    from grader.subject import Subject

Check = Callable[..., None]
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
GAN = [
    "gan_pytorch.sample_noise", "gan_pytorch.discriminator", "gan_pytorch.generator",
    "gan_pytorch.discriminator_loss", "gan_pytorch.generator_loss",
]  # fmt: skip
LS = [*GAN[:3], "gan_pytorch.ls_discriminator_loss", "gan_pytorch.ls_generator_loss"]
DC = [GAN[0], "gan_pytorch.build_dc_classifier", "gan_pytorch.build_dc_generator", *GAN[3:]]
SIMCLR = [
    "contrastive_loss.sim_positive_pairs", "contrastive_loss.compute_sim_matrix",
    "contrastive_loss.simclr_loss_vectorized", "simclr_data.compute_train_transform",
    "simclr_data.CIFAR10Pair.__getitem__", "simclr_utils.train",
]  # fmt: skip


def check(
    id: str, title: str, *, function: str, uses: Sequence[str], part: str = "training"
) -> Callable[[Check], Check]:
    """Declares a training check.

    Nothing stands in for wrong functions in it: a model that is built from stand-ins reaches no bar, so a failed
    run would only be repeated in vain, some times over.
    """

    def attach(body: Check) -> Check:
        spec = declare.check(id, title, part=part, function=function, uses=uses)(body).gradmark  # type: ignore[attr-defined]
        body.gradmark = dataclasses.replace(spec, stand_ins=())  # type: ignore[attr-defined]
        return body

    return attach


def _expect_attempted(student: Subject, uses: Sequence[str]) -> None:
    """Raises `NotAttempted` when nothing of what is trained was written, `Blocked` when something is missing."""
    untouched = [name for name in uses if student.untouched(*name.split(".", 1))]
    if len(untouched) == len(uses):
        raise NotAttempted("What would be trained is not implemented yet.")
    if untouched:
        name = untouched[0].partition(".")[2]
        raise Blocked(f"Training needs `{name}`, which is not implemented yet.", f"Write `{name}` first.")


Captioner = Recurrent | Attention


def _captioner(training: Training, name: str, make: Callable[[Any], Captioner], device: str = "cpu") -> None:
    course, run = training.attempt(name, make, device)
    training.details += curves(course)
    training.details += caption_pictures(training.captions, run.lesson, run.sampled)
    if not course.met:
        raise Failed(told(course), MEASURED)


def _recurrent(student: Subject, reference: Subject, rng: Rng, training: Training, cell: str) -> None:
    _captioner(
        training,
        cell,
        lambda settings: Recurrent(student, reference, cell, training.captions, settings, rng),
    )


@check("training.rnn.overfit", "overfits 50 captions", function="RNN captioner", uses=RNN)
def check_rnn(student: Subject, reference: Subject, rng: Rng, training: Training) -> None:
    """The RNN captioner learns 50 captions by heart."""
    _expect_attempted(student, RNN)
    _recurrent(student, reference, rng, training, "rnn")


@check(
    "training.transformer.overfit",
    "overfits 50 captions",
    function="transformer captioner",
    uses=TRANSFORMER,
)
def check_transformer(student: Subject, reference: Subject, rng: Rng, training: Training) -> None:
    """The transformer captioner learns 50 captions by heart."""
    _expect_attempted(student, TRANSFORMER)
    device = training.device(student)
    _captioner(
        training,
        "transformer",
        lambda settings: Attention(student, reference, training.captions, settings, rng, device),
        device,
    )


def _adversarial(student: Subject, reference: Subject, rng: Rng, training: Training, kind: str) -> None:
    device = training.device(student)
    judge, images = training.judge(reference), training.digits[0]
    course, run = training.attempt(
        kind,
        lambda settings: Adversaries(student, reference, kind, images, judge, settings, rng, device),
        device,
    )
    training.details += [*curves(course), digits_picture(run.drawn)]
    if not course.met:
        raise Failed(told(course), MEASURED)


@check("training.gan.digits", "draws digits", function="vanilla GAN", uses=GAN)
def check_gan(student: Subject, reference: Subject, rng: Rng, training: Training) -> None:
    """The vanilla GAN's generator comes to draw pictures like the digits."""
    _expect_attempted(student, GAN)
    _adversarial(student, reference, rng, training, "vanilla")


@check("training.lsgan.digits", "draws digits", function="least-squares GAN", uses=LS)
def check_lsgan(student: Subject, reference: Subject, rng: Rng, training: Training) -> None:
    """The least-squares GAN's generator comes to draw pictures like the digits."""
    _expect_attempted(student, LS)
    _adversarial(student, reference, rng, training, "ls")


@check("training.dcgan.digits", "draws digits", function="DCGAN", uses=DC)
def check_dcgan(student: Subject, reference: Subject, rng: Rng, training: Training) -> None:
    """The convolutional GAN's generator comes to draw pictures like the digits."""
    _expect_attempted(student, DC)
    _adversarial(student, reference, rng, training, "dc")


@check(
    "training.simclr.representation",
    "learns a representation",
    function="SimCLR",
    uses=SIMCLR,
)
def check_simclr(student: Subject, reference: Subject, rng: Rng, training: Training) -> None:
    """A small encoder trained with SimCLR tells classes apart better than an untrained one."""
    _expect_attempted(student, SIMCLR)
    device = training.device(student)
    known, unseen = training.pictures
    course, run = training.attempt(
        "simclr",
        lambda settings: Contrast(student, reference, known, unseen, settings, rng, device),
        device,
    )
    training.details += [*curves(course), compared(run.before, course.last)]
    if not course.met:
        raise Failed(told(course), MEASURED)


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
