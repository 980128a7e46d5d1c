"""Known mistakes in `rnn_layers.py`, the given functions among them."""

from __future__ import annotations

from checks.mistakes.rnn_layers import embedding, given, lstm, vanilla

MISTAKES = (*vanilla.MISTAKES, *embedding.MISTAKES, *lstm.MISTAKES, *given.MISTAKES)
