"""The contrastive loss of SimCLR, once with loops and once without (PyTorch).

A batch of N images, each augmented twice, gives 2N vectors z: rows 0 ... N-1 come from the left branch,
rows N ... 2N-1 from the right one, so the partner of row k is row k + N. Every row has to find its partner
among the 2N - 1 others:

    l(i, j) = -log( exp(sim(z_i, z_j) / tau) / sum_{k != i} exp(sim(z_i, z_k) / tau) )
    L = 1/(2N) sum_k [ l(k, k + N) + l(k + N, k) ]

The temperature tau says how sharply near neighbours are told apart.
Source: Chen et al., "A Simple Framework for Contrastive Learning of Visual Representations", 2020.
"""

import numpy as np
import torch


def sim(z_i, z_j):
    """Returns the cosine of the angle between two vectors, z_i . z_j / (|z_i| |z_j|).

    Inputs: tensors of D elements each, of shape (D,) or (1, D). Output: 0-d tensor.
    """
    # START OF YOUR CODE: return the dot product of the two vectors divided by the product of their lengths.
    z_i, z_j = z_i.reshape(-1), z_j.reshape(-1)
    return torch.einsum("d,d->", z_i, z_j) / (torch.linalg.norm(z_i) * torch.linalg.norm(z_j))
    # END OF YOUR CODE


def simclr_loss_naive(out_left, out_right, tau):
    """Computes L as it is written above, with loops over the pairs.

    Inputs: out_left, out_right (N, D), row k of both from the same image; tau, a positive number.
    Output: 0-d tensor.
    """
    N = out_left.shape[0]
    out = torch.cat([out_left, out_right], dim=0)  # (2N, D)
    # START OF YOUR CODE: return the mean of l(k, k+N) and l(k+N, k) over all k, computed with sim.
    total = out.new_zeros(())
    for i in range(2 * N):
        row = torch.stack([sim(out[i], out[k]) for k in range(2 * N)]).div_(tau)
        right = row[(i + N) % (2 * N)].clone()
        row[i] = -float("inf")  # nothing is its own negative
        total += torch.logsumexp(row, dim=0) - right
    return total.div(2 * N)
    # END OF YOUR CODE


def sim_positive_pairs(out_left, out_right):
    """Returns sim(left_k, right_k) of every pair, without a loop.

    Inputs: out_left, out_right (N, D). Output: (N, 1), a column.
    """
    # START OF YOUR CODE: return the (N, 1) column of the similarities of the rows of out_left and out_right.
    pairs = torch.einsum("nd,nd->n", out_left, out_right)
    pairs = pairs / torch.einsum("nd,nd->n", out_left, out_left).sqrt()
    pairs = pairs / torch.einsum("nd,nd->n", out_right, out_right).sqrt()
    return pairs.unsqueeze_(1)
    # END OF YOUR CODE


def compute_sim_matrix(out):
    """Returns the similarity of every row with every row, without a loop.

    Input: out (2N, D), left vectors above right ones. Output: (2N, 2N), element (i, j) is sim(out_i, out_j).
    """
    # START OF YOUR CODE: return the (2N, 2N) matrix of the similarities of all rows of out.
    products = torch.einsum("id,jd->ij", out, out)
    lengths = products.diagonal().sqrt()
    return products / torch.einsum("i,j->ij", lengths, lengths)
    # END OF YOUR CODE


def simclr_loss_vectorized(out_left, out_right, tau, device="cuda"):
    """Computes the same L as simclr_loss_naive, without a loop.

    Inputs: as simclr_loss_naive; device: where the vectors are, for tensors made on the way.
    Output: 0-d tensor.
    """
    N = out_left.shape[0]
    out = torch.cat([out_left, out_right], dim=0)  # (2N, D)
    # START OF YOUR CODE: return the contrastive loss from compute_sim_matrix and sim_positive_pairs.
    scores = compute_sim_matrix(out).to(device) / tau
    scores.fill_diagonal_(-float("inf"))
    positives = sim_positive_pairs(out_left, out_right).to(device) / tau  # (N, 1)
    return (torch.logsumexp(scores, dim=1).view(2, N, 1) - positives).mean()
    # END OF YOUR CODE


def rel_error(x, y):
    """Returns the greatest relative error of two arrays; tiny denominators count as 1e-8."""
    return np.max(np.abs(x - y) / (np.maximum(1e-8, np.abs(x) + np.abs(y))))
