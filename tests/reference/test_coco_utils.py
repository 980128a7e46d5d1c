"""Reading captions from a folder, decoding them, and drawing minibatches."""

from __future__ import annotations

import json

import h5py
import numpy as np
import pytest

from reference.cs231n.coco_utils import BASE_DIR, decode_captions, load_coco_data, sample_coco_minibatch

WORDS = ["<NULL>", "<START>", "<END>", "<UNK>", "a", "cat"]
KEYS = [
    "train_captions",
    "train_image_idxs",
    "val_captions",
    "val_image_idxs",
    "train_features",
    "val_features",
    "idx_to_word",
    "word_to_idx",
    "train_urls",
    "val_urls",
]


@pytest.fixture
def folder(tmp_path):
    """A miniature of the COCO folder: 10 training captions of 4 images, 6 of 3 for validation."""
    rng = np.random.default_rng(0)
    with h5py.File(tmp_path / "coco2014_captions.h5", "w") as file:
        for split, captions, images in [("train", 10, 4), ("val", 6, 3)]:
            file[f"{split}_captions"] = rng.integers(0, 6, size=(captions, 17), dtype=np.int32)
            file[f"{split}_image_idxs"] = rng.integers(0, images, size=captions, dtype=np.int32)
    for split, images in [("train", 4), ("val", 3)]:
        for suffix, D in [("_pca", 8), ("", 16)]:
            with h5py.File(tmp_path / f"{split}2014_vgg16_fc7{suffix}.h5", "w") as file:
                file["features"] = rng.standard_normal((images, D)).astype(np.float32)
        urls = "".join(f"http://example.org/{split}/{i}.jpg\n" for i in range(images))
        (tmp_path / f"{split}2014_urls.txt").write_text(urls)
    vocab = {"idx_to_word": WORDS, "word_to_idx": {w: i for i, w in enumerate(WORDS)}}
    (tmp_path / "coco2014_vocab.json").write_text(json.dumps(vocab))
    return tmp_path


def test_load_returns_the_contracts_entries(folder, capsys):
    """The dict has the ten keys in the notebook's order, with shapes and dtypes; the folder is printed."""
    data = load_coco_data(base_dir=str(folder))
    assert capsys.readouterr().out == f"base dir  {folder}\n"
    assert list(data) == KEYS
    shapes = {
        k: (v.shape, v.dtype.name) for k, v in data.items() if isinstance(v, np.ndarray) and "url" not in k
    }
    assert shapes == {
        "train_captions": ((10, 17), "int32"),
        "train_image_idxs": ((10,), "int32"),
        "val_captions": ((6, 17), "int32"),
        "val_image_idxs": ((6,), "int32"),
        "train_features": ((4, 8), "float32"),
        "val_features": ((3, 8), "float32"),
    }
    assert data["idx_to_word"] == WORDS
    assert data["word_to_idx"]["cat"] == 5
    assert list(data["val_urls"]) == [f"http://example.org/val/{i}.jpg" for i in range(3)]


def test_features_without_pca_come_from_their_own_files(folder):
    """pca_features=False reads the long features."""
    data = load_coco_data(base_dir=str(folder), pca_features=False)
    assert data["train_features"].shape == (4, 16)
    assert data["val_features"].shape == (3, 16)


def test_max_train_draws_captions_with_the_published_call(folder):
    """max_train keeps the captions that np.random.randint names, with their images, and all features."""
    everything = load_coco_data(base_dir=str(folder))
    np.random.seed(231)
    data = load_coco_data(base_dir=str(folder), max_train=5)
    np.random.seed(231)
    chosen = np.random.randint(10, size=5)
    np.testing.assert_array_equal(data["train_captions"], everything["train_captions"][chosen])
    np.testing.assert_array_equal(data["train_image_idxs"], everything["train_image_idxs"][chosen])
    assert data["train_features"].shape == (4, 8)
    assert data["val_captions"].shape == (6, 17)


