"""Random dimensions, drawn and shrunk by hypothesis, so that a failure is shown at the smallest sizes it occurs at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from checks.declare import Rng
from grader.errors import Crashed, GradmarkError, LimitExceeded, ProtocolViolation

EXAMPLES = 5
FATAL = (LimitExceeded, Crashed, ProtocolViolation)  # each costs a worker: never repeated to find a smaller case

Sizes = Mapping[str, int]
Body = Callable[[Sizes, Rng], None]


def for_random_sizes(rng: Rng, dims: Mapping[str, tuple[int, int]], body: Body, examples: int = EXAMPLES) -> None:
    """Runs `body(sizes, generator)` for random sizes; raises what the smallest failing sizes raised.

    `dims` gives the inclusive range of each size. The generator depends on the draw alone, so that an example can
    be repeated; results that change between repetitions are reported as the first failure was.
    """
    failures: list[GradmarkError] = []

    @seed(int(rng.integers(2**63)))
    @settings(
        max_examples=examples,
        database=None,
        deadline=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
        print_blob=False,
    )
    @given(
        sizes=st.fixed_dictionaries({d: st.integers(low, high) for d, (low, high) in dims.items()}),
        number=st.integers(0, 2**32 - 1),
    )
    def run(sizes: Sizes, number: int) -> None:
        if failures and isinstance(failures[-1], FATAL):
            raise failures[-1]
        try:
            body(sizes, np.random.default_rng(number))
        except GradmarkError as error:
            failures.append(error)
            raise

    _first_failure(run, failures)


def _first_failure(run: Callable[[], Any], failures: list[GradmarkError]) -> None:
    """Calls `run`; hypothesis's own report of an unstable example gives way to the failure behind it."""
    try:
        run()
    except GradmarkError:
        raise
    except Exception:
        if not failures:
            raise
        raise failures[-1] from None


def text(sizes: Sizes) -> str:
    """Sizes as a reader of the report wants them: "N=1, T=2"."""
    return ", ".join(f"{name}={size}" for name, size in sizes.items())


