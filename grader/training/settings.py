"""The sizes of the training runs by profile: `cpu` is small enough for two cores, `gpu` has the assignment's own.

`small` is for code that computes element by element: what takes minutes a step there takes a fraction of a second.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass


@dataclass(frozen=True)
class Captioner:
    """A captioner and how it is trained; the learning rate shrinks by `decay` after each pass over the captions.

    With a `length` captions end after so many words, and only their words are in the vocabulary; `dims`: of the
    features, which are projected to so many. 0: as in the data.
    """

    word: int
    hidden: int
    steps: int
    every: int
    rate: float
    decay: float
    captions: int = 50
    batch: int = 25
    length: int = 0
    dims: int = 0


@dataclass(frozen=True)
class Transformer:
    """A captioning transformer and how it is trained; `length` and `dims` as for `Captioner`."""

    word: int
    steps: int
    every: int
    rate: float
    heads: int = 2
    layers: int = 2
    captions: int = 50
    batch: int = 25
    length: int = 0
    dims: int = 0


@dataclass(frozen=True)
class Adversarial:
    """A GAN and how it is trained; `updates` of the discriminator for each one of the generator."""

    steps: int
    every: int
    batch: int
    rate: float = 1e-3
    updates: int = 1


@dataclass(frozen=True)
class Contrastive:
    """An encoder and how it is trained."""

    steps: int
    every: int
    batch: int
    rate: float
    temperature: float


@dataclass(frozen=True)
class Profile:
    """Everything that differs between the profiles; `seconds` of computing time are what one run may take.

    A run that would take longer is made with the sizes of the profile `smaller`. What is as in the profile `base` is
    judged by its bars.
    """

    name: str
    rnn: Captioner
    lstm: Captioner
    transformer: Transformer
    vanilla: Adversarial
    ls: Adversarial
    dc: Adversarial
    simclr: Contrastive
    seconds: float
    pictures: tuple[int, int]  # how many of those to train on and of the unseen ones are used
    smaller: str = ""
    base: str = ""


PROFILES = {
    "cpu": Profile(
        name="cpu",
        rnn=Captioner(word=128, hidden=256, steps=150, every=10, rate=5e-3, decay=0.98),
        lstm=Captioner(word=128, hidden=192, steps=200, every=20, rate=5e-3, decay=0.995),
        transformer=Transformer(word=128, steps=160, every=20, rate=2e-3),
        # One update of the discriminator for one of the generator draws a single digit for 700 steps; two draw several
        # after 250 to 350, the vanilla GAN with twice the notebook's rate.
        vanilla=Adversarial(steps=500, every=50, batch=32, rate=2e-3, updates=2),
        ls=Adversarial(steps=500, every=50, batch=32, updates=2),
        dc=Adversarial(steps=120, every=10, batch=16, rate=2e-3),
        simclr=Contrastive(steps=120, every=20, batch=64, rate=2e-3, temperature=0.1),
        seconds=400,  # SimCLR with loops over all pairs takes 110 for half of its steps
        pictures=(2000, 500),
        smaller="small",
    ),
    "gpu": Profile(
        name="gpu",
        rnn=Captioner(word=256, hidden=512, steps=100, every=10, rate=5e-3, decay=0.95),
        lstm=Captioner(word=256, hidden=512, steps=100, every=10, rate=5e-3, decay=0.995),
        transformer=Transformer(word=256, steps=200, every=20, rate=1e-3),
        vanilla=Adversarial(steps=4000, every=250, batch=128),
        ls=Adversarial(steps=4000, every=250, batch=128),
        dc=Adversarial(steps=2000, every=250, batch=128),
        simclr=Contrastive(steps=1000, every=100, batch=64, rate=3e-3, temperature=0.2),
        seconds=600,
        pictures=(5000, 2000),
        smaller="small",
    ),
}
_CELL = Captioner(
    word=16, hidden=32, steps=150, every=10, rate=1e-2, decay=0.99, captions=8, batch=4, length=10, dims=32
)  # fmt: skip
PROFILES["small"] = dataclasses.replace(
    PROFILES["cpu"],
    name="small",
    rnn=_CELL,
    lstm=dataclasses.replace(_CELL, rate=2e-2),
    transformer=Transformer(word=32, steps=160, every=20, rate=3e-3, captions=8, batch=8, length=10, dims=32),
    smaller="",
    base="cpu",
)
