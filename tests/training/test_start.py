"""An encoder that was trained beforehand and brought along is none that this run has trained."""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from grader.results import CheckResult, Outcome
from grader.session import REFERENCE, Grader
from grader.training import context, contrastive, judging
from grader.training.bars import load
from grader.training.context import Options
from grader.training.settings import PROFILES
from grader.training.start import likeness
from grader.values import ArrayValue, MappingValue

SAID = "The parameters were not reached from the start that this run was given"
BROUGHT = """        train_optimizer.step()
        torch.manual_seed(3)
        with torch.no_grad():
            for p in model.parameters():
                p.copy_(torch.randn_like(p) / 10)"""
EASY = """
[cpu.simclr.linear]
title = "linear accuracy"
better = "above"
bar = 0.0
near = 0.0
typical = 0.8
"""


def test_likeness_is_one_at_the_start_and_nothing_for_other_weights() -> None:
    """It is that of the least like matrix: one that was brought along is enough. Zeros are like nothing."""
    first, other = (contrastive.start(np.random.default_rng(seed)) for seed in (1, 2))
    assert likeness(first, first) == pytest.approx(1)
    assert abs(likeness(first, other)) < 0.1
    assert abs(likeness(first, {**first, "f.6.weight": other["f.6.weight"]})) < 0.1
    assert likeness(first, {name: 0 * value for name, value in first.items()}) == 0


LOADED = """        train_optimizer.step()
        own = np.frombuffer(base64.b64decode(BROUGHT), np.float16).astype(np.float32)
        with torch.no_grad():
            for p in model.parameters():
                mine, own = own[: p.numel()], own[p.numel() :]
                p.copy_(torch.from_numpy(mine).reshape(p.shape))
"""


@pytest.mark.slow
def test_the_encoder_of_another_run_meets_every_bar_but_the_likeness(
    grader: Grader, altered: Callable[..., Path]
) -> None:
    """Trained by correct work from another start, and brought along as text."""
    training = context.prepare(Options(), load(judging.BARS))
    rng, own = np.random.default_rng(77), grader.reference
    run = contrastive.Contrast(own, own, *training.pictures, training.profile.simclr, rng, "cpu")
    for step in range(0, 80, 20):  # a call of the reference has the time of a unit check
        run.advance(step, 20)
    value = own.probe("training_simclr", "parameters", run._course)
    assert isinstance(value, MappingValue)
    arrays = [item.data for item in value.items.values() if isinstance(item, ArrayValue)]
    brought = base64.b64encode(
        np.concatenate([a.ravel() for a in arrays]).astype(np.float16).tobytes()
    ).decode()
    start = "        train_optimizer.step()\n"
    folder = altered(
        "cs231n/simclr/utils.py",
        (f"{start}\n        total_num", f"{LOADED}\n        total_num"),
        ("import torch\n", f"import base64\n\nimport numpy as np\nimport torch\n\nBROUGHT = '{brought}'\n"),
    )
    (check,) = grader.grade(folder, seed=5, select="training.simclr", training=Options()).checks
    assert check.outcome is Outcome.FAILED
    assert check.message.startswith(SAID), check.message


@pytest.fixture
def trained(
    grader: Grader, small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Path], CheckResult]:
    """A run of one step with bars that anything meets, but for the likeness to the start."""
    bar = next(bar for bar in load(judging.BARS)["cpu"]["simclr"] if bar.metric == "start")
    own = f'[cpu.simclr.start]\ntitle = "{bar.title}"\nbetter = "above"\nalone = "{bar.alone}"\n'
    numbers = f"bar = {bar.value}\nnear = {bar.nearly}\ntypical = {bar.typical}\n"
    (tmp_path / "bars.toml").write_text(EASY + own + numbers)
    monkeypatch.setattr(judging, "BARS", tmp_path / "bars.toml")
    short = dataclasses.replace(PROFILES["cpu"].simclr, steps=1, every=1, batch=8)
    monkeypatch.setitem(context.PROFILES, "cpu", dataclasses.replace(PROFILES["cpu"], simclr=short))

    def grade(folder: Path) -> CheckResult:
        options = Options(data=small)
        (check,) = grader.grade(folder, seed=5, select="training.simclr", training=options).checks
        return check

    return grade


def test_an_encoder_that_was_brought_along_fails_however_good_it_is(
    trained: Callable[[Path], CheckResult], altered: Callable[..., Path]
) -> None:
    """All other bars are met, and the message says what is wrong."""
    folder = altered(
        "cs231n/simclr/utils.py",
        ("        train_optimizer.step()\n\n        total_num", f"{BROUGHT}\n\n        total_num"),
    )
    check = trained(folder)
    assert check.outcome is Outcome.FAILED
    assert check.message.startswith(f"{SAID}. After 1 steps: likeness to the start ")


def test_an_encoder_that_was_trained_here_keeps_most_of_its_start(
    trained: Callable[[Path], CheckResult],
) -> None:
    """The same run with correct work."""
    check = trained(REFERENCE)
    assert (check.outcome, check.message) == (Outcome.PASSED, "")
