"""My layers. Everything is computed in float64, and every cache is an object of its own class."""

from __future__ import print_function

import numpy as np


class Cache(object):
	"""Keeps what the backward pass needs, as attributes."""

	__slots__ = ("kept",)

	def __init__(self, **kept):
		self.kept = kept

	def __getattr__(self, name):
		try:
			return self.kept[name]
		except KeyError:
			raise AttributeError(name)


class Gradients(object):
	"""Sums of the weights' gradients over time."""

	def __init__(self):
		self.sums = None

	def add(self, *parts):
		self.sums = list(parts) if self.sums is None else [s + p for s, p in zip(self.sums, parts)]


def f64(*arrays):
	converted = [np.asarray(array, dtype=np.float64) for array in arrays]
	return converted if len(converted) > 1 else converted[0]


def log(*what):
	print("[layers]", *what)


def linear(x, w, b):
	return np.matmul(x, w) + b


def linear_back(dout, x, w):
	"""Gradients of linear: for x, w, b. Sums over all axes but the last."""
	rows_x = x.reshape(-1, x.shape[-1])
	rows_d = dout.reshape(-1, dout.shape[-1])
	return np.matmul(dout, w.T), np.matmul(rows_x.T, rows_d), np.add.reduce(rows_d, axis=0)


def affine_forward(x, w, b):
	x, w, b = f64(x, w, b)
	flat = x.reshape(len(x), -1)
	return linear(flat, w, b), Cache(flat=flat, w=w, shape=x.shape)


def affine_backward(dout, cache):
	dflat, dw, db = linear_back(f64(dout), cache.flat, cache.w)
	return dflat.reshape(cache.shape), dw, db


def rnn_step_forward(x, prev_h, Wx, Wh, b):
	x, prev_h, Wx, Wh, b = f64(x, prev_h, Wx, Wh, b)
	both = np.concatenate([x, prev_h], axis=1)  # (N, D+H): one product instead of two
	weights = np.concatenate([Wx, Wh], axis=0)
	next_h = np.tanh(linear(both, weights, b))
	log("rnn step", both.shape, "->", next_h.shape)
	return next_h, Cache(both=both, weights=weights, next_h=next_h, D=x.shape[1])


def rnn_step_backward(dnext_h, cache):
	da = f64(dnext_h) * (1.0 - cache.next_h ** 2)
	dboth, dweights, db = linear_back(da, cache.both, cache.weights)
	D = cache.D
	log("rnn step back", dboth.shape)
	return dboth[:, :D], dboth[:, D:], dweights[:D], dweights[D:], db


def rnn_forward(x, h0, Wx, Wh, b):
	states, caches = [f64(h0)], []
	for x_t in np.swapaxes(f64(x), 0, 1):
		state, cache = rnn_step_forward(x_t, states[-1], Wx, Wh, b)
		states.append(state)
		caches.append(cache)
	return np.swapaxes(np.array(states[1:]), 0, 1), Cache(steps=tuple(caches))


def rnn_backward(dh, cache):
	weights, dxs = Gradients(), []
	dnext = 0.0
	for dh_t, step in zip(np.swapaxes(f64(dh), 0, 1)[::-1], cache.steps[::-1]):
		dx_t, dnext, dWx, dWh, db = rnn_step_backward(dh_t + dnext, step)
		dxs.insert(0, dx_t)
		weights.add(dWx, dWh, db)
	return (np.swapaxes(np.array(dxs), 0, 1), dnext) + tuple(weights.sums)


def word_embedding_forward(x, W):
	x, W = np.asarray(x), f64(W)
	return W[x, :], Cache(words=x, shape=W.shape)


def word_embedding_backward(dout, cache):
	V, D = cache.shape
	words, rows = cache.words.ravel(), f64(dout).reshape(-1, D)
	# bincount adds up what belongs to one word, column by column
	return np.stack([np.bincount(words, weights=column, minlength=V) for column in rows.T], axis=1)


