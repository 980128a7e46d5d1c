"""The captioner as a chain of functions with their pullbacks."""

from itertools import islice

import numpy as np

from .. import rnn_layers as L

INITIAL = (  # name, rows, columns, divisor; a row count of 0 is a bias
    ("W_embed", "V", "W", lambda s: 100), ("W_proj", "D", "H", lambda s: s["D"] ** 0.5), ("b_proj", 0, "H", None),
    ("Wx", "W", "G", lambda s: s["W"] ** 0.5), ("Wh", "H", "G", lambda s: s["H"] ** 0.5), ("b", 0, "G", None),
    ("W_vocab", "H", "V", lambda s: s["H"] ** 0.5), ("b_vocab", 0, "V", None),
)


class CaptioningRNN:
    def __init__(self, word_to_idx, input_dim=512, wordvec_dim=128, hidden_dim=128, cell_type="rnn", dtype=np.float32):
        if cell_type not in ("rnn", "lstm"):
            raise ValueError(f"no such cell: {cell_type}")
        self.cell_type, self.dtype, self.word_to_idx = cell_type, dtype, word_to_idx
        self.idx_to_word = {i: w for w, i in word_to_idx.items()}
        self._null, self._start, self._end = map(word_to_idx.get, ("<NULL>", "<START>", "<END>"))
        s = {"V": len(word_to_idx), "D": input_dim, "W": wordvec_dim, "H": hidden_dim}
        s["G"] = hidden_dim * (4 if cell_type == "lstm" else 1)
        draw = lambda r, c, div: np.random.randn(s[r], s[c]) / div(s) if r else np.zeros(s[c])
        self.params = {name: draw(r, c, div).astype(dtype) for name, r, c, div in INITIAL}

    def loss(self, features, captions):
        p = self.params.__getitem__
        h0, to_image = L.affine_forward(features, p("W_proj"), p("b_proj"))
        words, to_words = L.word_embedding_forward(captions[:, :-1], p("W_embed"))
        forward, backward = (getattr(L, f"{self.cell_type}_{way}") for way in ("forward", "backward"))
        h, to_cell = forward(words, h0, *map(p, ("Wx", "Wh", "b")))
        scores, to_scores = L.temporal_affine_forward(h, p("W_vocab"), p("b_vocab"))
        loss, dscores = L.temporal_softmax_loss(scores, captions[:, 1:], captions[:, 1:] != self._null)

        grads = {}
        dh, grads["W_vocab"], grads["b_vocab"] = L.temporal_affine_backward(dscores, to_scores)
        dwords, dh0, grads["Wx"], grads["Wh"], grads["b"] = backward(dh, to_cell)
        grads["W_embed"] = L.word_embedding_backward(dwords, to_words)
        _, grads["W_proj"], grads["b_proj"] = L.affine_backward(dh0, to_image)
        return loss, grads

    def _words(self, features):
        """Yields the best words (N,) of every step, without end."""
        p = self.params
        h = L.affine_forward(features, p["W_proj"], p["b_proj"])[0]
        state, word = ((h,) if self.cell_type == "rnn" else (h, np.zeros_like(h))), [self._start] * len(h)
        step = getattr(L, f"{self.cell_type}_step_forward")
        while True:
            *state, _ = step(p["W_embed"][word], *state, p["Wx"], p["Wh"], p["b"])
            word = np.argmax(state[0] @ p["W_vocab"] + p["b_vocab"], axis=1)
            yield word

    def sample(self, features, max_length=30):
        return np.stack(list(islice(self._words(features), max_length)), axis=-1)
