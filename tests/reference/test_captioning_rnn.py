"""CaptioningRNN of the reference: notebook numbers, a torch model beside it, numerical gradients, samples."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import reference
from reference.cs231n.classifiers.rnn import CaptioningRNN
from reference.cs231n.gradient_check import eval_numerical_gradient
from tests.reference.oracles import finite_differences, rel_error

CELLS = ["rnn", "lstm"]
THREE_WORDS = {"<NULL>": 0, "cat": 2, "dog": 3}
VOCAB = {"<NULL>": 0, "<START>": 1, "<END>": 2, "a": 3, "cat": 4, "sat": 5}


def make_model(cell_type, seed=1, vocab=VOCAB, dtype=np.float64):
    """A small model; its word vectors are enlarged so that words matter as much as the image."""
    np.random.seed(seed)
    model = CaptioningRNN(vocab, input_dim=4, wordvec_dim=5, hidden_dim=6, cell_type=cell_type, dtype=dtype)
    model.params["W_embed"] *= 100
    return model


def make_batch(seed=2, dtype=np.float64):
    """Three images and captions of different lengths, padded with <NULL>."""
    features = np.random.default_rng(seed).standard_normal((3, 4)).astype(dtype)
    captions = np.array([[1, 3, 4, 5, 2], [1, 4, 4, 2, 0], [1, 2, 0, 0, 0]])
    return features, captions


def torch_scores(cell_type, params, features, words):
    """The same model of torch's own layers: the scores (N, T, V) after each of the words (N, T)."""
    layer = (torch.nn.RNN if cell_type == "rnn" else torch.nn.LSTM)(5, 6, batch_first=True).double()
    order = [0] if cell_type == "rnn" else [0, 1, 3, 2]  # ours i f o g, torch i f g o

    def reorder(a):
        blocks = a.chunk(len(order), dim=-1)
        return torch.cat([blocks[k] for k in order], dim=-1)

    b = reorder(params["b"])
    weights = {
        "weight_ih_l0": reorder(params["Wx"]).T,
        "weight_hh_l0": reorder(params["Wh"]).T,
        "bias_ih_l0": b,
        "bias_hh_l0": torch.zeros_like(b),
    }
    h0 = (torch.tensor(features) @ params["W_proj"] + params["b_proj"])[None]
    state = h0 if cell_type == "rnn" else (h0, torch.zeros_like(h0))
    vectors = F.embedding(torch.tensor(words), params["W_embed"])
    h, _ = torch.func.functional_call(layer, weights, (vectors, state))
    return h @ params["W_vocab"] + params["b_vocab"]


def torch_loss(cell_type, params, features, captions):
    """The training loss of that model: <NULL> is word 0 and is ignored."""
    scores = torch_scores(cell_type, params, features, captions[:, :-1]).flatten(0, 1)
    target = torch.tensor(captions[:, 1:].ravel())
    return F.cross_entropy(scores, target, ignore_index=0, reduction="sum") / len(captions)


