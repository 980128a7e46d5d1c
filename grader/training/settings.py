"""The sizes of the training runs by profile: `cpu` is small enough for two cores, `gpu` has the assignment's own."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Captioner:
    """A captioner and how it is trained; the learning rate shrinks by `decay` after each pass over the captions."""

    word: int
    hidden: int
    steps: int
    every: int
    rate: float
    decay: float
    captions: int = 50
    batch: int = 25


@dataclass(frozen=True)
class Transformer:
    """A captioning transformer and how it is trained."""

    word: int
    steps: int
    every: int
    rate: float
    heads: int = 2
    layers: int = 2
    captions: int = 50
    batch: int = 25


@dataclass(frozen=True)
class Profile:
    """Everything that differs between the profiles; `seconds` is what one run of a check may take."""

    name: str
    rnn: Captioner
    lstm: Captioner
    transformer: Transformer
    seconds: float


PROFILES = {
    "cpu": Profile(
        name="cpu",
        rnn=Captioner(word=128, hidden=256, steps=150, every=10, rate=5e-3, decay=0.98),
        lstm=Captioner(word=128, hidden=192, steps=200, every=20, rate=5e-3, decay=0.995),
        transformer=Transformer(word=128, steps=200, every=20, rate=2e-3),
        seconds=120,
    ),
    "gpu": Profile(
        name="gpu",
        rnn=Captioner(word=256, hidden=512, steps=100, every=10, rate=5e-3, decay=0.95),
        lstm=Captioner(word=256, hidden=512, steps=100, every=10, rate=5e-3, decay=0.995),
        transformer=Transformer(word=256, steps=200, every=20, rate=1e-3),
        seconds=600,
    ),
}
