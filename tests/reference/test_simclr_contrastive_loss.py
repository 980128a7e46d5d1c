"""The contrastive loss against torch's cosine similarity and cross-entropy, closed forms, known numbers."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from reference.cs231n.simclr.contrastive_loss import (
    compute_sim_matrix,
    rel_error,
    sim,
    sim_positive_pairs,
    simclr_loss_naive,
    simclr_loss_vectorized,
)

# The worked example of the notebook, in float32.
LEFT, RIGHT = torch.tensor([[1.0, 2, 3], [4, 5, 6]]), torch.tensor([[0.0, 8, 3], [10, 4, 9]])
LOSS = {5.0: 1.0883455276489258, 1.0: 1.0537996292114258}
TWO_UNITS = 2 * 2**-23  # in the last place of a float32 between 1 and 2


def vectorized(left, right, tau):
    return simclr_loss_vectorized(left, right, tau, device="cpu")


LOSSES = pytest.mark.parametrize("loss", [simclr_loss_naive, vectorized])


def branches(N, D, seed=0):
    """Left and right vectors (N, D) in float64 with gradients."""
    rng = np.random.default_rng(seed)
    return [torch.tensor(rng.standard_normal((N, D)), requires_grad=True) for _ in range(2)]


def nt_xent(left, right, tau):
    """The same loss as a classification: among all other rows, the class of a row is its partner."""
    out = torch.cat([left, right])
    N = len(left)
    scores = F.cosine_similarity(out[:, None], out[None], dim=-1) / tau
    scores = scores - torch.diag(torch.full((2 * N,), torch.inf, dtype=out.dtype))
    partner = torch.arange(2 * N).roll(N)
    return F.cross_entropy(scores, partner)


@LOSSES
@pytest.mark.parametrize("tau", [5.0, 1.0])
def test_loss_of_the_worked_example(loss, tau):
    """Both losses give the notebook's numbers within float32 rounding."""
    assert loss(LEFT, RIGHT, tau).item() == pytest.approx(LOSS[tau], abs=TWO_UNITS)


def test_similarities_of_the_worked_example():
    """sim and sim_positive_pairs (as a column) give 0.7820 and 0.9256; the matrix holds all pairs."""
    pairs = sim_positive_pairs(LEFT, RIGHT)
    assert pairs.shape == (2, 1)
    closed_form = [25 / math.sqrt(14 * 73), 114 / math.sqrt(77 * 197)]
    assert pairs[:, 0].tolist() == pytest.approx(closed_form, rel=1e-6)
    assert closed_form == pytest.approx([0.7820, 0.9256], abs=5e-5)
    assert sim(LEFT[0], RIGHT[0]).item() == pytest.approx(closed_form[0], rel=1e-6)
    assert sim(LEFT[1], RIGHT[1]).item() == pytest.approx(closed_form[1], rel=1e-6)
    matrix = compute_sim_matrix(torch.cat([LEFT, RIGHT]))
    expected = [
        [1.0000, 0.9746, 0.7820, 0.8569],
        [0.9746, 1.0000, 0.7736, 0.9256],
        [0.7820, 0.7736, 1.0000, 0.4920],
        [0.8569, 0.9256, 0.4920, 1.0000],
    ]
    np.testing.assert_allclose(matrix.numpy(), expected, atol=5e-5)


@LOSSES
@pytest.mark.parametrize("tau", [0.1, 0.5, 3.0])
@pytest.mark.parametrize(("N", "D"), [(4, 3), (1, 5), (2, 1), (7, 16)])
def test_loss_equals_cross_entropy(loss, N, D, tau):
    """Value and gradients are those of torch's cross-entropy over torch's cosine similarities."""
    inputs = branches(N, D)
    ours, theirs = loss(*inputs, tau), nt_xent(*inputs, tau)
    torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-12)
    assert ours.shape == ()
    grads = (torch.autograd.grad(x, inputs) for x in (ours, theirs))
    torch.testing.assert_close(*grads, rtol=1e-8, atol=1e-10)


@LOSSES
def test_loss_gradient_is_the_numerical_gradient(loss):
    """Autograd through both losses agrees with float64 finite differences."""
    assert torch.autograd.gradcheck(lambda left, right: loss(left, right, 0.7), branches(3, 4))


@LOSSES
def test_loss_of_equal_vectors(loss):
    """If all vectors point the same way, a partner is one of 2N - 1 equals: the loss is log(2N - 1)."""
    left = torch.tensor([[1.0, 2.0]]).repeat(5, 1)
    assert loss(left, 3 * left, 0.5).item() == pytest.approx(math.log(9), rel=1e-6)


