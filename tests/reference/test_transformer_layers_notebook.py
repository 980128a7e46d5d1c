"""Attention and positional encoding against the numbers of the transformer notebook."""

from __future__ import annotations

import numpy as np
import torch

from reference.cs231n.transformer_layers import MultiHeadAttention, PositionalEncoding
from tests.reference import old_dropout
from tests.reference.oracles import rel_error

# The seeds and the order of the draws in the notebook's cells decide weights and data.

EVAL_ATTENTION = {
    "self": [[-0.1030, 0.2090, 0.7481, -0.4116, -0.2772, 0.2357, -0.2740, -0.2798],
             [-0.1794, 0.1637, 0.6930, -0.3435, -0.2300, 0.2457, -0.2504, -0.2323],
             [-0.1861, 0.1567, 0.6677, -0.3078, -0.2731, 0.2302, -0.2714, -0.2082]],
    "masked": [[-0.1209, 0.1806, 0.8056, -0.4654, -0.2262, 0.2552, -0.2544, -0.2812],
               [-0.2374, 0.1183, 0.7423, -0.3777, -0.1460, 0.2716, -0.2213, -0.2077],
               [-0.0851, 0.2423, 0.7941, -0.3778, -0.4924, 0.1512, -0.4241, -0.1740]],
    "cross": [[-0.1965, 0.0702, 0.5227, -0.1388, -0.3530, 0.2163, -0.2643, -0.1902],
              [-0.3592, -0.0899, 0.5836, 0.0029, -0.3643, 0.2667, -0.1973, -0.1698],
              [-0.3795, 0.0433, 0.5634, -0.0749, -0.4379, 0.2714, -0.2207, -0.1980]],
}  # fmt: skip
TRAIN_ATTENTION = {
    "self": [[-0.2494, 0.1396, 0.4323, -0.2411, -0.1547, 0.2329, -0.1936, -0.1444],
             [-0.1997, 0.1746, 0.7377, -0.3549, -0.2657, 0.2693, -0.2541, -0.2476],
             [-0.0625, 0.1503, 0.7572, -0.3974, -0.1681, 0.2168, -0.2478, -0.3038]],
    "masked": [[-0.1347, 0.1934, 0.8628, -0.4903, -0.2614, 0.2798, -0.2586, -0.3019],
               [-0.1013, 0.3111, 0.5783, -0.3248, -0.3842, 0.1482, -0.3628, -0.1496],
               [-0.2071, 0.1669, 0.7097, -0.3152, -0.3136, 0.2520, -0.2774, -0.2208]],
    "cross": [[-0.1980, 0.4083, 0.1968, -0.3477, 0.0321, 0.4258, -0.8972, -0.2744],
              [-0.1603, 0.4155, 0.2295, -0.3485, -0.0341, 0.3929, -0.8248, -0.2767],
              [-0.0908, 0.4113, 0.3017, -0.3539, -0.1020, 0.3784, -0.7189, -0.2912]],
}  # fmt: skip
EVAL_ENCODING = [
    [-1.1106, 1.0014, 1.5280, -0.0778, -0.6964, 1.1455],
    [0.8125, -0.4303, 0.4981, 0.7320, 1.1380, 1.5331],
]
TRAIN_ENCODING = [
    [-1.2340, 1.1127, 1.6978, -0.0865, 0, 1.2728],
    [0.9028, -0.4781, 0.5535, 0.8133, 1.2644, 1.7034],
]


def notebook_attention(training):
    """The three outputs of the attention cell, by name."""
    torch.manual_seed(231)
    layer = MultiHeadAttention(8, num_heads=2).train(training)
    data = torch.randn(1, 3, 8)
    outputs = {"self": layer(query=data, key=data, value=data)}
    mask = torch.randn(3, 3) < 0.5
    outputs["masked"] = layer(query=data, key=data, value=data, attn_mask=mask)
    other = torch.randn(1, 3, 8)
    outputs["cross"] = layer(query=data, key=other, value=other)
    return {name: out[0].detach().numpy() for name, out in outputs.items()}


def notebook_encoding(training):
    """The output of the positional encoding cell."""
    torch.manual_seed(231)
    data = torch.randn(1, 2, 6)
    return PositionalEncoding(6).train(training)(data)[0].numpy()


def test_notebook_numbers_in_evaluation_mode():
    """Attention and encoding give the answers of the 2025 notebook within its bar of 7e-3."""
    for name, out in notebook_attention(training=False).items():
        assert rel_error(EVAL_ATTENTION[name], out) < 7e-3, name
    assert rel_error(EVAL_ENCODING, notebook_encoding(training=False)) < 7e-3


def test_notebook_numbers_in_training_mode(monkeypatch):
    """With the dropout stream of torch <= 2.6 the answers of 2021-2024 come out within their bar of 1e-3."""
    old_dropout.install(monkeypatch)
    for name, out in notebook_attention(training=True).items():
        assert rel_error(TRAIN_ATTENTION[name], out) < 1e-3, name
    assert rel_error(TRAIN_ENCODING, notebook_encoding(training=True)) < 1e-3


def test_old_stream_reads_the_generator_once():
    """A raw draw has the low 31 bits that torch's int32 draw shows, and moves the generator as far."""
    torch.manual_seed(3)
    expected = [int(torch.empty(1, dtype=torch.int32).random_()) for _ in range(4)]
    torch.manual_seed(3)
    draws = np.array([old_dropout.raw_draw() for _ in range(4)])
    assert (draws & 0x7FFFFFFF).tolist() == expected
