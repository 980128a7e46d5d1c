"""Transformer layers, laid out as the 2021 release hands them out: dropout and heads have names of one's own."""

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

        i = torch.arange(max_len)[:, None]
        j = torch.arange(embed_dim)[None, :]
        angles = i / torch.pow(torch.tensor(10000.0), (j - j % 2) / embed_dim)
        pe[0] = torch.where(j % 2 == 0, torch.sin(angles), torch.cos(angles))

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

        output = self.dropout(x + self.pe[:, :x.size(1)])

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

        ############################################################################
        # TODO: whatever else forward needs.                                       #
        ############################################################################
        # *****START OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****

        self.h = num_heads
        self.drop = dropout

        # *****END OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
        ############################################################################
        #                             END OF YOUR CODE                             #
        ############################################################################


    def forward(self, query, key, value, attn_mask=None):
        """query (N, S, E), key and value (N, T, E), attn_mask (T, S): (N, S, E)."""
        N, S, E = query.shape
        N, T, E = value.shape
        output = torch.empty((N, S, E))
        ############################################################################
        # TODO: multi-head attention, with dropout on its weights.                 #
        ############################################################################
        # *****START OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****

        d = E // self.h
        q = self.query(query).reshape(N, S, self.h, d).permute(0, 2, 1, 3)
        k = self.key(key).reshape(N, T, self.h, d).permute(0, 2, 3, 1)
        v = self.value(value).reshape(N, T, self.h, d).permute(0, 2, 1, 3)
        a = (q / d ** 0.5) @ k
        if attn_mask is not None:
            a += (attn_mask == 0) * -1e9
        a = F.dropout(a.softmax(3), self.drop, self.training)
        output = self.proj((a @ v).permute(0, 2, 1, 3).reshape(N, S, E))

        # *****END OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
        ############################################################################
        #                             END OF YOUR CODE                             #
        ############################################################################

        return output
