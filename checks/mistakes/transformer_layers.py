"""Known mistakes in positional encoding and multi-head attention."""

from __future__ import annotations

from checks.mistakes.declare import entry, mistakes_in

FORMULA = "Compare the angle with the formula of the docstring, for the first and the second pair of columns."
BUFFER = "What is trained, what is saved, what moves with the module? `register_buffer` makes the difference."
POSITIONS = "Which rows of the table belong to a sequence of S positions?"
LAST = "Dropout acts on the sum, by the layer that the constructor made."
ALIAS = "Other code still needs this tensor: write the result somewhere else."
SMALL = "Try a batch of one: which axis disappears?"
DTYPE = "Which step leaves the dtype of the input?"
GRAPH = "What does autograd know of a detached tensor?"
SCALE = "Over how many terms does one dot product of a head run?"
SOFTMAX = "Which axis do the weights of one query run along?"
PROJECTIONS = "Each of the three inputs has a layer of its own."
HEADS = "Follow the axes: (N, S, E), (N, S, H, D), (N, H, S, D), and back."
MASK = "A closed key must get no weight at all, and the others still sum to 1."
WEIGHTS = "Dropout acts on the attention weights: after the softmax, before the values."

COSINE = "        pe[0, :, 0::2] = torch.sin(angle)\n        pe[0, :, 1::2] = torch.cos(angle)\n"

TABLE = mistakes_in(
    "transformer_layers.PositionalEncoding.__init__",
    entry("swapped", COSINE, COSINE.replace("sin", "x").replace("cos", "sin").replace(".x", ".cos"),
          "sine and cosine are swapped", FORMULA, "values"),
    entry("sines_only", "torch.cos(angle)", "torch.sin(angle)", "odd columns hold sines", FORMULA, "values"),
    entry("exponent_doubled", "-j / embed_dim", "-2 * j / embed_dim", "the exponent is doubled", FORMULA, "values"),
    entry("exponent_sign", "-j / embed_dim", "j / embed_dim", "the exponent has the wrong sign", FORMULA, "values"),
    entry("exponent_by_length", "-j / embed_dim", "-j / max_len", "the exponent is divided by the length", FORMULA,
          "values"),
    entry("other_base", "pow(10000.0", "pow(1000.0", "the base is 1000", FORMULA, "values"),
    entry("straight_line", "torch.pow(10000.0, -j / embed_dim)", "(1 - j / embed_dim)",
          "frequencies fall along a straight line", FORMULA, "values"),
    entry("from_one", "torch.arange(max_len, dtype", "torch.arange(1, max_len + 1, dtype", "positions begin at 1",
          "Which angle has the first word?", "values"),
    entry("odd_exponent", "torch.cos(angle)", "torch.cos(s * torch.pow(10000.0, -(j + 1) / embed_dim))",
          "a cosine has another frequency than its sine", FORMULA, "values"),
    entry("halves", COSINE,
          "        pe[0, :, : embed_dim // 2] = torch.sin(angle)\n"
          "        pe[0, :, embed_dim // 2 :] = torch.cos(angle)\n",
          "sines fill the first half of the columns, cosines the second", FORMULA, "values"),
    entry("half_precision", "torch.arange(max_len, dtype=torch.float64)", "torch.arange(max_len, dtype=torch.float16)",
          "positions are counted in float16, which is exact up to 2048 only", "How many digits has a float16?",
          "far_positions"),
    entry("first_thousand", COSINE,
          "        pe[0, :1000, 0::2] = torch.sin(angle[:1000])\n"
          "        pe[0, :1000, 1::2] = torch.cos(angle[:1000])\n",
          "only the first thousand positions are filled", "How many rows has the table?", "far_positions"),
    entry("parameter", 'self.register_buffer("pe", pe)', "self.pe = nn.Parameter(pe)", "the table is trained", BUFFER,
          "shapes"),
    entry("attribute", 'self.register_buffer("pe", pe)', "self.pe = pe", "the table is a plain attribute", BUFFER,
          "shapes"),
    entry("fixed_length", "pe = torch.zeros(1, max_len,", "max_len = 5000\n        pe = torch.zeros(1, max_len,",
          "max_len is ignored", "For how many positions was it built?", "shapes"),
)  # fmt: skip

SUM = "x + self.pe[:, :S]"

