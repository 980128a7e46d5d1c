"""Images and the ImageNet samples: files made here, no network."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

import reference
from reference.cs231n import image_utils
from reference.cs231n.data_utils import load_imagenet_val
from tests.reference.oracles import draw

PIXELS = np.random.default_rng(0).integers(0, 256, size=(6, 9, 3), dtype=np.uint8)


@pytest.fixture
def picture(tmp_path):
    """A small lossless image file."""
    path = tmp_path / "picture.png"
    Image.fromarray(PIXELS).save(path)
    return path


def test_preprocessing_is_torchvisions_and_can_be_undone():
    """preprocess equals ImageNet's published normalisation, and deprocess gives back every pixel."""
    x = image_utils.preprocess_image(PIXELS)
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    np.testing.assert_allclose(x, (torch.tensor(PIXELS) / 255 - mean) / std, rtol=1e-5, atol=1e-6)
    assert x.dtype == np.float32
    np.testing.assert_array_equal(image_utils.deprocess_image(x), PIXELS)


def test_deprocessing_cuts_off_or_rescales():
    """Values beyond 0 and 255 are cut off, or become the ends with rescale; flat grey works too."""
    x = image_utils.preprocess_image(np.array([[[-100, 100, 400]]]))
    np.testing.assert_array_equal(image_utils.deprocess_image(x), [[[0, 100, 255]]])
    np.testing.assert_array_equal(image_utils.deprocess_image(x, rescale=True), [[[0, 102, 255]]])
    grey = image_utils.preprocess_image(np.full((2, 2, 3), 7))
    assert image_utils.deprocess_image(grey, rescale=True).shape == (2, 2, 3)


def test_blur_is_the_gentle_convolution():
    """blur equals F.conv2d per channel with 94% at the centre and repeated edges; constants stay."""
    (X,) = draw(1, (2, 3, 5, 4))
    kernel = torch.tensor([[1.0, 2, 1], [2, 188, 2], [1, 2, 1]], dtype=torch.float64) / 200
    padded = F.pad(torch.tensor(X), (1, 1, 1, 1), mode="replicate")
    expected = F.conv2d(padded, kernel.expand(3, 1, 3, 3), groups=3)
    np.testing.assert_allclose(image_utils.blur_image(X), expected, rtol=1e-12)
    np.testing.assert_allclose(image_utils.blur_image(np.ones((1, 1, 2, 3), np.float32)), 1, rtol=1e-6)
    assert image_utils.blur_image(X.astype(np.float32)).dtype == np.float32


def test_image_from_url_gives_pixels(picture):
    """An address of an image gives its pixels."""
    np.testing.assert_array_equal(image_utils.image_from_url(picture.as_uri()), PIXELS)


def test_image_from_url_gives_none_for_what_is_not_there(tmp_path, capsys):
    """An address that is gone, and one that holds no image, give None and a line that names the address."""
    text = tmp_path / "page.html"
    text.write_text("not an image")
    for path in (tmp_path / "gone.jpg", text):
        assert image_utils.image_from_url(path.as_uri()) is None
        assert path.as_uri() in capsys.readouterr().out


def test_load_image_scales_the_shorter_side(picture):
    """Without a size the pixels are the file's; with one, the shorter side has it and the shape is kept."""
    np.testing.assert_array_equal(image_utils.load_image(picture), PIXELS)
    assert image_utils.load_image(picture, size=4).shape == (4, 6, 3)


def test_grey_images_become_colour(tmp_path):
    """A grey file has three equal channels."""
    Image.fromarray(PIXELS[..., 0]).save(tmp_path / "grey.png")
    grey = image_utils.load_image(tmp_path / "grey.png")
    np.testing.assert_array_equal(grey, np.repeat(PIXELS[..., :1], 3, axis=2))


def test_modules_load_without_an_image_library():
    """Importing image_utils and data_utils imports neither PIL nor imageio."""
    code = (
        "import sys; import reference.cs231n.image_utils, reference.cs231n.data_utils; "
        "assert not {'PIL', 'imageio'} & set(sys.modules)"
    )
    root = Path(reference.__file__).parent.parent
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60, cwd=root)


def test_imagenet_samples(tmp_path):
    """num limits the images and classes, the names come as a dict; a missing file says how to get it."""
    path = tmp_path / "imagenet_val_25.npz"
    X, y = np.zeros((5, 2, 2, 3), np.uint8), np.arange(5)
    np.savez(path, X=X, y=y, label_map=np.array({0: "tench"}, dtype=object))
    images, classes, names = load_imagenet_val(num=3, path=str(path))
    assert (images.shape, list(classes), names) == ((3, 2, 2, 3), [0, 1, 2], {0: "tench"})
    assert len(load_imagenet_val(path=str(path))[0]) == 5
    with pytest.raises(FileNotFoundError, match="get_imagenet_val"):
        load_imagenet_val(path=str(tmp_path / "none.npz"))
