"""Image captioning with a transformer decoder (PyTorch).

Shapes: N batch, T words, D size of an image feature, W word vector (the model's width), V vocabulary,
M length of the memory (here 1: one vector per image).
"""

import copy

import numpy as np
import torch
import torch.nn as nn

from ..transformer_layers import *


class CaptioningTransformer(nn.Module):
    """Writes a caption word by word, looking at the words so far and at the image.

    The image is one vector. It is the "memory" to which every word position attends; the words attend
    to each other under a causal mask.
    """

    def __init__(self, word_to_idx, input_dim, wordvec_dim, num_heads=4, num_layers=2, max_length=50):
        """Builds the model.

        Inputs:
        - word_to_idx: dictionary from words to the integers 0 ... V - 1; must hold "<NULL>"
        - input_dim: D, size of an image feature
        - wordvec_dim: W, size of a word vector; num_heads must divide it
        - num_heads, num_layers: of the decoder
        - max_length: the longest caption, in words
        """
        super().__init__()
        vocab_size = len(word_to_idx)
        self.vocab_size = vocab_size
        self._null = word_to_idx["<NULL>"]
        self._start = word_to_idx.get("<START>", None)
        self._end = word_to_idx.get("<END>", None)
        self.max_length = max_length

        self.visual_projection = nn.Linear(input_dim, wordvec_dim)
        self.embedding = nn.Embedding(vocab_size, wordvec_dim, padding_idx=self._null)
        self.positional_encoding = PositionalEncoding(wordvec_dim, max_len=max_length)

        decoder_layer = TransformerDecoderLayer(input_dim=wordvec_dim, num_heads=num_heads)
        self.transformer = TransformerDecoder(decoder_layer, num_layers=num_layers)
        self.apply(self._init_weights)

        # Made after the initialisation above on purpose: it keeps PyTorch's default weights.
        self.output = nn.Linear(wordvec_dim, vocab_size)

    def _init_weights(self, module):
        """Draws weights from N(0, 0.02^2), sets biases to 0 and layer norms to the identity."""
        if isinstance(module, (nn.Linear, nn.Embedding)):
            module.weight.data.normal_(mean=0.0, std=0.02)
            if isinstance(module, nn.Linear) and module.bias is not None:
                module.bias.data.zero_()
        elif isinstance(module, nn.LayerNorm):
            module.bias.data.zero_()
            module.weight.data.fill_(1.0)

    def forward(self, features, captions):
        """Scores every word of the vocabulary as the successor of every prefix of the captions.

        Inputs:
        - features: (N, D), one feature vector per image
        - captions: (N, T), integers; the words read so far, beginning with <START>

        Output: (N, T, V); scores[n, t, v] is the score of word v after captions[n, : t + 1] and depends
        on no later word.
        """
        # START OF YOUR CODE: embed words and image, run the decoder under a causal mask, score the vocabulary.
        N, T = captions.shape
        scores = torch.empty((N, T, self.vocab_size))
        # 1. words
        x = self.embedding(captions)
        print("embedded", x.shape)
        x = self.positional_encoding(x)
        # 2. picture
        picture = self.visual_projection(features)
        memory = picture.unsqueeze(1)
        # 3. mask
        mask = []
        for t in range(T):
            mask.append([1] * (t + 1) + [0] * (T - t - 1))
        mask = torch.tensor(mask)
        # 4. decoder
        x = self.transformer(x, memory, mask)
        # 5. scores
        scores = self.output(x)
        return scores
        # END OF YOUR CODE

    def sample(self, features, max_length=30):
        """Writes captions greedily: every word is the one with the highest score so far.

        Call model.eval() before: in training mode dropout makes the captions random.

        Inputs:
        - features: array (N, D)
        - max_length: number of words to write, at most the `max_length` of the constructor

        Returns an int32 array (N, max_length). It does not contain <START>; what follows an <END> means
        nothing. Raises ValueError if max_length is too long for the positional encoding.
        """
        if max_length > self.max_length:
            raise ValueError(
                f"cannot sample {max_length} words: the model was built with max_length={self.max_length}"
            )
        with torch.no_grad():
            weight = self.visual_projection.weight
            features = torch.as_tensor(features, dtype=weight.dtype, device=weight.device)
            N = features.shape[0]

            captions = np.full((N, max_length), self._null, dtype=np.int32)
            prefix = torch.full((N, 1), self._start, dtype=torch.long, device=weight.device)  # (N, 1)

            for t in range(max_length):
                scores = self.forward(features, prefix)[:, -1, :]  # (N, V): after the last word
                word = torch.argmax(scores, dim=1)  # (N,)
                captions[:, t] = word.cpu().numpy()
                prefix = torch.cat([prefix, word.unsqueeze(1)], dim=1)  # (N, t + 2)

            return captions


class TransformerDecoderLayer(nn.Module):
    """One decoder layer: self-attention, attention to the memory, a two-layer network.

    Each of the three is wrapped in the same way, x <- norm(x + dropout(block(x))).
    """

    def __init__(self, input_dim, num_heads, dim_feedforward=2048, dropout=0.1):
        """Makes the blocks for vectors of size `input_dim` (W)."""
        super().__init__()
        self.self_attn = MultiHeadAttention(input_dim, num_heads, dropout)
        self.multihead_attn = MultiHeadAttention(input_dim, num_heads, dropout)
        self.linear1 = nn.Linear(input_dim, dim_feedforward)
        self.dropout = nn.Dropout(dropout)
        self.linear2 = nn.Linear(dim_feedforward, input_dim)

        self.norm1 = nn.LayerNorm(input_dim)
        self.norm2 = nn.LayerNorm(input_dim)
        self.norm3 = nn.LayerNorm(input_dim)
        self.dropout1 = nn.Dropout(dropout)
        self.dropout2 = nn.Dropout(dropout)
        self.dropout3 = nn.Dropout(dropout)

        self.activation = nn.ReLU()

    def forward(self, tgt, memory, tgt_mask=None):
        """Maps word vectors tgt (N, T, W) to (N, T, W), given memory (N, M, W) and tgt_mask (T, T)."""
        # Words look at words.
        attended = self.self_attn(query=tgt, key=tgt, value=tgt, attn_mask=tgt_mask)  # (N, T, W)
        tgt = self.norm1(tgt + self.dropout1(attended))

        # Words look at the image.
        attended = self.multihead_attn(query=tgt, key=memory, value=memory)  # (N, T, W)
        tgt = self.norm2(tgt + self.dropout2(attended))

        # Every word thinks for itself.
        hidden = self.dropout(self.activation(self.linear1(tgt)))  # (N, T, dim_feedforward)
        return self.norm3(tgt + self.dropout3(self.linear2(hidden)))


class TransformerDecoder(nn.Module):
    """A stack of decoder layers, each with parameters of its own."""

    def __init__(self, decoder_layer, num_layers):
        """Copies `decoder_layer` num_layers times: all layers start with equal weights."""
        super().__init__()
        self.layers = clones(decoder_layer, num_layers)
        self.num_layers = num_layers

    def forward(self, tgt, memory, tgt_mask=None):
        """Passes tgt (N, T, W) through all layers; every one sees the same memory (N, M, W)."""
        for layer in self.layers:
            tgt = layer(tgt, memory, tgt_mask=tgt_mask)
        return tgt


def clones(module, N):
    """Returns a ModuleList of N deep copies of `module`."""
    return nn.ModuleList([copy.deepcopy(module) for _ in range(N)])
