"""What comes back from a worker, as plain trusted data.

The worker says what kind of object it had; the bytes are copied and owned by the grader. Nothing here carries
behaviour from student code: a subclass of `ndarray` arrives as a plain array, an unknown object as a `Handle`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy.typing as npt

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class ArrayValue:
    """An array. `origin` is 'numpy', 'torch' (a tensor, detached, on the CPU) or 'scalar' (np.float64 and its kin).

    `data` is owned and read-only; its dtype is one of `grader.sandbox.wire.DTYPES`.
    """

    data: Array
    origin: str = "numpy"
    requires_grad: bool = False


@dataclass(frozen=True)
class ScalarValue:
    """None, a bool, int, float, complex or str, exactly as Python has it (floats may be NaN or infinite)."""

    data: bool | int | float | complex | str | None


@dataclass(frozen=True)
class SequenceValue:
    """A list or a tuple (`kind`)."""

    items: tuple[Value, ...]
    kind: str = "tuple"


@dataclass(frozen=True)
class MappingValue:
    """A dict with string keys (others are turned to text by the worker)."""

    items: dict[str, Value]


@dataclass(frozen=True)
class Handle:
    """An object that stays in the worker: a cache, a model, anything that is not plain data.

    `kind` is its class's name, cleaned. A handle dies with its worker (`generation`).
    """

    id: int
    kind: str = ""
    generation: int = 0
    owner: Callable[[], object] | None = field(default=None, compare=False, repr=False)


Value = ArrayValue | ScalarValue | SequenceValue | MappingValue | Handle


def within(values: Sequence[Value]) -> Iterator[Value]:
    """The values and everything in them."""
    for value in values:
        yield value
        if isinstance(value, SequenceValue):
            yield from within(value.items)
        elif isinstance(value, MappingValue):
            yield from within(tuple(value.items.values()))
