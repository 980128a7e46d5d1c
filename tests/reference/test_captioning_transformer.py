"""The captioning transformer and its solver against torch's decoder, and the notebook's scores."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from reference.cs231n.captioning_solver_transformer import CaptioningSolverTransformer
from reference.cs231n.classifiers.transformer import (
    CaptioningTransformer,
    TransformerDecoder,
    TransformerDecoderLayer,
)
from tests.reference import old_dropout
from tests.reference.oracles import rel_error

VOCABULARY = {"<NULL>": 0, "<START>": 1, "<END>": 2, "a": 3, "cat": 4, "sat": 5, "here": 6}
D, W = 5, 8


def captioner(**options):
    """A small model in float64 and evaluation mode, with weights large enough to matter."""
    torch.manual_seed(1)
    options = {"num_heads": 2, "num_layers": 2, "max_length": 12, **options}
    model = CaptioningTransformer(VOCABULARY, D, W, **options)
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(0.5 * torch.randn_like(p))
    return model.double().eval()


def batch(N, T, seed=2):
    """Random features (N, D) and captions (N, T)."""
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(N, D, generator=generator, dtype=torch.float64)
    return features, torch.randint(len(VOCABULARY), (N, T), generator=generator)


def torch_layer(ours):
    """torch's decoder layer with the parameters of ours."""
    size, hidden = ours.linear1.in_features, ours.linear1.out_features
    theirs = torch.nn.TransformerDecoderLayer(size, ours.self_attn.n_head, hidden, batch_first=True)
    state = {name: value for name, value in ours.state_dict().items() if "attn." not in name}
    for name in ("self_attn", "multihead_attn"):
        attention = getattr(ours, name)
        maps = (attention.query, attention.key, attention.value)
        state[f"{name}.in_proj_weight"] = torch.cat([m.weight for m in maps])
        state[f"{name}.in_proj_bias"] = torch.cat([m.bias for m in maps])
        state[f"{name}.out_proj.weight"] = attention.proj.weight
        state[f"{name}.out_proj.bias"] = attention.proj.bias
    theirs.load_state_dict(state)
    return theirs.double().eval()


