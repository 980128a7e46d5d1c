"""What a data folder holds, in a line for each data set."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from grader.data import captions, digits, pictures
from grader.data.folder import CAPTIONS, DIGITS, PICTURES, PRETRAINED, DataError, DataSet


@dataclass(frozen=True)
class Line:
    """One data set: what is there, and whether all that is needed is."""

    title: str
    said: str
    whole: bool


def of(folder: Path) -> Iterator[Line]:
    """Reads every data set below `folder`."""
    looks: tuple[tuple[DataSet, Callable[[Path], str]], ...] = (
        (CAPTIONS, _captions), (DIGITS, _digits), (PICTURES, _pictures), (PRETRAINED, _pretrained),
    )  # fmt: skip
    for data, look in looks:
        try:
            yield Line(data.title, look(folder), True)
        except DataError as error:
            said = "not there (nothing needs it)" if data.optional else error.message
            yield Line(data.title, said, data.optional)


def _captions(folder: Path) -> str:
    found = [captions.load(folder, split) for split in ("train", "val")]
    counts = " and ".join(f"{len(data.captions)} captions of {len(data.features)} images" for data in found)
    return (
        f"{counts} (training, validation), {len(found[0].words)} words, {found[0].features.shape[1]} features"
    )


def _digits(folder: Path) -> str:
    counts = [len(digits.load(folder, split)[0]) for split in ("train", "test")]
    return f"{counts[0]} to train on, {counts[1]} to test"


def _pictures(folder: Path) -> str:
    counts = [len(pictures.load(folder, split)[0]) for split in ("train", "test")]
    names = ", ".join(pictures.classes(folder))
    return f"{counts[0]} to train on, {counts[1]} to test; classes: {names}"


def _pretrained(folder: Path) -> str:
    size = sum((PRETRAINED.require(folder) / name).stat().st_size for name in PRETRAINED.files)
    return f"{size / 1e6:.0f} MB"
