"""Similarities element by element, and losses row by row."""

import math

import numpy as np
import torch

print("contrastive_loss is being imported")


def sim(z_i, z_j):
    dot, left, right = 0, 0, 0
    for a, b in zip(z_i, z_j):
        dot = dot + a * b
        left = left + a * a
        right = right + b * b
    return dot / (left ** 0.5 * right ** 0.5)


def simclr_loss_naive(out_left, out_right, tau):
    N = out_left.shape[0]
    out = torch.cat([out_left, out_right], dim=0)
    total = 0.0
    for i in range(2 * N):
        j = i + N if i < N else i - N
        print("pair", i, j)
        denominator = sum(math.exp(sim(out[i], out[k]).item() / tau) for k in range(2 * N) if k != i)
        total -= sim(out[i], out[j]).item() / tau - math.log(denominator)
    return np.float64(total / (2 * N))


def sim_positive_pairs(out_left, out_right):
    rows = [sim(a, b) for a, b in zip(out_left, out_right)]
    return torch.stack(rows).reshape(len(rows), 1)


def compute_sim_matrix(out):
    M = len(out)
    table = [[None] * M for _ in range(M)]
    for i in range(M):
        for j in range(i, M):
            table[i][j] = table[j][i] = torch.dot(out[i], out[j]) / (out[i].norm() * out[j].norm() + 1e-8)
    return torch.stack([torch.stack(row) for row in table])


def simclr_loss_vectorized(out_left, out_right, tau, device='cuda'):
    N = out_left.shape[0]
    table = compute_sim_matrix(torch.cat([out_left, out_right], dim=0)) / tau
    losses = []
    for i in range(2 * N):
        others = torch.cat([table[i, :i], table[i, i + 1:]])
        losses.append(torch.log(torch.exp(others).sum()) - table[i, (i + N) % (2 * N)])
    return torch.stack(losses).sum(dim=0, keepdim=True) / (2 * N)


def rel_error(x, y):
    return np.max(np.abs(x - y) / (np.maximum(1e-8, np.abs(x) + np.abs(y))))
