"""Whether an answer has the form that was asked for. Student code shares the worker with what answers, so an
answer of another form is meddling and is told as such, before a check trips over it.
"""

from __future__ import annotations

import collections.abc
import importlib
import inspect
import types
from collections.abc import Sequence
from functools import cache
from typing import Any, Union, get_args, get_origin

from grader.errors import ProtocolViolation
from grader.sandbox.targets import Probe, Target, label
from grader.values import ArrayValue, Handle, MappingValue, ScalarValue, SequenceValue, Value

_PLAIN = {bool: bool, int: int, float: int | float, str: str}
_SEQUENCES = (list, tuple, collections.abc.Sequence)
_MAPPINGS = (dict, collections.abc.Mapping)


def expect(values: Sequence[Value], target: Target, returns: str) -> None:
    """The values are what `target` gives: handles where `returns` has a star, else what a probe is declared to give.

    Raises `ProtocolViolation`.
    """
    names, starred = _names(returns)
    form = declared(target.module, target.name) if isinstance(target, Probe) and not starred else Any
    for value in values:
        if not (_kept(value, names, target) if starred else fits(value, form)):
            raise ProtocolViolation(
                f"The answer of {label(target)} can't be read.",
                "Does the code replace parts of Python, numpy or torch, or write to the grader's channel?",
            )


@cache
def _names(returns: str) -> tuple[tuple[str, ...], bool]:
    names = tuple(name.strip() for name in returns.split(","))
    return names, any(name.endswith("*") for name in names)


def _kept(value: Value, names: Sequence[str], target: Target) -> bool:
    if len(names) == 1:
        return isinstance(value, Handle)
    if not isinstance(value, SequenceValue) or len(value.items) != len(names):
        return not isinstance(target, Probe)  # a student's may return another number: told elsewhere
    return all(
        isinstance(item, Handle) for name, item in zip(names, value.items, strict=True) if name.endswith("*")
    )


@cache
def declared(module: str, name: str) -> Any:
    """What one of our own probes is annotated to return; `Any` where it says nothing."""
    function = getattr(importlib.import_module(module), name)
    annotation = inspect.get_annotations(function).get("return", Any)
    if not isinstance(annotation, str):
        return annotation
    try:
        return eval(annotation, function.__globals__)
    except NameError:  # imported for the type checker only
        return Any


def fits(value: Value, form: Any) -> bool:
    """Whether `value` may come from a function that is annotated to return `form`; unknown forms take anything."""
    origin, parts = _read(form)
    if origin is None:
        return True
    if origin is Union:
        return any([fits(value, part) for part in parts])
    if origin is types.NoneType:
        return isinstance(value, ScalarValue) and value.data is None
    if origin in _PLAIN:
        return _is_plain(value, origin)
    if origin in _SEQUENCES:
        return isinstance(value, SequenceValue) and _fit_items(value.items, origin, parts)
    part = parts[1] if len(parts) == 2 else Any
    return isinstance(value, MappingValue) and all([fits(item, part) for item in value.items.values()])


@cache
def _read(form: Any) -> tuple[Any, tuple[Any, ...]]:
    """What a form is made of; None for one that takes anything."""
    origin, parts = get_origin(form) or form, get_args(form)
    if origin is types.UnionType:
        origin = Union
    if form is None:
        origin = types.NoneType
    known = (
        origin in (Union, types.NoneType) or origin in _PLAIN or origin in _SEQUENCES or origin in _MAPPINGS
    )
    return (origin if known else None), parts


def _is_plain(value: Value, kind: Any) -> bool:
    if isinstance(value, ScalarValue):
        return isinstance(value.data, _PLAIN[kind]) and (kind is bool or not isinstance(value.data, bool))
    return (
        kind is float
        and isinstance(value, ArrayValue)
        and not value.data.shape
        and value.data.dtype.kind in "fiu"
    )


def _fit_items(items: Sequence[Value], origin: Any, parts: Sequence[Any]) -> bool:
    if origin is tuple and parts and parts[-1] is not Ellipsis:
        return len(items) == len(parts) and all(
            fits(item, part) for item, part in zip(items, parts, strict=True)
        )
    return not parts or all(fits(item, parts[0]) for item in items)
