"""What a submission answers in a check, as far as it tells mistakes apart; and when two answers are equal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Self

import numpy as np

from grader.errors import Verdict
from grader.subject import Heard
from grader.values import Array, ArrayValue, Handle, MappingValue, ScalarValue, SequenceValue, Value, within

OVERHEAD = 200  # bytes of a value in memory, beside its numbers
CLOSER = 4  # answers that are compared after the first wrong one
AGAIN = 1  # the same on the second inputs, which only confirm what the first ones showed
STRICT, STRICT_SINGLE = 1e-10, 1e-6  # where single precision counts as a difference
EXACT, SINGLE = 1e-7, 1e-4  # relative to an array's greatest element: equal in double and in single precision


class Decided(BaseException):
    """No more has to be asked. No `Exception`: a search for the smallest failure in the check must not go on."""


class Answers(list[Heard]):
    """Answers in their order, as they are heard; ends the check when they say enough.

    right: what the reference answers; `closer` answers after the first that is not so: the rest only looks closer.
    like: what was answered before; the first that is not so ends it.
    """

    def __init__(
        self, right: Sequence[Heard] | None = None, like: Answers | None = None, closer: int = CLOSER
    ) -> None:
        super().__init__()
        self._closer = closer
        self._right = right
        self._like = like
        self._last: int | None = None  # the number of the last answer that is listened to
        self.cut = False  # there would have been more

    def __iadd__(self, more: Iterable[Heard]) -> Self:  # type: ignore[misc, override]
        for answer in more:
            self.append(answer)
            if self._says_enough(answer):
                self.cut = True
                raise Decided
        return self

    def _says_enough(self, answer: Heard) -> bool:
        number = len(self) - 1
        if self._like is not None:
            if number >= len(self._like) or not same_answer(answer, self._like[number]):
                return True
            return self._like.cut and len(self) == len(self._like)
        if self._right is None:
            return False
        if self._last is None and not agrees(answer, self._right, number):
            self._last = number + self._closer
        return number == self._last

    def share(self, right: Sequence[Heard]) -> None:
        """Keeps in place of answers that are right the ones in `right`: they are there anyway."""
        self[:] = [right[i] if agrees(answer, right, i) else answer for i, answer in enumerate(self)]

    def bytes_beside(self, right: Sequence[Heard]) -> int:
        """What these answers take in memory that `right` does not, roughly."""
        own = [answer for i, answer in enumerate(self) if i >= len(right) or answer is not right[i]]
        values = [value for answer in own if not isinstance(answer, Verdict) for value in within(answer)]
        arrays = sum(value.data.nbytes for value in values if isinstance(value, ArrayValue))
        return arrays + OVERHEAD * (1 + len(own) + len(values))

    def fit(self, known: Answers) -> bool | None:
        """Whether `known` are the same as far as these go; None: it was not asked far enough to tell."""
        if not all(same_answer(a, b) for a, b in zip(self, known, strict=False)):
            return False
        if len(known) < len(self):
            return None if known.cut else False
        if self.cut:
            return bool(self)
        return None if known.cut else bool(self) and len(known) == len(self)


def agrees(answer: Heard, right: Sequence[Heard], number: int) -> bool:
    """Whether an answer is the right one of this number, to the last digits."""
    return number < len(right) and same_answer(answer, right[number], strict=True)


def same_answer(a: Heard, b: Heard, strict: bool = False) -> bool:
    """Equal numbers up to rounding, or the same error; `strict`: what single precision changes is a difference, too."""
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
