"""A quick acquittal: a training transform that gives the reference's very views, drawn from the same seed.

torchvision's steps in the handed-out order draw the same numbers as the reference's, so that with one seed every view
comes out the same. A step of another probability, strength or place gives another view wherever a draw falls between:
grey in 10 % of views instead of 20 % shows in one view of ten, and VIEWS views are all the same once in 800 times,
which is less than the sequential tests of `checks.augmentation` miss. Views that differ mean nothing: another order
of drawing is as right, and those tests judge it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np

from checks.augmentation import MEAN, ROUND, STD, made, views
from checks.probes.simclr import fingerprint, levels
from grader.errors import FATAL, CallError, Failed, NotRecorded
from grader.values import Array, ScalarValue, SequenceValue

if TYPE_CHECKING:
    from checks.declare import Rng
    from grader.subject import Subject

FIRST = 8  # of each picture: a transform that draws in another way is found out by them
VIEWS = 2 * FIRST + 2 * ROUND
WHOLE = 0.01  # of a level: rounding of float32 is a hundredth of it
SIZES = ((32, 32), (40, 57))

_same: WeakKeyDictionary[Subject, bool] = WeakKeyDictionary()


def same_views(student: Subject, reference: Subject, rng: Rng) -> bool:
    """Whether VIEWS views in a row are the reference's; found out once for each submission.

    Raises what ends the process; whatever else is wrong is for the check to find.
    """
    if student not in _same:
        _same[student] = _compared(student, reference, rng)
    return _same[student]


def _compared(student: Subject, reference: Subject, rng: Rng) -> bool:
    seed, pictures = int(rng.integers(2**31)), [colourful(rng, *size) for size in SIZES]
    rounds = [(pictures, FIRST), *[(pictures[1:], ROUND)] * 2]
    transform = made(student, seed)
    try:
        expected = reference.probe("simclr", "fingerprints", seed, rounds, MEAN, STD)
        assert isinstance(expected, SequenceValue)
        return all(
            ScalarValue(_whole(views(student, transform, shown, count))) == right
            for (shown, count), right in zip(rounds, expected.items, strict=True)
        )
    except FATAL:
        raise
    except (CallError, Failed, NotRecorded):
        return False
    finally:
        student.release(transform)


def _whole(found: Array) -> str:
    """The fingerprint of views whose levels are whole numbers, as a picture's are; none of others."""
    seen = levels(found, MEAN, STD)
    return fingerprint(seen) if np.abs(seen - np.rint(seen)).max() < WHOLE else ""


def colourful(rng: Rng, height: int, width: int) -> Array:
    """A picture (height, width, 3) of squares of 4 x 4 in random colours, each channel of some at its limits."""
    drawn = rng.integers(-64, 320, size=(-(-height // 4), -(-width // 4), 3)).clip(0, 255).astype(np.uint8)
    return np.asarray(drawn.repeat(4, axis=0).repeat(4, axis=1)[:height, :width])
