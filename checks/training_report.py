"""Curves and pictures of a training run, for its report: small, bounded, and made from the grader's own numbers."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from grader.data.captions import Captions
from grader.results import Curve, Detail, Note, Picture
from grader.training.bars import Bar
from grader.training.course import Course, Metrics, number
from grader.training.recurrent import Lesson, text
from grader.values import Array

SHOWN = 4  # captions with their images
DIGITS = 40  # generated digits in the grid
LARGEST = 1 << 20  # points of an image that is shown


def curves(course: Course) -> list[Detail]:
    """A curve for each bar."""
    return [_curve(bar, course) for bar in course.bars]


def _curve(bar: Bar, course: Course) -> Curve:
    points = [point for point in course.curve(bar.metric) if np.isfinite(point[1])]
    end = f"{number(course.last[bar.metric])} after {course.history[-1][0]}"
    title = f"{bar.title} over the training steps: {end}"
    return Curve(
        title=f"{title[0].upper()}{title[1:]}{', where training stopped as all bars were met' if course.met else ''}",
        x="steps",
        y=bar.title,
        points=tuple(points),
        bar=bar.value,
        better=bar.better,
    )


def caption_pictures(data: Captions, lesson: Lesson, sampled: Array) -> list[Detail]:
    """Sampled captions with their images, where those are local files."""
    found: list[Detail] = []
    for row in range(min(SHOWN, len(sampled))):
        wrote, right = text(sampled[row], lesson), text(lesson.captions[row, 1:], lesson)
        said = f"{wrote} (as in the data)" if wrote == right else f"{wrote}; the data says: {right}"
        png = _as_png(data.picture(int(lesson.images[row])))
        if png:
            found.append(Picture(title=said, png=png, scale=2))
    return found


def digits_picture(drawn: Array) -> Picture:
    """Generated digits (N, 784) in [-1, 1] in a grid."""
    images = ((drawn[:DIGITS].reshape(-1, 28, 28) + 1) * 127.5).clip(0, 255).astype(np.uint8)
    title = "What the generator draws: your trained parameters in the reference's generator"
    return Picture(title=title, png=grid(images, 10), scale=2)


def compared(before: Metrics, after: Metrics) -> Note:
    """Accuracies of a linear classifier and of nearest neighbours with and without the training."""
    rows = [f"{'':24}{'untrained':>10}{'trained':>10}"]
    for metric, title in (("linear", "linear classifier"), ("neighbours", "nearest neighbours")):
        rows.append(f"{title:24}{before[metric]:>10.0%}{after[metric]:>10.0%}")
    return Note(title="Top-1 accuracy with and without self-supervised training", text="\n".join(rows))


def _as_png(content: bytes) -> bytes:
    """The image anew as PNG; empty for what is no image or too large."""
    try:
        with Image.open(io.BytesIO(content)) as image:
            if image.width * image.height > LARGEST:
                return b""
            image.load()
            image.thumbnail((160, 160))
            return encoded(image.convert("RGB"))
    except (OSError, ValueError):
        return b""


def encoded(image: Image.Image) -> bytes:
    """PNG bytes."""
    out = io.BytesIO()
    image.save(out, "PNG", optimize=True)
    return out.getvalue()


def grid(images: Array, columns: int) -> bytes:
    """Grey images (N, H, W) of bytes side by side as PNG."""
    count, height, width = images.shape
    rows = -(-count // columns)
    sheet = np.zeros((rows * (height + 1) - 1, columns * (width + 1) - 1), np.uint8)
    for number_, image in enumerate(images):
        top, left = (number_ // columns) * (height + 1), (number_ % columns) * (width + 1)
        sheet[top : top + height, left : left + width] = image
    return encoded(Image.fromarray(sheet))