@LOSSES
def test_loss_of_orthogonal_pairs(loss):
    """Partners equal, all others orthogonal: each row scores 1/tau against 2N - 2 zeros."""
    left = torch.eye(4, dtype=torch.float64)
    tau = 0.25
    expected = math.log(1 + 6 * math.exp(-1 / tau))
    assert loss(left, left.clone(), tau).item() == pytest.approx(expected, rel=1e-12)


@LOSSES
def test_loss_of_one_pair_is_zero(loss):
    """With N = 1 there is no one else to mistake the partner for."""
    assert loss(*branches(1, 4), 0.5).item() == pytest.approx(0, abs=1e-14)


@LOSSES
def test_loss_invariances(loss):
    """Swapping the branches, scaling a row, permuting the pairs and rotating the space change nothing."""
    left, right = (x.detach() for x in branches(5, 4))
    value = loss(left, right, 0.5)
    scale = torch.tensor([[1.0], [7.0], [0.1], [1.0], [3.0]], dtype=torch.float64)
    rotation = torch.linalg.qr(branches(4, 4)[0].detach())[0]
    p = [3, 0, 4, 1, 2]
    torch.testing.assert_close(loss(right, left, 0.5), value)
    torch.testing.assert_close(loss(scale * left, right, 0.5), value)
    torch.testing.assert_close(loss(left[p], right[p], 0.5), value)
    torch.testing.assert_close(loss(left @ rotation, right @ rotation, 0.5), value)
    assert not torch.allclose(loss(left[p], right, 0.5), value)
    assert not torch.allclose(loss(left, right, 1.0), value)


@LOSSES
def test_loss_is_stable_for_low_temperatures(loss):
    """tau = 0.001 means scores of 1000, beyond float32's exponential: the loss stays finite and right."""
    left, right = (x.detach().float() for x in branches(4, 6))
    value = loss(left, right, 1e-3)
    assert value.item() == pytest.approx(nt_xent(left.double(), right.double(), 1e-3).item(), rel=1e-4)


@pytest.mark.parametrize("shape", [(6,), (1, 6)])
def test_sim_takes_vectors_and_rows(shape):
    """(D,) and (1, D) give the same 0-d cosine, torch's."""
    z_i, z_j = (x.detach()[0] for x in branches(1, 6))
    value = sim(z_i.reshape(shape), z_j.reshape(shape))
    assert value.shape == ()
    torch.testing.assert_close(value, F.cosine_similarity(z_i, z_j, dim=0))
    torch.testing.assert_close(sim(-2 * z_i, 5 * z_j), -value)


@pytest.mark.parametrize(("N", "D"), [(4, 3), (1, 5), (3, 1)])
def test_similarities_equal_torch_cosines(N, D):
    """The matrix (2N, 2N) and the column (N, 1) hold torch's cosine similarities."""
    left, right = branches(N, D)
    out = torch.cat([left, right])
    matrix = compute_sim_matrix(out)
    torch.testing.assert_close(matrix, F.cosine_similarity(out[:, None], out[None], dim=-1))
    torch.testing.assert_close(sim_positive_pairs(left, right), F.cosine_similarity(left, right)[:, None])
    torch.testing.assert_close(sim_positive_pairs(left, right)[:, 0], matrix.diagonal(N))
    torch.testing.assert_close(matrix.diagonal(), torch.ones(2 * N, dtype=torch.float64))


def test_similarity_gradients_are_numerical_gradients():
    """Autograd through sim, the pairs and the matrix agrees with float64 finite differences."""
    left, right = branches(2, 3)
    assert torch.autograd.gradcheck(lambda a, b: sim(a[0], b[0]), (left, right))
    assert torch.autograd.gradcheck(sim_positive_pairs, (left, right))
    assert torch.autograd.gradcheck(compute_sim_matrix, (left,))


def test_rel_error():
    """The greatest |x - y| / (|x| + |y|), where the denominator is at least 1e-8."""
    assert rel_error(np.array([1.0, 3.0]), np.array([1.0, 1.0])) == 0.5
    assert rel_error(np.array([1e-9]), np.array([0.0])) == pytest.approx(0.1)


def test_loss_module_does_not_load_torchvision():
    """torchvision costs seconds to import, and the loss does not need it."""
    code = "import sys, reference.cs231n.simclr.contrastive_loss; sys.exit('torchvision' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
