"""The captioner, with the two cells as small classes that know their functions."""

import numpy as np

from cs231n import rnn_layers as layers


class Vanilla(object):
	blocks = 1
	forward = staticmethod(layers.rnn_forward)
	backward = staticmethod(layers.rnn_backward)

	def __init__(self, h):
		self.h = h

	def step(self, x, Wx, Wh, b):
		self.h, _ = layers.rnn_step_forward(x, self.h, Wx, Wh, b)
		return self.h


class Lstm(object):
	blocks = 4
	forward = staticmethod(layers.lstm_forward)
	backward = staticmethod(layers.lstm_backward)

	def __init__(self, h):
		self.h, self.c = h, np.zeros_like(h)

	def step(self, x, Wx, Wh, b):
		self.h, self.c, _ = layers.lstm_step_forward(x, self.h, self.c, Wx, Wh, b)
		return self.h


CELLS = {"rnn": Vanilla, "lstm": Lstm}


class CaptioningRNN(object):
	def __init__(self, word_to_idx, input_dim=512, wordvec_dim=128, hidden_dim=128, cell_type="rnn", dtype=np.float32):
		if cell_type not in CELLS:
			raise ValueError("I know no cell of the type %r" % (cell_type,))
		self.cell_type, self.cell, self.dtype = cell_type, CELLS[cell_type], dtype
		self.word_to_idx = word_to_idx
		self.idx_to_word = dict((i, w) for w, i in word_to_idx.items())
		self._null, self._start, self._end = word_to_idx["<NULL>"], word_to_idx.get("<START>"), word_to_idx.get("<END>")
		self.params = {}
		vocab, gates = len(word_to_idx), self.cell.blocks * hidden_dim
		self.draw("W_embed", (vocab, wordvec_dim), 100)
		self.draw("W_proj", (input_dim, hidden_dim), np.sqrt(input_dim), bias="b_proj")
		self.draw("Wx", (wordvec_dim, gates), np.sqrt(wordvec_dim))
		self.draw("Wh", (hidden_dim, gates), np.sqrt(hidden_dim), bias="b")
		self.draw("W_vocab", (hidden_dim, vocab), np.sqrt(hidden_dim), bias="b_vocab")

	def draw(self, name, shape, divisor, bias=None):
		self.params[name] = (np.random.randn(*shape) / divisor).astype(self.dtype)
		if bias:
			self.params[bias] = np.zeros(shape[1], dtype=self.dtype)

	def loss(self, features, captions):
		get = lambda *names: [self.params[name].astype(np.float64) for name in names]
		said, asked = captions[:, :-1], captions[:, 1:]
		print("loss of", len(captions), "captions")

		h0, cache_a = layers.affine_forward(features, *get("W_proj", "b_proj"))
		words, cache_w = layers.word_embedding_forward(said, *get("W_embed"))
		h, cache_h = self.cell.forward(words, h0, *get("Wx", "Wh", "b"))
		scores, cache_s = layers.temporal_affine_forward(h, *get("W_vocab", "b_vocab"))
		loss, dscores = layers.temporal_softmax_loss(scores, asked, asked != self._null)

		dh, dW_vocab, db_vocab = layers.temporal_affine_backward(dscores, cache_s)
		dwords, dh0, dWx, dWh, db = self.cell.backward(dh, cache_h)
		_, dW_proj, db_proj = layers.affine_backward(dh0, cache_a)
		return loss, {
			"W_embed": layers.word_embedding_backward(dwords, cache_w),
			"W_proj": dW_proj, "b_proj": db_proj,
			"Wx": dWx, "Wh": dWh, "b": db,
			"W_vocab": dW_vocab, "b_vocab": db_vocab,
		}

	def sample(self, features, max_length=30):
		p = self.params
		cell = self.cell(layers.affine_forward(features, p["W_proj"], p["b_proj"])[0])
		words = [np.full(len(features), self._start)]
		alive = np.full(len(features), True)
		for t in range(max_length):
			h = cell.step(p["W_embed"][words[-1]], p["Wx"], p["Wh"], p["b"])
			best = np.argmax(layers.linear(h, p["W_vocab"], p["b_vocab"]), axis=-1)
			words.append(np.where(alive, best, self._null))
			alive = alive & (best != self._end)
		return np.array(words[1:], dtype=np.int32).reshape(max_length, -1).T
