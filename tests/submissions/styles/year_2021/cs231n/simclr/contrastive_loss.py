import torch
import numpy as np


def sim(z_i, z_j):
    """Cosine similarity of two vectors."""
    norm_dot_product = None
    ##############################################################################
    # TODO: Start of your code.                                                  #
    ##############################################################################
    norm_dot_product = (z_i @ z_j.T) / torch.sqrt((z_i * z_i).sum() * (z_j * z_j).sum())
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
        row = torch.stack([sim(z_k, z) for z in out]) / tau
        column = torch.stack([sim(z, z_k_N) for z in out]) / tau
        keep_k, keep_N = torch.arange(2 * N) != k, torch.arange(2 * N) != k + N
        total_loss += -row[k + N] + torch.log(row[keep_k].exp().sum())
        total_loss += -column[k] + torch.log(column[keep_N].exp().sum())
        # *****END OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****

    total_loss = total_loss / (2 * N)
    return total_loss


def sim_positive_pairs(out_left, out_right):
    """Similarities of the rows of both."""
    pos_pairs = None
    # *****START OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
    pos_pairs = torch.bmm(out_left.unsqueeze(1), out_right.unsqueeze(2)).squeeze(2)
    pos_pairs = pos_pairs / (out_left.norm(dim=1, keepdim=True) * out_right.norm(dim=1, keepdim=True))
    # *****END OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
    return pos_pairs


def compute_sim_matrix(out):
    """Similarities of all rows with all rows."""
    sim_matrix = None
    # *****START OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
    unit = out / out.norm(p=2, dim=1, keepdim=True)
    sim_matrix = unit.matmul(unit.transpose(0, 1))
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
    pos = sim_positive_pairs(out_left, out_right).to(device)
    numerator = torch.exp(torch.cat([pos, pos]).squeeze(1) / tau)
    loss = -(torch.log(numerator) - torch.log(exponential.sum(dim=1))).mean()
    # *****END OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
    return loss


##############################################################################
# TODO: the original of 2021 has this region here, outside of any function.  #
##############################################################################
# *****START OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
pass
# *****END OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
##############################################################################
#                               END OF YOUR CODE                             #
##############################################################################


def rel_error(x, y):
    return np.max(np.abs(x - y) / (np.maximum(1e-8, np.abs(x) + np.abs(y))))