@pytest.mark.parametrize(("N", "T", "M"), [(2, 4, 3), (1, 1, 1), (3, 5, 1)])
def test_decoder_layer_equals_torch_decoder_layer(N, T, M):
    """One layer is torch's post-norm layer with ReLU, for any memory length, masked causally."""
    torch.manual_seed(0)
    layer = TransformerDecoderLayer(6, 3, dim_feedforward=10).double().eval()
    tgt, memory = torch.randn(N, T, 6, dtype=torch.float64), torch.randn(N, M, 6, dtype=torch.float64)
    open_positions = torch.tril(torch.ones(T, T, dtype=torch.bool))
    expected = torch_layer(layer)(tgt, memory, tgt_mask=~open_positions)
    torch.testing.assert_close(layer(tgt, memory, tgt_mask=open_positions), expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(("N", "T"), [(3, 6), (1, 1), (1, 5), (4, 1)])
def test_scores_equal_a_model_made_of_torch_layers(N, T):
    """Embedding, encoding, image memory, causal decoder and output, written with torch's layers, agree."""
    model = captioner()
    features, captions = batch(N, T)
    x = F.embedding(captions, model.embedding.weight) + model.positional_encoding.pe[:, :T]
    memory = F.linear(features, model.visual_projection.weight, model.visual_projection.bias)[:, None]
    future = torch.triu(torch.ones(T, T, dtype=torch.bool), diagonal=1)
    for layer in model.transformer.layers:
        x = torch_layer(layer)(x, memory, tgt_mask=future)
    expected = F.linear(x, model.output.weight, model.output.bias)
    torch.testing.assert_close(model(features, captions), expected, rtol=1e-10, atol=1e-12)


def test_gradient_is_the_numerical_gradient():
    """Autograd through the whole model agrees with finite differences in the features and in weights."""
    model = captioner(num_layers=1)
    features, captions = batch(2, 3)
    names = ["embedding.weight", "visual_projection.weight", "output.bias"]
    captions = captions.clamp(min=1)  # row 0 of the embedding is padding: torch keeps its gradient at zero
    values = [model.get_parameter(name).detach().clone().requires_grad_() for name in names]

    def scores(features, *values):
        return torch.func.functional_call(model, dict(zip(names, values, strict=True)), (features, captions))

    assert torch.autograd.gradcheck(scores, (features.requires_grad_(), *values))


def test_later_words_change_no_earlier_score():
    """Causality: another word at t + 1 leaves all scores up to t alone, and changes those from t + 1 on."""
    model = captioner()
    features, captions = batch(2, 6)
    before = model(features, captions)
    for t in range(5):
        changed = captions.clone()
        changed[:, t + 1] = (changed[:, t + 1] + 1) % len(VOCABULARY)
        after = model(features, changed)
        torch.testing.assert_close(after[:, : t + 1], before[:, : t + 1], rtol=1e-12, atol=1e-12)
        assert ((after - before)[:, t + 1 :].abs().amax(dim=2) > 1e-6).all()


def test_rows_of_a_batch_are_independent():
    """Permuting the batch permutes the scores; each row depends on its own image."""
    model = captioner()
    features, captions = batch(3, 4)
    scores, p = model(features, captions), [2, 0, 1]
    torch.testing.assert_close(model(features[p], captions[p]), scores[p])
    assert ((model(features.flip(0), captions) - scores)[[0, 2]].abs() > 1e-6).any()


def test_word_order_matters():
    """The last score after 'a cat' differs from that after 'cat a': positions are encoded."""
    model = captioner()
    features, _ = batch(1, 2)
    last = [model(features, torch.tensor([words]))[:, -1] for words in ([3, 4, 5], [4, 3, 5])]
    assert not torch.allclose(*last)


def test_every_parameter_learns():
    """Every parameter that the scores depend on gets a gradient that is not zero."""
    model = captioner()
    features, captions = batch(3, 5)
    F.cross_entropy(model(features, captions).flatten(0, 1), captions.flatten()).backward()
    # Query and key of attention over a single memory vector have no influence: its weight is always 1.
    idle = [n for n, p in model.named_parameters() if p.grad.abs().max() < 1e-12]
    # A key bias adds the same number to all scores of a query: the softmax does not see it.
    without_influence = ("multihead_attn.query", "multihead_attn.key", "self_attn.key.bias")
    assert all(any(part in name for part in without_influence) for name in idle)


def test_initial_weights():
    """Weights are N(0, 0.02^2), biases 0; `output` keeps torch's default; layers differ."""
    torch.manual_seed(0)
    model = CaptioningTransformer(VOCABULARY, 64, 64, num_heads=4)
    for name in ("visual_projection.weight", "transformer.layers.1.linear1.weight"):
        weight = model.get_parameter(name)
        assert weight.std().item() == pytest.approx(0.02, rel=0.1), name
    assert model.visual_projection.bias.abs().max() == 0
    bound = 1 / 8  # of nn.Linear: 1 / sqrt(64)
    assert 0.8 * bound < model.output.weight.abs().max() <= bound
    assert model.output.bias.abs().max() > 0
    first, second = model.transformer.layers
    assert not torch.equal(first.linear2.weight, second.linear2.weight)


def test_decoder_stacks_as_many_layers_as_asked():
    """Three layers are three applications of the copied layer, with parameters of their own."""
    torch.manual_seed(0)
    layer = TransformerDecoderLayer(4, 2, dim_feedforward=6).eval()
    tgt, memory = torch.randn(2, 3, 4), torch.randn(2, 1, 4)
    expected = layer(layer(layer(tgt, memory), memory), memory)
    decoder = TransformerDecoder(layer, 3).eval()
    torch.testing.assert_close(decoder(tgt, memory), expected)
    assert len({id(p) for p in decoder.parameters()}) == 3 * len(list(layer.parameters()))


def talkative_captioner():
    """A model whose captions change from word to word: words weigh more in it than the image."""
    torch.manual_seed(0)
    model = CaptioningTransformer(VOCABULARY, D, W, num_heads=2, max_length=12).double().eval()
    with torch.no_grad():
        for layer in (model.embedding, model.output, model.visual_projection):
            layer.weight.normal_()
        for weight in (p for p in model.transformer.parameters() if p.dim() == 2):
            weight.mul_(10)
    return model


def test_sampling_is_greedy_word_by_word():
    """Word t is the best successor of <START> and the words before it."""
    model = talkative_captioner()
    features = 2 * batch(4, 1)[0]
    captions = model.sample(features.numpy(), max_length=7)
    assert captions.shape == (4, 7)
    assert captions.dtype == np.int32
    words = torch.as_tensor(captions, dtype=torch.long)
    read = torch.cat([torch.full((4, 1), VOCABULARY["<START>"]), words[:, :-1]], dim=1)
    assert torch.equal(model(features, read).argmax(dim=2), words)
    assert np.count_nonzero(np.diff(captions, axis=1)) > 5


def test_sampling_repeats_itself_in_evaluation_mode():
    """Two samples of one image agree in evaluation mode; sampling builds no graph and keeps the mode."""
    model, tracked = captioner(), []
    model.transformer.register_forward_pre_hook(lambda *_: tracked.append(torch.is_grad_enabled()))
    features = batch(2, 1)[0].numpy()
    np.testing.assert_array_equal(model.sample(features, 10), model.sample(features, 10))
    assert set(tracked) == {False}
    assert not model.training


def test_too_long_samples_are_refused():
    """More words than positions have been encoded: the message gives both numbers."""
    with pytest.raises(ValueError, match=r"cannot sample 13 words: .* max_length=12"):
        captioner().sample(np.zeros((1, D)), max_length=13)


EXPECTED_SCORES = [
    [[-16.9532, 4.8261, 26.6054], [-17.1033, 4.6906, 26.4844], [-15.0708, 4.1108, 23.2924]],
    [[-17.1767, 4.5897, 26.3562], [-15.6017, 4.8693, 25.3403], [-15.1028, 4.6905, 24.4839]],
    [[-17.2172, 4.7701, 26.7574], [-16.6755, 4.8500, 26.3754], [-17.2172, 4.7701, 26.7574]],
    [[-16.3669, 4.1602, 24.6872], [-16.7897, 4.3467, 25.4831], [-17.0103, 4.7775, 26.5652]],
]


def test_notebook_scores(monkeypatch):
    """With the dropout stream of torch <= 2.6 the scores of the notebook come out within its bar of 1e-5."""
    torch.manual_seed(231)
    model = CaptioningTransformer({"<NULL>": 0, "cat": 2, "dog": 3}, 20, 30, num_heads=2, max_length=30)
    for p in model.parameters():
        p.data = torch.tensor(np.linspace(-1.4, 1.3, num=p.numel()).reshape(*p.shape))
    features = torch.tensor(np.linspace(-1.5, 0.3, num=80).reshape(4, 20))
    captions = torch.tensor((np.arange(12) % 3).reshape(4, 3))
    old_dropout.install(monkeypatch)
    assert rel_error(EXPECTED_SCORES, model(features, captions).detach().numpy()) < 1e-5


# The solver.


def caption_data():
    """Eight captions of four images, in the form of load_coco_data."""
    rng = np.random.default_rng(0)
    captions = rng.integers(3, 7, size=(8, 6)).astype(np.int32)
    captions[:, 0], captions[:, 4], captions[:, 5] = 1, 2, 0
    return {
        "train_captions": captions,
        "train_image_idxs": np.arange(8) % 4,
        "train_features": rng.standard_normal((4, D)).astype(np.float32),
        "train_urls": np.array([f"image{i}" for i in range(4)]),
    }


def solver(**options):
    model = captioner(max_length=8).float().train()
    data = caption_data()
    return CaptioningSolverTransformer(model, data, idx_to_word=list(VOCABULARY), batch_size=4, **options)


@pytest.mark.parametrize("N", [1, 3])
def test_solver_loss_averages_over_all_words(N):
    """The loss is the cross-entropy summed over unmasked words, divided by N * T; others get no gradient."""
    torch.manual_seed(0)
    x = torch.randn(N, 4, 7, dtype=torch.float64, requires_grad=True)
    y = torch.tensor([[3, 4, 0, 0]]).repeat(N, 1)
    loss = solver().transformer_temporal_softmax_loss(x, y, y != 0)
    expected = F.cross_entropy(x.transpose(1, 2), y, ignore_index=0, reduction="sum") / (N * 4)
    torch.testing.assert_close(loss, expected)
    loss.backward()
    closed_form = (x.softmax(dim=2) - F.one_hot(y, 7)) / (N * 4) * (y != 0)[..., None]
    torch.testing.assert_close(x.grad, closed_form)


def test_solver_overfits(capsys):
    """60 epochs on 8 captions halve the loss; history and printed lines count every iteration."""
    np.random.seed(0)
    torch.manual_seed(0)
    model = CaptioningTransformer(VOCABULARY, D, 16, num_heads=2, max_length=8)
    options = {"num_epochs": 60, "batch_size": 4, "learning_rate": 5e-3, "print_every": 50}
    run = CaptioningSolverTransformer(model, caption_data(), list(VOCABULARY), **options)
    run.train()
    assert len(run.loss_history) == 120
    assert run.loss_history[0].shape == ()
    assert np.mean(run.loss_history[-10:]) < 0.5 * run.loss_history[0]
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" loss")[0] for line in lines] == [f"(Iteration {t} / 120)" for t in (1, 51, 101)]
    assert lines[0].endswith(f"loss: {run.loss_history[0]:f}")


