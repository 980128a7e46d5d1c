"""Generators are those of numpy, however often they are made."""

from __future__ import annotations

import numpy as np
import pytest

from checks.shared import seed_of
from grader.randomness import generator


@pytest.mark.parametrize("entropy", [(0,), (5, 2**63), (231, 0, 7)])
def test_the_same_numbers_as_numpy_draws(entropy: tuple[int, ...]) -> None:
    """Also the second time, when nothing is worked out any more; one does not draw from another."""
    for _ in range(2):
        first, wanted = generator(*entropy), np.random.default_rng(entropy)
        assert first.normal(size=5).tolist() == wanted.normal(size=5).tolist()
        assert first.integers(10, size=5).tolist() == wanted.integers(10, size=5).tolist()
        assert first.bit_generator.state == wanted.bit_generator.state


def test_the_seed_of_the_run_can_be_read() -> None:
    """As from numpy's own."""
    assert seed_of(generator(231, 7)) == seed_of(np.random.default_rng([231, 7])) == 231


def test_another_state_than_that_of_pcg64_is_worked_out() -> None:
    """Whoever makes another generator from the same entropy gets numpy's."""
    mine = np.random.MT19937(generator(3, 4).bit_generator.seed_seq)
    assert np.array_equal(mine.random_raw(4), np.random.MT19937(np.random.SeedSequence((3, 4))).random_raw(4))
