"""Names the mistake behind a failed check: a known one, when the submission answers as the reference with it would.

A known mistake is a small variation of the reference. The failed check is repeated with the varied reference in the
student's place; when all that it answers equals all that the submission answered, on two sets of inputs, the mistake's
sentence explains the failure. Nothing here changes an outcome or a point.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Protocol, Self

import msgspec
import numpy as np

from grader.errors import SandboxError, Verdict
from grader.judge import generator
from grader.plugin import Collected
from grader.reference import Reference
from grader.replay import Replays, Variations
from grader.results import CheckResult, KnownMistake, Limits, Outcome
from grader.sandbox.client import Zygote
from grader.subject import Heard, Subject
from grader.values import Array, ArrayValue, Handle, MappingValue, ScalarValue, SequenceValue, Value

MOST_REPLAYS = 150  # per submission, about 10 ms each: counted, not timed, so that every run says the same
MOST_KEPT = 4000  # replays kept for the next submissions with the same seed
STRICT, STRICT_SINGLE = 1e-10, 1e-6  # where single precision counts as a difference
EXACT, SINGLE = 1e-7, 1e-4  # relative to an array's greatest element: equal in double and in single precision
SECOND = 0x5EC0  # what the seed of the second set of inputs differs by


class Mistake(Protocol):
    """What is needed of a known mistake (see `checks.mistakes.declare.Mistake`)."""

    @property
    def id(self) -> str: ...
    @property
    def function(self) -> str: ...
    @property
    def sentence(self) -> str: ...
    @property
    def hint(self) -> str: ...
    @property
    def caught_by(self) -> tuple[str, ...]: ...


Vary = Callable[[Any, Path], tuple[str, str]]
"""Path and text of the file that a mistake changes, given the mistake and the folder of the reference."""


class _Different(BaseException):
    """The answers differ already. No `Exception`: a search for the smallest failure in the check must not go on."""


class _Answers(list[Heard]):
    """Answers in their order, as they are heard; ends the check at the first that differs from `like`."""

    def __init__(self, like: Sequence[Heard] | None) -> None:
        super().__init__()
        self._like = like
        self.cut = False  # there would have been more

    def __iadd__(self, more: Iterable[Heard]) -> Self:  # type: ignore[misc, override]
        self.extend(more)
        if self._like is not None and not _begins(self, self._like):
            self.cut = True
            raise _Different
        return self


class Explainer:
    """Explains failed checks of one submission after the other; keeps what known mistakes answered.

    checks: all that may have failed; mistakes: the known ones; vary: makes a mistake's file.
    """

    def __init__(
        self, zygote: Zygote, reference: Reference, limits: Limits, checks: Iterable[Collected],
        mistakes: Iterable[Mistake], vary: Vary,
    ) -> None:  # fmt: skip
        self._zygote = zygote
        self._reference = reference
        self._limits = msgspec.structs.replace(
            limits, call_seconds=40.0, call_cpu_seconds=5.0, submission_seconds=60.0
        )
        self._checks = {check.spec.id: check for check in checks}
        self._vary = vary
        self._by_function: dict[str, list[Mistake]] = {}
        for mistake in mistakes:
            self._by_function.setdefault(mistake.function, []).append(mistake)
        self._kept: OrderedDict[tuple[str, str, int], _Answers] = OrderedDict()
        self._replays = 0
        self._texts: dict[str, tuple[str, str]] = {}
        self._varied = Variations(zygote, reference, self._limits)

    def close(self) -> None:
        """Ends the process that plays the mistakes."""
        self._varied.remove()

    def explain(
        self, folder: Path, results: Mapping[str, CheckResult], repeatable: Iterable[str], seed: int
    ) -> dict[str, CheckResult]:
        """The results of the submission in `folder`, those of explained failures with `mistake` set.

        repeatable: ids of failures that left the worker alive; seed: of the inputs with which they failed.
        """
        self._replays = 0
        explained, found = dict(results), list[Mistake]()
        with closing(Replays(self._zygote, folder, self._limits, self._reference.modules)) as work:
            for id in repeatable:
                if explained[id].outcome is not Outcome.FAILED:
                    continue
                mistake = self._search(self._checks[id], work, seed, found)
                if mistake is not None:
                    known = KnownMistake(
                        id=mistake.id, function=mistake.function, sentence=mistake.sentence, hint=mistake.hint
                    )
                    explained[id] = msgspec.structs.replace(explained[id], mistake=known)
                    found = [mistake, *(other for other in found if other is not mistake)]
        return explained

    def alike(self, one: Mistake, other: Mistake, ids: Iterable[str], seed: int) -> bool:
        """Whether two mistakes can't be told apart by these checks: then a submission with one has the other, too."""
        return all(
            same(*(self._ask_varied(self._checks[id], mistake, seed) for mistake in (one, other)))
            for id in ids
        )

    def _search(self, check: Collected, work: Replays, seed: int, found: Sequence[Mistake]) -> Mistake | None:
        candidates = self._candidates(check, found)
        answers = self._ask(check, work, seed) if candidates else []
        if self._as_right(check, seed, answers):
            return None  # what the check found wrong is not among the answers: an object, a file, a stream
        again: _Answers | None = None
        for mistake in candidates:
            if not self._answers_like(mistake, check, seed, answers):
                continue
            if again is None:
                again = self._ask(check, work, seed ^ SECOND)
            if self._answers_like(mistake, check, seed ^ SECOND, again):
                return mistake
        return None

    def _candidates(self, check: Collected, found: Sequence[Mistake]) -> list[Mistake]:
        """Mistakes found in this submission already, then those of the function: what this check catches first."""
        own = self._by_function.get(f"{check.spec.module}.{check.spec.function}", [])
        caught = sorted(own, key=lambda mistake: check.spec.id not in mistake.caught_by)
        return [*found, *(mistake for mistake in caught if mistake not in found)]

    def _as_right(self, check: Collected, seed: int, answers: Sequence[Heard]) -> bool:
        """Whether the reference without a mistake answers the same."""
        if not answers:
            return True
        key = ("", check.spec.id, seed)
        if key not in self._kept:
            self._kept[key] = self._ask_varied(check, None, seed)
        self._kept.move_to_end(key)
        return all(_same_answer(a, b, strict=True) for a, b in zip(answers, self._kept[key], strict=False))

    def _answers_like(self, mistake: Mistake, check: Collected, seed: int, answers: Sequence[Heard]) -> bool:
        """Whether the reference with this mistake gives these answers in a check; asked only as far as they agree."""
        self._replays += 1
        if self._replays > MOST_REPLAYS:  # also what is known by now: else it hung on who was graded before
            return False
        key = (mistake.id, check.spec.id, seed)
        known = self._kept.pop(key, None)
        if known is None or (known.cut and _begins(known, answers)):
            known = self._ask_varied(check, mistake, seed, answers)
        self._kept[key] = known
        if len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)
        return not known.cut and same(answers, known)

    def _ask(self, check: Collected, work: Replays, seed: int) -> _Answers:
        """What the submission answers in a check."""
        with suppress(Verdict, SandboxError), work.anew() as subject:
            return self._heard(check, subject, seed, None)
        return _Answers(None)  # without a process there is no answer

    def _ask_varied(
        self, check: Collected, mistake: Mistake | None, seed: int, like: Sequence[Heard] | None = None
    ) -> _Answers:
        """What the reference answers with this mistake (or none).

        Asked no further than to the first answer that is not as in `like`, when that is given.
        """
        with suppress(Verdict, SandboxError), self._varied.anew(*self._text(mistake)) as subject:
            return self._heard(check, subject, seed, like)
        return _Answers(like)

    def _heard(self, check: Collected, subject: Subject, seed: int, like: Sequence[Heard] | None) -> _Answers:
        self._reference.begin()
        subject.heard = heard = _Answers(like)
        given = {
            "student": subject, "reference": self._reference, "rng": generator(seed, check.spec.id),
            "advise": lambda text: None,
        }  # fmt: skip
        with suppress(Verdict, SandboxError, _Different):
            check.body(**{name: given[name] for name in check.arguments})
        return heard

    def _text(self, mistake: Mistake | None) -> tuple[str, str]:
        """The file that a mistake changes, and its text; without a mistake any file as it is."""
        if mistake is None:
            file = next(iter(self._reference.modules.values())).replace(".", "/") + ".py"
            return file, (self._reference.folder / file).read_text("utf-8")
        if mistake.id not in self._texts:
            self._texts[mistake.id] = self._vary(mistake, self._reference.folder)
        return self._texts[mistake.id]


