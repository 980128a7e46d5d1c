"""The data sets of the assignment that are not captions."""

import os

import numpy as np

IMAGENET_VAL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "datasets", "imagenet_val_25.npz")


def load_imagenet_val(num=None, path=IMAGENET_VAL):
    """A few validation images of ImageNet, for looking into a trained network.

    num: how many; all by default. Returns images X, uint8 (num, 224, 224, 3), their classes y, integers
    (num,), and class_names, a dict from class to name. Raises FileNotFoundError when the file is not there.
    """
    if not os.path.isfile(path):
        raise FileNotFoundError(f"{path} is missing: download it with get_imagenet_val.sh")
    # The dict of names is stored as a pickled object: read only a file from a source you trust.
    with np.load(path, allow_pickle=True) as file:
        X, y, class_names = file["X"], file["y"], file["label_map"].item()
    return X[:num], y[:num], class_names
