"""A quick acquittal: a training transform that gives the reference's very views, drawn from the same seeds.

torchvision's steps in the handed-out order draw the same numbers as the reference's, so that from one seed every view
comes out the same. A step of another probability shows wherever a draw falls between the two, so the reference chooses
seeds from which the draw for each step is next to its probability: on either side, and whatever became of the steps
before. Whatever the sequential tests of `checks.augmentation` would refute gives another view from one of these. Other
strengths, another normalisation or another crop show in every view; a seed that the transform sets shows in views that
are drawn in a row. Views that differ mean nothing: another order of drawing is as right, and those tests judge it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from checks.augmentation import MEAN, STD, made, seeded_views, views
from checks.calls import items_of
from checks.probes.augmentation import fingerprint, levels
from checks.shared import kept
from grader.errors import FATAL, Failed, NotRecorded
from grader.values import Array, ScalarValue, Value

if TYPE_CHECKING:
    from checks.declare import Rng
    from grader.subject import Subject

ROW = 6  # views in a row of each picture
SIZES = ((32, 32), (40, 57))
WHOLE = 0.01  # of a level: rounding of float32 is a hundredth of it


def same_views(student: Subject, reference: Subject, rng: Rng) -> bool:
    """Whether the views are the reference's; found out once for each submission.

    Raises what ends the process; whatever else is wrong is for the check to find.
    """
    known: dict[str, bool] = kept(student, "same_views")
    if not known:
        known[""] = _compared(student, reference, rng)
    return known[""]


def _compared(student: Subject, reference: Subject, rng: Rng) -> bool:
    seed, pictures = int(rng.integers(2**31)), [colourful(rng, *size) for size in SIZES]
    transform = made(student, seed)
    try:
        expected = reference.probe("augmentation", "expected", seed, pictures, ROW, MEAN, STD)
        in_a_row, chosen, seeded = items_of(expected, 3)
        seeds = [_number(value) for value in items_of(chosen)]
        if not seeds or _whole(views(student, transform, pictures, ROW)) != in_a_row:
            return False
        return _whole(seeded_views(student, transform, pictures[-1], seeds)) == seeded
    except FATAL:
        raise
    except (Failed, NotRecorded):
        return False
    finally:
        student.release(transform)


def _number(value: Value) -> int:
    assert isinstance(value, ScalarValue)
    assert isinstance(value.data, int)
    return value.data


def _whole(found: Array) -> ScalarValue:
    """The fingerprint of views whose levels are whole numbers, as a picture's are; an empty one of others."""
    seen = levels(found, MEAN, STD)
    return ScalarValue(fingerprint(seen) if np.abs(seen - np.rint(seen)).max() < WHOLE else "")


def colourful(rng: Rng, height: int, width: int) -> Array:
    """A picture (height, width, 3) of squares of 4 x 4 in random colours, each channel of some at its limits."""
    drawn = rng.integers(-64, 320, size=(-(-height // 4), -(-width // 4), 3)).clip(0, 255).astype(np.uint8)
    return np.asarray(drawn.repeat(4, axis=0).repeat(4, axis=1)[:height, :width])
