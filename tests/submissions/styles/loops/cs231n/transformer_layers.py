"""Transformer layers with a python loop over everything: positions, columns, pictures and heads."""

import math

import torch
import torch.nn as nn
from torch.nn import functional as F


class PositionalEncoding(nn.Module):
    """Adds to each word vector a fixed vector that depends on its place in the sequence."""

    def __init__(self, embed_dim, dropout=0.1, max_len=5000):
        """Makes the table for sequences of up to max_len vectors of embed_dim (even) elements."""
        super().__init__()
        self.dropout = nn.Dropout(p=dropout)
        assert embed_dim % 2 == 0
        pe = torch.zeros(1, max_len, embed_dim)
        ############################################################################
        # TODO: fill the table: sines in even columns, cosines in odd ones.        #
        ############################################################################
        # *****START OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****

        for pos in range(max_len):
            for j in range(0, embed_dim, 2):
                angle = pos * 10000 ** (-j / embed_dim)
                pe[0, pos, j] = math.sin(angle)
                pe[0, pos, j + 1] = math.cos(angle)

        # *****END OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
        ############################################################################
        #                             END OF YOUR CODE                             #
        ############################################################################

        self.register_buffer('pe', pe)

    def forward(self, x):
        """x (N, S, D) with the encodings added, through the dropout: (N, S, D)."""
        N, S, D = x.shape
        output = torch.empty((N, S, D))
        ############################################################################
        # TODO: add the encodings to x, then drop.                                 #
        ############################################################################
        # *****START OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****

        rows = []
        for n in range(N):
            rows.append(x[n] + self.pe[0, 0:S])
        output = F.dropout(torch.stack(rows), p=self.dropout.p, training=self.training)

        # *****END OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
        ############################################################################
        #                             END OF YOUR CODE                             #
        ############################################################################

        return output


class MultiHeadAttention(nn.Module):
    """Attention with several heads beside each other."""

    def __init__(self, embed_dim, num_heads, dropout=0.1):
        """Makes the linear maps; num_heads divides embed_dim."""
        super().__init__()
        assert embed_dim % num_heads == 0

        # The order of these lines decides about the random weights: leave it.
        self.key = nn.Linear(embed_dim, embed_dim)
        self.query = nn.Linear(embed_dim, embed_dim)
        self.value = nn.Linear(embed_dim, embed_dim)
        self.proj = nn.Linear(embed_dim, embed_dim)

        self.attn_drop = nn.Dropout(dropout)

        self.n_head = num_heads
        self.emd_dim = embed_dim
        self.head_dim = self.emd_dim // self.n_head


    def forward(self, query, key, value, attn_mask=None):
        """query (N, S, E), key and value (N, T, E), attn_mask (S, T): (N, S, E)."""
        N, S, E = query.shape
        N, T, E = value.shape
        output = torch.empty((N, S, E))
        ############################################################################
        # TODO: multi-head attention, with dropout on its weights.                 #
        ############################################################################
        # *****START OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****

        all_q, all_k, all_v = self.query(query), self.key(key), self.value(value)
        rows = []
        for n in range(N):
            heads = []
            for q, k, v in zip(all_q[n].chunk(self.n_head, dim=1), all_k[n].chunk(self.n_head, dim=1),
                               all_v[n].chunk(self.n_head, dim=1)):
                score = q.mm(k.t()) / math.sqrt(q.shape[1])
                if attn_mask is not None:
                    score[attn_mask == 0] = -1e20
                heads.append(self.attn_drop(F.softmax(score, dim=1)).mm(v))
            rows.append(self.proj(torch.cat(heads, dim=1)))
        output = torch.stack(rows)

        # *****END OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
        ############################################################################
        #                             END OF YOUR CODE                             #
        ############################################################################

        return output
