"""What the level of isolation means for whoever runs gradmark: a refusal, a warning, or nothing to say."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Sequence

from grader.errors import UsageError
from grader.sandbox import portable
from grader.sandbox.client import Zygote
from grader.sandbox.level import LEVELS, RECOMMENDED, reaches

MEANING = {
    "full": "student code sees the libraries, its own submission and a small scratch folder, and nothing else",
    "strict": "student code can't read other files, start processes, use the network or leave its limits",
    "seccomp-only": "student code can't start processes or use the network, but reads and writes all your files",
    "process": "student code runs with all your rights, in a process of its own with limits",
}


def demand(actual: str, detail: Sequence[str], wanted: str) -> None:
    """Raises `UsageError` unless the level `actual` reaches `wanted` ("" wants nothing)."""
    if not wanted:
        return
    if wanted not in LEVELS:
        raise UsageError(f"{wanted!r} is no level of isolation.", f"There are {', '.join(LEVELS)}.")
    if not reaches(actual, wanted):
        raise UsageError(
            f"This machine isolates student code at level {actual!r}, below {wanted!r}: nothing was run.",
            "`gradmark doctor` says what is missing and how to get it. " + _not_prevented(detail),
        )


def warning(actual: str, detail: Sequence[str]) -> tuple[str, ...]:
    """Lines for whoever grades at a level below the recommended one; none at or above it."""
    if actual not in LEVELS or reaches(actual, RECOMMENDED):
        return ()
    return (
        f"Student code is not isolated enough: level {actual!r}, recommended {RECOMMENDED!r}.",
        f"Here {MEANING[actual]}.",
        _not_prevented(detail),
        "Your own work can be checked like this. Before you grade others', run `gradmark doctor`.",
    )


def _not_prevented(detail: Sequence[str]) -> str:
    missing = [fact.removeprefix("not prevented: ") for fact in detail if fact.startswith("not prevented: ")]
    return f"Not prevented: {', '.join(missing)}." if missing else "Nothing is known to be prevented."


def boxed(lines: Sequence[str], width: int = 96) -> str:
    """Lines in a frame of plain characters that no terminal, log or pipe hides."""
    rows = [row for line in lines for row in textwrap.wrap(line, width - 4)]
    edge = "!" * width
    return "\n".join([edge, *(f"! {row:<{width - 4}} !" for row in rows), edge])


def here() -> tuple[str, tuple[str, ...]]:
    """The level of this machine and its details, from a worker without torch (0.5 s)."""
    with Zygote.start(preload=("numpy",)) as zygote:
        return zygote.isolation, zygote.isolation_detail


def admit(actual: str, detail: Sequence[str], wanted: str) -> None:
    """Lets a run begin at level `actual`, with a boxed warning on standard error below the recommended one.

    Raises `UsageError` when that is below `wanted`.
    """
    if portable.NEEDED:
        raise UsageError(
            "Windows itself can't isolate submissions: nothing was run.",
            "Use WSL 2: `wsl --install`, then install and run gradmark in its Linux. `gradmark check` runs here.",
        )
    demand(actual, detail, wanted)
    if lines := warning(actual, detail):
        print(boxed(lines), file=sys.stderr, flush=True)
