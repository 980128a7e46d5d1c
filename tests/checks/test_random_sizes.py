"""Random sizes: fresh for every generator, shrunk when they fail, and never repeated where that costs a worker."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from checks import random_sizes
from checks.declare import Rng
from checks.random_sizes import Sizes, for_random_sizes
from grader.errors import Failed, LimitExceeded

DIMS = {"N": (2, 6), "T": (2, 6)}


def test_sizes_differ_between_seeds_and_repeat_for_one() -> None:
    """The same generator state gives the same sizes, another one others."""

    def drawn(seed: int) -> list[tuple[int, ...]]:
        seen: list[tuple[int, ...]] = []
        for_random_sizes(
            np.random.default_rng(seed), DIMS, lambda s, g: seen.append((*s.values(), g.integers(9**9)))
        )
        return seen

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)
    assert len(drawn(1)) == 5


def test_a_failure_is_shown_at_its_smallest_sizes() -> None:
    """What fails from T = 4 on is reported with T = 4 and the smallest N."""

    def body(sizes: Sizes, rng: Rng) -> None:
        if sizes["T"] >= 4:
            raise Failed(f"N={sizes['N']}, T={sizes['T']}")

    with pytest.raises(Failed, match="N=2, T=4"):
        for_random_sizes(np.random.default_rng(0), DIMS, body, examples=30)


def test_a_failure_that_cost_a_worker_is_not_run_again() -> None:
    """A time-out is met once, not at every step of the search for a smaller case."""
    calls = []

    def body(sizes: Sizes, rng: Rng) -> None:
        calls.append(sizes)
        raise LimitExceeded("still running")

    with pytest.raises(LimitExceeded):
        for_random_sizes(np.random.default_rng(0), DIMS, body)
    assert len(calls) == 1


def test_results_that_change_are_reported_as_the_failure_they_were() -> None:
    """A submission that fails now and then is reported with its failure, not with hypothesis's complaint."""
    state = {"calls": 0}

    def body(sizes: Sizes, rng: Rng) -> None:
        state["calls"] += 1
        if state["calls"] % 2:
            raise Failed("wrong this time")

    with pytest.raises(Failed, match="wrong this time"):
        for_random_sizes(np.random.default_rng(0), DIMS, body)


def test_a_fault_of_a_check_is_not_swallowed() -> None:
    """An exception that is no verdict comes out as it is."""

    def body(sizes: Sizes, rng: Rng) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        for_random_sizes(np.random.default_rng(0), DIMS, body)


@pytest.mark.parametrize("together", [True, False])
def test_right_work_is_not_searched(together: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Examples that pass are all that is needed: the search, which is slow, is for failures."""
    monkeypatch.delattr(random_sizes, "_smallest")
    seen: list[int] = []

    def one(sizes: Sizes, rng: Rng) -> None:
        seen.append(sizes["N"])

    def many(examples: Sequence[tuple[Sizes, Rng]]) -> None:
        seen.extend(sizes["N"] for sizes, _ in examples)

    for_random_sizes(np.random.default_rng(0), DIMS, one, 7, together=many if together else None)
    assert len(seen) == 7
    assert seen[0] == 2


@pytest.mark.parametrize("together", [True, False])
def test_a_failure_that_the_search_does_not_find_is_told(together: bool) -> None:
    """What failed first counts, though no single example fails again."""
    asked: list[Sizes] = []

    def one(sizes: Sizes, rng: Rng) -> None:
        asked.append(sizes)
        if not together and len(asked) == 3:
            raise Failed("wrong once")

    def many(examples: Sequence[tuple[Sizes, Rng]]) -> None:
        raise Failed("wrong once")

    with pytest.raises(Failed, match="wrong once"):
        for_random_sizes(np.random.default_rng(0), DIMS, one, together=many if together else None, search=4)
    assert len(asked) == (
        5 if together else 3 + 5 + 5
    )  # one of the smallest sizes, four found, all of them again
