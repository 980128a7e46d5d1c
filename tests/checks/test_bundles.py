"""Bundles: what is sent as a few arrays comes out as it was nested, every array fresh."""

from __future__ import annotations

import numpy as np

from checks.probes.bundles import CHUNK, bundled, opened
from grader.values import Array

RNG = np.random.default_rng(3)
ARRAYS: dict[str, Array] = {
    "double": RNG.standard_normal((2, 3)),
    "single": RNG.standard_normal(4).astype(np.float32),
    "words": RNG.integers(9, size=(2, 2, 2)),
    "mask": RNG.random((3, 1)) < 0.5,
    "transposed": RNG.standard_normal((3, 2)).T,
    "none": np.zeros((0, 3)),
    "number": np.array(1.5),
}


def same(a: Array, b: Array) -> bool:
    return a.dtype == b.dtype and a.shape == b.shape and bool((a == b).all())


def test_arrays_come_out_as_they_were() -> None:
    """Values, shapes and types, wherever they stand; a type more than once is taken in order."""
    found = opened(bundled([ARRAYS, [list(ARRAYS.values()), {}, []]]))
    assert list(found[0]) == list(ARRAYS)
    for out in (found[0].values(), found[1][0]):
        assert all(same(a, b) for a, b in zip(out, ARRAYS.values(), strict=True))
    assert found[1][1:] == [{}, []]


def test_every_array_is_its_own() -> None:
    """What student code does to one changes no other, and none is read only or strange in memory."""
    bundle = bundled([list(ARRAYS.values()), list(ARRAYS.values())])
    found = opened(bundle)
    for array in found[0]:
        assert array.flags.writeable
        assert array.flags.c_contiguous
        array[...] = 1
    assert all(same(a, b) for a, b in zip(found[1], ARRAYS.values(), strict=True))
    assert all(same(a, b) for a, b in zip(opened(bundle)[0], ARRAYS.values(), strict=True))


def test_plain_values_are_kept() -> None:
    """A model's sizes, words and arguments: whole numbers stay whole, None is None."""
    plain = {"sizes": {"N": 3}, "words": {"<END>": 7, "mütze": 1}, "dtype": "float32", "more": [None, 9, 0.1]}
    assert opened(bundled([plain]))[0] == plain


def test_a_long_text_is_sent_in_parts() -> None:
    """One string on the wire has a limit."""
    parts, numbers = bundled([ARRAYS] * 500)
    assert len(parts) > 2
    assert max(map(len, parts)) <= CHUNK
    assert len(opened((parts, numbers))) == 500
