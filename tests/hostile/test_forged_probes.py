"""gradmark's helpers in the worker give forged answers, at random: whatever they are, gradmark does not fail."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from grader.session import REFERENCE, Grader

FORGE = """
import random as _random, sys as _sys


def _server():
    frame = _sys._getframe(1)
    while frame is not None:
        if type(frame.f_locals.get("self")).__name__ == "Server":
            return frame.f_locals["self"]
        frame = frame.f_back


_draw = _random.Random(SEED)


def _forged(depth=0):
    import numpy, torch
    plain = [None, True, -1, float("nan"), "<b>", [], {}, (), 2**62, 1j, object(), [[[]]], numpy.zeros((0, 3)),
             numpy.full((2, 3), numpy.nan), numpy.array("text"), numpy.array(5), numpy.float32(1e38),
             numpy.array([2**63], dtype=numpy.uint64), torch.zeros(2, 2, dtype=torch.complex64)]
    if depth > 3 or _draw.random() < 0.6:
        return _draw.choice(plain)
    parts = [_forged(depth + 1) for _ in range(_draw.randrange(5))]
    names = ("W_embed", "lr", "parameters", "buffers", "seen", "x")
    return _draw.choice([parts, tuple(parts), dict(zip(names, parts))])


def _sometimes(probe):
    return lambda *args, **kwargs: _forged() if _draw.random() < RATE else probe(*args, **kwargs)


for _probe in (_server()._probes if _server() else {}).values():
    for _name, _thing in list(vars(_probe).items()):
        if callable(_thing) and not _name.startswith("__") and str(_thing.__module__).startswith("checks"):
            setattr(_probe, _name, _sometimes(_thing))
"""
FILES = (
    "rnn_layers.py", "classifiers/rnn.py", "classifiers/transformer.py", "transformer_layers.py", "gan_pytorch.py",
    "simclr/contrastive_loss.py", "simclr/data_utils.py", "simclr/utils.py",
)  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("rate", [1.0, 0.3, 0.08])
@pytest.mark.parametrize("seed", range(3))
def test_forged_answers_are_not_our_fault(
    grader: Grader, own_temporary_folder: Path, seed: int, rate: float
) -> None:
    """No check errs over them, and none is passed that needs a helper whose every answer is forged."""
    folder = own_temporary_folder / "forged"
    shutil.copytree(REFERENCE, folder, ignore=shutil.ignore_patterns("__pycache__"))
    for name in FILES:
        path = folder / "cs231n" / name
        code = FORGE.replace("SEED", str(seed)).replace("RATE", str(rate))
        path.write_text(f"{path.read_text()}\n{code}")
    grade = grader.grade(folder, seed=seed)
    shutil.rmtree(folder)
    assert not grade.faults, [(check.id, check.message) for check in grade.faults]
    passed = {check.id for check in grade.checks if check.points}
    assert rate < 1 or not passed & {"gan_pytorch.get_optimizer.settings", "gan_pytorch.generator.values"}