ADD = mistakes_in(
    "transformer_layers.PositionalEncoding.forward",
    entry("not_added", SUM, "x", "the encodings are not added", POSITIONS, "values"),
    entry("not_sliced", "self.pe[:, :S]", "self.pe", "the whole table is added", POSITIONS, "shapes"),
    entry("batch_for_length", "x.shape[1]", "x.shape[0]", "the batch size is taken for the length",
          POSITIONS, "shapes"),
    entry("from_the_end", "self.pe[:, :S]", "self.pe[:, -S:]", "the last rows of the table are used", POSITIONS,
          "values"),
    entry("shifted", "self.pe[:, :S]", "self.pe[:, 1 : S + 1]", "positions begin at 1", POSITIONS, "values"),
    entry("one_row", "self.pe[:, :S]", "self.pe[:, S - 1 : S]", "every position gets the last one's encoding",
          POSITIONS,
          "values"),
    entry("scaled", SUM, f"x.shape[2] ** 0.5 * {SUM}", "x is scaled before the sum", "The sum has two terms.",
          "values"),
    entry("subtracted", SUM, "x - self.pe[:, :S]", "the encodings are subtracted", "The sum has two terms.", "values"),
    entry("last_position_lost", "self.pe[:, :S]", "self.pe[:, : min(S, self.pe.shape[1] - 1)]",
          "the last row of the table is never used", POSITIONS, "edge_cases"),
    entry("squeezed", f"self.dropout({SUM})", f"self.dropout({SUM}).squeeze(0)", "a batch of one loses its axis", SMALL,
          "edge_cases"),
    entry("numpy", f"self.dropout({SUM})", f"self.dropout({SUM}).detach().numpy()", "an array is returned",
          "Which type does the next layer expect?", "shapes"),
    entry("in_place", f"return self.dropout({SUM})", "x += self.pe[:, :S]\n        return self.dropout(x)",
          "x is changed in place", ALIAS, "inputs_unmodified"),
    entry("double", SUM, "(x + self.pe[:, :S]).double()", "the sum is always float64", DTYPE, "precision"),
    entry("single", SUM, "(x + self.pe[:, :S]).float()", "the sum is cut to float32", DTYPE, "precision"),
    entry("lengths_remembered", "S = x.shape[1]", "S = x.shape[1]\n        self.pe = self.pe[:, :S]",
          "the table is cut to the first sequence", "Call one layer with two lengths.", "edge_cases"),
    entry("dropout_shared", f"self.dropout({SUM})", f"({SUM}) * self.dropout(torch.ones_like(x[:1]))",
          "the same elements are dropped in the whole batch", LAST, "dropout"),
    entry("detached", SUM, "x.detach() + self.pe[:, :S]", "x is detached", GRAPH, "gradient"),
    entry("detached_in_training", SUM, "(x.detach() if self.training else x) + self.pe[:, :S]",
          "in training mode, x is detached", GRAPH, "gradient"),
    entry("no_dropout", f"self.dropout({SUM})", SUM, "nothing is dropped", LAST, "dropout"),
    entry("dropout_first", f"self.dropout({SUM})", "self.dropout(x) + self.pe[:, :S]", "x is dropped before the sum",
          LAST, "dropout"),
    entry("dropout_on_table", f"self.dropout({SUM})", "x + self.dropout(self.pe[:, :S])", "the encodings are dropped",
          LAST, "dropout"),
    entry("dropout_twice", f"self.dropout({SUM})", f"self.dropout(self.dropout({SUM}))", "dropout is applied twice",
          LAST, "dropout"),
    entry("always_dropped", f"self.dropout({SUM})", f"F.dropout({SUM}, self.dropout.p)",
          "elements are dropped in evaluation too", "How does F.dropout know the mode?", "dropout"),
    entry("fixed_probability", f"self.dropout({SUM})", f"F.dropout({SUM}, 0.1, self.training)",
          "the constructor's probability is ignored", LAST, "dropout"),
    entry("positions_shifted_in_training", "S = x.shape[1]\n        return",
          "S = x.shape[1]\n        if self.training and S < self.pe.shape[1]:\n"
          "            return self.dropout(x + self.pe[:, 1 : S + 1])\n        return",
          "in training mode, positions begin at 1", "What should training and evaluation differ in?", "dropout"),
    entry("seeded", f"return self.dropout({SUM})", f"torch.manual_seed(0)\n        return self.dropout({SUM})",
          "a seed is set in every call", "What does a seed do to a random layer?", "dropout"),
)  # fmt: skip

