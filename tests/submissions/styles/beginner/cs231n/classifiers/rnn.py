"""An image captioner: a recurrent network that starts from the image and writes a caption word by word."""

import numpy as np

import matplotlib.pyplot as plt
import imageio

from cs231n.rnn_layers import *
from cs231n.my_helpers import *


class CaptioningRNN:
    """A caption model around a vanilla RNN or an LSTM; its parameters live in the dict `params`.

    The image's feature vector becomes the first hidden state; from there on the network reads the caption and
    predicts, at every step, the word that comes next.

    Sizes: V words in the vocabulary, D image features (`input_dim`), W word vector (`wordvec_dim`), H hidden
    units (`hidden_dim`), N captions in a batch, each of T+1 words.
    """

    def __init__(
        self, word_to_idx, input_dim=512, wordvec_dim=128, hidden_dim=128, cell_type="rnn", dtype=np.float32
    ):
        """Draws new parameters from numpy's global random state.

        word_to_idx: dict from each of the V words to its number; must hold "<NULL>", and "<START>" to sample.
        cell_type: "rnn" or "lstm"; anything else is a ValueError.
        dtype: of the parameters; float32 for training, float64 for checking gradients.
        """
        if cell_type not in {"rnn", "lstm"}:
            raise ValueError(f"cell_type must be 'rnn' or 'lstm', not {cell_type!r}")
        self.cell_type = cell_type
        self.dtype = dtype
        self.word_to_idx = word_to_idx
        self.idx_to_word = {i: word for word, i in word_to_idx.items()}
        self._null = word_to_idx["<NULL>"]
        self._start = word_to_idx.get("<START>", None)
        self._end = word_to_idx.get("<END>", None)
        self.params = self._initial_params(len(word_to_idx), input_dim, wordvec_dim, hidden_dim)

    def _initial_params(self, V, D, W, H):
        """Normal draws, scaled as each line says, and zero biases; the order of the draws is fixed."""
        m = {"rnn": 1, "lstm": 4}[self.cell_type]  # blocks of H columns per cell
        randn = np.random.randn
        params = {
            # word vectors
            "W_embed": randn(V, W) / 100,
            # image -> first hidden state
            "W_proj": randn(D, H) / np.sqrt(D),
            "b_proj": np.zeros(H),
            # recurrent cell
            "Wx": randn(W, m * H) / np.sqrt(W),
            "Wh": randn(H, m * H) / np.sqrt(H),
            "b": np.zeros(m * H),
            # hidden state -> scores of the words
            "W_vocab": randn(H, V) / np.sqrt(H),
            "b_vocab": np.zeros(V),
        }
        return {name: value.astype(self.dtype) for name, value in params.items()}

    def loss(self, features, captions):
        """The training loss of a batch, and its gradient for every parameter.

        features: (N, D); captions: integers (N, T+1), each from <START> to <END>, filled up with <NULL>.
        Returns the loss, a scalar (summed over the words, averaged over the captions), and grads, a dict with
        the keys and shapes of `params`.
        """
        # At step t the network has read words 0 to t and is asked for word t+1, so input and target are the
        # same captions, one word apart. Padding is no target: the mask takes it out of the loss.
        captions_in = captions[:, :-1]  # (N, T)
        captions_out = captions[:, 1:]  # (N, T)
        mask = captions_out != self._null  # (N, T)

        W_proj, b_proj = self.params["W_proj"], self.params["b_proj"]
        W_embed = self.params["W_embed"]
        Wx, Wh, b = self.params["Wx"], self.params["Wh"], self.params["b"]
        W_vocab, b_vocab = self.params["W_vocab"], self.params["b_vocab"]

        # Forward: 1. affine map from features to the first hidden state (N, H)
        #          2. word vectors of captions_in (N, T, W)
        #          3. RNN or LSTM, as self.cell_type says, to all hidden states (N, T, H)
        #          4. temporal affine map to the scores (N, T, V)
        #          5. temporal softmax loss against captions_out, with the mask
        # Backward: the same in reverse. There is no regularisation.
        # START OF YOUR CODE: compute the loss and the gradient of every parameter.
        loss = 0.0
        grads = {}
        print("loss:", features.shape, captions.shape)
        if self.cell_type == "rnn":
            # ---------- forward ----------
            h0, cache_h0 = affine_forward(features, W_proj, b_proj)
            x, cache_x = word_embedding_forward(captions_in, W_embed)
            h, cache_h = rnn_forward(x, h0, Wx, Wh, b)
            scores, cache_scores = temporal_affine_forward(h, W_vocab, b_vocab)
            loss, dscores = temporal_softmax_loss(scores, captions_out, mask, verbose=True)
            # ---------- backward ----------
            dh, dW_vocab, db_vocab = temporal_affine_backward(dscores, cache_scores)
            dx, dh0, dWx, dWh, db = rnn_backward(dh, cache_h)
            dW_embed = word_embedding_backward(dx, cache_x)
            dfeatures, dW_proj, db_proj = affine_backward(dh0, cache_h0)
        elif self.cell_type == "lstm":
            # ---------- forward ----------
            h0, cache_h0 = affine_forward(features, W_proj, b_proj)
            x, cache_x = word_embedding_forward(captions_in, W_embed)
            h, cache_h = lstm_forward(x, h0, Wx, Wh, b)
            scores, cache_scores = temporal_affine_forward(h, W_vocab, b_vocab)
            loss, dscores = temporal_softmax_loss(scores, captions_out, mask, verbose=True)
            # ---------- backward ----------
            dh, dW_vocab, db_vocab = temporal_affine_backward(dscores, cache_scores)
            dx, dh0, dWx, dWh, db = lstm_backward(dh, cache_h)
            dW_embed = word_embedding_backward(dx, cache_x)
            dfeatures, dW_proj, db_proj = affine_backward(dh0, cache_h0)
        grads["W_proj"] = dW_proj
        grads["b_proj"] = db_proj
        grads["W_embed"] = dW_embed
        grads["Wx"] = dWx
        grads["Wh"] = dWh
        grads["b"] = db
        grads["W_vocab"] = dW_vocab
        grads["b_vocab"] = db_vocab
        for name in grads:
            assert grads[name].shape == self.params[name].shape
        print("loss =", loss)
        # END OF YOUR CODE
        return loss, grads

    def sample(self, features, max_length=30):
        """Captions for images, written greedily: at each step the word with the highest score.

        features: (N, D). Returns integers (N, max_length): the first column holds the first word that was
        sampled, not <START>; what follows <END> has no meaning (here it stays <NULL>).
        Raises ValueError when the vocabulary has no <START>.
        """
        if self._start is None:
            raise ValueError("the vocabulary has no <START>: add it to word_to_idx to sample captions")
        N = features.shape[0]
        captions = self._null * np.ones((N, max_length), dtype=np.int32)  # (N, max_length)

        W_proj, b_proj = self.params["W_proj"], self.params["b_proj"]
        W_embed = self.params["W_embed"]
        Wx, Wh, b = self.params["Wx"], self.params["Wh"], self.params["b"]
        W_vocab, b_vocab = self.params["W_vocab"], self.params["b_vocab"]

        # The hidden state starts as the affine map of the features (an LSTM's cell as zeros), and the first
        # word read is <START>. Then, at each step: word vector, one step of the RNN or LSTM, scores, best
        # word; write it into `captions` and read it at the next step. Use the step functions, since each word
        # is known only after the step before.
        # START OF YOUR CODE: write the best word of every step into captions.
        # one picture after the other
        for n in range(N):
            h = features[n:n + 1].dot(W_proj) + b_proj
            c = np.zeros_like(h)
            word = self._start
            for t in range(max_length):
                x = W_embed[word].reshape(1, -1)
                if self.cell_type == "rnn":
                    h, _ = rnn_step_forward(x, h, Wx, Wh, b)
                else:
                    h, c, _ = lstm_step_forward(x, h, c, Wx, Wh, b)
                scores = h.dot(W_vocab) + b_vocab
                best = 0
                for v in range(scores.shape[1]):
                    if scores[0, v] > scores[0, best]:
                        best = v
                word = best
                captions[n, t] = word
                if self._end is not None and word == self._end:
                    print("picture", n, "ends after", t + 1, "words")
                    break
        # END OF YOUR CODE
        return captions
