"""Known mistakes in `CaptioningRNN`: its loss, and its sampling, with either cell."""

from __future__ import annotations

from checks.mistakes.declare import entry, mistakes_in


def both(*aspects: str) -> tuple[str, ...]:
    """An aspect with the vanilla RNN, and with the LSTM."""
    return tuple(name for aspect in aspects for name in (aspect, f"lstm.{aspect}"))


GRADIENTS = both("reference_gradient", "numerical_gradient")
FLOW = "Follow the five forward steps of the comment, and what each is handed."
BACK = "Every forward step has one backward step: which one takes this gradient?"
SHIFT = "At step t the network has read words 0 to t and is asked for word t+1."
MASK = "Only <NULL> is padding, and only where it would be the target."
RETURN = "Compare the `return` line with the docstring."
STEP = "Follow one step by hand: word, vector, state, scores, next word."
START = "Which word stands before the first sampled one?"
STATE = "What must be carried from one step to the next?"
SMALL = "Try a single image: which axis disappears?"

LOSS = mistakes_in(
    "rnn.CaptioningRNN.loss",
    entry("targets_not_shifted", "captions[:, 1:]", "captions[:, :-1]", "the target is the word that was just read",
          SHIFT, *both("values")),
    entry("inputs_are_targets", "captions[:, :-1]", "captions[:, 1:]", "the network reads the word it is asked for",
          SHIFT, *both("values")),
    entry("mask_ignored", "captions_out, mask)", "captions_out, np.ones_like(mask))", "padding counts in the loss",
          MASK,
          *both("values")),
    entry("mask_inverted", "captions_out != self._null", "captions_out == self._null", "only padding counts", MASK,
          *both("values")),
    entry("mask_of_inputs", "captions_out != self._null", "captions_in != self._null", "the mask is that of the inputs",
          MASK, *both("values")),
    entry("mask_of_zero", "captions_out != self._null", "captions_out != 0", "<NULL> is taken to be word 0", MASK,
          *both("values")),
    entry("mask_of_end", "captions_out != self._null", "(captions_out != self._null) & (captions_out != self._end)",
          "<END> does not count in the loss", MASK, *both("values")),
    entry("bias_of_projection", "W_proj, b_proj)", "W_proj, 0 * b_proj)", "b_proj is left out", FLOW, *both("values")),
    entry("bias_of_cell", "h0, Wx, Wh, b)", "h0, Wx, Wh, 0 * b)", "the cell's bias is left out", FLOW, *both("values")),
    entry("bias_of_scores", "W_vocab, b_vocab)", "W_vocab, 0 * b_vocab)", "b_vocab is left out", FLOW, *both("values")),
    entry("h0_zero", "(words, h0,", "(words, 0 * h0,", "the caption does not start from the image", FLOW,
          *both("values")),
    entry("h0_tanh", "(words, h0,", "(words, np.tanh(h0),", "the first state passes through tanh", FLOW,
          *both("values")),
    entry("always_rnn", "[self.cell_type]", '["rnn"]', "the vanilla RNN is used for an LSTM too",
          "Look at self.cell_type.", "lstm.shapes"),
    entry("always_lstm", "[self.cell_type]", '["lstm"]', "the LSTM is used for a vanilla RNN too",
          "Look at self.cell_type.", "shapes"),
    entry("regularised", "return loss, grads", "return loss + 0.05 * np.sum(Wx**2), grads",
          "a penalty on the weights is added", "The comment says what the loss does not hold.",
          *both("values", "numerical_gradient")),
    entry("averaged_again", "return loss, grads", "return loss / len(features), grads",
          "the loss is divided by N twice",
          "Which function has divided by N already?", *both("values", "numerical_gradient")),
    entry("grad_missing", 'grads["W_proj"], grads["b_proj"] =', 'grads["W_proj"], _ =',
          "the gradient of b_proj is missing",
          "grads has the keys of params.", *both("shapes")),
    entry("grads_swapped", 'grads["Wx"], grads["Wh"]', 'grads["Wh"], grads["Wx"]',
          "the gradients of Wx and Wh are swapped", BACK, *both("shapes")),
    entry("image_gets_no_gradient", "affine_backward(dh0,", "affine_backward(0 * dh0,",
          "no gradient reaches W_proj and b_proj", BACK, *GRADIENTS),
    entry("image_gets_first_upstream", "affine_backward(dh0,", "affine_backward(dh[:, 0],",
          "W_proj's gradient is that of the first state, not of h0", BACK, *GRADIENTS),
    entry("embedding_averaged", "word_embedding_backward(dwords, embed_cache)",
          "word_embedding_backward(dwords, embed_cache) / len(features)", "W_embed's gradient is divided by N twice",
          BACK,
          *GRADIENTS),
    entry("scores_gradient_scaled", "dh, cell_cache)", "dh / len(features), cell_cache)",
          "the gradient is divided by N a second time before the cell", BACK, *GRADIENTS),
    entry("cell_skipped_in_backward",
          'dwords, dh0, grads["Wx"], grads["Wh"], grads["b"] = sequence_backward(dh, cell_cache)',
          'dwords, dh0, grads["Wx"], grads["Wh"], grads["b"] = sequence_backward(dh * (np.arange(dh.shape[1]) == '
          "dh.shape[1] - 1)[:, None], cell_cache)",
          "only the last step's scores send a gradient to the cell", BACK, *GRADIENTS),
    entry("loss_only", "return loss, grads", "return loss", "only the loss is returned", RETURN, *both("shapes")),
    entry("loss_array", "return loss, grads", "return np.array([loss]), grads", "the loss is an array of length one",
          RETURN, *both("shapes")),
    entry("grads_first", "return loss, grads", "return grads, loss", "loss and grads are swapped", RETURN,
          *both("shapes")),
    entry("squeezed", "affine_forward(features,", "affine_forward(np.squeeze(features),",
          "an axis of length one of the features is dropped", SMALL, *both("edge_cases")),
    entry("float32", "affine_forward(features,", "affine_forward(features.astype(np.float32),",
          "the features are cut to float32", "Which array was made with a dtype of its own?", *both("precision")),
    entry("step_taken", "        # END", '        b_vocab -= 0.1 * grads["b_vocab"]\n        # END',
          "loss updates a parameter", "Updating is the solver's work.", *both("inputs_unmodified")),
    entry("gradients_kept", "        # END",
          "        kept = self.__dict__.setdefault('kept', {})\n        for k in grads:\n"
          "            grads[k] = kept[k] = kept.get(k, 0) + grads[k]\n        # END",
          "gradients of earlier calls are added", "Where does the dict of gradients begin its life?",
          *both("inputs_unmodified")),
    entry("end_needed", "mask = captions_out", "assert self._end < len(captions) * 1000\n        mask = captions_out",
          "loss needs a vocabulary with <END>", "Which special words does the loss use?", *both("edge_cases")),
    entry("captions_changed", "        # END", "        captions[:, 0] = self._start\n        # END",
          "the captions are changed in place", "The caller still needs the captions.", *both("inputs_unmodified")),
)  # fmt: skip

