import torch
import numpy as np


def sim(z_i, z_j):
    """Cosine similarity of two vectors."""
    norm_dot_product = None
    ##############################################################################
    # TODO: Start of your code.                                                  #
    ##############################################################################
    norm_dot_product = torch.dot(z_i, z_j) / (torch.linalg.norm(z_i) * torch.linalg.norm(z_j))
    ##############################################################################
    #                               END OF YOUR CODE                             #
    ##############################################################################
    return norm_dot_product


def simclr_loss_naive(out_left, out_right, tau):
    """The loss pair by pair."""
    N = out_left.shape[0]  # total number of training examples
    out = torch.cat([out_left, out_right], dim=0)  # [2*N, D]

    total_loss = 0
    for k in range(N):
        z_k, z_k_N = out[k], out[k + N]
        # *****START OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
        numerator = torch.exp(sim(z_k, z_k_N) / tau)
        denominator_left, denominator_right = 0, 0
        for i in range(2 * N):
            if i != k:
                denominator_left = denominator_left + torch.exp(sim(z_k, out[i]) / tau)
            if i != k + N:
                denominator_right = denominator_right + torch.exp(sim(z_k_N, out[i]) / tau)
        total_loss += -torch.log(numerator / denominator_left) - torch.log(numerator / denominator_right)
        # *****END OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****

    total_loss = total_loss / (2 * N)
    return total_loss


def sim_positive_pairs(out_left, out_right):
    """Similarities of the rows of both."""
    pos_pairs = None
    # *****START OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
    left = out_left / torch.norm(out_left, dim=1).view(-1, 1)
    right = out_right / torch.norm(out_right, dim=1).view(-1, 1)
    pos_pairs = torch.sum(left * right, dim=1).view(-1, 1)
    # *****END OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
    return pos_pairs


def compute_sim_matrix(out):
    """Similarities of all rows with all rows."""
    sim_matrix = None
    # *****START OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
    norms = torch.norm(out, dim=1).unsqueeze(1)
    sim_matrix = torch.mm(out, out.t()) / torch.mm(norms, norms.t())
    # *****END OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
    return sim_matrix


def simclr_loss_vectorized(out_left, out_right, tau, device='cuda'):
    """The same loss without loops."""
    N = out_left.shape[0]
    out = torch.cat([out_left, out_right], dim=0)  # [2*N, D]
    sim_matrix = compute_sim_matrix(out)  # [2*N, 2*N]

    # Step 1
    ##############################################################################
    # TODO: Start of your code.                                                  #
    ##############################################################################
    exponential = torch.exp(sim_matrix / tau).to(device)
    ##############################################################################
    #                               END OF YOUR CODE                             #
    ##############################################################################
    mask = (torch.ones_like(exponential, device=device) - torch.eye(2 * N, device=device)).to(device).bool()
    exponential = exponential.masked_select(mask).view(2 * N, -1)  # [2*N, 2*N-1]

    # *****START OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
    denom = torch.sum(exponential, dim=1, keepdim=True)
    pairs = sim_positive_pairs(out_left, out_right)
    numerator = torch.exp(torch.cat([pairs, pairs], dim=0) / tau).to(device)
    loss = torch.mean(-torch.log(numerator / denom))
    # *****END OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
    return loss


def rel_error(x, y):
    return np.max(np.abs(x - y) / (np.maximum(1e-8, np.abs(x) + np.abs(y))))