def sigmoid(x):
	return 0.5 * (1.0 + np.tanh(0.5 * f64(x)))  # the same function, and it can't overflow


def lstm_step_forward(x, prev_h, prev_c, Wx, Wh, b):
	x, prev_h, prev_c, Wx, Wh, b = f64(x, prev_h, prev_c, Wx, Wh, b)
	both = np.concatenate([x, prev_h], axis=1)
	weights = np.concatenate([Wx, Wh], axis=0)
	a = linear(both, weights, b)
	H = prev_h.shape[1]
	i, f, o = (sigmoid(a[:, k * H:(k + 1) * H]) for k in range(3))
	g = np.tanh(a[:, 3 * H:])
	next_c = f * prev_c + i * g
	shown = np.tanh(next_c)
	log("lstm step", both.shape, "->", next_c.shape)
	return o * shown, next_c, Cache(
		both=both, weights=weights, prev_c=prev_c, i=i, f=f, o=o, g=g, shown=shown, D=x.shape[1]
	)


def lstm_step_backward(dnext_h, dnext_c, cache):
	dnext_h, dnext_c = f64(dnext_h, dnext_c)
	i, f, o, g, shown = cache.i, cache.f, cache.o, cache.g, cache.shown
	dc = dnext_c + dnext_h * o * (1.0 - shown ** 2)
	da = np.concatenate([
		dc * g * i * (1.0 - i),
		dc * cache.prev_c * f * (1.0 - f),
		dnext_h * shown * o * (1.0 - o),
		dc * i * (1.0 - g ** 2),
	], axis=1)
	dboth, dweights, db = linear_back(da, cache.both, cache.weights)
	D = cache.D
	log("lstm step back", dboth.shape)
	return dboth[:, :D], dboth[:, D:], dc * f, dweights[:D], dweights[D:], db


def lstm_forward(x, h0, Wx, Wh, b):
	h = f64(h0)
	c = np.zeros(h.shape)
	states, caches = [], []
	for x_t in np.swapaxes(f64(x), 0, 1):
		h, c, cache = lstm_step_forward(x_t, h, c, Wx, Wh, b)
		states.append(h)
		caches.append(cache)
	return np.swapaxes(np.array(states), 0, 1), Cache(steps=tuple(caches))


def lstm_backward(dh, cache):
	weights, dxs = Gradients(), []
	dnext_h, dnext_c = 0.0, np.zeros(dh[:, 0].shape)
	for dh_t, step in zip(np.swapaxes(f64(dh), 0, 1)[::-1], cache.steps[::-1]):
		dx_t, dnext_h, dnext_c, dWx, dWh, db = lstm_step_backward(dh_t + dnext_h, dnext_c, step)
		dxs.insert(0, dx_t)
		weights.add(dWx, dWh, db)
	return (np.swapaxes(np.array(dxs), 0, 1), dnext_h) + tuple(weights.sums)


def temporal_affine_forward(x, w, b):
	x, w, b = f64(x, w, b)
	return linear(x, w, b), Cache(x=x, w=w)


def temporal_affine_backward(dout, cache):
	return linear_back(f64(dout), cache.x, cache.w)


def temporal_softmax_loss(x, y, mask, verbose=False):
	x, mask = f64(x, mask)
	N, T, V = x.shape
	scores = x - np.max(x, axis=-1, keepdims=True)
	p = np.exp(scores)
	p /= np.sum(p, axis=-1, keepdims=True)
	hot = np.eye(V)[y]  # (N, T, V)
	log_p = scores - np.log(np.sum(np.exp(scores), axis=-1, keepdims=True))
	loss = -np.sum(mask * np.sum(hot * log_p, axis=-1)) / N
	if verbose:
		log("loss", loss)
	return float(loss), (p - hot) * mask[..., None] / N


if __name__ == "__main__":
	log("this is a library")