def same(one: Sequence[Heard] | None, other: Sequence[Heard] | None) -> bool:
    """Whether two subjects gave the same answers: equal numbers up to rounding, the same errors."""
    if not one or not other or len(one) != len(other):
        return False
    return all(_same_answer(a, b) for a, b in zip(one, other, strict=True))


def _begins(one: Sequence[Heard], other: Sequence[Heard]) -> bool:
    """Whether `other` begins with `one`."""
    return len(one) <= len(other) and all(map(_same_answer, one, other))


def _same_answer(a: Heard, b: Heard, strict: bool = False) -> bool:
    """`strict`: what single precision on the way changes is a difference, too."""
    if isinstance(a, Verdict) or isinstance(b, Verdict):
        return type(a) is type(b) and getattr(a, "kind", "") == getattr(b, "kind", "") and str(a) == str(b)
    return len(a) == len(b) and all(_same_value(x, y, strict) for x, y in zip(a, b, strict=True))


def _same_value(a: Value, b: Value, strict: bool) -> bool:
    if isinstance(a, ArrayValue | ScalarValue) and isinstance(b, ArrayValue | ScalarValue):
        return _same_numbers(np.asarray(a.data), np.asarray(b.data), strict)
    if isinstance(a, SequenceValue) and isinstance(b, SequenceValue):
        return len(a.items) == len(b.items) and all(
            _same_value(x, y, strict) for x, y in zip(a.items, b.items, strict=True)
        )
    if isinstance(a, MappingValue) and isinstance(b, MappingValue):
        return a.items.keys() == b.items.keys() and all(
            _same_value(v, b.items[k], strict) for k, v in a.items.items()
        )
    return isinstance(a, Handle) and isinstance(b, Handle)


def _same_numbers(a: Array, b: Array, strict: bool) -> bool:
    if a.shape != b.shape or (strict and a.dtype != b.dtype):
        return False
    if a.dtype.kind not in "fc" or b.dtype.kind not in "fc":
        return bool(np.array_equal(a, b))
    double, single = (STRICT, STRICT_SINGLE) if strict else (EXACT, SINGLE)
    close = double if min(a.dtype.itemsize, b.dtype.itemsize) >= 8 else single
    finite = np.abs(b[np.isfinite(b)])
    return bool(np.allclose(a, b, rtol=0, atol=close * float(finite.max(initial=0.0)), equal_nan=True))
