"""Random dimensions, drawn and shrunk by hypothesis, so that a failure is shown at the smallest sizes it occurs at."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.configuration import set_hypothesis_home_dir

from checks.declare import Rng
from grader.errors import FATAL, Failed, GradmarkError, NotRecorded

# What hypothesis keeps between runs belongs in a cache, not in the folder that the command was called from.
_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
set_hypothesis_home_dir(_CACHE / "gradmark" / "hypothesis")

EXAMPLES = 5
AFTER_FAILURE = 10  # examples among which a smaller failure is looked for

Sizes = Mapping[str, int]
Body = Callable[[Sizes, Rng], None]
Together = Callable[[Sequence[tuple[Sizes, Rng]]], None]


@dataclass
class _Search:
    """What one search for a failure is about: hypothesis takes apart a function once, so it is handed over aside."""

    dims: Mapping[str, tuple[int, int]]
    body: Body
    salt: int  # of the run: hypothesis begins every search with the same simplest example
    failures: list[GradmarkError] = field(default_factory=list)
    unknown: list[NotRecorded] = field(default_factory=list)  # examples that can't be judged here

    def attempt(self, data: st.DataObject) -> None:
        """One example; a failure that cost a worker is not run again."""
        sizes = {d: data.draw(st.integers(low, high)) for d, (low, high) in self.dims.items()}
        number = data.draw(st.integers(0, 2**32 - 1))
        if self.failures and isinstance(self.failures[-1], FATAL):
            raise self.failures[-1]
        try:
            self.body(sizes, np.random.default_rng([self.salt, number]))
        except NotRecorded as error:  # no failure: nobody knows
            self.unknown.append(error)
        except GradmarkError as error:
            self.failures.append(error)
            raise


_current: list[_Search] = []


@settings(
    database=None,
    deadline=None,
    phases=(Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
    report_multiple_bugs=False,
    print_blob=False,
)
@given(data=st.data())
def _search(data: st.DataObject) -> None:
    _current[-1].attempt(data)


def for_random_sizes(
    rng: Rng,
    dims: Mapping[str, tuple[int, int]],
    body: Body,
    examples: int = EXAMPLES,
    together: Together | None = None,
    search: int | None = None,
) -> None:
    """Runs `body(sizes, generator)` for random sizes; raises what the smallest failing sizes raised.

    `dims` gives the inclusive range of each size. The generator depends on the draw alone, so that an example can
    be repeated; results that change between repetitions are reported as the first failure was.

    `together` does the same for many examples at once, which saves a round trip for each. Correct work needs
    nothing else, and no search: only when it fails are `search` single examples searched for the smallest failure.
    """
    drawn = [_example(rng, dims, smallest=not i) for i in range(examples)]
    try:
        if together is None:
            for example in drawn:
                body(*example)
        else:
            together(drawn)
    except FATAL:
        raise
    except GradmarkError:
        _smallest_failure(rng, dims, body, search or (AFTER_FAILURE if together else examples))
        raise


def _example(rng: Rng, dims: Mapping[str, tuple[int, int]], smallest: bool) -> tuple[Sizes, Rng]:
    sizes = {d: low if smallest else int(rng.integers(low, high + 1)) for d, (low, high) in dims.items()}
    return sizes, np.random.default_rng(rng.integers(2**32))


def _smallest_failure(rng: Rng, dims: Mapping[str, tuple[int, int]], body: Body, examples: int) -> None:
    search = _Search(dims, body, int(rng.integers(2**32)))
    run = seed(int(rng.integers(2**63)))(_limited(examples))
    _current.append(search)
    try:
        run()
    except GradmarkError as smallest:
        if isinstance(smallest, Failed) and not smallest.hint:
            smallest.hint = _other_hint(search.failures)
        raise
    except Exception:
        if not search.failures:
            raise
        raise search.failures[-1] from None
    finally:
        _current.pop()
    if search.unknown:
        raise search.unknown[0]


def _other_hint(failures: Sequence[GradmarkError]) -> str:
    """What was to be said of a failure at larger sizes: the smallest arrays show no pattern."""
    hints = [failure.hint for failure in failures if failure.hint]
    return f"At other sizes: {hints[0]}" if hints else ""


def _limited(examples: int) -> Callable[[], None]:
    inner = _search
    inner._hypothesis_internal_use_settings = settings(  # type: ignore[attr-defined]
        inner._hypothesis_internal_use_settings, max_examples=examples  # type: ignore[attr-defined]
    )  # fmt: skip
    return inner


def text(sizes: Sizes) -> str:
    """Sizes as a reader of the report wants them: "N=1, T=2"."""
    return ", ".join(f"{name}={size}" for name, size in sizes.items())
