"""Images in and out: fetching, loading, and the colour scaling of ImageNet models.

Pillow is imported only where a file is decoded, so that this module loads without it.
"""

from http.client import HTTPException
from io import BytesIO
from urllib.request import urlopen

import numpy as np

# Colour statistics of the ImageNet training images, for values from 0 to 1 in the order red, green, blue.
SQUEEZENET_MEAN = np.array([0.485, 0.456, 0.406], dtype=np.float32)
SQUEEZENET_STD = np.array([0.229, 0.224, 0.225], dtype=np.float32)

TIMEOUT = 10  # seconds for the answer to one request


def blur_image(X):
    """A very slight blur, which takes single-pixel noise out of generated images.

    Each pixel becomes 94% of itself, the rest from its eight neighbours; beyond an edge its pixels repeat.
    X: floats (N, C, H, W). Returns an array of the same shape.
    """
    _, _, H, W = X.shape
    kernel = np.array([[1, 2, 1], [2, 188, 2], [1, 2, 1]], dtype=X.dtype) / 200  # sums to 1
    padded = np.pad(X, [(0, 0), (0, 0), (1, 1), (1, 1)], mode="edge")  # (N, C, H+2, W+2)
    return sum(kernel[i, j] * padded[:, :, i : i + H, j : j + W] for i in range(3) for j in range(3))


def preprocess_image(img):
    """Pixels from 0 to 255, (..., 3), as the float32 numbers that an ImageNet model expects.

    Over many photographs each colour then has mean 0 and standard deviation 1.
    """
    return (np.asarray(img, dtype=np.float32) / 255.0 - SQUEEZENET_MEAN) / SQUEEZENET_STD


def deprocess_image(img, rescale=False):
    """The inverse of `preprocess_image`: uint8 pixels (..., 3), cut off at 0 and 255.

    rescale stretches the image so that its darkest value becomes 0 and its brightest 255.
    """
    img = img * SQUEEZENET_STD + SQUEEZENET_MEAN
    if rescale:
        low, high = img.min(), img.max()
        img = (img - low) / (high - low if high > low else 1)
    return np.clip(np.round(255 * img), 0, 255).astype(np.uint8)


def image_from_url(url):
    """The image at an address as uint8 (H, W, 3); when it cannot be had, None and a printed line."""
    try:
        with urlopen(url, timeout=TIMEOUT) as response:
            return _decode(BytesIO(response.read()))
    except (OSError, HTTPException) as error:  # no network, no such address, or an answer that is no image
        print(f"No image from {url}: {error}")
        return None


def load_image(filename, size=None):
    """An image file as uint8 (H, W, 3); with size, scaled so that the shorter side has that many pixels."""
    return _decode(filename, size)


def _decode(source, size=None):
    from PIL import Image

    with Image.open(source) as image:
        image = image.convert("RGB")
    if size is not None:
        scale = size / min(image.size)
        image = image.resize([max(1, round(side * scale)) for side in image.size], Image.Resampling.BILINEAR)
    return np.asarray(image)
