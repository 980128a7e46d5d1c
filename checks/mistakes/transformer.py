"""Known mistakes in the captioning transformer, and in the parts of it that were handed out complete."""

from __future__ import annotations

from checks.mistakes.declare import entry, mistakes_in

WORDS = "What does a word vector pass on its way into the decoder?"
CAUSAL = "Row t of the mask belongs to word t: which words may it see?"
IMAGE = "The image is a sequence of one vector: (N, 1, W)."
RETURN = "Compare the `return` line with the docstring."
SMALL = "Try one caption, and captions of one word: which axis disappears?"
GRAPH = "What does autograd know of a detached tensor?"
GIVEN = "It was handed out complete: compare it with the handout."

EMBED = "self.embedding(captions)"
PLACED = f"self.positional_encoding({EMBED})"
TRIL = "torch.tril(torch.ones(T, T, dtype=torch.bool, device=captions.device))"
OUT = "return self.output(hidden)"
IMAGE_VECTOR = "self.visual_projection(features)"

FORWARD = mistakes_in(
    "transformer.CaptioningTransformer.forward",
    entry("no_positions", PLACED, EMBED, "positions are not encoded", WORDS, "values"),
    entry("no_dropout_of_positions", PLACED, f"{EMBED} + self.positional_encoding.pe[:, :T]",
          "encodings are added past their layer", WORDS, "values"),
    entry("scaled", EMBED, f"{EMBED} * self.embedding.embedding_dim ** 0.5", "word vectors are scaled",
          WORDS, "values"),
    entry("positions_of_batch", PLACED, f"self.positional_encoding({EMBED}.transpose(0, 1)).transpose(0, 1)",
          "positions are counted along the batch", WORDS, "values"),
    entry("words_shifted", EMBED, "self.embedding(captions.roll(1, 1))", "words are shifted by one", WORDS, "values",
          "causal"),
    entry("no_mask", "tgt_mask=causal", "tgt_mask=None", "there is no mask", CAUSAL, "values", "causal"),
    entry("mask_upper", "torch.tril(", "torch.triu(", "the mask is open upwards", CAUSAL, "values", "causal"),
    entry("mask_without_diagonal", "device=captions.device))", "device=captions.device), diagonal=-1)",
          "a word does not see itself", CAUSAL, "values", "causal"),
    entry("mask_one_ahead", "device=captions.device))", "device=captions.device), diagonal=1)",
          "a word sees the next one", CAUSAL, "values", "causal"),
    entry("mask_to_add", TRIL, "torch.full((T, T), -float('inf')).triu(1)", "the mask is one to be added to scores",
          "What does the attention do where its mask is 0?", "values", "causal"),
    entry("mask_of_itself", "torch.tril(torch.ones(T, T, dtype=torch.bool, device=captions.device))",
          "torch.eye(T, dtype=torch.bool)", "a word sees itself alone", CAUSAL, "values", "causal"),
    entry("mask_too_large", "torch.ones(T, T,", "torch.ones(self.max_length, self.max_length,",
          "the mask has the greatest length", "Which shape has the mask of T words?", "shapes"),
    entry("no_image", IMAGE_VECTOR, f"torch.zeros_like({IMAGE_VECTOR})", "the image is ignored", IMAGE, "values"),
    entry("image_not_projected", IMAGE_VECTOR, "features", "features are not projected", IMAGE, "shapes"),
    entry("image_across_batch", "unsqueeze(1)", "unsqueeze(0)", "the images of the batch form one sequence", IMAGE,
          "values"),
    entry("first_image", IMAGE_VECTOR, "self.visual_projection(features[:1])", "all captions see the first image",
          IMAGE,
          "values"),
    entry("image_added_to_words", "self.transformer(words, memory,", "self.transformer(words + memory, memory,",
          "the image is added to the words", IMAGE, "values"),
    entry("image_with_position", IMAGE_VECTOR + ".unsqueeze(1)",
          f"self.positional_encoding({IMAGE_VECTOR}.unsqueeze(1))", "the image is given a position", IMAGE, "values"),
    entry("image_through_relu", IMAGE_VECTOR, f"torch.relu({IMAGE_VECTOR})", "the image vector passes a ReLU", IMAGE,
          "values"),
    entry("swapped", "self.transformer(words, memory,", "self.transformer(memory, words,",
          "words and image are swapped", "Which of the two does the decoder rewrite?", "shapes"),
    entry("one_layer", "self.transformer(words", "self.transformer.layers[0](words", "only the first layer is used",
          "How many layers has the decoder?", "own_parts"),
    entry("no_output", OUT, "return hidden", "hidden vectors are returned for scores", RETURN, "shapes"),
    entry("last_word", OUT, "return self.output(hidden[:, -1])", "only the last word is scored", RETURN, "shapes"),
    entry("probabilities", OUT, "return torch.softmax(self.output(hidden), dim=-1)", "scores went through a softmax",
          "The loss has a softmax of its own.", "values"),
    entry("log_probabilities", OUT, "return torch.log_softmax(self.output(hidden), dim=-1)",
          "scores went through a log-softmax", "The loss has a softmax of its own.", "values"),
    entry("residual", OUT, "return self.output(hidden + words)", "words are added to what the decoder gives", RETURN,
          "values"),
    entry("tied", OUT, "return hidden @ self.embedding.weight.T", "the embedding is used for the output layer", RETURN,
          "values"),
    entry("padding_trained", EMBED, "nn.functional.embedding(captions, self.embedding.weight)",
          "the vector of <NULL> is trained", "What does `padding_idx` do?", "gradients"),
    entry("features_detached_in_training", IMAGE_VECTOR,
          "self.visual_projection(features.detach() if self.training else features)",
          "in training mode, features are detached", GRAPH, "gradients"),
    entry("features_detached", IMAGE_VECTOR, "self.visual_projection(features.detach())", "features are detached",
          GRAPH,
          "gradients"),
    entry("image_detached", IMAGE_VECTOR, f"{IMAGE_VECTOR}.detach()", "the projection is never trained", GRAPH,
          "gradients"),
    entry("words_detached", EMBED, f"{EMBED}.detach()", "the embedding is never trained", GRAPH, "gradients"),
    entry("double", IMAGE_VECTOR, "self.visual_projection(features.double())", "features are made float64",
          "Which step leaves the dtype of the input?", "precision"),
    entry("single", OUT, "return self.output(hidden).float()", "scores are cut to float32",
          "Which step leaves the dtype of the input?", "precision"),
    entry("batch_squeezed", OUT, "return self.output(hidden).squeeze(0)", "a batch of one loses its axis", SMALL,
          "edge_cases"),
    entry("word_squeezed", OUT, "return self.output(hidden).squeeze(1)", "a caption of one word loses its axis", SMALL,
          "edge_cases"),
    entry("captions_cut", "T = captions.shape[1]", "captions = captions[:, :10]\n        T = captions.shape[1]",
          "captions are cut to ten words", "How long may a caption be?", "edge_cases"),
    entry("captions_overwritten", OUT, "scores = self.output(hidden)\n        captions.zero_()\n        return scores",
          "captions are overwritten", "The caller still needs them.", "inputs_unmodified"),
    entry("evaluating", "T = captions.shape[1]", "self.eval()\n        T = captions.shape[1]",
          "the model is put into evaluation mode", "Who decides about the mode?", "own_parts"),
    entry("seeded", "T = captions.shape[1]", "torch.manual_seed(0)\n        T = captions.shape[1]",
          "a seed is set in every call", "What does a seed do to the dropout?", "own_parts"),
)  # fmt: skip

