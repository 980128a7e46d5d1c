"""Typed transformer layers; the mask has to be boolean, as the later years promise."""

from __future__ import annotations

import math
from typing import Optional

import torch
import torch.nn as nn
from torch import Tensor


def sinusoid(length: int, width: int, *, base: float = 10_000.0) -> Tensor:
    """The table (length, width)."""
    place: Tensor = torch.arange(length, dtype=torch.float).unsqueeze(-1)
    rate: Tensor = torch.exp(-math.log(base) * torch.arange(0, width, 2, dtype=torch.float) / width)
    table = torch.empty(length, width)
    table[..., ::2] = (place * rate).sin()
    table[..., 1::2] = (place * rate).cos()
    return table


class PositionalEncoding(nn.Module):
    pe: Tensor

    def __init__(self, embed_dim: int, dropout: float = 0.1, max_len: int = 5000) -> None:
        super().__init__()
        if embed_dim % 2:
            raise AssertionError("an even embed_dim is needed")
        self.dropout: nn.Dropout = nn.Dropout(p=dropout)
        self.register_buffer("pe", sinusoid(max_len, embed_dim).unsqueeze(0))

    def forward(self, x: Tensor) -> Tensor:
        _, length, _ = x.shape
        return self.dropout(torch.add(x, self.pe[:, :length, :].detach()))


class MultiHeadAttention(nn.Module):
    def __init__(self, embed_dim: int, num_heads: int, dropout: float = 0.1) -> None:
        super().__init__()
        assert embed_dim % num_heads == 0
        self.key = nn.Linear(embed_dim, embed_dim)
        self.query = nn.Linear(embed_dim, embed_dim)
        self.value = nn.Linear(embed_dim, embed_dim)
        self.proj = nn.Linear(embed_dim, embed_dim)
        self.attn_drop = nn.Dropout(dropout)
        self.n_head, self.emd_dim, self.head_dim = num_heads, embed_dim, embed_dim // num_heads

    def _split(self, x: Tensor) -> Tensor:
        """(N, L, E) -> (N, H, L, D)."""
        N, L, _ = x.size()
        return x.view(N, L, self.n_head, self.head_dim).transpose(1, 2)

    def _weights(self, q: Tensor, k: Tensor, attn_mask: Optional[Tensor]) -> Tensor:
        scores = torch.matmul(q, k.transpose(-1, -2)).div(math.sqrt(self.head_dim))
        if attn_mask is not None:
            scores = scores.masked_fill(~attn_mask, -math.inf)
        return self.attn_drop(scores.softmax(dim=-1))

    def forward(self, query: Tensor, key: Tensor, value: Tensor, attn_mask: Optional[Tensor] = None) -> Tensor:
        q, k, v = self._split(self.query(query)), self._split(self.key(key)), self._split(self.value(value))
        heads = torch.matmul(self._weights(q, k, attn_mask), v)
        N, H, S, D = heads.size()
        return self.proj(heads.transpose(1, 2).contiguous().view(N, S, H * D))
