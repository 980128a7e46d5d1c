"""Handwritten digits from MNIST's idx files.

A file is a header of big-endian 32-bit numbers (0x0803 for images, 0x0801 for labels; the count; for images
their height and width), then one byte per pixel or label.
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

from grader.data.folder import DIGITS, DataError
from grader.values import Array

IMAGES, LABELS = 0x0803, 0x0801
SIDE = 28


def load(folder: Path, split: str = "train") -> tuple[Array, Array]:
    """Images (N, 28, 28) of bytes and their digits (N,); `split` is "train" or "test".

    Raises `DataError` naming the files that are missing, or the one that holds something else.
    """
    place = DIGITS.require(folder)
    stem = {"train": "train", "test": "t10k"}[split]
    images = read(place / f"{stem}-images-idx3-ubyte", IMAGES)
    labels = read(place / f"{stem}-labels-idx1-ubyte", LABELS)
    if images.shape[1:] != (SIDE, SIDE) or len(images) != len(labels):
        raise DataError(f"The {split} digits in {place} have shapes {images.shape} and {labels.shape}.")
    return images, labels


def read(path: Path, kind: int) -> Array:
    """The array in an idx file of this kind. Raises `DataError`."""
    data = path.read_bytes()
    rank = kind & 0xFF
    if len(data) < 4 * (1 + rank) or struct.unpack_from(">I", data)[0] != kind:
        raise DataError(f"{path} is not an idx file of its kind.", "Download or make it again.")
    shape = struct.unpack_from(f">{rank}I", data, 4)
    pixels = np.frombuffer(data, np.uint8, offset=4 * (1 + rank))
    if pixels.size != int(np.prod(shape)):
        raise DataError(f"{path} is cut off: {pixels.size} bytes for {shape}.", "Download or make it again.")
    return pixels.reshape(shape)


def write(path: Path, array: Array) -> None:
    """`array` of bytes as an idx file."""
    header = struct.pack(f">{1 + array.ndim}I", 0x0800 | array.ndim, *array.shape)
    path.write_bytes(header + array.astype(np.uint8).tobytes())
