"""Attention and positional encoding against torch's own layers and closed forms."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

from reference.cs231n.transformer_layers import MultiHeadAttention, PositionalEncoding

# N, S, T, E, H
SIZES = [(2, 3, 5, 8, 2), (1, 1, 1, 2, 1), (3, 4, 1, 6, 3), (1, 1, 6, 5, 1), (2, 6, 2, 12, 12)]


def attention_case(N, S, T, E, H):
    """A float64 layer without dropout at work, and its three inputs."""
    torch.manual_seed(N + S + T)
    layer = MultiHeadAttention(E, H).double().eval()
    inputs = [torch.randn(N, L, E, dtype=torch.float64, requires_grad=True) for L in (S, T, T)]
    return layer, inputs


def random_mask(S, T, seed=0):
    """A mask that is no triangle, and in which every query sees at least one key."""
    mask = torch.rand(S, T, generator=torch.Generator().manual_seed(seed)) < 0.5
    mask[torch.arange(S), torch.arange(S) % T] = True
    return mask


def torch_attention(layer, query, key, value, attn_mask=None):
    """The same function by torch: its masks are the other way round, its sequences come first."""
    maps = (layer.query, layer.key, layer.value)
    out, _ = F.multi_head_attention_forward(
        query.transpose(0, 1), key.transpose(0, 1), value.transpose(0, 1),
        embed_dim_to_check=layer.emd_dim, num_heads=layer.n_head,
        in_proj_weight=torch.cat([m.weight for m in maps]), in_proj_bias=torch.cat([m.bias for m in maps]),
        bias_k=None, bias_v=None, add_zero_attn=False, dropout_p=0.0,
        out_proj_weight=layer.proj.weight, out_proj_bias=layer.proj.bias,
        training=False, attn_mask=None if attn_mask is None else ~attn_mask,
    )  # fmt: skip
    return out.transpose(0, 1)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("sizes", SIZES)
def test_attention_equals_torch_multi_head_attention(sizes, masked):
    """Output and the gradient of every input and parameter are torch's, also for T != S and random masks."""
    layer, inputs = attention_case(*sizes)
    mask = random_mask(*sizes[1:3]) if masked else None
    wanted = [*inputs, *layer.parameters()]
    ours, theirs = layer(*inputs, attn_mask=mask), torch_attention(layer, *inputs, attn_mask=mask)
    upstream = torch.randn_like(ours)
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(
        torch.autograd.grad(ours, wanted, upstream),
        torch.autograd.grad(theirs, wanted, upstream),
        rtol=1e-10, atol=1e-12,
    )  # fmt: skip


