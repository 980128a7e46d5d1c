"""The script that compares the reference with a user's answer files, on files of our own making."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmarks.official_answers import main


@pytest.fixture
def gan_file(tmp_path):
    """Answers for three logits each, by numpy."""
    real, fake = np.array([[1.0], [-2.0], [0.5]]), np.array([[0.25], [3.0], [-1.0]])
    answers = {
        "logits_real": real,
        "logits_fake": fake,
        "d_loss_true": np.logaddexp(0, -real).mean() + np.logaddexp(0, fake).mean(),
        "g_loss_true": np.logaddexp(0, -fake).mean(),
        "d_loss_lsgan_true": ((real - 1) ** 2).mean() / 2 + (fake**2).mean() / 2,
        "g_loss_lsgan_true": ((fake - 1) ** 2).mean() / 2,
    }
    path = tmp_path / "gan-checks.npz"
    np.savez(path, **answers)
    return path


@pytest.fixture
def simclr_file(tmp_path):
    """Answers for two orthogonal pairs of equal vectors: every number is known in closed form."""
    left = torch.tensor([[2.0, 0.0], [0.0, 3.0]])
    loss = {str(tau): float(np.log(1 + 2 * np.exp(-1 / tau))) for tau in (1.0, 5.0)}
    answers = {"left": left, "right": 2 * left, "sim": torch.ones(2, 1), "loss": loss}
    answers["sim_matrix"] = torch.eye(2).repeat(2, 2)
    path = tmp_path / "simclr_sanity_check.key"
    torch.save(answers, path)
    return path


def test_agreement_is_status_0(gan_file, simclr_file, capsys):
    """Files with true answers: all twelve comparisons agree."""
    assert main([str(gan_file), str(simclr_file)]) == 0
    out = capsys.readouterr().out
    assert out.count("agrees") == 12
    assert "All answers agree" in out


def test_disagreement_is_status_1(gan_file, simclr_file, capsys):
    """One wrong value and one wrong shape: both are named, the others still agree."""
    with np.load(gan_file) as file:
        answers = dict(file)
    np.savez(gan_file, **{**answers, "g_loss_true": answers["g_loss_true"] * (1 + 1e-6)})
    key = torch.load(simclr_file, weights_only=True)
    key["sim_matrix"] = key["sim_matrix"][:3]
    torch.save(key, simclr_file)
    assert main([str(gan_file), str(simclr_file)]) == 1
    wrong = [line.split() for line in capsys.readouterr().out.splitlines() if "DIFFERS" in line]
    assert [line[0] for line in wrong] == ["generator_loss", "compute_sim_matrix"]
    assert " ".join(wrong[1]).endswith("shape (4, 4), expected (3, 4)")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("gan-checks.npz", b"no archive", "gan-checks.npz: is damaged or of another kind"),
        ("gan-checks.npz", b"", "gan-checks.npz: is damaged or of another kind"),
        ("some.key", b"no archive", "some.key: is damaged or of another kind"),
        ("gan-checks.npz", None, "gan-checks.npz: there is no such file"),
        ("answers.txt", b"", "answers.txt: expected gan-checks.npz or simclr_sanity_check.key"),
    ],
)
def test_unusable_files_are_status_2(tmp_path, capsys, name, content, message):
    """A file that cannot be read is named together with the reason, without a traceback."""
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    assert main([str(path)]) == 2
    assert message in capsys.readouterr().err


def test_missing_answers_are_named(tmp_path, capsys):
    """A file without some answers: the message lists them."""
    path = tmp_path / "gan-checks.npz"
    np.savez(path, logits_real=np.zeros((3, 1)), logits_fake=np.zeros((3, 1)), g_loss_true=0.0)
    assert main([str(path)]) == 2
    assert "has no d_loss_true, d_loss_lsgan_true, g_loss_lsgan_true" in capsys.readouterr().err
