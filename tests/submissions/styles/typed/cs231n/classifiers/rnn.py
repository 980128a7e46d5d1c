"""The captioner, typed; what the two cells do differently is an enumeration's business."""

from __future__ import annotations

import enum
from typing import Any, Iterator

import numpy as np
import numpy.typing as npt

from ..rnn_layers import *
from ..rnn_layers import Array


class Cell(enum.Enum):
    RNN = "rnn"
    LSTM = "lstm"

    @property
    def gates(self) -> int:
        return 1 if self is Cell.RNN else 4


class CaptioningRNN:
    params: dict[str, Array]

    def __init__(
        self,
        word_to_idx: dict[str, int],
        input_dim: int = 512,
        wordvec_dim: int = 128,
        hidden_dim: int = 128,
        cell_type: str = "rnn",
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        self._cell = Cell(cell_type)  # a ValueError for anything else
        self.cell_type = self._cell.value
        self.dtype = dtype
        self.word_to_idx = word_to_idx
        self.idx_to_word = {index: word for word, index in word_to_idx.items()}
        self._null: int = word_to_idx["<NULL>"]
        self._start: int | None = word_to_idx.get("<START>")
        self._end: int | None = word_to_idx.get("<END>")
        self.params = dict(self._drawn(len(word_to_idx), input_dim, wordvec_dim, hidden_dim))

    def _drawn(self, V: int, D: int, W: int, H: int) -> Iterator[tuple[str, Array]]:
        G = self._cell.gates * H
        shapes: dict[str, tuple[int, ...]] = {
            "W_embed": (V, W), "W_proj": (D, H), "b_proj": (H,), "Wx": (W, G), "Wh": (H, G), "b": (G,),
            "W_vocab": (H, V), "b_vocab": (V,),
        }
        for name, shape in shapes.items():
            value = np.zeros(shape)
            if len(shape) == 2:
                value = np.random.randn(*shape) / (100 if name == "W_embed" else np.sqrt(shape[0]))
            yield name, value.astype(self.dtype)

    def loss(self, features: Array, captions: npt.NDArray[Any]) -> tuple[Any, dict[str, Array]]:
        read, asked = captions[:, :-1], captions[:, 1:]
        p, grads = self.params, dict.fromkeys(self.params)

        h0, c1 = affine_forward(features, p["W_proj"], p["b_proj"])
        x, c2 = word_embedding_forward(read, p["W_embed"])
        run, rerun = (rnn_forward, rnn_backward) if self._cell is Cell.RNN else (lstm_forward, lstm_backward)
        h, c3 = run(x, h0, p["Wx"], p["Wh"], p["b"])
        scores, c4 = temporal_affine_forward(h, p["W_vocab"], p["b_vocab"])
        loss, dscores = temporal_softmax_loss(scores, asked, asked != self._null)

        dh, grads["W_vocab"], grads["b_vocab"] = temporal_affine_backward(dscores, c4)
        dx, dh0, grads["Wx"], grads["Wh"], grads["b"] = rerun(dh, c3)
        grads["W_embed"] = word_embedding_backward(dx, c2)
        grads["W_proj"], grads["b_proj"] = affine_backward(dh0, c1)[1:]
        return loss, grads

    def sample(self, features: Array, max_length: int = 30) -> npt.NDArray[np.int64]:
        p, N = self.params, len(features)
        captions = np.full((max_length, N), self._null, dtype=np.int64)
        h, _ = affine_forward(features, p["W_proj"], p["b_proj"])
        c = np.zeros_like(h)
        word, awake = np.full(N, self._start), np.arange(N)
        for t in range(max_length):
            # captions that ended are left out of the batch
            if self._cell is Cell.RNN:
                h, _ = rnn_step_forward(p["W_embed"][word], h, p["Wx"], p["Wh"], p["b"])
            else:
                h, c, _ = lstm_step_forward(p["W_embed"][word], h, c, p["Wx"], p["Wh"], p["b"])
            word = (h @ p["W_vocab"] + p["b_vocab"]).argmax(axis=-1)
            captions[t, awake] = word
            on = word != self._end
            if not on.any():
                break
            h, c, word, awake = h[on], c[on], word[on], awake[on]
        return captions.T
