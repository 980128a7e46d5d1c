"""Views drawn from the seeds that the reference chooses tell its transform from every other that should be refuted."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torchvision.transforms import (
    ColorJitter,
    Compose,
    Grayscale,
    Normalize,
    RandomApply,
    RandomGrayscale,
    RandomHorizontalFlip,
    RandomResizedCrop,
    ToTensor,
)

from checks.augmentation import ALTERNATIVES, MEAN, STD, bands, is_grey, jitter_of_grey, mirrored_plain
from checks.probes.augmentation import NEAR, STEPS, fingerprint, levels, telling, transform, transform_seeded
from checks.same_views import colourful
from grader.session import REFERENCE, Grader
from grader.subject import Subject

SEEDS = range(3)
BEYOND = NEAR + 0.01
PICTURE = colourful(np.random.default_rng(5), 40, 57)
JITTER = ColorJitter(0.4, 0.4, 0.4, 0.1)
Wrap = Callable[..., Any]


def whole(*steps: Any) -> Compose:
    """A training transform with these steps between what was handed out."""
    return Compose([RandomResizedCrop(32), *steps, ToTensor(), Normalize(MEAN, STD)])


def made(flip: float = 0.5, jitter: float = 0.8, grey: float = 0.2) -> Compose:
    """A training transform with these probabilities."""
    return whole(RandomHorizontalFlip(flip), RandomApply([JITTER], jitter), RandomGrayscale(grey))


@functools.cache
def seeds(seed: int) -> list[int]:
    return telling(made(), PICTURE, seed)


def seen(function: Any, seed: int) -> str:
    """The fingerprint of the views from the seeds that are chosen."""
    return fingerprint(levels(transform_seeded(function, PICTURE, seeds(seed)), MEAN, STD))


DEPENDENT = {
    "grey where jittered": [RandomHorizontalFlip(), RandomApply([JITTER, RandomGrayscale(0.25)], 0.8)],
    "flipped where jittered": [RandomApply([RandomHorizontalFlip(0.625), JITTER], 0.8), RandomGrayscale(0.2)],
    "grey where flipped": [
        RandomApply([RandomHorizontalFlip(1.0), RandomGrayscale(0.4)], 0.5),
        RandomApply([JITTER], 0.8),
    ],
}


@pytest.mark.parametrize(
    ("step", "p"),
    [(step, q) for step, p in STEPS.items() for q in (p - BEYOND, p + BEYOND, *ALTERNATIVES[p], 0.0, 1.0)],
)
def test_every_probability_that_is_off_shows(step: str, p: float) -> None:
    """By more than NEAR, and so by every alternative of the sequential tests: from whichever seed they are chosen."""
    assert all(seen(made(**{step: p}), seed) != seen(made(), seed) for seed in SEEDS)
    assert all(abs(q - p) > NEAR for p, qs in ALTERNATIVES.items() for q in qs)


@pytest.mark.parametrize("name", DEPENDENT)
def test_every_dependence_shows(name: str) -> None:
    """A step that is taken only where another was gives other views, though it is as frequent as it should be."""
    assert all(seen(whole(*DEPENDENT[name]), seed) != seen(made(), seed) for seed in SEEDS)


def test_the_same_draws_give_the_same_views() -> None:
    """The same steps built otherwise are acquitted; few seeds are enough, and they differ from run to run."""
    wrapped = whole(
        Compose([RandomHorizontalFlip()]), RandomApply([JITTER], 0.8), RandomApply([Grayscale(3)], 0.2)
    )
    assert all(seen(wrapped, seed) == seen(made(), seed) for seed in SEEDS)
    chosen = [seeds(seed) for seed in SEEDS]
    assert all(3 <= len(found) <= 14 for found in chosen)
    assert len({seed for found in chosen for seed in found}) == sum(map(len, chosen))


def test_other_steps_choose_nothing() -> None:
    """A reference that draws otherwise, as another version of torchvision might, acquits nobody."""
    assert telling(whole(RandomHorizontalFlip()), PICTURE, 0) == []


def test_steps_together_are_read_off_the_bands() -> None:
    """Whether a grey view was jittered, and whether one that was not is mirrored."""
    always, never = (
        levels(transform(whole(*steps, Grayscale(3)), [bands()], 100), MEAN, STD)
        for steps in ([JITTER], [RandomHorizontalFlip(1.0)])
    )
    assert is_grey(always).all()
    assert jitter_of_grey(always).mean() > 0.9
    assert not jitter_of_grey(never).any()
    plain = levels(transform(whole(RandomHorizontalFlip(1.0)), [bands()], 30), MEAN, STD)
    assert mirrored_plain(plain).tolist() == [True] * 30
    assert not mirrored_plain(always).size


def calls_in(grader: Grader, folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Which probes the checks of the training transform called in the submission."""
    names: list[str] = []
    usual = Subject.probe

    def probe(self: Subject, module: str, name: str, *args: Any, **more: Any) -> Any:
        names.extend([name] * (self.name == "student"))
        return usual(self, module, name, *args, **more)

    monkeypatch.setattr(Subject, "probe", probe)
    grade = grader.grade(folder, seed=3, select="check_train_transform")
    assert {check.outcome for check in grade.checks} == {"passed"}
    return names


def test_equal_views_are_all_that_is_drawn(grader: Grader, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reference as a submission is acquitted by two probes, for all checks of the transform."""
    assert calls_in(grader, REFERENCE, monkeypatch) == ["transform", "transform_seeded"]


def test_other_draws_are_judged_by_many_views(
    grader: Grader, altered: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A transform that draws something besides gives other views, and passes the sequential tests."""
    folder = altered(
        "cs231n/simclr/data_utils.py",
        ("RandomHorizontalFlip(p=0.5),", "RandomHorizontalFlip(p=0.5),\n        lambda x: (torch.rand(1), x)[1],"),
    )  # fmt: skip
    names = calls_in(grader, folder, monkeypatch)
    assert "transform_seeded" not in names
    assert names.count("transform") > 5
