"""The captioning model, laid out as the 2022 release hands it out and filled in by a student."""

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

        h0, fc_cache = affine_forward(features, W_proj, b_proj)
        vectors, embed_cache = word_embedding_forward(captions_in, W_embed)
        if self.cell_type == "rnn":
            h, cell_cache = rnn_forward(vectors, h0, Wx, Wh, b)
        else:
            h, cell_cache = lstm_forward(vectors, h0, Wx, Wh, b)
        scores, vocab_cache = temporal_affine_forward(h, W_vocab, b_vocab)
        loss, dscores = temporal_softmax_loss(scores, captions_out, mask)

        dh, grads["W_vocab"], grads["b_vocab"] = temporal_affine_backward(dscores, vocab_cache)
        if self.cell_type == "rnn":
            dvectors, dh0, grads["Wx"], grads["Wh"], grads["b"] = rnn_backward(dh, cell_cache)
        else:
            dvectors, dh0, grads["Wx"], grads["Wh"], grads["b"] = lstm_backward(dh, cell_cache)
        grads["W_embed"] = word_embedding_backward(dvectors, embed_cache)
        dfeatures, grads["W_proj"], grads["b_proj"] = affine_backward(dh0, fc_cache)

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

        h, _ = affine_forward(features, W_proj, b_proj)
        c = np.zeros_like(h)
        current = self._start * np.ones((N, 1), dtype=np.int32)
        for t in range(max_length):
            vectors, _ = word_embedding_forward(current, W_embed)  # (N, 1, W)
            if self.cell_type == "rnn":
                h, _ = rnn_step_forward(vectors[:, 0, :], h, Wx, Wh, b)
            else:
                h, c, _ = lstm_step_forward(vectors[:, 0, :], h, c, Wx, Wh, b)
            scores, _ = temporal_affine_forward(h[:, np.newaxis, :], W_vocab, b_vocab)
            current = np.argmax(scores, axis=2)
            captions[:, t] = current[:, 0]

        # *****END OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
        ############################################################################
        #                             END OF YOUR CODE                             #
        ############################################################################
        return captions
