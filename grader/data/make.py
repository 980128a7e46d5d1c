"""The built-in data: made from a seed, in the formats of the real data sets, in a few seconds."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from urllib.request import pathname2url

import h5py  # type: ignore[import-untyped]
import numpy as np
from PIL import Image

from grader.data import classes, digits, scenes
from grader.data.folder import CAPTIONS, DIGITS, PICTURES, DataError
from grader.values import Array

VERSION = 1  # of what is made: a new one gets a new folder in the cache
SEED = 231
IMAGES = {"train": 1000, "val": 200}
CAPTIONS_PER_IMAGE = 2
DIGIT_BOX = 20  # as in MNIST: the digit in a box of 20 points, a margin of 4 around it
TEST_DIGITS = 297
PICTURES_PER_BATCH, TEST_PICTURES = 400, 500


def make(folder: Path, seed: int = SEED) -> list[Path]:
    """Makes all built-in data below `folder` (the folders of the real data sets); gives those folders.

    Raises `DataError` when one of them holds files already: real data is never written over.
    """
    made = [folder / data.places[0] for data in (CAPTIONS, DIGITS, PICTURES)]
    for place in made:
        if place.is_dir() and any(place.iterdir()):
            raise DataError(f"{place} is not empty.", "Name a new folder, or remove that one.")
    for place, write in zip(made, (write_captions, write_digits, write_pictures), strict=True):
        place.mkdir(parents=True, exist_ok=True)
        write(place, np.random.default_rng([seed, len(place.name)]))
    return made


def _caches() -> list[Path]:
    """The user's own folder for caches; a user without HOME and without an entry in /etc/passwd has none."""
    if named := os.environ.get("XDG_CACHE_HOME"):
        return [Path(named) / "gradmark"]
    with suppress(RuntimeError):
        return [Path.home() / ".cache" / "gradmark"]
    return []


def cached() -> Path:
    """The folder of the built-in data of this version, made at its first use.

    It is below XDG_CACHE_HOME, or in the temporary folder where that can't be written.
    """
    for base in (*_caches(), Path(tempfile.gettempdir()) / f"gradmark-cache-{os.getuid()}"):
        folder = base / f"data-{VERSION}"
        try:
            base.mkdir(mode=0o700, parents=True, exist_ok=True)
            if base.stat().st_uid != os.getuid():  # somebody else's folder of that name in /tmp
                continue
            return folder if folder.is_dir() else _made_whole(folder)
        except OSError:
            continue
    raise DataError("The built-in data can't be kept anywhere.", "Make it yourself: gradmark data make DIR.")


def _made_whole(folder: Path) -> Path:
    """Makes the data beside `folder`, then renames it: nobody sees half of it, and whoever is first wins."""
    beside = Path(tempfile.mkdtemp(prefix=f"{folder.name}-", dir=folder.parent))
    try:
        make(beside)
        beside.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return folder


def write_captions(place: Path, rng: np.random.Generator) -> None:
    """The files of the miniature captions."""
    words = scenes.vocabulary()
    vocabulary = {"idx_to_word": words, "word_to_idx": {word: k for k, word in enumerate(words)}}
    (place / "coco2014_vocab.json").write_text(json.dumps(vocabulary), encoding="utf-8")
    with h5py.File(place / "coco2014_captions.h5", "w") as file:
        for split, count in IMAGES.items():
            captions, numbers, pictures = _split(rng, count, words)
            file[f"{split}_captions"], file[f"{split}_image_idxs"] = captions, numbers
            with h5py.File(place / f"{split}2014_vgg16_fc7_pca.h5", "w") as own:
                own["features"] = scenes.features(pictures)
            _write_images(place, split, pictures)


def _split(rng: np.random.Generator, count: int, words: list[str]) -> tuple[Array, Array, Array]:
    drawn = [scenes.draw_scene(rng) for _ in range(count)]
    pictures = np.stack([np.asarray(scenes.render(scene, rng)) for scene in drawn])
    captions = [
        scenes.encode(scenes.describe(scene, rng), words)
        for scene in drawn
        for _ in range(CAPTIONS_PER_IMAGE)
    ]
    numbers = np.repeat(np.arange(count, dtype=np.int32), CAPTIONS_PER_IMAGE)
    return np.array(captions, dtype=np.int32), numbers, pictures


def _write_images(place: Path, split: str, pictures: Array) -> None:
    (place / "images" / split).mkdir(parents=True)
    names = [f"images/{split}/{number:06}.png" for number in range(len(pictures))]
    for name, picture in zip(names, pictures, strict=True):
        Image.fromarray(picture).save(place / name)
    urls = [f"file://{pathname2url(str((place / name).resolve()))}" for name in names]
    (place / f"{split}2014_urls.txt").write_text("\n".join(urls) + "\n", encoding="utf-8")


def write_digits(place: Path, rng: np.random.Generator) -> None:
    """1,797 digits of 43 people (8 x 8 points, UCI "Optical Recognition of Handwritten Digits", 1998), enlarged."""
    from sklearn.datasets import load_digits  # type: ignore[import-untyped]  # takes a second: only here

    found = load_digits()
    order = rng.permutation(len(found.images))
    images = np.stack([_enlarged(image) for image in found.images[order]])
    labels = found.target[order].astype(np.uint8)
    for stem, part in (("t10k", slice(None, TEST_DIGITS)), ("train", slice(TEST_DIGITS, None))):
        digits.write(place / f"{stem}-images-idx3-ubyte", images[part])
        digits.write(place / f"{stem}-labels-idx1-ubyte", labels[part])


def _enlarged(image: Array) -> Array:
    """8 x 8 numbers from 0 to 16 as 28 x 28 bytes."""
    small = Image.fromarray((image * 255 / 16).astype(np.uint8))
    large = np.asarray(small.resize((DIGIT_BOX, DIGIT_BOX), Image.Resampling.BICUBIC))
    return np.pad(large, (digits.SIDE - DIGIT_BOX) // 2)


def write_pictures(place: Path, rng: np.random.Generator) -> None:
    """Five training batches, a test batch and the names of the classes."""
    names = [f"data_batch_{number}" for number in range(1, 6)]
    for name, count in [*((name, PICTURES_PER_BATCH) for name in names), ("test_batch", TEST_PICTURES)]:
        pictures, labels = classes.draw(rng, count)
        rows = pictures.transpose(0, 3, 1, 2).reshape(count, -1)  # (count, 3072), red first
        files = [f"{name}_{number:05}.png" for number in range(count)]
        content = {"batch_label": name, "labels": labels.tolist(), "data": rows, "filenames": files}
        (place / name).write_bytes(pickle.dumps(content, protocol=2))
    meta = {
        "num_cases_per_batch": PICTURES_PER_BATCH,
        "label_names": list(classes.NAMES),
        "num_vis": rows.shape[1],
    }
    (place / "batches.meta").write_bytes(pickle.dumps(meta, protocol=2))
