"""What several checks of one run have in common: inputs that do not hang on which of them asks first."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from checks.declare import Rng
from grader.errors import CallError, Failed
from grader.randomness import generator
from grader.values import Value

if TYPE_CHECKING:
    from grader.sandbox.client import Argument
    from grader.subject import Subject


def seed_of(rng: Rng) -> int:
    """The seed of the run that a check's generator was made from."""
    entropy = getattr(rng.bit_generator.seed_seq, "entropy", 0)
    return int(np.atleast_1d(np.asarray(entropy, dtype=object))[0] or 0)


def common(rng: Rng, name: str) -> Rng:
    """A generator that is the same for this name in all checks of a run."""
    digest = hashlib.sha256(name.encode()).digest()
    return generator(seed_of(rng), int.from_bytes(digest[:8], "big"))


def at_once(student: Subject, module: str, probe: str, *args: Argument) -> Value | None:
    """What a probe gives that does several things in one go; None when one of them goes wrong.

    Which one, and what is to be said about it, comes out when they are done one by one.
    """
    try:
        return student.probe(module, probe, *args)
    except CallError:
        return None


def kept(subject: Subject, name: str) -> dict[Any, Any]:
    """What checks keep of a subject from one to the next, under this name: it is gone when the subject is closed."""
    return subject.kept.setdefault(name, {})


def once(student: Subject, rng: Rng, name: str, ask: Callable[[], Value | None]) -> Value | None:
    """What `ask` gives, asked by the first check of a run that wants what goes by this name."""
    found, key = kept(student, "once"), (seed_of(rng), name)
    if key not in found:
        found[key] = ask()
    value: Value | None = found[key]
    return value


def holds(expectation: Callable[[], object]) -> bool:
    """Whether it raises no `Failed`."""
    try:
        expectation()
    except Failed:
        return False
    return True
