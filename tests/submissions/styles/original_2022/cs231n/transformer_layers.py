"""Transformer layers, laid out as the 2022 release hands them out and filled in by a student."""

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

        position = torch.arange(0, max_len).unsqueeze(1).float()
        div_term = torch.exp(torch.arange(0, embed_dim, 2).float() * (-math.log(10000.0) / embed_dim))
        pe[:, :, 0::2] = torch.sin(position * div_term)
        pe[:, :, 1::2] = torch.cos(position * div_term)

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

        output = x + self.pe[:, :S, :]
        output = self.dropout(output)

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

        h, d = self.n_head, self.head_dim
        Q = self.query(query).view(N, S, h, d).transpose(1, 2)
        K = self.key(key).view(N, T, h, d).transpose(1, 2)
        V = self.value(value).view(N, T, h, d).transpose(1, 2)

        energy = torch.matmul(Q, K.transpose(-2, -1)) / (d ** 0.5)
        if attn_mask is not None:
            energy = energy.masked_fill(torch.logical_not(attn_mask), float('-inf'))
        att = self.attn_drop(torch.softmax(energy, dim=-1))

        output = torch.matmul(att, V).transpose(1, 2).contiguous().view(N, S, E)
        output = self.proj(output)

        # *****END OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
        ############################################################################
        #                             END OF YOUR CODE                             #
        ############################################################################

        return output
