"""The level of isolation, named by what a throw-away worker was refused, not by what it says it has applied."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

FULL, STRICT, SECCOMP_ONLY, PROCESS = "full", "strict", "seccomp-only", "process"
LEVELS = (PROCESS, SECCOMP_ONLY, STRICT, FULL)  # weakest first
RECOMMENDED = STRICT  # for grading other people's work

# What only namespaces hide: that something is there.
_SIGHT = ("see that files exist", "see that processes exist")

# What system calls can be refused without knowing paths.
_CALLS = (
    "connect by TCP",
    "send by UDP",
    "connect to a local service",
    "send signals",
    "have signals sent",
    "limit other processes",
    "start processes",
    "run programs",
    "allocate outside its limit",
    "raise its limits",
)


def name(refused: Mapping[str, bool]) -> str:
    """The level at which these attempts are refused.

    full          all of them: nothing but the libraries and the submission can even be asked for
    strict        all but seeing that a file or a process exists
    seccomp-only  all but those on files, which the user's own rights decide
    process       less: an own process with limits, trusted comparison, no secrets in it
    """
    if refused and all(held for what, held in refused.items() if what not in _SIGHT):
        return FULL if all(refused.get(what) for what in _SIGHT) else STRICT
    return SECCOMP_ONLY if all(refused.get(call) for call in _CALLS) else PROCESS


def detail(layers: Sequence[str], refused: Mapping[str, bool]) -> tuple[str, ...]:
    """The layers in force, then what a submission is able to do nevertheless."""
    return (*layers, *(f"not prevented: {what}" for what, held in refused.items() if not held))


def reaches(actual: str, wanted: str) -> bool:
    """Whether level `actual` is at least `wanted`. Raises `ValueError` for a name that is no level."""
    return LEVELS.index(actual) >= LEVELS.index(wanted)
