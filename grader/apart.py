"""Each mistake costs once: a check that fails is repeated without those functions of the student's that are wrong.

Two ways. Something else stands in for a wrong function, the same in the student's and in the reference's process: if
the two agree then, what is built on it is right in itself. And a backward pass, which reads what its own wrong forward
pass left for it, is given a cache with the reference's values in it. The solution itself never enters the student's
process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

from grader.brief import briefly
from grader.errors import FATAL, NotRecorded, Verdict
from grader.results import CheckResult, Outcome
from grader.subject import Subject
from grader.values import ScalarValue, SequenceValue

MOST_LOST = 2  # workers; the submission's other files need the rest
PROBES = "stand_ins"

Group = tuple[str, ...]
"""Functions that are replaced together: "rnn_layers.rnn_forward" and its backward pass."""


class Apart:
    """Repeats failed checks; `results` are those so far, by id, and `specs` what they are about."""

    def __init__(
        self, student: Subject, reference: Subject, specs: Mapping[str, Any], results: Mapping[str, CheckResult]
    ) -> None:  # fmt: skip
        self._student = student
        self._reference = reference
        self._specs = specs
        self._results = results
        self._ids: dict[str, list[str]] = {}  # of the checks of each function
        for id, spec in specs.items():
            self._ids.setdefault(_function(spec), []).append(id)
        self._lost = 0  # workers in attempts
        self.unjudged: tuple[str, ...] = ()  # wrong functions without which nobody knows the answer here
        self.deadly: set[str] = set()  # functions in whose checks a worker was lost: never called again
        self._blamed: dict[
            str, tuple[str, ...]
        ] = {}  # by a function that is right without them: the wrong ones

    def helps(self, spec: Any) -> bool:
        """Whether the check is built upon other functions, and its own earlier checks passed."""
        own = (
            r for r in map(self._results.get, spec.requires) if r is not None and r.function == spec.function
        )
        replaceable = (spec.stand_ins or spec.forward) and self._lost < MOST_LOST
        return bool(replaceable) and all(r.outcome is Outcome.PASSED for r in own)

    def first(self, spec: Any) -> bool:
        """Whether the check is built upon a deadly function, so that it is better judged without it at once."""
        return self.helps(spec) and any(self._deadly(name) for pair in spec.stand_ins for name in pair)

    def doubts(self, spec: Any) -> bool:
        """Whether something that the check is built from is known to be wrong, and can be replaced."""
        wrong = any(self.state(name) is False for pair in spec.stand_ins for name in pair)
        return (wrong or self.state(spec.forward, alone=True) is False) and self.helps(spec)

    def told(self, spec: Any) -> bool:
        """Whether an earlier check of its function says what wrong parts make of it, and all passed without them."""
        found = [self._results[id] for id in self._ids[_function(spec)] if id in self._results]
        return all(r.outcome is Outcome.PASSED for r in found) and any(r.own_parts for r in found)

    def _deadly(self, name: str) -> bool:
        return bool(self.deadly.intersection([name, *self._blamed.get(name, ())]))

    def right_without(self, spec: Any, attempt: Callable[[], None], mend: bool = True) -> tuple[str, ...]:
        """The functions without which the check passes; none if it fails all the same, or none of them is wrong.

        mend: whether a cache with right values in it may show that when nothing is known of the forward pass.
        """
        self.unjudged = ()
        mend = mend or self.state(spec.forward, alone=True) is False
        for groups, mended in self._attempts(spec):
            if mended and not mend:
                continue
            if self._lost < MOST_LOST and self._passes(attempt, groups, mended, spec.forward):
                wrong = self._roots([name for group in groups for name in group] + [spec.forward] * mended)
                self._blamed[_function(spec)] = wrong
                return tuple(name.partition(".")[2] for name in wrong)
        return ()

    def _roots(self, names: Sequence[str]) -> tuple[str, ...]:
        """Which of these functions are wrong by themselves, and on which wrong ones the others are built."""
        found = []
        for name in names:
            if self.state(name, alone=True) is False:
                found.append(name)
            else:
                found += self._blamed.get(name, ())
        return tuple(dict.fromkeys(found or names))

    def _attempts(self, spec: Any) -> Iterator[tuple[Sequence[Group], bool]]:
        """What to replace, and whether to mend the cache: all that is wrong, then each alone."""
        wrong = [group for group in spec.stand_ins if any(self.state(name) is False for name in group)]
        if not wrong:  # in a partial run nothing may be known
            wrong = [g for g in spec.stand_ins if all(self.state(name) is None for name in g)]
        mendable = bool(spec.forward) and self.state(spec.forward, alone=True) is not True
        mendable = mendable and not self._deadly(spec.forward)
        for groups in [wrong, *([group] for group in wrong if len(wrong) > 1)]:
            if groups:
                yield groups, False
            if mendable:
                yield groups, True

    def state(self, name: str, alone: bool = False) -> bool | None:
        """Whether all checks of a function passed (`alone`: in itself will do); None: not judged."""
        found = [self._results[id] for id in self._ids.get(name, ()) if id in self._results]
        if not found:
            return None
        return all(r.outcome is Outcome.PASSED and (alone or not r.own_parts) for r in found)

    def _passes(
        self, attempt: Callable[[], None], groups: Sequence[Group], mended: bool, forward: str
    ) -> bool:
        try:
            with ExitStack() as stack:
                for subject in (self._student, self._reference):
                    stack.enter_context(subject.aside())
                    stack.enter_context(
                        _replaced(subject, groups, [n for g in groups for n in g if self._deadly(n)])
                    )
                if mended:
                    stack.enter_context(_mended(self._student, self._reference))
                stack.enter_context(briefly())
                attempt()
                return self._called(groups)
        except NotRecorded:
            wrong = [name for group in groups for name in group] + [forward] * mended
            names = tuple(name.partition(".")[2] for name in wrong if self.state(name) is False)
            self.unjudged = self.unjudged or names
            return False
        except Verdict as verdict:
            self._lost += isinstance(verdict, FATAL)
            return False

    def _called(self, groups: Sequence[Group]) -> bool:
        """Whether the student's code used every stand-in; else it shows nothing."""
        for group in groups:
            value = self._student.probe(PROBES, "counts", *group)
            counts = value.items if isinstance(value, SequenceValue) else ()
            if not any(isinstance(count, ScalarValue) and count.data for count in counts):
                return False
        return True


def _function(spec: Any) -> str:
    return f"{spec.module}.{spec.function}"


@contextmanager
def _replaced(subject: Subject, groups: Sequence[Group], deadly: Sequence[str]) -> Iterator[None]:
    if not groups:
        yield
        return
    subject.probe(PROBES, "substitute", [name for group in groups for name in group], list(deadly))
    try:
        yield
    finally:
        with suppress(Verdict):  # the worker may be gone, and the stand-ins with it
            subject.probe(PROBES, "restore")


@contextmanager
def _mended(student: Subject, reference: Subject) -> Iterator[None]:
    student.mender = reference
    try:
        yield
    finally:
        student.mender = None
