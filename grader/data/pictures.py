"""Colour pictures of ten classes from CIFAR-10's python batches: pickled dicts, read without running anything."""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np

from grader.data.folder import PICTURES, DataError
from grader.values import Array

SIDE = 32
# What the batches of the real data set name: arrays as numpy 1 and 2 write them, and Latin-1 text as bytes.
_ALLOWED = {
    ("numpy.core.multiarray", "_reconstruct"), ("numpy._core.multiarray", "_reconstruct"),
    ("numpy", "ndarray"), ("numpy", "dtype"), ("_codecs", "encode"),
}  # fmt: skip


class _Unpickler(pickle.Unpickler):
    """Knows arrays and plain data; whatever else a pickle names is refused."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"it names {module}.{name}")
        return super().find_class(module, name)


def load(folder: Path, split: str = "train") -> tuple[Array, Array]:
    """Pictures (N, 32, 32, 3) of bytes and their classes (N,); `split` is "train" or "test".

    Raises `DataError` naming the files that are missing, or the one that holds something else.
    """
    place = PICTURES.require(folder)
    names = [f"data_batch_{n}" for n in range(1, 6)] if split == "train" else ["test_batch"]
    batches = [_batch(place / name) for name in names]
    return np.concatenate([b[0] for b in batches]), np.concatenate([b[1] for b in batches])


def classes(folder: Path) -> list[str]:
    """The names of the classes."""
    return [str(name) for name in _read(PICTURES.require(folder) / "batches.meta")["label_names"]]


def _batch(path: Path) -> tuple[Array, Array]:
    content = _read(path)
    try:
        rows, labels = np.asarray(content["data"]), np.asarray(content["labels"], dtype=np.int64)
        pictures = rows.astype(np.uint8).reshape(-1, 3, SIDE, SIDE).transpose(0, 2, 3, 1)
    except (KeyError, ValueError, TypeError) as error:
        raise DataError(f"{path} is no batch of pictures: {error}.", "Download or make it again.") from error
    if len(pictures) != len(labels):
        raise DataError(f"{path} has {len(pictures)} pictures and {len(labels)} classes.", "Replace it.")
    return pictures, labels


def _read(path: Path) -> Any:
    try:
        return _Unpickler(io.BytesIO(path.read_bytes()), encoding="latin1").load()
    except (pickle.UnpicklingError, EOFError, ValueError, AttributeError, IndexError, KeyError) as error:
        raise DataError(f"{path} can't be read: {error}.", "Download or make it again.") from error
