"""Judging a function by itself when what it is built from is wrong: the same stand-in on both sides.

A loss built from a wrong similarity is wrong, but that mistake was counted with the similarity. So a failing check
is repeated with another, arbitrary similarity in the student's and in the reference's process; if the two agree then,
the function itself is right.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from grader.errors import Blocked, Crashed, Failed, LimitExceeded, ProtocolViolation, Verdict

if TYPE_CHECKING:
    from checks.declare import Rng
    from grader.subject import Subject

Body = Callable[["Subject", "Subject", "Rng", Any], None]
FATAL = (LimitExceeded, Crashed, ProtocolViolation)  # not repeated: each costs a worker


def in_itself(*names: str) -> Callable[[Body], Body]:
    """A check that passes as well when it passes with stand-ins for these functions of the SimCLR part."""

    def decorate(body: Body) -> Body:
        if not names:
            return body

        @functools.wraps(body)
        def run(student: Subject, reference: Subject, rng: Rng, advise: Any) -> None:
            state = rng.bit_generator.state
            try:
                body(student, reference, rng, advise)
            except Failed as own:
                if isinstance(own, FATAL):
                    raise
                rng.bit_generator.state = state
                if not _right_with_stand_ins(
                    lambda: body(student, reference, rng, advise), student, reference, names
                ):
                    raise
                parts = " or ".join(f"`{name}`" for name in names)
                advise(f"This is right in itself, and wrong with your own {parts}: {own.message}")

        return run

    return decorate


def _right_with_stand_ins(
    attempt: Callable[[], None], student: Subject, reference: Subject, names: tuple[str, ...]
) -> bool:
    try:
        with _replaced(student, names), _replaced(reference, names):
            attempt()
    except (Failed, Blocked):
        return False
    return True


@contextmanager
def _replaced(subject: Subject, names: tuple[str, ...]) -> Iterator[None]:
    subject.probe("simclr", "substitute", *names)
    try:
        yield
    finally:
        with suppress(Verdict):  # the worker may be gone, and the stand-ins with it
            subject.probe("simclr", "restore")
