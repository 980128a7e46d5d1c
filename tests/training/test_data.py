"""The built-in data is made in the real formats, and the loaders name what is missing or wrong."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from grader.cli import app
from grader.data import captions, digits, folder, make, pictures
from grader.data.folder import DataError


def test_captions_have_the_contract_s_keys_and_words(small: Path) -> None:
    """Captions begin with <START>, hold one <END>, then padding; there are at least 100 words; images are local."""
    data = captions.load(small)
    assert data.captions.shape == (120, 17)
    assert data.features.shape == (60, 512)
    assert len(data.words) >= 100
    assert data.words[:4] == captions.SPECIAL
    null, start, end = (data.words.index(word) for word in ("<NULL>", "<START>", "<END>"))
    assert (data.captions[:, 0] == start).all()
    assert ((data.captions == end).sum(axis=1) == 1).all()
    assert all((row[list(row).index(end) + 1 :] == null).all() for row in data.captions)
    assert data.picture(3).startswith(b"\x89PNG")


def test_the_reference_s_own_loader_reads_the_captions(small: Path) -> None:
    """`load_coco_data` of the assignment finds the same numbers in the built-in files."""
    from reference.cs231n.coco_utils import load_coco_data

    found, data = load_coco_data(str(small / "coco_captioning")), captions.load(small)
    assert (found["train_captions"] == data.captions).all()
    assert (found["train_features"] == data.features).all()
    assert found["word_to_idx"]["<END>"] == 2


def test_torchvision_reads_the_digits(small: Path) -> None:
    """torchvision's MNIST finds the same digits, all ten of them."""
    from torchvision.datasets import MNIST

    images, labels = digits.load(small)
    theirs = MNIST(str(small), train=True)
    assert (theirs.data.numpy() == images).all()
    assert (theirs.targets.numpy() == labels).all()
    assert set(labels) == set(range(10))
    assert images.shape[1:] == (28, 28)


def test_torchvision_reads_the_pictures(small: Path) -> None:
    """CIFAR-10's loader, told not to compare checksums with the real files, finds the same pictures and classes."""
    from torchvision.datasets import CIFAR10

    class Any10(CIFAR10):
        train_list = [[name, None] for name, _ in CIFAR10.train_list]  # noqa: RUF012
        test_list = [[name, None] for name, _ in CIFAR10.test_list]  # noqa: RUF012
        meta = {**CIFAR10.meta, "md5": None}  # noqa: RUF012

    images, labels = pictures.load(small)
    theirs = Any10(str(small), train=True)
    assert (theirs.data == images).all()
    assert theirs.targets == labels.tolist()
    assert theirs.classes == pictures.classes(small)
    assert len(theirs.classes) == 10


def test_a_seed_gives_the_same_digits_and_another_seed_others(tmp_path: Path) -> None:
    """What is made depends on the seed alone."""
    made = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        (tmp_path / name).mkdir()
        make.write_digits(tmp_path / name, np.random.default_rng(seed))
        made.append((tmp_path / name / "train-images-idx3-ubyte").read_bytes())
    assert made[0] == made[1] != made[2]


def test_every_missing_file_is_named(small: Path, tmp_path: Path) -> None:
    """The message lists each file that is not there, and none that is."""
    (tmp_path / "MNIST" / "raw").mkdir(parents=True)
    name = "train-labels-idx1-ubyte"
    os.link(small / "MNIST" / "raw" / name, tmp_path / "MNIST" / "raw" / name)
    with pytest.raises(DataError) as error:
        digits.load(tmp_path)
    said = str(error.value)
    assert all(file in said for file in folder.DIGITS.files if file != name)
    assert name not in said
    assert "gradmark data make" in said


def test_a_pickle_that_names_a_function_is_refused(small: Path, tmp_path: Path) -> None:
    """A batch of pictures is read without running anything that it names."""

    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.system, ("echo pwned",)

    place = tmp_path / "cifar-10-batches-py"
    place.mkdir()
    for file in folder.PICTURES.files:
        (place / file).write_bytes(pickle.dumps({"data": Evil(), "labels": []}))
    with pytest.raises(DataError, match="can't be read: it names"):
        pictures.load(tmp_path)


def test_a_file_that_is_cut_off_is_named(small: Path, tmp_path: Path) -> None:
    """Half a file of digits is a clear error, not a wrong picture."""
    whole = (small / "MNIST" / "raw" / "t10k-images-idx3-ubyte").read_bytes()
    (tmp_path / "half").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="half is cut off"):
        digits.read(tmp_path / "half", digits.IMAGES)


def test_data_is_never_made_over_other_data(small: Path) -> None:
    """A folder that holds files already is left alone."""
    with pytest.raises(DataError, match="is not empty"):
        make.make(small)


def test_data_check_says_what_is_there(small: Path, tmp_path: Path) -> None:
    """`gradmark data check` counts what it reads and ends with 2 when a needed file is missing."""
    good, bad = (CliRunner().invoke(app, ["data", "check", str(place)]) for place in (small, tmp_path))
    assert good.exit_code == 0
    assert "120 captions of 60 images" in good.output
    assert bad.exit_code == 2
    assert "coco2014_captions.h5" in bad.output
