import torch
import numpy as np


def sim(z_i, z_j):
    """Cosine similarity of two vectors."""
    norm_dot_product = None
    ##############################################################################
    # TODO: Start of your code.                                                  #
    ##############################################################################
    pass
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
        pass

        # *****END OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****

    total_loss = total_loss / (2 * N)
    return total_loss


def sim_positive_pairs(out_left, out_right):
    """Similarities of the rows of both."""
    pos_pairs = None
    # *****START OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
    pass

    # *****END OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
    return pos_pairs


def compute_sim_matrix(out):
    """Similarities of all rows with all rows."""
    sim_matrix = None
    # *****START OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
    pass

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
    exponential = None

    mask = (torch.ones_like(exponential, device=device) - torch.eye(2 * N, device=device)).to(device).bool()
    exponential = exponential.masked_select(mask).view(2 * N, -1)  # [2*N, 2*N-1]

    denom = None
    ##############################################################################
    #                               END OF YOUR CODE                             #
    ##############################################################################

    # *****START OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
    pass

    loss = None
    # *****END OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
    return loss


def rel_error(x, y):
    return np.max(np.abs(x - y) / (np.maximum(1e-8, np.abs(x) + np.abs(y))))
