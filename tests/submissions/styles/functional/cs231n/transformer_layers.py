"""The two layers with as few names as possible."""

import torch
from torch import nn
from torch.nn.functional import *


class PositionalEncoding(nn.Module):
    def __init__(self, embed_dim, dropout=0.1, max_len=5000):
        super().__init__()
        assert not embed_dim % 2, "every sine has its cosine"
        self.dropout = nn.Dropout(dropout)
        # cos(z) = sin(z + pi/2)
        j = torch.arange(embed_dim, dtype=torch.double)
        angle = torch.outer(torch.arange(max_len).double(), 10000 ** -((j - j % 2) / embed_dim)) + j % 2 * torch.pi / 2
        self.register_buffer("pe", angle.sin().float()[None])

    forward = lambda self, x: self.dropout(x + self.pe.narrow(1, 0, x.size(1)))


class MultiHeadAttention(nn.Module):
    def __init__(self, embed_dim, num_heads, dropout=0.1):
        super().__init__()
        assert embed_dim % num_heads == 0
        self.key, self.query, self.value, self.proj = (nn.Linear(embed_dim, embed_dim) for _ in range(4))
        self.attn_drop, self.n_head, self.emd_dim = nn.Dropout(dropout), num_heads, embed_dim
        self.head_dim = embed_dim // num_heads

    def forward(self, query, key, value, attn_mask=None):
        N, E = query.shape[0], self.emd_dim
        # heads and batch in one axis: (N, L, E) -> (N*H, L, D)
        fold = lambda x: torch.cat(x.chunk(self.n_head, dim=-1), dim=0)
        q, k, v = map(fold, (self.query(query), self.key(key), self.value(value)))
        closed = q.new_zeros(()) if attn_mask is None else torch.where(attn_mask.bool(), 0.0, -torch.inf).to(q)
        weights = softmax(torch.baddbmm(closed.expand(len(q), q.size(1), k.size(1)), q, k.mT, alpha=self.head_dim**-0.5), -1)
        return self.proj(torch.cat((self.attn_drop(weights) @ v).split(N), dim=-1))
