"""Known mistakes as data: `ALL` holds every one, module by module."""

from __future__ import annotations

from checks.mistakes import rnn, rnn_layers
from checks.mistakes.declare import Mistake, MistakeError, apply

ALL: tuple[Mistake, ...] = (*rnn_layers.MISTAKES, *rnn.MISTAKES)

__all__ = ["ALL", "Mistake", "MistakeError", "apply"]