def test_every_missing_file_is_named(folder):
    """One error names all files that are missing, none that is there, and says what to do."""
    (folder / "val2014_urls.txt").unlink()
    (folder / "train2014_vgg16_fc7_pca.h5").unlink()
    with pytest.raises(FileNotFoundError) as error:
        load_coco_data(base_dir=str(folder))
    message = str(error.value)
    assert "val2014_urls.txt" in message
    assert "train2014_vgg16_fc7_pca.h5" in message
    assert "coco2014_vocab.json" not in message
    assert "base_dir" in message


def damage_captions(folder):
    (folder / "coco2014_captions.h5").write_bytes(b"not found")
    return "coco2014_captions.h5"


def damage_features(folder):
    with h5py.File(folder / "val2014_vgg16_fc7_pca.h5", "w") as file:
        file["other"] = np.zeros(1)
    return "val2014_vgg16_fc7_pca.h5"


def damage_vocab(folder):
    (folder / "coco2014_vocab.json").write_text('{"idx_to_word": [')
    return "coco2014_vocab.json"


def other_vocab(folder):
    (folder / "coco2014_vocab.json").write_text('["<NULL>"]')
    return "coco2014_vocab.json"


@pytest.mark.parametrize("damage", [damage_captions, damage_features, damage_vocab, other_vocab])
def test_a_damaged_file_is_named(folder, damage):
    """A file that is cut off, or lacks its entry, is a ValueError with the file's name and the remedy."""
    name = damage(folder)
    with pytest.raises(ValueError, match=rf"{name} is damaged.*download"):
        load_coco_data(base_dir=str(folder))


def test_default_folder_lies_beside_the_package():
    """The default is datasets/coco_captioning in the package's own folder."""
    assert BASE_DIR.replace("\\", "/").endswith("cs231n/datasets/coco_captioning")


@pytest.mark.parametrize(
    ("caption", "text"),
    [
        ([1, 4, 5, 2, 0, 0], "<START> a cat <END>"),
        ([4, 0, 5, 2, 4, 4], "a cat <END>"),
        ([4, 3, 4], "a <UNK> a"),
        ([0, 0], ""),
        ([], ""),
    ],
)
def test_decoding_one_caption_gives_one_string(caption, text):
    """<NULL> is left out, nothing follows <END>, and a caption without <END> is decoded whole."""
    assert decode_captions(np.array(caption, dtype=np.int32), WORDS) == text


def test_decoding_a_batch_gives_a_list():
    """(N, T) gives N strings, also for N = 1; the vocabulary may be a dict."""
    batch = np.array([[1, 4, 2], [5, 2, 0]])
    assert decode_captions(batch, WORDS) == ["<START> a <END>", "cat <END>"]
    assert decode_captions(batch[:1], dict(enumerate(WORDS))) == ["<START> a <END>"]


@pytest.mark.parametrize("split", ["train", "val"])
def test_minibatch_pairs_captions_with_their_images(folder, split):
    """np.random.choice picks captions; features and addresses are those of each caption's image."""
    data = load_coco_data(base_dir=str(folder))
    np.random.seed(3)
    captions, features, urls = sample_coco_minibatch(data, batch_size=7, split=split)
    np.random.seed(3)
    chosen = np.random.choice(len(data[f"{split}_captions"]), 7)
    images = data[f"{split}_image_idxs"][chosen]
    np.testing.assert_array_equal(captions, data[f"{split}_captions"][chosen])
    np.testing.assert_array_equal(features, data[f"{split}_features"][images])
    assert list(urls) == [f"http://example.org/{split}/{i}.jpg" for i in images]


def test_unknown_split_is_refused(folder):
    """A split that is not in the data is a ValueError with the two that are."""
    with pytest.raises(ValueError, match=r"'test'.*train.*val"):
        sample_coco_minibatch(load_coco_data(base_dir=str(folder)), split="test")
