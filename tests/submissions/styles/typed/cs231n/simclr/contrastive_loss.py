"""The contrastive loss, typed; rows and their partners are index tensors."""

from __future__ import annotations

from typing import Iterator, Union

import numpy as np
import torch
from torch import Tensor

Device = Union[str, torch.device]


def sim(z_i: Tensor, z_j: Tensor) -> Tensor:
    """Of vectors (D,), or rows (1, D)."""
    return (z_i * z_j).sum() / (z_i.pow(2).sum().sqrt() * z_j.pow(2).sum().sqrt())


def _ordered_pairs(N: int) -> Iterator[tuple[int, int]]:
    for k in range(N):
        yield k, k + N
        yield k + N, k


def simclr_loss_naive(out_left: Tensor, out_right: Tensor, tau: float) -> Tensor:
    out, N = torch.cat([out_left, out_right], dim=0), len(out_left)
    losses: list[Tensor] = []
    for i, j in _ordered_pairs(N):
        others = torch.stack([sim(out[i], out[k]) / tau for k in range(2 * N) if k != i])
        losses.append(torch.logsumexp(others, dim=0) - sim(out[i], out[j]) / tau)
    return torch.stack(losses).mean()


def sim_positive_pairs(out_left: Tensor, out_right: Tensor) -> Tensor:
    products = (out_left * out_right).sum(dim=1, keepdim=True)
    return products / (out_left.norm(dim=1, keepdim=True) * out_right.norm(dim=1, keepdim=True))


def compute_sim_matrix(out: Tensor) -> Tensor:
    lengths = out.norm(dim=1)
    return (out @ out.T) / torch.outer(lengths, lengths)


def simclr_loss_vectorized(out_left: Tensor, out_right: Tensor, tau: float, device: Device = "cuda") -> Tensor:
    N = out_left.size(0)
    scores = compute_sim_matrix(torch.cat([out_left, out_right], dim=0).to(device)) / tau
    rows = torch.arange(2 * N, device=device)
    # column numbers (2N, 2N - 1) of all but the row itself
    columns = torch.arange(2 * N - 1, device=device).expand(2 * N, -1)
    columns = columns + (columns >= rows[:, None])
    denominators = torch.logsumexp(torch.gather(scores, 1, columns), dim=1)
    return torch.mean(denominators - scores[rows, torch.roll(rows, N)])


def rel_error(x: Tensor, y: Tensor) -> float:
    return np.max(np.abs(x - y) / (np.maximum(1e-8, np.abs(x) + np.abs(y))))
