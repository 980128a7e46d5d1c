"""Transformer layers with small helpers; saved by an editor for Windows."""

import math

import torch
import torch.nn as nn
from torch.nn import functional as F


class Heads:
	"""Cuts vectors into the slices of the heads, and puts slices together."""

	def __init__(self, count):
		self.count = count

	def cut(self, x):
		return torch.stack(torch.tensor_split(x, self.count, dim=-1), dim=0)

	def join(self, slices):
		return torch.cat(list(slices), dim=-1)


def normalised(scores, allowed):
	"""Softmax over the last axis of what is allowed."""
	if allowed is not None:
		scores = torch.where(allowed != 0, scores, torch.full_like(scores, -1e30))
	scores = scores - scores.max(dim=-1, keepdim=True).values
	e = torch.exp(scores)
	return e / e.sum(dim=-1, keepdim=True)


def encodings(length, width):
	"""Sines and cosines side by side, then put in turns."""
	angle = torch.outer(torch.arange(length).float(), 1 / 10000 ** (torch.arange(0, width, 2).float() / width))
	return torch.stack((angle.sin(), angle.cos()), dim=2).reshape(length, width)


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

		pe = encodings(max_len, embed_dim).unsqueeze(0)
		print('table', pe.shape)

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

		output = self.dropout(torch.add(x, self.pe.narrow(1, 0, S)))

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

		print('attention', query.shape, key.shape)
		heads = Heads(self.n_head)
		q, k, v = heads.cut(self.query(query)), heads.cut(self.key(key)), heads.cut(self.value(value))
		scores = torch.einsum('hnsd,hntd->hnst', q * self.head_dim ** -0.5, k)
		weights = self.attn_drop(normalised(scores, attn_mask))
		output = self.proj(heads.join(torch.einsum('hnst,hntd->hnsd', weights, v)))

		# *****END OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
		############################################################################
		#                             END OF YOUR CODE                             #
		############################################################################

		return output