SAMPLE = mistakes_in(
    "rnn.CaptioningRNN.sample",
    entry("starts_with_null", "np.full(N, self._start)", "np.full(N, self._null)", "the first word read is <NULL>",
          START,
          *both("values")),
    entry("starts_with_end", "np.full(N, self._start)", "np.full(N, self._end)", "the first word read is <END>", START,
          *both("values")),
    entry("start_hard_coded", "np.full(N, self._start)", "np.full(N, 1)", "<START> is taken to be word 1", START,
          *both("values")),
    entry("start_written", "return captions", "return np.c_[np.full(N, self._start), captions[:, :-1]]",
          "the first column is <START>", "The first column is the first *sampled* word.", *both("values")),
    entry("reads_caption_array", "W_embed[word]", "W_embed[captions[:, t - 1]]",
          "the first word read comes from the array of <NULL>s", START, *both("values")),
    entry("word_not_fed_back", "W_embed[word]", "W_embed[np.full(N, self._start)]", "every step reads <START>", STATE,
          *both("values")),
    entry("state_not_carried", "h, _ = rnn_step_forward(x, h,",
          "h, _ = rnn_step_forward(x, affine_forward(features, W_proj, b_proj)[0],",
          "every step starts from the image's state", STATE, "values"),
    entry("lstm_state_not_carried", "lstm_step_forward(x, h, c,",
          "lstm_step_forward(x, affine_forward(features, W_proj, b_proj)[0], c,",
          "every step of the LSTM starts from the image's state", STATE, "lstm.values"),
    entry("cell_not_carried", "h, c, _ = lstm", "h, _, _ = lstm", "the cell state is not carried", STATE,
          "lstm.values"),
    entry("cell_starts_as_h0", "np.zeros_like(h)", "h", "the first cell is the image's state", STATE, "lstm.values"),
    entry("lstm_ignored", 'self.cell_type == "rnn"', "True", "the vanilla RNN is used for an LSTM too",
          "Look at self.cell_type.", "lstm.shapes"),
    entry("h0_zero", "        c = np", "        h = 0 * h\n        c = np", "the caption does not start from the image",
          STEP, *both("values")),
    entry("h0_tanh", "        c = np", "        h = np.tanh(h)\n        c = np", "the first state passes through tanh",
          STEP, *both("values")),
    entry("not_projected", "h, _ = affine_forward(features, W_proj, b_proj)", "h = features",
          "the features are not projected", STEP, *both("shapes")),
    entry("bias_of_projection", "W_proj, b_proj)", "W_proj, 0 * b_proj)", "b_proj is left out", STEP, *both("values")),
    entry("bias_of_cell", "rnn_step_forward(x, h, Wx, Wh, b)", "rnn_step_forward(x, h, Wx, Wh, 0 * b)",
          "the cell's bias is left out", STEP, "values"),
    entry("bias_of_scores", "W_vocab, b_vocab)", "W_vocab, 0 * b_vocab)", "b_vocab is left out", STEP, *both("values")),
    entry("argmin", "scores.argmax", "scores.argmin", "the word of the lowest score is taken", STEP, *both("values")),
    entry("random_words", "scores.argmax(axis=1)", "np.random.randint(scores.shape[1], size=N)",
          "words are drawn at random", "Greedy: the best word.", *both("values")),
    entry("end_never", "scores.argmax", "scores[:, :-1].argmax", "the last word of the vocabulary is never written",
          STEP,
          *both("values")),
    entry("second_best", "scores.argmax(axis=1)", "scores.argsort(axis=1)[:, -2]", "the second best word is taken",
          STEP,
          *both("values")),
    entry("best_image", "scores.argmax(axis=1)", "np.full(N, scores.argmax() % scores.shape[1])",
          "all images get the word of the greatest score of all", "Along which axis is the maximum?", *both("values")),
    entry("argmax_axis", "argmax(axis=1)", "argmax(axis=0)", "the maximum is taken over images, not over words",
          "Along which axis is the maximum?", *both("shapes")),
    entry("one_end_stops_all", "ended.all()", "ended.any()", "all captions stop when one ends",
          "Rows end at different times.", *both("values")),
    entry("end_not_written", "captions[~ended, t] = word[~ended]\n            ended |= word == self._end",
          "ended |= word == self._end\n            captions[~ended, t] = word[~ended]", "<END> itself is not written",
          "<END> is a word like the others.", *both("values")),
    entry("thirty_words", "captions = self._null * np.ones((N, max_length)", "captions = self._null * np.ones((N, 30)",
          "captions have 30 words whatever max_length says", RETURN, *both("shapes")),
    entry("thirty_at_most", "for t in range(max_length)", "for t in range(min(max_length, 30))",
          "captions stop at 30 words", "max_length is an argument.", *both("edge_cases")),
    entry("default_length", "max_length=30", "max_length=16", "max_length is not 30 by default", RETURN,
          *both("shapes")),
    entry("transposed", "return captions", "return captions.T", "captions are (max_length, N)", RETURN,
          *both("shapes")),
    entry("list", "return captions", "return captions.tolist()", "a list is returned, not an array", RETURN,
          *both("shapes")),
    entry("none", "return captions", "return None", "nothing is returned", RETURN, *both("shapes")),
    entry("squeezed", "scores.argmax(axis=1)", "np.squeeze(scores).argmax(axis=-1)",
          "an axis of length one of the scores is dropped", SMALL, *both("edge_cases")),
    entry("first_images_again", "h, _ = affine_forward(features, W_proj, b_proj)",
          "self._h0 = getattr(self, '_h0', affine_forward(features, W_proj, b_proj)[0])\n        h = self._h0",
          "the state of the first call is used again", STATE, *both("edge_cases")),
    entry("parameter_changed", "        # END", '        self.params["W_embed"][self._null] = 0\n        # END',
          "sample changes W_embed", "Sampling only reads the parameters.", *both("edge_cases")),
)  # fmt: skip

INIT = mistakes_in(
    "rnn.CaptioningRNN.__init__",
    entry("larger", "wordvec_dim, hidden_dim)\n", "wordvec_dim, hidden_dim)\n        self.params['W_embed'] *= 10\n",
          "word vectors start ten times as large", "The constructor was handed out complete: compare it.", "parameters"),
    entry("drawn_twice", "wordvec_dim, hidden_dim)\n",
          "wordvec_dim, hidden_dim)\n        np.random.randn()\n"
          "        self.params = self._initial_params(len(word_to_idx), input_dim, wordvec_dim, hidden_dim)\n",
          "the parameters are drawn twice", "The constructor was handed out complete: compare it.", "parameters"),
)  # fmt: skip

MISTAKES = (*INIT, *LOSS, *SAMPLE)
