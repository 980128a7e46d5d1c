"""SimCLR's loops on tiny models, against steps written out by hand and a vote of neighbours in numpy."""

from __future__ import annotations

import importlib.util
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from reference.cs231n.simclr import utils
from reference.cs231n.simclr.contrastive_loss import simclr_loss_naive


class TwoOutputs(torch.nn.Module):
    """A model with two linear outputs, like (representation, projection)."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.h = torch.nn.Linear(6, 4)
        self.z = torch.nn.Linear(6, 3)

    def forward(self, x):
        return self.h(x), self.z(x)


class Loader(list):
    """A list of batches with the classes of the data set."""

    dataset = None


def pairs(batches, N=5):
    """Batches (x_i, x_j, target) of random vectors."""
    torch.manual_seed(1)
    return [(torch.randn(N, 6), torch.randn(N, 6), torch.zeros(N)) for _ in range(batches)]


def run(model, loader, lr=0.1, **options):
    """train() with SGD on the CPU."""
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    return utils.train(model, loader, optimizer, 1, 1, device="cpu", **options)


@pytest.mark.parametrize("temperature", [0.5, 2.0])
def test_train_makes_sgd_steps_on_the_projections(temperature):
    """Two batches are two plain SGD steps on the loss of the second outputs: gradients start afresh."""
    model, twin, loader = TwoOutputs(), TwoOutputs(), pairs(2)
    average = run(model, loader, temperature=temperature)
    losses = []
    for x_i, x_j, _ in loader:
        losses.append(simclr_loss_naive(twin.z(x_i), twin.z(x_j), temperature))
        gradients = torch.autograd.grad(losses[-1], twin.z.parameters())
        for p, g in zip(twin.z.parameters(), gradients, strict=True):
            p.data -= 0.1 * g
    assert average == pytest.approx((losses[0] + losses[1]).item() / 2, rel=1e-5)
    for ours, theirs in zip(model.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)


def test_train_weighs_batches_equally():
    """The average weighs each batch by the argument batch_size, so a short last batch counts in full."""
    loader = [*pairs(1), tuple(x[:2] for x in pairs(2)[1])]
    single = [run(TwoOutputs(), [batch], lr=0.0) for batch in loader]
    assert run(TwoOutputs(), loader, lr=0.0, batch_size=64) == pytest.approx(sum(single) / 2, rel=1e-6)


def test_train_switches_to_training_mode():
    """A model in evaluation mode is in training mode after train()."""
    model = TwoOutputs().eval()
    run(model, pairs(1))
    assert model.training


def test_train_hands_temperature_and_device_to_the_loss(monkeypatch):
    """The vectorised loss is called once per batch, with tau and device as given."""
    calls = []

    def loss(out_left, out_right, tau, device="cuda"):
        calls.append((tuple(out_left.shape), tau, device))
        return (out_left - out_right).square().sum()

    monkeypatch.setattr(utils, "simclr_loss_vectorized", loss)
    run(TwoOutputs(), pairs(3), temperature=0.7)
    assert calls == [((5, 3), 0.7, "cpu")] * 3


def classified(batches, N=40):
    """Batches (x, target) of twelve classes."""
    torch.manual_seed(2)
    return [(torch.randn(N, 6), torch.randint(12, (N,))) for _ in range(batches)]


def test_train_val_evaluates_without_an_optimiser():
    """Loss and accuracies are those of torch's cross-entropy and topk; nothing moves or gets a gradient."""
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Dropout(0.5), torch.nn.Linear(6, 12))
    loader = classified(3)
    before = model[1].weight.detach().clone()
    result = utils.train_val(model, loader, None, 1, 1, device="cpu")
    x, target = (torch.cat(parts) for parts in zip(*loader, strict=True))
    scores = model[1](x)
    best = scores.topk(5).indices == target[:, None]
    accuracies = [100 * best[:, :k].any(dim=1).double().mean().item() for k in (1, 5)]
    assert result == pytest.approx((F.cross_entropy(scores, target).item(), *accuracies), rel=1e-5)
    assert 0 < accuracies[0] < accuracies[1] < 100
    assert not model.training
    assert torch.equal(model[1].weight, before)
    assert model[1].weight.grad is None


