"""Similarities by torch's own functions; saved by an editor for Windows."""

import numpy as np
import torch
import torch.nn.functional as F


def sim(z_i, z_j):
	return F.cosine_similarity(z_i, z_j, dim=-1)


def simclr_loss_naive(out_left, out_right, tau):
	N = out_left.shape[0]
	out = torch.cat([out_left, out_right], dim=0)
	losses = []
	for i, j in [(k, k + N) for k in range(N)] + [(k + N, k) for k in range(N)]:
		row = torch.stack([sim(out[i], out[k]) / tau for k in range(2 * N) if k != i])
		losses.append(F.cross_entropy(row[None], torch.tensor([j if j < i else j - 1])))
	return torch.stack(losses).mean()


def sim_positive_pairs(out_left, out_right):
	left, right = F.normalize(out_left, dim=1), F.normalize(out_right, dim=1)
	return torch.einsum("nd,nd->n", left, right)[:, None]


def compute_sim_matrix(out):
	return F.cosine_similarity(out[:, None, :], out[None, :, :], dim=-1)


def simclr_loss_vectorized(out_left, out_right, tau, device="cuda"):
	N = out_left.shape[0]
	scores = compute_sim_matrix(torch.cat([out_left, out_right])) / tau
	scores = scores - torch.diag(torch.full((2 * N,), float("inf"), device=device))
	return F.cross_entropy(scores, torch.arange(2 * N, device=device).roll(N))


def rel_error(x, y):
	return np.max(np.abs(x - y) / (np.maximum(1e-8, np.abs(x) + np.abs(y))))