@pytest.mark.parametrize("cell_type", CELLS)
def test_loss_and_every_gradient_agree_with_torch(cell_type):
    """Loss and all eight gradients equal those of the same model built of torch layers."""
    model, (features, captions) = make_model(cell_type), make_batch()
    loss, grads = model.loss(features, captions)
    params = {k: torch.tensor(v, requires_grad=True) for k, v in model.params.items()}
    expected = torch_loss(cell_type, params, features, captions)
    expected.backward()
    np.testing.assert_allclose(loss, expected.item(), rtol=1e-12)
    assert sorted(grads) == sorted(model.params)
    for name, p in params.items():
        np.testing.assert_allclose(grads[name], p.grad.numpy(), rtol=1e-9, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("cell_type", CELLS)
def test_gradients_agree_with_finite_differences(cell_type):
    """Every parameter's gradient is the slope of the loss."""
    model, batch = make_model(cell_type), make_batch()
    _, grads = model.loss(*batch)
    for name, p in model.params.items():
        slope = finite_differences(lambda: model.loss(*batch)[0], p, 1.0)
        np.testing.assert_allclose(grads[name], slope, rtol=1e-6, atol=1e-8, err_msg=name)


@pytest.mark.parametrize(
    ("cell_type", "low", "high", "expected"),
    [("rnn", -1.5, 0.3, 9.83235591003), ("lstm", -0.5, 1.7, 9.82445935443)],
)
def test_notebook_loss(cell_type, low, high, expected):
    """RNN cell 25 and LSTM cell 15: the expected losses, within the stated e-10."""
    N, D, W, H, T = 10, 20, 30, 40, 13
    model = CaptioningRNN(
        THREE_WORDS, input_dim=D, wordvec_dim=W, hidden_dim=H, cell_type=cell_type, dtype=np.float64
    )
    for k, v in model.params.items():
        model.params[k] = np.linspace(-1.4, 1.3, num=v.size).reshape(*v.shape)
    features = np.linspace(low, high, num=N * D).reshape(N, D)
    captions = (np.arange(N * T) % 3).reshape(N, T)
    loss, _ = model.loss(features, captions)
    assert abs(loss - expected) < 1e-10


def test_notebook_gradient_check():
    """RNN cell 27, seed 231: every parameter's relative error within the stated e-6."""
    np.random.seed(231)
    captions = np.random.randint(3, size=(2, 3))
    features = np.random.randn(2, 4)
    model = CaptioningRNN(THREE_WORDS, input_dim=4, wordvec_dim=5, hidden_dim=6, dtype=np.float64)
    _, grads = model.loss(features, captions)
    for name in sorted(grads):
        numerical = eval_numerical_gradient(
            lambda _: model.loss(features, captions)[0], model.params[name], verbose=False, h=1e-6
        )
        assert rel_error(numerical, grads[name]) < 1e-6, name


@pytest.mark.parametrize(("cell_type", "m"), [("rnn", 1), ("lstm", 4)])
def test_parameters_are_drawn_in_the_contracts_order(cell_type, m):
    """One seed gives the published initial parameters: names, order of draws, scales, zero biases, dtype."""
    V, D, W, H = 6, 4, 5, 3
    np.random.seed(7)
    model = CaptioningRNN(VOCAB, input_dim=D, wordvec_dim=W, hidden_dim=H, cell_type=cell_type)
    np.random.seed(7)
    randn = np.random.randn
    expected = {
        "W_embed": randn(V, W) / 100,
        "W_proj": randn(D, H) / D**0.5,
        "b_proj": np.zeros(H),
        "Wx": randn(W, m * H) / W**0.5,
        "Wh": randn(H, m * H) / H**0.5,
        "b": np.zeros(m * H),
        "W_vocab": randn(H, V) / H**0.5,
        "b_vocab": np.zeros(V),
    }
    assert list(model.params) == list(expected)
    for name, value in expected.items():
        assert model.params[name].dtype == np.float32
        np.testing.assert_allclose(model.params[name], value, rtol=1e-6, err_msg=name)


def test_attributes_and_unknown_cell_type():
    """The special words' numbers are attributes, None when absent; another cell_type is refused by name."""
    model = make_model("rnn")
    assert (model._null, model._start, model._end, model.idx_to_word[4]) == (0, 1, 2, "cat")
    model = make_model("lstm", vocab=THREE_WORDS)
    assert (model.cell_type, model._start, model._end) == ("lstm", None, None)
    with pytest.raises(ValueError, match="gru"):
        CaptioningRNN(VOCAB, cell_type="gru")
    with pytest.raises(KeyError, match="<NULL>"):
        CaptioningRNN({"cat": 0})


@pytest.mark.parametrize("cell_type", CELLS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_loss_keeps_dtype_and_changes_nothing(cell_type, dtype):
    """Loss and gradients have the parameters' dtype; all arrays may be read-only."""
    model, (features, captions) = make_model(cell_type, dtype=dtype), make_batch(dtype=dtype)
    for array in (features, captions, *model.params.values()):
        array.flags.writeable = False
    loss, grads = model.loss(features, captions)
    assert {a.dtype for a in [loss, *grads.values()]} == {np.dtype(dtype)}


@pytest.mark.parametrize("cell_type", CELLS)
def test_padding_is_not_learned(cell_type):
    """More <NULL> at the end changes neither loss nor gradients; nothing but padding costs nothing."""
    model, (features, captions) = make_model(cell_type), make_batch()
    loss, grads = model.loss(features, captions)
    longer, grads_longer = model.loss(features, np.pad(captions, [(0, 0), (0, 3)]))
    np.testing.assert_allclose(longer, loss, rtol=1e-13)
    for name in grads:
        np.testing.assert_allclose(grads_longer[name], grads[name], rtol=1e-10, atol=1e-13, err_msg=name)
    nothing, grads_nothing = model.loss(features, np.zeros((3, 4), dtype=int))
    assert nothing == 0
    assert all(not g.any() for g in grads_nothing.values())


@pytest.mark.parametrize("cell_type", CELLS)
def test_loss_is_the_mean_over_single_captions(cell_type):
    """A batch costs the mean of its captions' own losses, so a batch of one works and rows do not mix."""
    model, (features, captions) = make_model(cell_type), make_batch()
    single = [model.loss(features[n : n + 1], captions[n : n + 1])[0] for n in range(3)]
    np.testing.assert_allclose(model.loss(features, captions)[0], np.mean(single), rtol=1e-12)


@pytest.mark.parametrize("cell_type", CELLS)
@pytest.mark.parametrize("seed", range(4))
def test_samples_are_greedy_word_by_word(cell_type, seed):
    """Up to <END>, each word has torch's highest score after reading <START> and all the words before it."""
    model = make_model(cell_type, seed)
    params = {k: torch.tensor(v) for k, v in model.params.items()}
    features = 3 * np.random.default_rng(seed).standard_normal((20, 4))
    samples = model.sample(features, max_length=6)
    read = np.hstack([np.full((20, 1), model._start), samples[:, :-1]])
    best = torch_scores(cell_type, params, features, read).argmax(dim=2).numpy()
    before_end = np.cumsum(read == model._end, axis=1) == 0
    np.testing.assert_array_equal(samples[before_end], best[before_end])
    assert len(np.unique(samples[before_end])) > 2  # constant captions prove little


@pytest.mark.parametrize("cell_type", CELLS)
def test_sample_stops_after_end_and_before_max_length(cell_type):
    """A row that says <END> at once is <NULL> from there on, a row that never does fills max_length."""
    model, (features, _) = make_model(cell_type), make_batch()
    for word, expected in [("<END>", [2, 0, 0, 0]), ("cat", [4, 4, 4, 4])]:
        model.params["b_vocab"][:] = 0
        model.params["b_vocab"][VOCAB[word]] = 1e3
        samples = model.sample(features, max_length=4)
        assert samples.dtype == np.int32
        np.testing.assert_array_equal(samples, [expected] * 3)
    assert model.sample(features[:1]).shape == (1, 30)


def scripted_model(vocab=VOCAB):
    """An RNN that says a word by rote: a -> cat -> sat -> <END>, and cat first for positive features."""
    model = make_model("rnn", vocab=vocab)
    for p in model.params.values():
        p[:] = 0
    follows = {1: 3, 3: 4, 4: 5, 5: 2, 2: 3}
    model.params["W_embed"] = np.eye(6)
    model.params["Wx"], model.params["Wh"] = np.eye(6), np.zeros((6, 6))
    for word, after in follows.items():
        model.params["W_vocab"][word, after] = 1
    return model


def test_sample_reads_its_own_words_and_starts_with_start():
    """A model that only knows which word follows which recites its chain; the first column is not <START>."""
    samples = scripted_model().sample(np.zeros((2, 4)), max_length=6)
    np.testing.assert_array_equal(samples, [[3, 4, 5, 2, 0, 0]] * 2)


def test_rows_end_independently():
    """One row's <END> does not stop the others."""
    model = scripted_model()
    # The first hidden state reaches the first step through Wh: feature 0 makes it say <END> there.
    model.params["W_proj"][0, 2] = 5
    model.params["Wh"][2, 0] = 1
    model.params["W_vocab"][0, 2] = 5
    samples = model.sample(np.array([[1.0, 0, 0, 0], [0, 0, 0, 0]]), max_length=5)
    np.testing.assert_array_equal(samples, [[2, 0, 0, 0, 0], [3, 4, 5, 2, 0]])


def test_sampling_needs_start_but_not_end():
    """Without <START> sampling says what is missing; without <END> every row fills max_length."""
    with pytest.raises(ValueError, match="<START>"):
        make_model("rnn", vocab=THREE_WORDS).sample(np.zeros((1, 4)))
    vocab = {"<NULL>": 0, "<START>": 1, "the": 2, "a": 3, "cat": 4, "sat": 5}
    samples = scripted_model(vocab).sample(np.zeros((1, 4)), max_length=6)
    np.testing.assert_array_equal(samples, [[3, 4, 5, 2, 3, 4]])


def test_loads_as_a_top_level_package(monkeypatch):
    """The package works under its course name too, as a student's notebook imports it."""
    monkeypatch.syspath_prepend(str(Path(reference.__file__).parent))
    before = set(sys.modules)
    module = importlib.import_module("cs231n.classifiers.rnn")
    try:
        assert module.CaptioningRNN(VOCAB).params["W_embed"].shape == (6, 128)
        assert module.rnn_forward.__module__ == "cs231n.rnn_layers"
    finally:
        for name in set(sys.modules) - before:
            if name.partition(".")[0] == "cs231n":
                del sys.modules[name]
