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

from .my_math import *


def sim(z_i, z_j):
    """Returns the cosine of the angle between two vectors, z_i . z_j / (|z_i| |z_j|).

    Inputs: tensors of D elements each, of shape (D,) or (1, D). Output: 0-d tensor.
    """
    # START OF YOUR CODE: return the dot product of the two vectors divided by the product of their lengths.
    top = torch.dot(z_i, z_j)
    bottom = length(z_i) * length(z_j)
    return top / bottom
    # END OF YOUR CODE


def simclr_loss_naive(out_left, out_right, tau):
    """Computes L as it is written above, with loops over the pairs.

    Inputs: out_left, out_right (N, D), row k of both from the same image; tau, a positive number.
    Output: 0-d tensor.
    """
    N = out_left.shape[0]
    out = torch.cat([out_left, out_right], dim=0)  # (2N, D)
    # START OF YOUR CODE: return the mean of l(k, k+N) and l(k+N, k) over all k, computed with sim.
    total_loss = 0
    for k in range(N):
        print("k =", k, "of", N)
        # l(k, k + N)
        top = np.exp(sim(out[k], out[k + N]).item() / tau)
        bottom = 0
        for i in range(2 * N):
            if i != k:
                bottom += np.exp(sim(out[k], out[i]).item() / tau)
        l1 = -np.log(top / bottom)
        # l(k + N, k)
        top = np.exp(sim(out[k + N], out[k]).item() / tau)
        bottom = 0
        for i in range(2 * N):
            if i != k + N:
                bottom += np.exp(sim(out[k + N], out[i]).item() / tau)
        l2 = -np.log(top / bottom)
        total_loss += l1 + l2
    return torch.tensor(total_loss / (2 * N))
    # END OF YOUR CODE


def sim_positive_pairs(out_left, out_right):
    """Returns sim(left_k, right_k) of every pair, without a loop.

    Inputs: out_left, out_right (N, D). Output: (N, 1), a column.
    """
    # START OF YOUR CODE: return the (N, 1) column of the similarities of the rows of out_left and out_right.
    N = out_left.shape[0]
    norm_left = torch.norm(out_left, dim=1).reshape(N, 1)
    norm_right = torch.norm(out_right, dim=1).reshape(N, 1)
    left = out_left / norm_left
    right = out_right / norm_right
    pairs = torch.diag(torch.matmul(left, right.T))
    pairs = pairs.reshape(N, 1)
    print("pairs", pairs.shape)
    return pairs
    # END OF YOUR CODE


def compute_sim_matrix(out):
    """Returns the similarity of every row with every row, without a loop.

    Input: out (2N, D), left vectors above right ones. Output: (2N, 2N), element (i, j) is sim(out_i, out_j).
    """
    # START OF YOUR CODE: return the (2N, 2N) matrix of the similarities of all rows of out.
    norms = torch.norm(out, dim=1)
    norms = norms.reshape(-1, 1)
    top = torch.matmul(out, out.T)
    bottom = torch.matmul(norms, norms.T)
    return top / bottom
    # END OF YOUR CODE


def simclr_loss_vectorized(out_left, out_right, tau, device="cuda"):
    """Computes the same L as simclr_loss_naive, without a loop.

    Inputs: as simclr_loss_naive; device: where the vectors are, for tensors made on the way.
    Output: 0-d tensor.
    """
    N = out_left.shape[0]
    out = torch.cat([out_left, out_right], dim=0)  # (2N, D)
    # START OF YOUR CODE: return the contrastive loss from compute_sim_matrix and sim_positive_pairs.
    out = out.to(device)
    matrix = compute_sim_matrix(out)
    e = torch.exp(matrix / tau)
    # take the diagonal out
    mask = torch.ones((2 * N, 2 * N), device=device)
    for i in range(2 * N):
        mask[i, i] = 0
    e = e * mask
    bottom = torch.sum(e, dim=1)
    bottom = bottom.reshape(2 * N, 1)
    pairs = sim_positive_pairs(out_left, out_right).to(device)
    top = torch.exp(torch.cat([pairs, pairs], dim=0) / tau)
    loss = -torch.log(top / bottom)
    loss = torch.mean(loss)
    return loss
    # END OF YOUR CODE


def rel_error(x, y):
    """Returns the greatest relative error of two arrays; tiny denominators count as 1e-8."""
    return np.max(np.abs(x - y) / (np.maximum(1e-8, np.abs(x) + np.abs(y))))