def test_solver_step_learns_the_next_words():
    """One step has the loss and the gradients of predicting each word's successor, and moves along them."""
    run = solver(num_epochs=1, verbose=False)
    run.model.eval()
    twin = copy.deepcopy(run.model)
    np.random.seed(7)
    run._step()

    np.random.seed(7)
    index = np.random.choice(8, 4)
    captions = torch.as_tensor(run.data["train_captions"][index]).long()
    features = torch.as_tensor(run.data["train_features"][run.data["train_image_idxs"][index]])
    scores = twin(features, captions[:, :-1]).transpose(1, 2)
    loss = F.cross_entropy(scores, captions[:, 1:], ignore_index=0, reduction="sum") / (4 * 5)
    loss.backward()
    assert run.loss_history[0] == pytest.approx(loss.item())
    for new, old in zip(run.model.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(new.grad, old.grad, rtol=1e-4, atol=1e-6)
        clear = old.grad.abs() > 1e-4
        step = -0.001 * old.grad.sign()  # Adam's first step has the length of the learning rate
        torch.testing.assert_close((new - old)[clear], step[clear], rtol=1e-2, atol=0)


def test_solver_uses_adam_with_the_given_rate():
    """The optimiser is torch's Adam over all parameters of the model."""
    run = solver(learning_rate=0.03)
    (group,) = run.optim.param_groups
    assert isinstance(run.optim, torch.optim.Adam)
    assert group["lr"] == 0.03
    assert len(group["params"]) == len(list(run.model.parameters()))


def test_solver_is_silent_when_asked(capsys):
    """verbose=False prints nothing."""
    solver(num_epochs=1, verbose=False).train()
    assert capsys.readouterr().out == ""
