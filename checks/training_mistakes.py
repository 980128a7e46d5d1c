"""Mistakes that training must show, variations of the reference: `gradmark calibrate` tries the bars on them.

Some real mistakes train as well as correct work (`seen` is False): the checks of the functions see those.
"""

from __future__ import annotations

from dataclasses import dataclass

from checks.mistakes.declare import Mistake


@dataclass(frozen=True)
class TrainingMistake:
    """A variation of the reference, and the training checks ("rnn", "vanilla", ...) that have to fail for it."""

    mistake: Mistake
    courses: tuple[str, ...]
    seen: bool = (
        True  # False: it trains as well as correct work, as measured; kept to show what a bar can't see
    )


def _wrong(
    courses: str, name: str, function: str, old: str, new: str, sentence: str, seen: bool = True
) -> TrainingMistake:
    return TrainingMistake(Mistake(name, function, old, new, sentence, "", ()), tuple(courses.split()), seen)


_LOSS, _GAN, _SIMCLR = "rnn.CaptioningRNN.loss", "gan_pytorch", "simclr_utils.train"
_FORWARD = "transformer.CaptioningTransformer.forward"
_ZERO = "train_optimizer.zero_grad()"

MISTAKES: tuple[TrainingMistake, ...] = (
    _wrong(
        "rnn lstm", "captioner.learns_nothing", _LOSS, "return loss, grads",
        "return loss, {k: 0 * v for k, v in grads.items()}", "All gradients are zero.",
    ),
    _wrong(
        "rnn lstm", "captioner.sign", _LOSS, "return loss, grads",
        "return loss, {k: -v for k, v in grads.items()}", "The gradients have the wrong sign.",
    ),
    _wrong(
        "rnn", "captioner.nan", _LOSS, "return loss, grads",
        "return loss, {k: v * np.nan for k, v in grads.items()}", "The gradients are NaN.",
    ),
    _wrong(
        "rnn lstm", "captioner.unshifted", _LOSS, "captions_out = captions[:, 1:]",
        "captions_out = captions[:, :-1]", "The words to predict are those that were read.",
    ),
    _wrong(
        "rnn", "rnn.no_carry", "rnn_layers.rnn_forward", "rnn_step_forward(x[:, t], prev_h, Wx, Wh, b)",
        "rnn_step_forward(x[:, t], h0, Wx, Wh, b)", "Every step starts from the first state.",
    ),
    _wrong(
        "lstm", "lstm.no_carry", "rnn_layers.lstm_forward", "lstm_step_forward(x[:, t], prev_h, prev_c, Wx, Wh, b)",
        "lstm_step_forward(x[:, t], h0, prev_c, Wx, Wh, b)", "Every step starts from the first state.",
    ),
    _wrong(
        "transformer", "transformer.no_mask", _FORWARD, "tgt_mask=causal", "tgt_mask=None",
        "There is no causal mask: words are read off their own successors.", seen=False,
    ),
    _wrong(
        "transformer", "transformer.no_image", _FORWARD, "self.visual_projection(features)",
        "(0 * self.visual_projection(features))", "The image is not used.",
    ),
    _wrong(
        "transformer", "transformer.learns_nothing", _FORWARD, "return self.output(hidden)",
        "return self.output(hidden).detach().requires_grad_()", "The scores are cut off from the parameters.",
    ),
    _wrong(
        "vanilla", "gan.wrong_sign", f"{_GAN}.generator_loss", "return bce_loss(", "return -bce_loss(",
        "The generator's loss has the wrong sign.",
    ),
    _wrong(
        "vanilla dc", "gan.generator_labels", f"{_GAN}.generator_loss", "torch.ones_like", "torch.zeros_like",
        "The generator wants its pictures to be taken for fakes.",
    ),
    _wrong(
        "vanilla", "gan.discriminator_labels", f"{_GAN}.discriminator_loss", "bce_loss(logits_fake, torch.zeros_like",
        "bce_loss(logits_fake, torch.ones_like", "Fake pictures are labelled as real ones.",
    ),
    _wrong(
        "vanilla", "gan.detached", f"{_GAN}.generator_loss", "return bce_loss(logits_fake,",
        "return bce_loss(logits_fake.detach().requires_grad_(),", "The generator's loss is cut off from it.",
    ),
    _wrong(
        "ls", "lsgan.wrong_sign", f"{_GAN}.ls_generator_loss", "return (", "return -(",
        "The generator's loss has the wrong sign.",
    ),
    _wrong(
        "ls", "lsgan.labels", f"{_GAN}.ls_discriminator_loss", "(scores_fake**2).mean()",
        "((scores_fake - 1) ** 2).mean()", "Fake scores are pulled to 1 as well.",
    ),
    _wrong(
        "simclr", "simclr.no_reset", _SIMCLR, _ZERO, "None", "The gradients of all steps add up.",
    ),
    _wrong(
        "simclr", "simclr.frozen", _SIMCLR, "model.train()",
        "model.train(); [p.requires_grad_(False) for p in model.f.parameters()]", "The encoder is frozen.",
    ),
    _wrong(
        "simclr", "simclr.temperature", _SIMCLR, "simclr_loss_vectorized(out_left, out_right, temperature,",
        "simclr_loss_vectorized(out_left, out_right, 1.0,", "The temperature is ignored.",
    ),
    _wrong(
        "simclr", "simclr.same_view", "simclr_data.CIFAR10Pair.__getitem__", "x_j = self.transform(img)", "x_j = x_i",
        "Both views are the same.",
    ),
    _wrong(
        "simclr", "simclr.learns_nothing", _SIMCLR, "loss.backward()", "(0 * loss).backward()",
        "The gradients are zero.",
    ),
    _wrong(
        "simclr", "simclr.shuffled", _SIMCLR, "_, out_right = model(x_j)", "_, out_right = model(x_j.flip(0))",
        "The pairs belong to different images.",
    ),
)  # fmt: skip