SAMPLE = mistakes_in(
    "transformer.CaptioningTransformer.sample",
    entry("first_position", "[:, -1, :]", "[:, 0, :]", "the first position's scores are used", GIVEN, "words"),
    entry("lowest", "torch.argmax", "torch.argmin", "the least likely word is written", GIVEN, "words"),
    entry("other_start", "(N, 1), self._start", "(N, 1), self._null", "captions begin with <NULL>", GIVEN, "words"),
    entry("word_forgotten", "torch.cat([prefix, word.unsqueeze(1)], dim=1)",
          "torch.cat([prefix, prefix[:, :1]], dim=1)",
          "the written word is not read", GIVEN, "words"),
)  # fmt: skip

LAYER = mistakes_in(
    "transformer.TransformerDecoderLayer.forward",
    entry("mask_lost", "attn_mask=tgt_mask", "attn_mask=None", "the mask is not passed on", GIVEN, "values"),
    entry("no_residual", "self.norm1(tgt + ", "self.norm1(", "the first residual is missing", GIVEN, "values"),
    entry("memory_ignored", "key=memory, value=memory", "key=tgt, value=tgt", "the memory is ignored", GIVEN, "values"),
    entry("no_activation", "self.activation(self.linear1(tgt))", "self.linear1(tgt)", "the ReLU is missing", GIVEN,
          "values"),
    entry("norms_swapped", "self.norm2(", "self.norm1(", "the first norm is used twice", GIVEN, "values"),
)  # fmt: skip

MISTAKES = (*FORWARD, *SAMPLE, *LAYER)