def test_train_val_trains_with_an_optimiser():
    """Two batches are two SGD steps on the cross-entropy, in training mode, with fresh gradients."""
    torch.manual_seed(0)
    model, loader = torch.nn.Linear(6, 12).eval(), classified(2)
    weights = [p.detach().clone().requires_grad_() for p in model.parameters()]
    for x, target in loader:
        gradients = torch.autograd.grad(F.cross_entropy(F.linear(x, *weights), target), weights)
        weights = [(w - 0.1 * g).requires_grad_() for w, g in zip(weights, gradients, strict=True)]
    utils.train_val(model, loader, torch.optim.SGD(model.parameters(), lr=0.1), 1, 1, device="cpu")
    torch.testing.assert_close([*model.parameters()], weights)
    assert model.training


def neighbours(seed, sizes):
    """A loader of (x, x, target) batches with unit vectors, and its dataset.targets."""
    rng = np.random.default_rng(seed)
    loader = Loader()
    for N in sizes:
        x = F.normalize(torch.tensor(rng.standard_normal((N, 6)), dtype=torch.float32), dim=1)
        loader.append((x, x, torch.tensor(rng.integers(0, 8, N))))
    loader.dataset = SimpleNamespace(targets=torch.cat([b[2] for b in loader]).tolist())
    return loader


def vote(x, bank, labels, k, temperature):
    """Classes in the order of their votes, by numpy loops."""
    similarity = bank @ x
    votes = np.zeros(8)
    for m in np.argsort(-similarity)[:k]:
        votes[labels[m]] += np.exp(similarity[m] / temperature)
    return np.argsort(-votes, kind="stable")


@pytest.mark.parametrize(("k", "temperature"), [(1, 0.5), (9, 0.5), (25, 0.1), (30, 5.0)])
def test_knn_accuracy_equals_a_vote_by_loops(k, temperature):
    """The weighted vote of the k nearest memory vectors has numpy's accuracies, over several batches."""
    memory, queries = neighbours(0, [20, 10]), neighbours(1, [7, 25])
    bank, labels = torch.cat([b[0] for b in memory]).numpy(), memory.dataset.targets
    hits = np.zeros(2)
    for x, _, target in queries:
        for row, t in zip(x.numpy(), target.tolist(), strict=True):
            ranking = vote(row, bank, labels, k, temperature)
            hits += [t == ranking[0], t in ranking[:5]]
    model = Identity().train()
    result = utils.test(model, memory, queries, 1, 1, 8, temperature=temperature, k=k, device="cpu")
    assert result[0] == pytest.approx(100 * hits[0] / 32)
    if k >= 25:  # with fewer votes the classes behind the first ones are tied
        assert result[1] == pytest.approx(100 * hits[1] / 32)
    assert not model.training


class Identity(torch.nn.Module):
    """The representation is the input; the projection is of no use."""

    def forward(self, x):
        return x, torch.zeros_like(x)


def test_knn_finds_what_it_has_seen():
    """Queries that are in the memory are found, also if k exceeds its size and votes exceed exp(100)."""
    memory = neighbours(0, [12])
    assert utils.test(Identity(), memory, memory, 1, 1, 8, k=1, device="cpu")[0] == 100
    top1, top5 = utils.test(Identity(), memory, memory, 1, 1, 8, temperature=0.01, k=200, device="cpu")
    assert (top1, top5) == (100, 100)


@pytest.mark.parametrize("installed", [True, False])
def test_loops_work_with_and_without_extra_packages(monkeypatch, installed):
    """tqdm shows progress where it is installed; without it, pandas and thop the module works the same."""
    bars = []

    class FakeBar(Loader):
        def __init__(self, iterable, desc=None):
            super().__init__(iterable)
            bars.append(self)

        def set_description(self, text):
            self.text = text

    monkeypatch.setitem(sys.modules, "tqdm", SimpleNamespace(tqdm=FakeBar) if installed else None)
    for name in ("pandas", "thop"):
        monkeypatch.setitem(sys.modules, name, None)
    spec = importlib.util.spec_from_file_location("reference.cs231n.simclr.utils_again", utils.__file__)
    again = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(again)
    model, expected = TwoOutputs(), run(TwoOutputs(), pairs(2))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    assert again.train(model, pairs(2), optimizer, 3, 9, device="cpu") == expected
    assert [bar.text for bar in bars] == ([f"Train Epoch: [3/9] Loss: {expected:.4f}"] if installed else [])
