"""The solver against closed forms, torch's Adam, and captions that it must learn by heart."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from reference.cs231n.captioning_solver import CaptioningSolver
from reference.cs231n.classifiers.rnn import CaptioningRNN

VOCAB = {"<NULL>": 0, "<START>": 1, "<END>": 2, "a": 3, "cat": 4, "dog": 5, "sat": 6, "ran": 7}


def make_data(n=6, images=3, seed=0):
    """n captions of a few images with random features, of different lengths."""
    rng = np.random.default_rng(seed)
    image_of = np.arange(n) % images
    captions = np.array([[1, 3, 4, 6, 2], [1, 3, 5, 7, 2], [1, 5, 2, 0, 0]])[image_of]
    return {
        "train_captions": captions,
        "train_image_idxs": image_of,
        "train_features": rng.standard_normal((images, 4)),
        "train_urls": np.array(["-"] * images),
    }


class Quadratic:
    """loss = |w - target|^2 / 2, whatever the batch; it remembers the batches that it was shown."""

    def __init__(self, start, target):
        self.params = {"w": np.array(start, dtype=np.float64)}
        self.target = np.array(target, dtype=np.float64)
        self.batches = []

    def loss(self, features, captions):
        self.batches.append((features, captions))
        dw = self.params["w"] - self.target
        return np.sum(dw**2) / 2, {"w": dw}


def test_sgd_with_decay_follows_the_closed_form():
    """Each step shrinks the distance by 1 - learning rate, and the rate falls after every epoch."""
    model = Quadratic([3.0, -1.0], [1.0, 1.0])
    solver = CaptioningSolver(
        model, make_data(6), optim_config={"learning_rate": 0.1}, lr_decay=0.5, batch_size=2, num_epochs=2,
        verbose=False,
    )  # fmt: skip
    solver.train()
    shrink = np.cumprod([1, *[0.9] * 3, *[0.95] * 3])
    np.testing.assert_allclose(solver.loss_history, 4 * shrink[:-1] ** 2, rtol=1e-12)
    np.testing.assert_allclose(model.params["w"], [1 + 2 * shrink[-1], 1 - 2 * shrink[-1]], rtol=1e-12)
    assert solver.epoch == 2


def test_adam_with_decay_follows_torch():
    """Adam with a rate that falls after every epoch ends where torch's Adam and ExponentialLR do."""
    model = Quadratic([3.0, -1.0], [1.0, 1.0])
    solver = CaptioningSolver(
        model, make_data(6), update_rule="adam", optim_config={"learning_rate": 0.1}, lr_decay=0.9,
        batch_size=3, num_epochs=5, verbose=False,
    )  # fmt: skip
    solver.train()
    w = torch.tensor([3.0, -1.0], dtype=torch.float64, requires_grad=True)
    adam = torch.optim.Adam([w], lr=0.1)
    schedule = torch.optim.lr_scheduler.ExponentialLR(adam, 0.9)
    for _ in range(5):
        for _ in range(2):
            adam.zero_grad()
            ((w - 1) ** 2).sum().div(2).backward()
            adam.step()
        schedule.step()
    np.testing.assert_allclose(model.params["w"], w.detach().numpy(), rtol=1e-6)


@pytest.mark.parametrize(
    ("captions", "batch_size", "iterations"), [(6, 2, 6), (7, 2, 6), (3, 5, 2), (1, 1, 2)]
)
def test_number_of_iterations(captions, batch_size, iterations):
    """Two epochs are 2 * max(captions // batch_size, 1) iterations; the last part of a batch is left out."""
    solver = CaptioningSolver(
        Quadratic([1.0], [0.0]),
        make_data(captions, images=1),
        batch_size=batch_size,
        num_epochs=2,
        verbose=False,
    )
    solver.train()
    assert len(solver.loss_history) == iterations


def test_batches_come_from_the_global_random_state():
    """A seed fixes the batches, and each caption comes with its own image's features."""
    data, seen = make_data(), []
    for _ in range(2):
        np.random.seed(5)
        model = Quadratic([1.0], [0.0])
        CaptioningSolver(model, data, batch_size=2, num_epochs=1, verbose=False).train()
        seen.append(model.batches)
    for (features, captions), (features_again, captions_again) in zip(*seen, strict=True):
        np.testing.assert_array_equal(captions, captions_again)
        np.testing.assert_array_equal(features, features_again)
        for row, caption in zip(features, captions, strict=True):
            image = np.flatnonzero((data["train_captions"][:3] == caption).all(axis=1))[0]
            np.testing.assert_array_equal(row, data["train_features"][image])


def test_progress_is_printed_every_so_often(capsys):
    """verbose prints the notebook's line at iterations 1, 1 + print_every, ...; without it nothing."""
    settings = {"batch_size": 2, "num_epochs": 2, "print_every": 4, "optim_config": {"learning_rate": 0.5}}
    CaptioningSolver(Quadratic([2.0], [0.0]), make_data(), **settings).train()
    lines = capsys.readouterr().out.splitlines()
    assert lines == ["(Iteration 1 / 6) loss: 2.000000", "(Iteration 5 / 6) loss: 0.007812"]
    CaptioningSolver(Quadratic([2.0], [0.0]), make_data(), **settings, verbose=False).train()
    assert capsys.readouterr().out == ""


def test_unknown_settings_are_refused():
    """A misspelt keyword and an unknown rule are ValueErrors that name them; so is a name that is no rule."""
    with pytest.raises(ValueError, match="learning_rate, momentun"):
        CaptioningSolver(Quadratic([1.0], [0.0]), make_data(), momentun=0.9, learning_rate=1)
    for rule in ("adamw", "np"):
        with pytest.raises(ValueError, match=rf"'{rule}'.*sgd.*adam"):
            CaptioningSolver(Quadratic([1.0], [0.0]), make_data(), update_rule=rule)


def test_settings_are_copied_per_parameter():
    """Training leaves the caller's optim_config alone, so that two solvers can be made from one."""
    config = {"learning_rate": 0.1}
    solver = CaptioningSolver(
        Quadratic([1.0], [0.0]), make_data(), optim_config=config, lr_decay=0.1, batch_size=2, verbose=False
    )
    solver.train()
    assert config == {"learning_rate": 0.1}
    assert solver.check_accuracy(None, None) == 0.0


@pytest.mark.parametrize("cell_type", ["rnn", "lstm"])
def test_captions_are_learned_by_heart(cell_type):
    """Trained with Adam on three images, loss falls under 0.1 and sampling recites each image's caption."""
    data = make_data()
    np.random.seed(231)
    model = CaptioningRNN(VOCAB, input_dim=4, wordvec_dim=16, hidden_dim=32, cell_type=cell_type)
    solver = CaptioningSolver(
        model, data, update_rule="adam", optim_config={"learning_rate": 1e-2}, lr_decay=0.98, batch_size=6,
        num_epochs=80, verbose=False,
    )  # fmt: skip
    solver.train()
    assert solver.loss_history[0] > 5
    assert solver.loss_history[-1] < 0.1
    samples = model.sample(data["train_features"].astype(np.float32), max_length=4)
    np.testing.assert_array_equal(samples, data["train_captions"][:3, 1:])
