"""The captioning model, laid out as the original hands it out, by a student of 2021."""

from builtins import range
from builtins import object
import numpy as np

from ..rnn_layers import *


class CaptioningRNN(object):
    """Captions from image features with a vanilla RNN or an LSTM. No regularisation."""

    def __init__(
        self,
        word_to_idx,
        input_dim=512,
        wordvec_dim=128,
        hidden_dim=128,
        cell_type="rnn",
        dtype=np.float32,
    ):
        """Builds the vocabulary and draws the parameters."""
        if cell_type not in ("rnn", "lstm"):
            raise ValueError('No such cell_type: "%s"' % cell_type)

        self.cell_type = cell_type
        self.dtype = dtype
        self.word_to_idx = word_to_idx
        self.idx_to_word = {number: word for word, number in word_to_idx.items()}
        self.params = {}

        self._null = word_to_idx["<NULL>"]
        self._start = word_to_idx.get("<START>", None)
        self._end = word_to_idx.get("<END>", None)

        n_words = len(word_to_idx)
        columns = hidden_dim if cell_type == "rnn" else 4 * hidden_dim

        self.params["W_embed"] = np.random.randn(n_words, wordvec_dim) / 100
        self.params["W_proj"] = np.random.randn(input_dim, hidden_dim) / np.sqrt(input_dim)
        self.params["b_proj"] = np.zeros(hidden_dim)
        self.params["Wx"] = np.random.randn(wordvec_dim, columns) / np.sqrt(wordvec_dim)
        self.params["Wh"] = np.random.randn(hidden_dim, columns) / np.sqrt(hidden_dim)
        self.params["b"] = np.zeros(columns)
        self.params["W_vocab"] = np.random.randn(hidden_dim, n_words) / np.sqrt(hidden_dim)
        self.params["b_vocab"] = np.zeros(n_words)
        for key in self.params:
            self.params[key] = self.params[key].astype(dtype)

    def loss(self, features, captions):
        """Loss and gradients for features (N, D) and captions (N, T+1)."""
        captions_in = captions[:, :-1]
        captions_out = captions[:, 1:]
        mask = captions_out != self._null

        W_proj, b_proj = self.params["W_proj"], self.params["b_proj"]
        W_embed = self.params["W_embed"]
        Wx, Wh, b = self.params["Wx"], self.params["Wh"], self.params["b"]
        W_vocab, b_vocab = self.params["W_vocab"], self.params["b_vocab"]

        loss, grads = 0.0, {}
        ############################################################################
        # TODO: forward and backward pass of the whole model.                      #
        ############################################################################
        # *****START OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****

        forward, backward = {"rnn": (rnn_forward, rnn_backward), "lstm": (lstm_forward, lstm_backward)}[self.cell_type]
        layers = [
            (affine_forward, affine_backward, ("W_proj", "b_proj")),
            (word_embedding_forward, word_embedding_backward, ("W_embed",)),
            (forward, backward, ("Wx", "Wh", "b")),
            (temporal_affine_forward, temporal_affine_backward, ("W_vocab", "b_vocab")),
        ]
        out, caches = [], []
        for k, (f, _, names) in enumerate(layers):
            # what a layer reads: the image, the words, the words' vectors and the image's state, the states
            read = [[features], [captions_in], out[:2][::-1], out[-1:]][k]
            y, c = f(*(read + [self.params[name] for name in names]))
            out.append(y)
            caches.append(c)
        loss, d = temporal_softmax_loss(out[-1], captions_out, mask)
        for k in (3, 2, 1, 0):
            if k == 1:
                grads["W_embed"] = layers[k][1](d_words, caches[k])
                continue
            d, *rest = layers[k][1](d, caches[k])
            if k == 2:
                d_words = d
                d, *rest = rest
            grads.update(zip(layers[k][2], rest))

        # *****END OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
        ############################################################################
        #                             END OF YOUR CODE                             #
        ############################################################################
        return loss, grads

    def sample(self, features, max_length=30):
        """Greedy captions (N, max_length) for features (N, D)."""
        N = features.shape[0]
        captions = self._null * np.ones((N, max_length), dtype=np.int32)

        W_proj, b_proj = self.params["W_proj"], self.params["b_proj"]
        W_embed = self.params["W_embed"]
        Wx, Wh, b = self.params["Wx"], self.params["Wh"], self.params["b"]
        W_vocab, b_vocab = self.params["W_vocab"], self.params["b_vocab"]

        ###########################################################################
        # TODO: word by word.                                                     #
        ###########################################################################
        # *****START OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****

        state = [affine_forward(features, W_proj, b_proj)[0]]
        if self.cell_type == "lstm":
            state.append(np.zeros_like(state[0]))
        step = {"rnn": rnn_step_forward, "lstm": lstm_step_forward}[self.cell_type]
        word = np.full(N, self._start, dtype=int)
        ended = np.zeros(N, dtype=bool)
        for t in range(max_length):
            *state, _ = step(W_embed[word], *state, Wx, Wh, b)
            word = (state[0] @ W_vocab + b_vocab).argmax(1)
            captions[~ended, t] = word[~ended]
            ended |= word == self._end
            if ended.all():
                break

        # *****END OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
        ############################################################################
        #                             END OF YOUR CODE                             #
        ############################################################################
        return captions
