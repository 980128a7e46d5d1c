"""Random dimensions, drawn and shrunk by hypothesis, so that a failure is shown at the smallest sizes it occurs at."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.configuration import set_hypothesis_home_dir

from checks.declare import Rng
from grader.brief import briefly, is_brief
from grader.errors import FATAL, Failed, GradmarkError, NotRecorded
from grader.randomness import generator

# What hypothesis keeps between runs belongs in a cache, not in the folder that the command was called from.
_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
set_hypothesis_home_dir(_CACHE / "gradmark" / "hypothesis")

EXAMPLES = 5
AFTER_FAILURE = 10  # examples among which a smaller failure is looked for

Sizes = Mapping[str, int]
Body = Callable[[Sizes, Rng], None]
Together = Callable[[Sequence[tuple[Sizes, Rng]]], None]


class Example(NamedTuple):
    """Sizes, and the seed of what else is drawn: it can be repeated."""

    sizes: Sizes
    seed: list[int]

    def drawn(self) -> tuple[Sizes, Rng]:
        """The sizes and a new generator."""
        return self.sizes, generator(*self.seed)


@dataclass
class _Search:
    """What one search for a failure is about: hypothesis takes apart a function once, so it is handed over aside."""

    dims: Mapping[str, tuple[int, int]]
    body: Body
    salt: int  # of the run: hypothesis begins every search with the same simplest example
    failures: list[GradmarkError] = field(default_factory=list)
    smallest: Example | None = None

    def attempt(self, data: st.DataObject) -> None:
        """One example; a failure that cost a worker is not run again."""
        sizes = {d: data.draw(st.integers(low, high)) for d, (low, high) in self.dims.items()}
        example = Example(sizes, [self.salt, data.draw(st.integers(0, 2**32 - 1))])
        if self.failures and isinstance(self.failures[-1], FATAL):
            raise self.failures[-1]
        try:
            self.body(*example.drawn())
        except NotRecorded:  # no failure: nobody knows
            pass
        except GradmarkError as error:
            self.failures.append(error)
            self.smallest = example  # so far; hypothesis ends with it
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

    def run() -> None:
        if together is not None:
            together([example.drawn() for example in drawn])
            return
        for example in drawn:
            body(*example.drawn())

    try:
        with briefly():
            run()
        return
    except FATAL:
        raise
    except GradmarkError as error:
        if is_brief():
            raise
        failure = error
    most = search or (AFTER_FAILURE if together else examples)
    try:
        _explain(_smallest(rng, dims, body, drawn[0], most), body, run)
    except NotRecorded as unknown:
        if not _about_failure(unknown):
            raise failure from None
        raise
    raise failure


def _example(rng: Rng, dims: Mapping[str, tuple[int, int]], smallest: bool) -> Example:
    sizes = {d: low if smallest else int(rng.integers(low, high + 1)) for d, (low, high) in dims.items()}
    return Example(sizes, [int(rng.integers(2**32))])


def _explain(example: Example | None, body: Body, run: Callable[[], None]) -> None:
    """Raises what the smallest failing example raises, this time for a reader; else what all of them do."""
    try:
        if example is not None:
            body(*example.drawn())
    except NotRecorded:
        pass
    except Failed as failure:
        if not failure.hint:
            failure.hint = _other_hint(run)
        raise
    run()


def _about_failure(unknown: BaseException) -> bool:
    """Whether an answer was missing where more was to be said of a failure, which is known then."""
    before = unknown.__context__
    return before is not None and (isinstance(before, Failed) or _about_failure(before))


def _other_hint(run: Callable[[], None]) -> str:
    """What is to be said of a failure at larger sizes: the smallest arrays show no pattern."""
    try:
        run()
    except Failed as failure:
        return f"At other sizes: {failure.hint}" if failure.hint else ""
    except GradmarkError:
        pass
    return ""


def _smallest(
    rng: Rng, dims: Mapping[str, tuple[int, int]], body: Body, first: Example, examples: int
) -> Example | None:
    """The smallest failing example: the first, of the smallest sizes, or what a search finds. Raises what is fatal."""
    search = _Search(dims, body, int(rng.integers(2**32)))
    with briefly():
        try:
            body(*first.drawn())
        except FATAL:
            raise
        except NotRecorded:
            pass
        except GradmarkError:
            return first
        run = seed(int(rng.integers(2**63)))(_limited(examples))
        _current.append(search)
        try:
            run()
        except FATAL:
            raise
        except Exception:
            if not search.failures:
                raise
        finally:
            _current.pop()
    return search.smallest


def _limited(examples: int) -> Callable[[], None]:
    inner = _search
    inner._hypothesis_internal_use_settings = settings(  # type: ignore[attr-defined]
        inner._hypothesis_internal_use_settings, max_examples=examples  # type: ignore[attr-defined]
    )  # fmt: skip
    return inner


def text(sizes: Sizes) -> str:
    """Sizes as a reader of the report wants them: "N=1, T=2"."""
    return ", ".join(f"{name}={size}" for name, size in sizes.items())
