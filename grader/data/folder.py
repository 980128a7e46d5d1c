"""Where the files of a data folder are, and a message that names every one that is missing."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from grader.errors import UsageError

VARIABLE = "GRADMARK_DATA"


class DataError(UsageError):
    """A data set lacks files, or one of them is damaged."""


@dataclass(frozen=True)
class DataSet:
    """Files that belong together, and the folders below the user's in which they may lie."""

    name: str
    title: str
    files: tuple[str, ...]
    places: tuple[str, ...]
    optional: bool = False

    def find(self, folder: Path) -> Path | None:
        """The folder that holds all of the files, or None."""
        whole = (folder / place for place in self.places)
        return next((place for place in whole if not self.missing(place)), None)

    def missing(self, place: Path) -> list[Path]:
        """The files that are not in `place`."""
        return [place / name for name in self.files if not (place / name).is_file()]

    def require(self, folder: Path) -> Path:
        """The folder that holds all of the files. Raises `DataError` naming every one that is missing."""
        if found := self.find(folder):
            return found
        place = min((folder / place for place in self.places), key=lambda place: len(self.missing(place)))
        listed = "\n".join(f"  {path}" for path in self.missing(place))
        raise DataError(
            f"{self.title} is incomplete in {folder}; missing:\n{listed}",
            "Download it as the assignment says, or make the built-in data: gradmark data make DIR.",
        )


CAPTIONS = DataSet(
    "captions",
    "The caption data (COCO 2014)",
    (
        "coco2014_captions.h5", "coco2014_vocab.json", "train2014_vgg16_fc7_pca.h5", "val2014_vgg16_fc7_pca.h5",
        "train2014_urls.txt", "val2014_urls.txt",
    ),
    ("coco_captioning", "", "cs231n/datasets/coco_captioning", "datasets/coco_captioning"),
)  # fmt: skip
DIGITS = DataSet(
    "digits",
    "The handwritten digits (MNIST)",
    (
        "train-images-idx3-ubyte",
        "train-labels-idx1-ubyte",
        "t10k-images-idx3-ubyte",
        "t10k-labels-idx1-ubyte",
    ),
    ("MNIST/raw", "", "cs231n/datasets/MNIST_data/MNIST/raw", "datasets/MNIST_data/MNIST/raw"),
)
PICTURES = DataSet(
    "pictures",
    "The pictures of ten classes (CIFAR-10)",
    (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch", "batches.meta"),
    ("cifar-10-batches-py", "", "data/cifar-10-batches-py"),
)
PRETRAINED = DataSet(
    "pretrained",
    "SimCLR's pretrained weights",
    ("trained_simclr_model.pth",),
    ("pretrained_model", ""),
    optional=True,
)
ALL: Sequence[DataSet] = (CAPTIONS, DIGITS, PICTURES, PRETRAINED)


def named(folder: Path | None) -> Path | None:
    """The folder of the option, else of the environment variable, else None for the built-in data.

    Raises `DataError` when it is no folder.
    """
    value = os.environ.get(VARIABLE, "")
    chosen = folder or (Path(value) if value else None)
    if chosen is not None and not chosen.is_dir():
        source = "--data" if folder else VARIABLE
        raise DataError(f"{source} names {chosen}, which is no folder.", "Name the folder of the data.")
    return chosen
