"""Expectations about what a submission returned; each failure says what differs, where and by how much.

Everything is compared here, on the trusted side, on plain owned arrays. The order is always the same: is it
the right kind of thing, has it the right shape, is it finite, has it the right values.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from grader.brief import is_brief
from grader.diagnose import CLOSE, Evidence, heat_map, pattern
from grader.errors import ChangedInput, Failed
from grader.results import Element, HeatMap, Mismatch
from grader.tolerance import TOLERANCES as TOLERANCES
from grader.tolerance import Tolerance as Tolerance
from grader.tolerance import tolerance_factors as tolerance_factors
from grader.tolerance import tolerance_of as tolerance_of
from grader.values import Array, ArrayValue, Handle, MappingValue, ScalarValue, SequenceValue, Value

WORST = 6  # elements of a mismatch that the report lists
MOST_MAPS = 4  # heat maps of one failure
LARGE = 50.0  # inputs beyond which exponentials are suspected: exp(89) overflows float32, exp(710) float64


def unpack(value: Value, names: Sequence[str], function: str) -> tuple[Value, ...]:
    """The items of a returned tuple or list, one for each name; one name means the value itself."""
    if len(names) == 1:
        return (value,)
    wanted = f"{len(names)} values ({', '.join(names)})"
    if not isinstance(value, SequenceValue):
        raise Failed(
            f"`{function}` returned {describe(value)}; expected {wanted}.",
            "Is a `return` missing, or does it return only one of the results?",
        )
    if len(value.items) != len(names):
        raise Failed(
            f"`{function}` returned {len(value.items)} values; expected {wanted}.",
            "Compare the `return` line with the function's docstring.",
        )
    return value.items


def describe(value: Value) -> str:
    """A value in a few words: "None", "a list of 3", "a torch tensor of shape (2, 3)"."""
    if isinstance(value, ArrayValue):
        kind = {"torch": "a torch tensor", "scalar": "a numpy scalar"}.get(value.origin, "an array")
        return f"{kind} of shape {value.data.shape}, dtype {value.data.dtype}"
    if isinstance(value, ScalarValue):
        return "None" if value.data is None else f"a Python {type(value.data).__name__}"
    if isinstance(value, SequenceValue):
        return f"a {value.kind} of {len(value.items)}"
    if isinstance(value, MappingValue):
        return f"a dict of {len(value.items)}"
    return f"an object of type {value.kind}"


def expect_array(
    value: Value,
    shape: tuple[int, ...],
    *,
    name: str,
    function: str,
    origin: str = "numpy",
    finite: bool = True,
) -> Array:
    """`value` is an array (or tensor, by `origin`) of real numbers of this shape; the array in float64 or int64.

    A Python or numpy scalar stands for a 0-d array. Any real dtype will do: submissions need not return the
    dtype of their inputs.
    """
    data = _real_array(value, shape, name, function, origin)
    if data.shape != shape:
        raise Failed(
            f"`{name}` from `{function}` has shape {data.shape}; expected {shape}.",
            _shape_hint(data.shape, shape),
            (
                Mismatch(
                    name=name,
                    shape=data.shape,
                    dtype=str(data.dtype),
                    expected_shape=shape,
                    expected_dtype="",
                ),
            ),
        )
    if finite and data.dtype.kind == "f":
        expect_finite(data, name=name, function=function)
    return data.astype(np.float64) if data.dtype.kind == "f" else data


def _real_array(value: Value, shape: tuple[int, ...], name: str, function: str, origin: str) -> Array:
    noun = "torch tensor" if origin == "torch" else "numpy array"
    if isinstance(value, ArrayValue):
        if value.origin not in (origin, "scalar") and not (shape == () and value.data.shape == ()):
            remedy = (
                "Convert it with `.numpy()`, or compute with numpy alone." if value.origin == "torch" else ""
            )
            raise Failed(f"`{name}` from `{function}` is {describe(value)}; expected a {noun}.", remedy)
        if value.data.dtype.kind not in "fiub":
            raise Failed(f"`{name}` from `{function}` has dtype {value.data.dtype}; expected real numbers.")
        return value.data
    if isinstance(value, ScalarValue) and shape == () and isinstance(value.data, bool | int | float):
        return np.asarray(value.data)
    if isinstance(value, ScalarValue) and value.data is None:
        raise Failed(
            f"`{name}` from `{function}` is None; expected a {noun} of shape {shape}.",
            "Is the result assigned before the `return` line?",
        )
    if isinstance(value, Handle) and "object" in value.kind:
        raise Failed(
            f"`{name}` from `{function}` is an array of Python objects; expected one of numbers.",
            "This happens when arrays of different shapes are put into one: look at `np.array([...])`.",
        )
    hint = "Stack the pieces with `np.stack` or `np.array`." if isinstance(value, SequenceValue) else ""
    raise Failed(
        f"`{name}` from `{function}` is {describe(value)}; expected a {noun} of shape {shape}.", hint
    )


def _shape_hint(actual: tuple[int, ...], expected: tuple[int, ...]) -> str:
    if len(actual) == 2 and actual[::-1] == expected:
        return "The axes are swapped: transpose it, or swap the factors of the product."
    if sorted(actual) == sorted(expected):
        return "The axes are in another order."
    if int(np.prod(actual)) == int(np.prod(expected)):
        return "The number of elements is right: reshape it."
    if len(actual) > len(expected):
        return "There is an axis too many: is a sum missing?"
    if len(actual) < len(expected):
        return "There is an axis too few: is one summed or indexed away?"
    return ""


def expect_finite(data: Array, *, name: str, function: str) -> None:
    """`data` holds no NaN and no infinity."""
    good = np.isfinite(data)
    if good.all():
        return
    bad = ~good
    where = tuple(int(i) for i in np.argwhere(bad)[0])
    kind = "NaN" if np.isnan(data[bad]).any() else "infinite values"
    raise Failed(
        f"`{name}` from `{function}` contains {kind}: {int(bad.sum())} of {data.size} elements, "
        f"first at {list(where)}.",
        "Look for a division by zero, an overflow of `np.exp`, a log of zero, or memory from `np.empty`.",
    )


def expect_close(
    value: Value,
    expected: Array,
    *,
    name: str,
    function: str,
    tolerance: str = "value",
    origin: str = "numpy",
    context: str = "",
    axes: Mapping[str, int] | None = None,
    dims: tuple[str, ...] = (),
    given: Mapping[str, Array] | None = None,
) -> Array:
    """`value` is an array with the shape and, within `TOLERANCES[tolerance]`, the values of `expected`.

    `context` is appended to the message. For the diagnosis: `axes` gives the names and sizes of the dimensions in
    play, `dims` the name of each axis of the array, `given` the arrays that it is computed from, by name.
    """
    try:
        actual = expect_array(value, expected.shape, name=name, function=function, origin=origin)
    except Failed as failed:
        if isinstance(value, ArrayValue) and value.data.shape == expected.shape:
            failed.hint = unstable(given or {}) or failed.hint
        raise
    compare(
        actual, expected, name=name, function=function, tolerance=tolerance, context=context,
        axes=axes, dims=dims, given=given,
    )  # fmt: skip
    return actual


def unstable(given: Mapping[str, Array]) -> str:
    """What NaN or infinity probably comes from when an input is large: an exponential of it."""
    sizes = {k: float(np.abs(v).max(initial=0.0)) for k, v in given.items() if v.dtype.kind == "f"}
    large = {k: size for k, size in sizes.items() if size >= LARGE}
    if not large:
        return ""
    listed = ", ".join(f"`{name}` reaches {size:.3g}" for name, size in large.items())
    return (
        f"The inputs are large here ({listed}) and the right values are finite: the computation is unstable. "
        "Look for an `np.exp` of a large number; subtract the maximum first, or write it with negative exponents."
    )


def all_close(comparisons: Mapping[str, Callable[[], object]]) -> None:
    """Makes all comparisons (of one call's results, by name) and raises the first failure, which names the others.

    What the others show (a pattern, a place) is said when the first shows nothing: one gate's error fills all of `dx`,
    but only a quarter of `db`.
    """
    failures: dict[str, Failed] = {}
    for name, make in comparisons.items():
        try:
            make()
        except Failed as failed:
            failures[name] = failed
    if not failures:
        return
    first, *others = failures.values()
    right = [f"`{name}`" for name in comparisons if name not in failures]
    said = [f"{_and([f'`{n}`' for n in list(failures)[1:]])} too"] if others else []
    said += [f"{_and(right)} {'is' if len(right) == 1 else 'are'} right"] if right else []
    if said and len(comparisons) > 1:
        first.message = f"{first.message.rstrip('.')}; {'; '.join(said)}."
    first.hint = first.hint or next((other.hint for other in others if other.hint), "")
    maps = [detail for other in others for detail in other.details if isinstance(detail, HeatMap)]
    first.details = (*first.details, *maps[:MOST_MAPS])
    raise first


def _and(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


@np.errstate(all="ignore")  # a submission may return numbers whose differences overflow
def compare(
    actual: Array,
    expected: Array,
    *,
    name: str,
    function: str,
    tolerance: str = "value",
    context: str = "",
    axes: Mapping[str, int] | None = None,
    dims: tuple[str, ...] = (),
    given: Mapping[str, Array] | None = None,
    against: str = "",
) -> None:
    """Two arrays of one shape agree within `TOLERANCES[tolerance]`."""
    expected = np.asarray(expected, dtype=np.float64)
    actual = np.asarray(actual, dtype=np.float64)
    allowance = tolerance_of(tolerance).allowance(expected)
    difference = np.abs(actual - expected)
    right = difference <= allowance
    if right.all():
        return
    if is_brief():
        raise Failed(f"`{name}` from `{function}` is wrong.")
    wrong = ~right
    mismatch = measure(actual, expected, allowance, name=name)
    message = (
        f"`{name}` from `{function}` is wrong in {mismatch.different} of {mismatch.total} elements "
        f"(greatest difference {mismatch.greatest_absolute} at {list(mismatch.worst[0].index)})"
    )
    if against:
        message += f" against {against}"
    if context:
        message += f", {context}"
    close = max(CLOSE, tolerance_of(tolerance).relative / 20)
    dims = dims if len(dims) == expected.ndim else ()
    evidence = Evidence(name, actual, expected, wrong, axes or {}, dims, given or {}, close)
    raise Failed(message + ".", pattern(evidence), (mismatch, *heat_map(evidence)))


def measure(actual: Array, expected: Array, allowance: Array, *, name: str) -> Mismatch:
    """The numbers of a mismatch: how many, how far, and the worst elements."""
    difference = np.abs(actual - expected)
    with np.errstate(over="ignore"):  # an allowance may be next to nothing
        excess = difference / allowance
    order = np.argsort(-excess, axis=None, kind="stable")[:WORST]
    wrong = difference > allowance
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = np.where(expected != 0, difference / np.abs(expected), np.inf * (difference > 0))
    relative = np.nan_to_num(relative, nan=0.0, posinf=np.inf)
    return Mismatch(
        name=name,
        shape=actual.shape,
        dtype=str(actual.dtype),
        expected_shape=expected.shape,
        expected_dtype=str(expected.dtype),
        different=int(wrong.sum()),
        total=int(wrong.size),
        greatest_absolute=_text(difference.max()),
        greatest_relative=_text(relative.max()),
        allowance=_text(allowance.flat[order[0]]),
        worst=tuple(_element(int(i), actual, expected) for i in order if wrong.flat[i]),
    )


def _element(flat: int, actual: Array, expected: Array) -> Element:
    index = tuple(int(i) for i in np.unravel_index(flat, expected.shape))
    return Element(
        index=index,
        expected=_text(expected[index]),
        actual=_text(actual[index]),
        difference=_text(actual[index] - expected[index]),
    )


def _text(number: float) -> str:
    return f"{float(number):.6g}"


def expect_unchanged(before: Array, after: Value, *, name: str, function: str) -> None:
    """An argument holds after the call what it held before."""
    same = (
        isinstance(after, ArrayValue)
        and after.data.shape == before.shape
        and np.array_equal(after.data, before)
    )
    if not same:
        raise ChangedInput(
            f"`{function}` changes its input `{name}` in place.",
            f"The caller still needs `{name}`: work on a copy, or write `a = a + b` instead of `a += b`.",
        )


def expect_scalar(value: Value, *, name: str, function: str, origin: str = "numpy") -> float:
    """`value` is one real, finite number (a Python or numpy scalar, or a 0-d array)."""
    return float(expect_array(value, (), name=name, function=function, origin=origin))


def expect_mapping(value: Value, keys: Sequence[str], *, name: str, function: str) -> dict[str, Value]:
    """`value` is a dict with exactly these keys."""
    if not isinstance(value, MappingValue):
        raise Failed(
            f"`{name}` from `{function}` is {describe(value)}; expected a dict with keys {', '.join(keys)}."
        )
    missing = [key for key in keys if key not in value.items]
    extra = [key for key in value.items if key not in keys]
    if missing or extra:
        what = [f"lacks {', '.join(missing)}"] if missing else []
        what += [f"has {', '.join(extra[:8])} that do not belong there"] if extra else []
        raise Failed(
            f"`{name}` from `{function}` {' and '.join(what)}.", f"Its keys should be {', '.join(keys)}."
        )
    return value.items
