"""COCO captions from their HDF5 files: numbers of words, image features, vocabulary, addresses of the images."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py  # type: ignore[import-untyped]
import numpy as np

from grader.data.folder import CAPTIONS, DataError
from grader.values import Array

SPECIAL = ("<NULL>", "<START>", "<END>", "<UNK>")


@dataclass(frozen=True)
class Captions:
    """One split: captions (C, T+1) of words, the image of each (C,), features (I, D) and addresses of the images."""

    folder: Path
    captions: Array
    images: Array
    features: Array
    urls: tuple[str, ...]
    words: tuple[str, ...]

    def picture(self, image: int) -> bytes:
        """The bytes of a local image file; empty for one on the network (it is never fetched)."""
        parts = Path(self.urls[image]).parts if image < len(self.urls) else ()
        path = self.folder.joinpath(*parts[-3:]) if parts[-3:-2] == ("images",) else None
        return path.read_bytes() if path is not None and path.is_file() else b""


def load(folder: Path, split: str = "train") -> Captions:
    """A split ("train" or "val") of the captions below `folder`.

    Raises `DataError` naming the files that are missing, or the one that holds something else.
    """
    place = CAPTIONS.require(folder)
    keys = (f"{split}_captions", f"{split}_image_idxs")
    captions, images = _read_h5(place / "coco2014_captions.h5", *keys)
    (features,) = _read_h5(place / f"{split}2014_vgg16_fc7_pca.h5", "features")
    words = _vocabulary(place / "coco2014_vocab.json")
    urls = (place / f"{split}2014_urls.txt").read_text(encoding="utf-8").splitlines()
    _agree(place / "coco2014_captions.h5", captions, images, features, words)
    return Captions(place, captions, images, features, tuple(urls), words)


def _agree(path: Path, captions: Array, images: Array, features: Array, words: tuple[str, ...]) -> None:
    """Raises `DataError` unless captions speak of images and words that are there."""
    for what, numbers, count in (("images", images, len(features)), ("words", captions, len(words))):
        if numbers.size and not 0 <= int(numbers.min()) <= int(numbers.max()) < count:
            raise DataError(
                f"{path} speaks of {what} that are not there: {numbers.min()} to {numbers.max()} of {count}.",
                "Download the data again, all files together.",
            )
    if len(captions) != len(images) or captions.ndim != 2 or features.ndim != 2:
        raise DataError(f"The captions in {path} do not fit their images.", "Download the data again.")


def _read_h5(path: Path, *keys: str) -> list[Array]:
    try:
        with h5py.File(path, "r") as file:
            return [np.asarray(file[key]) for key in keys]
    except (OSError, KeyError) as error:
        raise _damaged(path, error) from error


def _vocabulary(path: Path) -> tuple[str, ...]:
    try:
        listed: Any = json.loads(path.read_text(encoding="utf-8"))["idx_to_word"]
        words = tuple(str(word) for word in listed)
    except (ValueError, KeyError, TypeError) as error:
        raise _damaged(path, error) from error
    lacking = [word for word in SPECIAL if word not in words]
    if lacking or not isinstance(listed, list):
        raise DataError(
            f"The vocabulary {path} has no {', '.join(lacking) or 'list of words'}.", "Replace it."
        )
    return words


def _damaged(path: Path, error: Exception) -> DataError:
    return DataError(
        f"{path} is damaged or another file than expected: {error}.", "Download or make it again."
    )
