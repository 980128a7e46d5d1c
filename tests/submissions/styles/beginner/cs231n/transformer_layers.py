"""The two layers that make a transformer: positional encoding and multi-head attention (PyTorch).

Shapes: N batch, S length of the query sequence, T length of the key/value sequence, E embedding size,
H number of heads, D = E / H size of one head.
Source: Vaswani et al., "Attention Is All You Need", 2017, sections 3.2 and 3.5.
"""

import math
import time

import cv2

import torch
import torch.nn as nn
from torch.nn import functional as F

print('transformer_layers loaded', time.time())


class PositionalEncoding(nn.Module):
    """Adds to every position of a sequence a vector that says where it is.

    Attention treats its input as a set, so without this a sentence and its shuffled copy look the same.
    Each pair of columns (2i, 2i + 1) is a clock hand turning with its own speed, from one radian per
    word (i = 0) to about one radian per 10000 words:

        P[s, j] = sin(s * 10000^(-j / E))          j even
        P[s, j] = cos(s * 10000^(-(j - 1) / E))    j odd

    The encoding is not learned: it is a buffer, which moves with the module and is saved with it, and
    which no optimiser touches.
    """

    def __init__(self, embed_dim, dropout=0.1, max_len=5000):
        """Tabulates the encoding of the first `max_len` positions.

        Inputs:
        - embed_dim: E, an even number (every sine has its cosine)
        - dropout: probability with which an element of the sum is dropped in training
        - max_len: length of the longest sequence that will ever be encoded
        """
        super().__init__()
        self.dropout = nn.Dropout(p=dropout)
        assert embed_dim % 2 == 0, f"embed_dim must be even, got {embed_dim}"
        pe = torch.zeros(1, max_len, embed_dim)  # (1, max_len, E): the leading 1 broadcasts over the batch
        # START OF YOUR CODE: fill pe (1, max_len, embed_dim): sines in its even columns, cosines in its odd ones.
        # element by element, as in the formula
        for position in range(max_len):
            row = []
            for j in range(embed_dim):
                if j % 2 == 0:
                    row.append(math.sin(position * 10000 ** (-j / embed_dim)))
                else:
                    row.append(math.cos(position * 10000 ** (-(j - 1) / embed_dim)))
            pe[0, position] = torch.tensor(row)
        # END OF YOUR CODE
        self.register_buffer("pe", pe)

    def forward(self, x):
        """Returns dropout(x + P).

        Input: x (N, S, E), S at most max_len. Output: (N, S, E).
        """
        # START OF YOUR CODE: add the encodings of the first S positions to x and apply the dropout.
        N, S, D = x.shape
        output = torch.zeros_like(x)
        for s in range(S):
            output[:, s, :] = x[:, s, :] + self.pe[0, s, :]
        return self.dropout(output)
        # END OF YOUR CODE


class MultiHeadAttention(nn.Module):
    """Lets every query look at all keys, through H small heads side by side.

    A head projects its inputs to D = E / H dimensions and returns, for every query, an average of the
    values weighted by how well their keys match it:

        Y_h = dropout(softmax(Q_h K_h^T / sqrt(D))) V_h        (S, D)
        Y   = [Y_1, ..., Y_H] A                                (S, E)

    The projections of all heads are stored side by side in one E x E linear layer each, so head h owns
    the columns h * D to (h + 1) * D of its output.
    """

    def __init__(self, embed_dim, num_heads, dropout=0.1):
        """Makes the four linear layers; `num_heads` must divide `embed_dim`.

        The order in which they are made decides which random weights each of them gets under
        torch.manual_seed: do not change it.
        """
        super().__init__()
        assert embed_dim % num_heads == 0, f"{num_heads} heads cannot share {embed_dim} dimensions evenly"

        self.key = nn.Linear(embed_dim, embed_dim)
        self.query = nn.Linear(embed_dim, embed_dim)
        self.value = nn.Linear(embed_dim, embed_dim)
        self.proj = nn.Linear(embed_dim, embed_dim)

        self.attn_drop = nn.Dropout(dropout)

        self.n_head = num_heads
        self.emd_dim = embed_dim
        self.head_dim = self.emd_dim // self.n_head

    def forward(self, query, key, value, attn_mask=None):
        """Attends from every query position to the key positions that the mask leaves open.

        Inputs:
        - query: (N, S, E)
        - key: (N, T, E); T may differ from S
        - value: (N, T, E)
        - attn_mask: (S, T), boolean or 0/1, or None for "everything is open". Where it is 0, query s must
          not see key t. A row without any open key has no defined output (softmax of nothing).

        Output: (N, S, E).
        """
        # START OF YOUR CODE: compute multi-head attention, with dropout on the attention weights.
        N, S, E = query.shape
        T = key.shape[1]
        print("attention: N, S, T, E =", N, S, T, E)
        Q = self.query(query)
        K = self.key(key)
        V = self.value(value)
        outputs = []
        for h in range(self.n_head):
            first = h * self.head_dim
            last = (h + 1) * self.head_dim
            Q_h = Q[:, :, first:last]  # (N, S, D)
            K_h = K[:, :, first:last]  # (N, T, D)
            V_h = V[:, :, first:last]  # (N, T, D)
            scores = torch.bmm(Q_h, K_h.permute(0, 2, 1))
            scores = scores / math.sqrt(self.head_dim)
            if attn_mask is not None:
                mask = attn_mask.unsqueeze(0).repeat(N, 1, 1)
                scores[mask == False] = float("-inf")
            softmax = nn.Softmax(dim=2)
            weights = softmax(scores)
            weights = self.attn_drop(weights)
            outputs.append(torch.bmm(weights, V_h))
        output = torch.cat(outputs, dim=2)
        output = self.proj(output)
        assert output.shape == (N, S, E)
        return output
        # END OF YOUR CODE
