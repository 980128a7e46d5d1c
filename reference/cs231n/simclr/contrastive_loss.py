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
    # BEGIN SOLUTION: return the dot product of the two vectors divided by the product of their lengths.
    z_i, z_j = z_i.flatten(), z_j.flatten()  # (D,) each
    return torch.dot(z_i, z_j) / (torch.linalg.vector_norm(z_i) * torch.linalg.vector_norm(z_j))
    # END SOLUTION


def simclr_loss_naive(out_left, out_right, tau):
    """Computes L as it is written above, with loops over the pairs.

    Inputs: out_left, out_right (N, D), row k of both from the same image; tau, a positive number.
    Output: 0-d tensor.
    """
    N = out_left.shape[0]
    out = torch.cat([out_left, out_right], dim=0)  # (2N, D)
    # BEGIN SOLUTION: return the mean of l(k, k+N) and l(k+N, k) over all k, computed with sim.

    # Divide by the numerator: l(i, j) = log sum_{k != i} exp((sim(z_i, z_k) - sim(z_i, z_j)) / tau).
    # As a logsumexp it overflows for no tau.
    def pair_loss(i, j):
        others = torch.stack([sim(out[i], out[k]) for k in range(2 * N) if k != i])  # (2N - 1,)
        return torch.logsumexp((others - sim(out[i], out[j])) / tau, dim=0)

    total = 0.0
    for k in range(N):
        total = total + pair_loss(k, k + N) + pair_loss(k + N, k)
    return total / (2 * N)
    # END SOLUTION


def sim_positive_pairs(out_left, out_right):
    """Returns sim(left_k, right_k) of every pair, without a loop.

    Inputs: out_left, out_right (N, D). Output: (N, 1), a column.
    """
    # BEGIN SOLUTION: return the (N, 1) column of the similarities of the rows of out_left and out_right.
    dots = (out_left * out_right).sum(dim=1, keepdim=True)  # (N, 1)
    lengths = torch.linalg.vector_norm(out_left, dim=1, keepdim=True)
    lengths = lengths * torch.linalg.vector_norm(out_right, dim=1, keepdim=True)
    return dots / lengths
    # END SOLUTION


def compute_sim_matrix(out):
    """Returns the similarity of every row with every row, without a loop.

    Input: out (2N, D), left vectors above right ones. Output: (2N, 2N), element (i, j) is sim(out_i, out_j).
    """
    # BEGIN SOLUTION: return the (2N, 2N) matrix of the similarities of all rows of out.
    unit = out / torch.linalg.vector_norm(out, dim=1, keepdim=True)  # (2N, D)
    return unit @ unit.T  # (2N, 2N)
    # END SOLUTION


def simclr_loss_vectorized(out_left, out_right, tau, device="cuda"):
    """Computes the same L as simclr_loss_naive, without a loop.

    Inputs: as simclr_loss_naive; device: where the vectors are, for tensors made on the way.
    Output: 0-d tensor.
    """
    N = out_left.shape[0]
    out = torch.cat([out_left, out_right], dim=0)  # (2N, D)
    # BEGIN SOLUTION: return the contrastive loss from compute_sim_matrix and sim_positive_pairs.
    everyone = compute_sim_matrix(out)  # (2N, 2N)
    positive = sim_positive_pairs(out_left, out_right)  # (N, 1)
    partner = torch.cat([positive, positive])  # (2N, 1): sim is symmetric, so (k + N, k) equals (k, k + N)

    # Row i of the exponents is l(i, partner) divided by its numerator; nobody is compared with itself.
    itself = torch.eye(2 * N, dtype=torch.bool, device=device)
    exponents = ((everyone - partner) / tau).masked_fill(itself, -torch.inf)  # (2N, 2N)

    return torch.logsumexp(exponents, dim=1).mean()
    # END SOLUTION


def rel_error(x, y):
    """Returns the greatest relative error of two arrays; tiny denominators count as 1e-8."""
    return np.max(np.abs(x - y) / (np.maximum(1e-8, np.abs(x) + np.abs(y))))