BRANCHES = "Do the same steps follow in both branches of `if attn_mask is not None`?"
SPLIT = """\
        q = self.query(query).reshape(N, S, H, D).transpose(1, 2)  # (N, H, S, D)
        k = self.key(key).reshape(N, T, H, D).transpose(1, 2)  # (N, H, T, D)
        v = self.value(value).reshape(N, T, H, D).transpose(1, 2)  # (N, H, T, D)
"""
SOFT = "self.attn_drop(F.softmax(scores, dim=-1))"
FILL = "scores.masked_fill(attn_mask == 0, -math.inf)"
GIVE = "return self.proj(y)"

ATTEND = mistakes_in(
    "transformer_layers.MultiHeadAttention.forward",
    entry("scaled_by_all", "math.sqrt(D)", "math.sqrt(E)", "scores are scaled by the root of the embedding size", SCALE,
          "values"),
    entry("not_scaled", " / math.sqrt(D)", "", "scores are not scaled", SCALE, "values"),
    entry("scaled_by_dimension", "math.sqrt(D)", "D", "scores are divided by D, not by its root", SCALE, "values"),
    entry("scaled_by_length", "math.sqrt(D)", "math.sqrt(S)", "scores are scaled by the root of the query's length",
          SCALE, "values"),
    entry("scaled_by_heads", "math.sqrt(D)", "math.sqrt(H)", "scores are scaled by the root of the number of heads",
          SCALE, "values"),
    entry("scaled_late", "q @ k.transpose(2, 3) / math.sqrt(D)  # (N, H, S, T)\n        if",
          "q @ k.transpose(2, 3)\n        v = v / math.sqrt(D)\n        if",
          "the scale comes after the softmax", SCALE, "values", "weights"),
    entry("softmax_over_queries", "dim=-1", "dim=-2", "the softmax runs over the queries", SOFTMAX, "values",
          "weights"),
    entry("softmax_over_heads", "dim=-1", "dim=1", "the softmax runs over the heads", SOFTMAX, "values", "weights"),
    entry("softmax_over_batch", "dim=-1", "dim=0", "the softmax runs over the batch", SOFTMAX, "values", "weights"),
    entry("sigmoid", "F.softmax(scores, dim=-1)", "torch.sigmoid(scores)", "weights come from a sigmoid", SOFTMAX,
          "values", "weights"),
    entry("logarithm", "F.softmax(scores, dim=-1)", "F.log_softmax(scores, dim=-1)", "weights are logarithms", SOFTMAX,
          "values", "weights"),
    entry("softmax_overflows", "F.softmax(scores, dim=-1)", "scores.exp() / scores.exp().sum(dim=-1, keepdim=True)",
          "the softmax overflows for large scores", "What is exp(1000)?", "weights"),
    entry("value_from_keys", "self.value(value)", "self.value(key)", "values are made from the keys", PROJECTIONS,
          "values"),
    entry("value_by_key_layer", "self.value(value)", "self.key(value)", "values go through the key's layer",
          PROJECTIONS,
          "values"),
    entry("value_not_projected", "self.value(value)", "value", "values are not projected", PROJECTIONS, "values"),
    entry("query_by_key_layer", "self.query(query)", "self.key(query)", "queries go through the key's layer",
          PROJECTIONS, "values"),
    entry("layers_swapped", SPLIT, SPLIT.replace("self.query(", "self.x(").replace("self.key(", "self.query(").replace(
          "self.x(", "self.key("), "the layers of query and key are swapped", PROJECTIONS, "values"),
    entry("key_from_query", "self.key(key).reshape(N, T, H, D)", "self.key(query).reshape(N, S, H, D)",
          "keys are made from the query", PROJECTIONS, "values"),
    entry("no_projection", GIVE, "return y", "the last layer is missing", "What mixes the heads?", "values"),
    entry("projected_twice", GIVE, "return self.proj(self.proj(y))", "the last layer is applied twice",
          "What mixes the heads?", "values"),
    entry("heads_mixed_up", SPLIT, SPLIT.replace("S, H, D).transpose(1, 2)", "H, S, D)").replace(
          "T, H, D).transpose(1, 2)", "H, T, D)"), "heads are cut by a reshape alone", HEADS, "values"),
    entry("heads_interleaved", SPLIT, SPLIT.replace("S, H, D).transpose(1, 2)", "S, D, H).permute(0, 3, 1, 2)").replace(
          "T, H, D).transpose(1, 2)", "T, D, H).permute(0, 3, 1, 2)"), "heads take every H-th column", HEADS, "values"),
    entry("values_mixed_up", "v = self.value(value).reshape(N, T, H, D).transpose(1, 2)",
          "v = self.value(value).reshape(N, H, T, D)", "heads of the values are cut by a reshape alone", HEADS, "values"),
    entry("heads_joined_crosswise", "y.transpose(1, 2).reshape", "y.permute(0, 2, 3, 1).reshape",
          "heads are joined crosswise, number by number", HEADS, "values"),
    entry("heads_not_joined", "y.transpose(1, 2).reshape(N, S, E)", "y.reshape(N, S, E)",
          "heads are joined by a reshape alone", HEADS, "values"),
    entry("one_head", "H, D = self.n_head, self.head_dim", "H, D = 1, E", "there is one head only", HEADS, "values"),
    entry("heads_summed", "y = y.transpose(1, 2).reshape(N, S, E)", "y = y.sum(1).repeat(1, 1, H)", "heads are summed",
          HEADS, "values"),
    entry("first_row_of_keys", "q @ k.transpose", "q @ k[:1].transpose", "all rows use the first row's keys",
          "Rows of a batch know nothing of each other.", "values", "batch"),
    entry("length_of_query", "T = key.shape[1]", "T = S", "keys are taken to be as many as queries",
          "Where is the number of keys to be read?", "lengths"),
    entry("keys_cut", "T = key.shape[1]", "T = min(S, key.shape[1])\n        key, value = key[:, :T], value[:, :T]",
          "keys beyond the query's length are cut off", "Where is the number of keys to be read?", "lengths"),
    entry("mask_ignored", "if attn_mask is not None:", "if False:", "the mask is ignored", MASK, "mask"),
    entry("mask_opposite", "attn_mask == 0", "attn_mask != 0", "the mask is read the other way round", MASK, "mask"),
    entry("mask_transposed", "attn_mask == 0", "attn_mask.T == 0", "the mask is transposed", MASK, "mask"),
    entry("mask_always_causal", "attn_mask == 0", "torch.ones(S, T).tril() == 0", "any mask is taken for a causal one",
          MASK, "mask"),
    entry("mask_multiplied", FILL, "scores * attn_mask", "closed scores become 0, as when scores are multiplied by the mask", MASK,
          "mask"),
    entry("mask_of_zeros", "-math.inf", "0.0", "closed scores are set to 0", MASK, "mask"),
    entry("mask_too_weak", "-math.inf", "-5.0", "closed scores are low but not closed", MASK, "mask"),
    entry("mask_too_weak_for_large_scores", "-math.inf", "-1e3", "large scores get past the mask", MASK, "mask"),
    entry("mask_on_first_row",
          FILL, "torch.cat([scores[:, :1].masked_fill(attn_mask == 0, -math.inf), scores[:, 1:]], 1)",
          "only the first head is masked", MASK, "mask"),
    entry("mask_after_softmax", f"{FILL}  # exp(-inf) = 0: no weight at all\n\n        weights = {SOFT}",
          f"scores\n\n        weights = {SOFT}\n"
          "        if attn_mask is not None:\n            weights = weights * attn_mask",
          "weights are masked after the softmax and no longer sum to 1", MASK, "mask"),
    entry("mask_inverted_in_place", FILL, "scores.masked_fill(attn_mask.logical_not_(), -math.inf)",
          "the mask is inverted in place", ALIAS, "inputs_unmodified"),
    entry("query_zeroed", GIVE, "query.data.zero_()\n        return self.proj(y)", "the query is overwritten", ALIAS,
          "inputs_unmodified"),
    entry("squeezed", GIVE, "return self.proj(y).squeeze(0)", "a batch of one loses its axis", SMALL, "edge_cases"),
    entry("one_query_squeezed", "y = weights @ v", "y = (weights.squeeze(2) if S == T == 1 else weights) @ v",
          "a single query loses its axis", "Try one query and one key.", "edge_cases"),
    entry("length_remembered", "T = key.shape[1]", 'T = self.__dict__.setdefault("length", key.shape[1])',
          "the length of the first call is kept for all", "Call one layer with two lengths.", "edge_cases"),
    entry("weights_too", GIVE, "return self.proj(y), weights", "the weights are returned as well",
          "Compare the `return` line with the docstring.", "shapes"),
    entry("length_first", GIVE, "return self.proj(y).transpose(0, 1)", "the length comes before the batch",
          "Compare the `return` line with the docstring.", "shapes"),
    entry("double", "weights @ v", "(weights.double() @ v.double()).double()", "the output is always float64", DTYPE,
          "precision"),
    entry("single", GIVE, "return self.proj(y).float()", "the output is cut to float32", DTYPE, "precision"),
    entry("weights_detached", "weights @ v", "weights.detach() @ v", "weights are detached", GRAPH, "gradients"),
    entry("value_detached", "self.value(value)", "self.value(value.detach())", "values are detached", GRAPH,
          "gradients"),
    entry("detached_under_mask", "scores = scores.masked_fill", "scores = scores.detach().masked_fill",
          "with a mask, scores are detached", GRAPH, "gradients"),
    entry("detached_in_training", "F.softmax(scores, dim=-1)",
          "F.softmax(scores.detach() if self.training else scores, dim=-1)", "in training mode, scores are detached",
          GRAPH, "gradients"),
    entry("layer_detached", GIVE, "return F.linear(y, self.proj.weight.data, self.proj.bias)",
          "the last layer is never trained", GRAPH, "gradients"),
    entry("no_dropout", SOFT, "F.softmax(scores, dim=-1)", "nothing is dropped", WEIGHTS, "dropout"),
    entry("dropout_on_scores", SOFT, "F.softmax(self.attn_drop(scores), dim=-1)", "scores are dropped", WEIGHTS,
          "dropout"),
    entry("dropout_on_output", f"{SOFT}  # (N, H, S, T)\n        y = weights @ v",
          "F.softmax(scores, dim=-1)\n        y = self.attn_drop(weights @ v)", "the heads' outputs are dropped",
          WEIGHTS,
          "dropout"),
    entry("dropout_at_the_end", GIVE, "return self.attn_drop(self.proj(y))", "the output is dropped as well", WEIGHTS,
          "dropout"),
    entry("dropout_on_values", f"{SOFT}  # (N, H, S, T)\n        y = weights @ v",
          "F.softmax(scores, dim=-1)\n        y = weights @ self.attn_drop(v)", "values are dropped",
          WEIGHTS, "dropout"),
    entry("dropout_on_heads", SOFT, "F.softmax(scores, dim=-1) * self.attn_drop(torch.ones(N, 1, S, T))",
          "all heads drop the same weights", WEIGHTS, "dropout"),
    entry("dropout_on_keys", SOFT, "F.softmax(scores, dim=-1) * self.attn_drop(torch.ones(N, H, 1, T))",
          "all queries drop the same keys", WEIGHTS, "dropout"),
    entry("always_dropped", SOFT, "F.dropout(F.softmax(scores, dim=-1), self.attn_drop.p)",
          "weights are dropped in evaluation too", "How does F.dropout know the mode?", "dropout"),
    entry("fixed_probability", SOFT, "F.dropout(F.softmax(scores, dim=-1), 0.1, self.training)",
          "the constructor's probability is ignored", WEIGHTS, "dropout"),
    entry("no_dropout_under_mask", f"weights = {SOFT}",
          "weights = F.softmax(scores, dim=-1)\n        if attn_mask is None:\n"
          "            weights = self.attn_drop(weights)", "with a mask, nothing is dropped", BRANCHES, "dropout"),
    entry("dropout_twice_under_mask", f"weights = {SOFT}",
          f"weights = {SOFT}\n        if attn_mask is not None:\n            weights = self.attn_drop(weights)",
          "with a mask, weights are dropped twice", BRANCHES, "dropout"),
    entry("always_dropped_under_mask", f"weights = {SOFT}",
          f"weights = {SOFT}\n        if attn_mask is not None and not self.training:\n"
          "            weights = F.dropout(weights, self.attn_drop.p)",
          "with a mask, weights are dropped in evaluation too", BRANCHES, "dropout"),
    entry("mask_remembered", "if attn_mask is not None:",
          "if attn_mask is None:\n            attn_mask = getattr(self, 'mask', None)\n"
          "        if attn_mask is not None and attn_mask.shape == (S, T):\n            self.mask = attn_mask",
          "a mask lives on in later calls without one", "What of one call is still there in the next?", "mask"),
    entry("renormalised", SOFT, f"F.normalize({SOFT}, p=1, dim=-1)", "the weights left over are made to sum to 1",
          WEIGHTS, "dropout"),
    entry("seeded", f"weights = {SOFT}", f"torch.manual_seed(0)\n        weights = {SOFT}",
          "a seed is set in every call",
          "What does a seed do to a random layer?", "dropout"),
)  # fmt: skip

ORDER = mistakes_in(
    "transformer_layers.MultiHeadAttention.__init__",
    entry("query_first", "self.key = nn.Linear(embed_dim, embed_dim)",
          "self.query = nn.Linear(embed_dim, embed_dim)\n        self.key = nn.Linear(embed_dim, embed_dim)",
          "the query's layer is made before the key's", "The constructor was handed out: what comes before the key?",
          "order"),
)  # fmt: skip

MISTAKES = (*TABLE, *ADD, *ORDER, *ATTEND)
