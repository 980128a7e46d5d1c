"""Nested small arrays as one array of each type, and a text that says how they are nested: quicker to send."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

_loads = json.loads  # whatever becomes of the module in the worker
CHUNK = 8000  # characters of one string on the wire
ARRAY = ""  # the key that marks an array in the text; no name is empty

Bundle = tuple[list[str], dict[str, Any]]
"""The text in parts, and the numbers by their type."""


def bundled(nest: Any) -> Bundle:
    """Lists, dictionaries with names, plain values and arrays in a list or dictionary; tuples become lists."""
    numbers: dict[str, list[Any]] = {}
    text = json.dumps(_form(nest, numbers))
    parts = [text[start : start + CHUNK] for start in range(0, len(text), CHUNK)]
    return parts, {kind: np.concatenate(arrays) for kind, arrays in numbers.items()}


def opened(bundle: Bundle) -> Any:
    """What was bundled; every array is a fresh, writable, C-contiguous copy."""
    parts, numbers = bundle
    return _Opener(numbers).nest(_loads("".join(parts)))


def _form(nest: Any, numbers: dict[str, list[Any]]) -> Any:
    kind = type(nest)
    if kind is np.ndarray:
        name = nest.dtype.str
        numbers.setdefault(name, []).append(nest.reshape(-1))
        return {ARRAY: [name, *nest.shape]}
    if kind is dict:
        return {key: _form(item, numbers) if type(item) in _NESTS else item for key, item in nest.items()}
    return [_form(item, numbers) if type(item) in _NESTS else item for item in nest]


_NESTS = {np.ndarray, dict, list, tuple}


class _Opener:
    def __init__(self, numbers: dict[str, Any]) -> None:
        self._numbers = numbers
        self._begin = dict.fromkeys(numbers, 0)

    def nest(self, form: Any) -> Any:
        if isinstance(form, list):
            return [self.nest(item) for item in form]
        if not isinstance(form, dict):
            return form
        if ARRAY in form:
            return self._array(*form[ARRAY])
        return {name: self.nest(item) for name, item in form.items()}

    def _array(self, kind: str, *shape: int) -> Any:
        begin = end = self._begin[kind]
        size = 1
        for length in shape:
            size *= length
        end += size
        self._begin[kind] = end
        return self._numbers[kind][begin:end].reshape(shape).copy()
