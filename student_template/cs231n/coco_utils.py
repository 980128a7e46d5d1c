"""The COCO captions of 2014: reading them, drawing minibatches, turning numbers back into words.

Each image has about five captions, each caption 17 word numbers. A data set is a dict:

    train_captions, val_captions       integers (captions, 17)
    train_image_idxs, val_image_idxs   integers (captions,): the row of the caption's image in ..._features
    train_features, val_features       float32 (images, 512), or (images, 4096) without PCA
    train_urls, val_urls               strings (images,)
    idx_to_word, word_to_idx           list of words, and dict from word to number
"""

import json
import os

import h5py
import numpy as np

BASE_DIR = os.path.join(os.path.dirname(os.path.abspath(__file__)), "datasets", "coco_captioning")


def load_coco_data(base_dir=BASE_DIR, max_train=None, pca_features=True):
    """All captions, features, addresses and the vocabulary, as the dict described above.

    max_train: keep that many training captions, drawn with replacement from numpy's global random state;
    features stay complete. pca_features: 512 numbers per image instead of 4096.
    Raises FileNotFoundError naming every file that is missing, ValueError naming a file that cannot be read.
    """
    print("base dir ", base_dir)
    suffix = "_pca" if pca_features else ""
    names = {
        "captions": "coco2014_captions.h5",
        "train_features": f"train2014_vgg16_fc7{suffix}.h5",
        "val_features": f"val2014_vgg16_fc7{suffix}.h5",
        "vocab": "coco2014_vocab.json",
        "train_urls": "train2014_urls.txt",
        "val_urls": "val2014_urls.txt",
    }
    paths = {part: os.path.join(base_dir, name) for part, name in names.items()}
    _require_files(paths.values())

    caption_keys = ["train_captions", "train_image_idxs", "val_captions", "val_image_idxs"]
    data = _read_h5(paths["captions"], caption_keys)
    for part in ["train_features", "val_features"]:
        data[part] = _read_h5(paths[part], ["features"])["features"]
    data.update(_read_vocab(paths["vocab"]))
    for part in ["train_urls", "val_urls"]:
        data[part] = _read_lines(paths[part])

    if max_train:
        _subsample_train(data, max_train)
    return data


def decode_captions(captions, idx_to_word):
    """Word numbers as text: words joined by blanks, without <NULL>, up to and including the first <END>.

    captions: integers (T,) give one string, (N, T) a list of N strings. idx_to_word: list or dict.
    """
    captions = np.asarray(captions)
    if captions.ndim == 1:
        return _decode(captions, idx_to_word)
    return [_decode(row, idx_to_word) for row in captions]


def sample_coco_minibatch(data, batch_size=100, split="train"):
    """A random minibatch of captions, drawn with replacement from numpy's global random state.

    split: "train" or "val". Returns captions (batch_size, 17), and of the image of each: features
    (batch_size, D) and urls (batch_size,). Raises ValueError for another split.
    """
    if f"{split}_captions" not in data:
        raise ValueError(f"no split {split!r} in the data: use 'train' or 'val'")
    chosen = np.random.choice(data[f"{split}_captions"].shape[0], batch_size)
    images = data[f"{split}_image_idxs"][chosen]
    return data[f"{split}_captions"][chosen], data[f"{split}_features"][images], data[f"{split}_urls"][images]


def _decode(caption, idx_to_word):
    words = []
    for number in caption:
        word = idx_to_word[int(number)]
        if word != "<NULL>":
            words.append(word)
        if word == "<END>":
            break
    return " ".join(words)


def _require_files(paths):
    missing = [path for path in paths if not os.path.isfile(path)]
    if missing:
        raise FileNotFoundError(
            "the COCO data is incomplete; missing: "
            + ", ".join(missing)
            + ". Download it with get_datasets.sh, or pass its folder as base_dir."
        )


def _read_h5(path, keys):
    try:
        with h5py.File(path, "r") as file:
            return {key: np.asarray(file[key]) for key in keys}
    except (OSError, KeyError) as error:
        raise _unusable(path, error) from error


def _read_vocab(path):
    try:
        with open(path, encoding="utf-8") as file:
            vocab = json.load(file)
        return {key: vocab[key] for key in ["idx_to_word", "word_to_idx"]}
    except (ValueError, KeyError, TypeError) as error:
        raise _unusable(path, error) from error


def _unusable(path, error):
    return ValueError(f"{path} is damaged or not the expected file ({error}): download it again")


def _read_lines(path):
    with open(path, encoding="utf-8") as file:
        return np.asarray([line.strip() for line in file])


def _subsample_train(data, max_train):
    chosen = np.random.randint(data["train_captions"].shape[0], size=max_train)
    for key in ["train_captions", "train_image_idxs"]:
        data[key] = data[key][chosen]