def test_attention_equals_scaled_dot_product_attention_per_head():
    """Head h owns columns hD to (h + 1)D: the output is the attention of each slice, side by side."""
    layer, (query, key, value) = attention_case(2, 3, 5, 8, 2)
    mask = random_mask(3, 5)
    q, k, v = layer.query(query), layer.key(key), layer.value(value)
    slices = [slice(0, 4), slice(4, 8)]
    heads = [F.scaled_dot_product_attention(q[..., s], k[..., s], v[..., s], attn_mask=mask) for s in slices]
    expected = layer.proj(torch.cat(heads, dim=-1))
    torch.testing.assert_close(layer(query, key, value, attn_mask=mask), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("masked", [False, True])
def test_attention_gradient_is_the_numerical_gradient(masked):
    """Autograd through the layer agrees with float64 finite differences."""
    layer, inputs = attention_case(2, 3, 2, 4, 2)
    mask = random_mask(3, 2) if masked else None
    assert torch.autograd.gradcheck(lambda *x: layer(*x, attn_mask=mask), inputs)


def test_attention_without_keys_averages_the_open_values():
    """With keys of zero all open positions weigh the same: the output is proj(mean of their values)."""
    layer, (query, key, value) = attention_case(2, 3, 5, 8, 4)
    mask = random_mask(3, 5)
    with torch.no_grad():
        layer.key.weight.zero_()
    share = mask.double() / mask.sum(dim=1, keepdim=True)
    expected = layer.proj(share @ layer.value(value))
    torch.testing.assert_close(layer(query, key, value, attn_mask=mask), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kind", [torch.float64, torch.float32, torch.int64, torch.uint8])
def test_masks_of_numbers_mean_the_same_as_booleans(kind):
    """A 0/1 mask of any type closes the positions that are 0."""
    layer, inputs = attention_case(2, 4, 3, 6, 2)
    mask = random_mask(4, 3)
    assert torch.equal(layer(*inputs, attn_mask=mask), layer(*inputs, attn_mask=mask.to(kind)))
    assert not torch.allclose(layer(*inputs, attn_mask=mask), layer(*inputs))


def test_an_open_mask_is_no_mask():
    """A mask of ones changes nothing."""
    layer, inputs = attention_case(2, 4, 3, 6, 2)
    assert torch.equal(layer(*inputs, attn_mask=torch.ones(4, 3, dtype=torch.bool)), layer(*inputs))


def test_a_closed_position_has_no_influence():
    """Key and value at a position closed to all queries get a gradient of exactly zero, the others do not."""
    layer, (query, key, value) = attention_case(2, 3, 4, 8, 2)
    mask = torch.ones(3, 4, dtype=torch.bool)
    mask[:, 1] = False
    layer(query, key, value, attn_mask=mask).square().sum().backward()
    for grad in (key.grad, value.grad):
        assert torch.all(grad[:, 1] == 0)
        assert torch.all(grad[:, [0, 2, 3]].abs().sum(dim=2) > 0)


def test_attention_does_not_know_the_order_of_its_keys():
    """Permuting keys and values together changes nothing; permuting queries or batch permutes the output."""
    layer, (query, key, value) = attention_case(3, 4, 5, 8, 2)
    out = layer(query, key, value)
    p, s, n = [4, 2, 0, 1, 3], [3, 0, 2, 1], [2, 0, 1]
    torch.testing.assert_close(layer(query, key[:, p], value[:, p]), out)
    torch.testing.assert_close(layer(query[:, s], key, value), out[:, s])
    torch.testing.assert_close(layer(query[n], key[n], value[n]), out[n])


def test_keys_and_values_are_different_arguments():
    """Swapping key and value changes the output: each goes through its own projection."""
    layer, (query, key, value) = attention_case(2, 3, 5, 8, 2)
    assert not torch.allclose(layer(query, key, value), layer(query, value, key))


def test_large_scores_do_not_overflow():
    """Scores of magnitude 1e4 saturate the softmax and stay finite."""
    layer, (query, key, value) = attention_case(1, 3, 4, 8, 2)
    assert torch.isfinite(layer(1e4 * query, 1e4 * key, value)).all()


def test_a_mask_beats_any_score():
    """Closing positions equals leaving them out, also when all open scores are near -1e12."""
    layer, (query, key, value) = attention_case(1, 2, 5, 4, 1)
    query, key = 1e6 * query[:, :1].expand(1, 2, 4), 1e6 * key
    scores = layer.query(query)[0, 0] @ layer.key(key)[0].T
    lowest = scores.argsort()[:2].sort().values  # the closed positions would win by far
    assert scores[lowest].max() < -1e10
    mask = torch.zeros(2, 5, dtype=torch.bool)
    mask[:, lowest] = True
    expected = layer(query, key[:, lowest], value[:, lowest])
    torch.testing.assert_close(layer(query, key, value, attn_mask=mask), expected)


class Recorder(torch.nn.Module):
    """Takes the place of a dropout: notes what passes and doubles it."""

    def forward(self, x):
        self.seen = x.detach()
        return 2 * x


def test_dropout_acts_on_the_attention_weights_only():
    """attn_drop sees rows of weights (N, H, S, T) that sum to 1; doubling them doubles y before proj."""
    layer, inputs = attention_case(2, 3, 5, 8, 2)
    plain = layer(*inputs)
    layer.attn_drop = Recorder()
    doubled = layer(*inputs)
    assert layer.attn_drop.seen.shape == (2, 2, 3, 5)
    torch.testing.assert_close(layer.attn_drop.seen.sum(dim=-1), torch.ones(2, 2, 3, dtype=torch.float64))
    torch.testing.assert_close(doubled - layer.proj.bias, 2 * (plain - layer.proj.bias))


def test_attention_is_random_in_training_only():
    """Two calls differ in training mode, agree in evaluation mode; dropping everything leaves proj's bias."""
    layer, inputs = attention_case(2, 6, 6, 8, 2)
    assert torch.equal(layer(*inputs), layer(*inputs))
    layer.train()
    assert not torch.equal(layer(*inputs), layer(*inputs))
    layer.attn_drop.p = 1.0
    torch.testing.assert_close(layer(*inputs), layer.proj.bias.expand(2, 6, 8))


def test_linear_layers_are_made_in_the_order_key_query_value_proj():
    """Under one seed the four layers get the weights of four nn.Linear made one after the other."""
    torch.manual_seed(5)
    layer = MultiHeadAttention(6, 3)
    torch.manual_seed(5)
    expected = [torch.nn.Linear(6, 6) for _ in range(4)]
    for name, linear in zip(["key", "query", "value", "proj"], expected, strict=True):
        assert torch.equal(getattr(layer, name).weight, linear.weight)
        assert torch.equal(getattr(layer, name).bias, linear.bias)
    assert (layer.n_head, layer.emd_dim, layer.head_dim, layer.attn_drop.p) == (3, 6, 2, 0.1)
    assert len(layer.state_dict()) == 8


def test_heads_must_divide_the_embedding():
    """5 dimensions cannot be shared by 2 heads."""
    with pytest.raises(AssertionError, match="2 heads cannot share 5"):
        MultiHeadAttention(5, 2)


def encoding(embed_dim, **options):
    """The encoding alone: what the layer adds to zeros."""
    layer = PositionalEncoding(embed_dim, **options).eval()
    return layer(torch.zeros(1, layer.pe.shape[1], embed_dim))[0]


@pytest.mark.parametrize("embed_dim", [2, 6, 30])
def test_encoding_equals_the_formula(embed_dim):
    """Every element is the sine or cosine of the definition to float32 rounding, also 5000 words away."""
    P = encoding(embed_dim)
    assert P.shape == (5000, embed_dim)
    for s in (0, 1, 17, 4999):
        for j in range(embed_dim):
            angle = s * 10000 ** (-(j - j % 2) / embed_dim)
            assert P[s, j].item() == pytest.approx(math.cos(angle) if j % 2 else math.sin(angle), abs=1e-6)


def test_a_shift_is_a_rotation():
    """Angle addition: k words further is the same rotation of each column pair at every position."""
    E, k = 8, 7
    P = encoding(E, max_len=60).double()
    hands = torch.complex(P[:, 1::2], P[:, 0::2])  # exp(i * angle)
    speed = 10000.0 ** (-torch.arange(0, E, 2, dtype=torch.float64) / E)
    turned = hands[:-k] * torch.exp(1j * k * speed)
    torch.testing.assert_close(turned, hands[k:], rtol=0, atol=1e-6)


def test_positions_differ():
    """No two of the first 1000 positions have the same encoding."""
    P = encoding(16, max_len=1000)
    nearest = torch.cdist(P, P) + 10 * torch.eye(1000)
    assert nearest.min() > 0.1


@pytest.mark.parametrize("S", [1, 4, 10])
def test_encoding_is_added_to_sequences_of_any_length(S):
    """Output minus input is the same prefix of P for every row of the batch, and the gradient is one."""
    layer = PositionalEncoding(4, max_len=10).eval()
    x = torch.randn(3, S, 4, requires_grad=True)
    out = layer(x)
    torch.testing.assert_close(out - x, encoding(4, max_len=10)[:S].expand(3, S, 4), rtol=0, atol=1e-6)
    out.sum().backward()
    assert torch.equal(x.grad, torch.ones_like(x))


def test_encoding_is_a_buffer():
    """It is saved and moves with the module (here to float64), and there is nothing to learn."""
    layer = PositionalEncoding(4, max_len=10)
    assert list(layer.parameters()) == []
    assert layer.state_dict()["pe"].shape == (1, 10, 4)
    assert layer.pe.dtype == torch.float32
    assert layer.double().pe.dtype == torch.float64


def test_encoding_keeps_float64_inputs():
    """A float64 input is not cut to float32."""
    x = torch.full((1, 1, 2), 1 + 2**-40, dtype=torch.float64)
    out = PositionalEncoding(2).eval()(x)  # position 0 adds (0, 1)
    assert out.dtype == torch.float64
    assert out[0, 0, 0] == 1 + 2**-40


def test_encoding_dropout_follows_the_sum():
    """In training an element of x + P is either zero or scaled by 1 / (1 - p), about p of them zero."""
    torch.manual_seed(0)
    layer = PositionalEncoding(8, dropout=0.25, max_len=500)
    x = 3 + torch.rand(2, 500, 8)  # x + P is never zero
    ratio = layer(x) / layer.eval()(x)
    dropped = ratio == 0
    torch.testing.assert_close(ratio[~dropped], torch.full_like(ratio[~dropped], 1 / 0.75))
    assert abs(dropped.float().mean().item() - 0.25) < 5 * math.sqrt(0.25 * 0.75 / x.numel())


def test_odd_embeddings_are_refused():
    """Every sine needs its cosine."""
    with pytest.raises(AssertionError, match="must be even, got 7"):
        PositionalEncoding(7)
