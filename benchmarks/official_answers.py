"""Compares the reference with the assignment's own answer files, gan-checks.npz and simclr_sanity_check.key.

The files belong to the course and are not part of this project. With your own copies:

    python benchmarks/official_answers.py path/to/gan-checks.npz path/to/simclr_sanity_check.key

Prints one line per answer: its relative error, measured as the notebooks do but without broadcasting, and
whether that is within float32 rounding. Exit status: 0 all agree, 1 some do not, 2 a file is unusable.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from pickle import UnpicklingError
from typing import Any
from zipfile import BadZipFile

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # run as a script, from any folder

from reference.cs231n import gan_pytorch as gan
from reference.cs231n.simclr import contrastive_loss as simclr

# Three units in the last place of a float32. The notebooks ask for 1e-7, which two units exceed already;
# in their measure, whose denominator is |x| + |y|, one unit is up to 6e-8.
ALLOWED = 3 * 2.0**-24

GAN_NAMES = (
    *("logits_real", "logits_fake"),
    *("d_loss_true", "g_loss_true", "d_loss_lsgan_true", "g_loss_lsgan_true"),
)
SIMCLR_NAMES = ("left", "right", "sim", "sim_matrix", "loss")

Comparison = tuple[str, Any, Any]  # what, ours, theirs


class UnusableFileError(Exception):
    """An answer file that cannot be read or lacks an answer; the message says which and why."""


def main(argv: list[str] | None = None) -> int:
    """Compares the given files and returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("files", nargs="+", type=Path, help="gan-checks.npz, simclr_sanity_check.key")
    files = parser.parse_args(argv).files
    failures = 0
    try:
        for path in files:
            print(path.name)
            failures += sum(not report(*comparison) for comparison in comparisons(path))
    except UnusableFileError as error:
        print(error, file=sys.stderr)
        return 2
    print("All answers agree within float32 rounding." if not failures else f"{failures} answers differ.")
    return 1 if failures else 0


def comparisons(path: Path) -> Iterator[Comparison]:
    """The answers of one file beside the reference's; the kind of file follows from its ending."""
    if path.suffix == ".npz":
        return gan_comparisons(load(path, GAN_NAMES))
    if path.suffix == ".key":
        return simclr_comparisons(load(path, SIMCLR_NAMES))
    raise UnusableFileError(f"{path}: expected gan-checks.npz or simclr_sanity_check.key")


def load(path: Path, names: tuple[str, ...]) -> dict[str, Any]:
    """Reads an answer file without running anything that is in it; raises UnusableFileError."""
    try:
        answers = read_npz(path) if path.suffix == ".npz" else torch.load(path, weights_only=True)
    except FileNotFoundError as error:
        raise UnusableFileError(f"{path}: there is no such file") from error
    except (OSError, EOFError, ValueError, RuntimeError, BadZipFile, UnpicklingError) as error:
        # torch's own message advises weights_only=False, which would run whatever is in the file.
        problem = f"is damaged or of another kind ({type(error).__name__})"
        raise UnusableFileError(f"{path}: {problem}; copy it anew from the assignment") from error
    missing = [name for name in names if name not in answers]
    if missing:
        raise UnusableFileError(f"{path}: has no {', '.join(missing)}; is it the assignment's file?")
    return answers


def read_npz(path: Path) -> dict[str, Any]:
    """All arrays of an .npz file."""
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def gan_comparisons(answers: dict[str, Any]) -> Iterator[Comparison]:
    """The four losses of the GAN notebook."""
    real, fake = (torch.Tensor(answers[name]) for name in ("logits_real", "logits_fake"))
    yield "discriminator_loss", gan.discriminator_loss(real, fake), answers["d_loss_true"]
    yield "generator_loss", gan.generator_loss(fake), answers["g_loss_true"]
    yield "ls_discriminator_loss", gan.ls_discriminator_loss(real, fake), answers["d_loss_lsgan_true"]
    yield "ls_generator_loss", gan.ls_generator_loss(fake), answers["g_loss_lsgan_true"]


def simclr_comparisons(answers: dict[str, Any]) -> Iterator[Comparison]:
    """Similarities and losses of the SimCLR notebook; its augmented images need CIFAR-10 and are left out."""
    left, right = answers["left"], answers["right"]
    for row in range(len(left)):
        yield f"sim, pair {row}", simclr.sim(left[row], right[row]), answers["sim"][row, 0]
    yield "sim_positive_pairs", simclr.sim_positive_pairs(left, right), answers["sim"]
    yield "compute_sim_matrix", simclr.compute_sim_matrix(torch.cat([left, right])), answers["sim_matrix"]
    for tau, expected in answers["loss"].items():
        naive = simclr.simclr_loss_naive(left, right, float(tau))
        vectorized = simclr.simclr_loss_vectorized(left, right, float(tau), device=left.device)
        yield f"simclr_loss_naive, tau {tau}", naive, expected
        yield f"simclr_loss_vectorized, tau {tau}", vectorized, expected


def report(what: str, ours: Any, theirs: Any) -> bool:
    """Prints the line of one answer and returns whether it agrees."""
    x, y = np.asarray(ours, dtype=np.float64), np.asarray(theirs, dtype=np.float64)
    if x.shape != y.shape:
        print(f"  {what:36} DIFFERS: shape {x.shape}, expected {y.shape}")
        return False
    error = float(np.max(np.abs(x - y) / np.maximum(1e-8, np.abs(x) + np.abs(y))))
    agrees = error <= ALLOWED
    print(f"  {what:36} {error:8.1e}  {'agrees' if agrees else f'DIFFERS: more than {ALLOWED:.1e}'}")
    return agrees


if __name__ == "__main__":
    sys.exit(main())
