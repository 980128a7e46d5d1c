"""Known mistakes as data: `ALL` holds every one, module by module; `EQUIVALENT` what looks like one and is none."""

from __future__ import annotations

from checks.mistakes import (
    contrastive_loss,
    gan_pytorch,
    rnn,
    rnn_layers,
    simclr_data,
    simclr_model,
    simclr_utils,
    transformer,
    transformer_layers,
)
from checks.mistakes.declare import Mistake, MistakeError, apply, varied
from checks.mistakes.equivalent import EQUIVALENT

ALL: tuple[Mistake, ...] = (
    *rnn_layers.MISTAKES,
    *rnn.MISTAKES,
    *transformer_layers.MISTAKES,
    *transformer.MISTAKES,
    *gan_pytorch.MISTAKES,
    *contrastive_loss.MISTAKES,
    *simclr_data.MISTAKES,
    *simclr_model.MISTAKES,
    *simclr_utils.MISTAKES,
)

__all__ = ["ALL", "EQUIVALENT", "Mistake", "MistakeError", "apply", "varied"]
