"""Known mistakes in the table of word vectors."""

from __future__ import annotations

from checks.mistakes.declare import entry, mistakes_in

GRADIENTS = ("reference_gradient", "numerical_gradient")
LOOK_UP = "out[n, t] is one row of W: which one?"
REPEATS = "Let one word occur twice, and work out its row of dW by hand."
RETURN = "Compare the `return` line with the docstring."
BUFFER = "Which array was made with a dtype of its own?"
SMALL = "Try sizes of one: which axis disappears?"
ALIAS = "Other code still needs this array: write the result somewhere else."

FORWARD = mistakes_in(
    "rnn_layers.word_embedding_forward",
    entry("shifted", "W[x]", "W[x - 1]", "each word gets the vector of the word before it", LOOK_UP, "values",
          "example"),
    entry("reversed", "W[x]", "W[::-1][x]", "the table is read from its end", LOOK_UP, "values"),
    entry("scaled", "W[x]", "W[x] * W.shape[1] ** 0.5", "word vectors are multiplied by sqrt(D)", LOOK_UP, "values"),
    entry("captions_mixed", "W[x]", "W[x.T].reshape(*x.shape, -1)", "captions and time steps are mixed by a reshape",
          LOOK_UP, "values", "example"),
    entry("first_word_only", "W[x]", "W[x[:, :1]].repeat(x.shape[1], axis=1)",
          "every step gets the first word's vector",
          LOOK_UP, "values"),
    entry("time_first", "W[x]", "W[x.T]", "time is the first axis", "out is (N, T, D).", "shapes"),
    entry("averaged", "W[x]", "W[x].mean(axis=1)", "the vectors of a caption are averaged", LOOK_UP, "shapes"),
    entry("columns", "W[x]", "W.T[x]", "columns of the table are read, not rows", LOOK_UP, "shapes"),
    entry("cache_missing", "return out, cache", "return out", "only out is returned", RETURN, "shapes"),
    entry("thirty_words", "W[x]", "W[np.minimum(x, 29)]", "words above the 29th share a vector", LOOK_UP, "edge_cases"),
    entry("ten_words", "W[x]", "W[np.minimum(x, 9)]", "words above the ninth share a vector", LOOK_UP, "edge_cases"),
    entry("squeezed", "return out,", "return np.squeeze(out),", "an axis of length one is dropped", SMALL,
          "edge_cases"),
    entry("float32", "W[x]", "W.astype(np.float32)[x]", "the table is cut to float32", BUFFER, "precision"),
    entry("words_overwritten", "    # END", "    x[:, -1] = 0\n    # END", "the last words of x are overwritten", ALIAS,
          "inputs_unmodified"),
    entry("cache_shared", "cache = (x, W)",
          "cache = word_embedding_forward.__dict__.setdefault('c', [])\n    cache[:] = [x, W]",
          "all calls share one cache", "Whose words does the first cache hold after a second forward pass?",
          "rnn_layers.word_embedding_backward.edge_cases"),
)  # fmt: skip

BACKWARD = mistakes_in(
    "rnn_layers.word_embedding_backward",
    entry("assigned", "np.add.at(dW, x, dout)", "dW[x] = dout", "a repeated word keeps its last gradient only", REPEATS,
          *GRADIENTS),
    entry("added_once", "np.add.at(dW, x, dout)", "dW[x] += dout",
          "dW[x] += dout adds a repeated word's gradient once only", REPEATS, *GRADIENTS),
    entry("added_once_per_step", "np.add.at(dW, x, dout)", "for step in range(x.shape[1]):\n        dW[x[:, step]] += dout[:, step]",
          "a word that several captions have at one step is added once", "Two captions may hold the same word at step t.",
          *GRADIENTS),
    entry("added_once_per_caption", "np.add.at(dW, x, dout)", "for n in range(len(x)):\n        dW[x[n]] += dout[n]",
          "a word that a caption has several times is added once", "A caption may hold the same word twice.",
          *GRADIENTS),
    entry("averaged", "np.add.at(dW, x, dout)", "np.add.at(dW, x, dout / np.bincount(x.ravel())[x][:, :, None])",
          "a repeated word's gradients are averaged", REPEATS, *GRADIENTS),
    entry("divided_by_batch", "np.add.at(dW, x, dout)", "np.add.at(dW, x, dout / len(x))",
          "dW is divided by the batch size", "Is there a mean in the forward pass?", *GRADIENTS),
    entry("first_step_only", "np.add.at(dW, x, dout)", "np.add.at(dW, x[:, 0], dout[:, 0])",
          "only the first time step's gradients arrive", REPEATS, *GRADIENTS),
    entry("word_0_skipped", "    # END", "    dW[0] = 0\n    # END", "word 0 gets no gradient",
          "Is word 0 different here? Padding is the mask's affair.", *GRADIENTS),
    entry("counts", "np.add.at(dW, x, dout)", "np.add.at(dW, x, 1)", "words are counted; dout is not used", REPEATS,
          *GRADIENTS),
    entry("shape_of_dout", "np.zeros_like(W, dtype=dout.dtype)", "np.zeros_like(dout)", "dW has the shape of dout",
          "dW has the shape of W.", "shapes"),
    entry("as_many_words_as_occur", "np.zeros_like(W, dtype=dout.dtype)", "np.zeros((x.max() + 1, W.shape[1]))",
          "dW ends with the last word that occurs", "dW has the shape of W.", "edge_cases"),
    entry("integers", "dtype=dout.dtype", "dtype=x.dtype", "dW is an array of integers", BUFFER, *GRADIENTS),
    entry("transposed", "return dW", "return dW.T", "dW is transposed", "dW has the shape of W.", "shapes"),
    entry("squeezed", "return dW", "return np.squeeze(dW)", "an axis of length one is dropped", SMALL, "edge_cases"),
    entry("float32", "dtype=dout.dtype", "dtype=np.float32", "dW is kept in float32", BUFFER, "precision"),
    entry("table_overwritten", "np.zeros_like(W, dtype=dout.dtype)", "W\n    dW[:] = 0",
          "the gradient is written into the table itself", ALIAS, "inputs_unmodified"),
)  # fmt: skip

MISTAKES = (*FORWARD, *BACKWARD)
