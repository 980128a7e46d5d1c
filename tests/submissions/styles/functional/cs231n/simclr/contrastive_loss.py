"""The contrastive loss in few lines."""

import numpy as np
import torch
from torch.nn.functional import cosine_similarity, log_softmax, normalize

sim = lambda z_i, z_j: torch.matmul(normalize(z_i, dim=-1), normalize(z_j, dim=-1).T).squeeze()


def simclr_loss_naive(out_left, out_right, tau):
    out, N = [*out_left, *out_right], len(out_left)
    e = lambda i, k: (sim(out[i], out[k]) / tau).exp()
    l = lambda i, j: -(e(i, j) / sum(e(i, k) for k in range(2 * N) if k != i)).log()
    return sum(l(k, k + N) + l(k + N, k) for k in range(N)) / (2 * N)


sim_positive_pairs = lambda out_left, out_right: cosine_similarity(out_left, out_right, dim=1).unsqueeze(dim=1)


def compute_sim_matrix(out):
    return torch.mm(*(lambda u: (u, u.t()))(normalize(out, dim=1)))


def simclr_loss_vectorized(out_left, out_right, tau, device="cuda"):
    N = len(out_left)
    alone = torch.eye(2 * N, device=device).log().neg()  # 0 on the diagonal, infinity elsewhere
    logp = log_softmax(torch.minimum(compute_sim_matrix(torch.vstack((out_left, out_right))).to(device) / tau, alone - 1e9 * torch.eye(2 * N, device=device)), dim=1)
    return -torch.cat((logp.diagonal(N), logp.diagonal(-N))).mean()


def rel_error(x, y):
    return np.max(np.abs(x - y) / (np.maximum(1e-8, np.abs(x) + np.abs(y))))
