"""Imports of files that do not parse for one reason alone: a region of the student's that is still empty.

The original `simclr/data_utils.py` is such a file: the body of an `if` holds nothing but comments. Its finished
functions must count, so an empty region is read as `pass`. Every other error of syntax stays one.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import os
import sys
from collections.abc import Callable
from types import CodeType
from typing import Any

from grader.sandbox import source


class Loader(importlib.machinery.SourceFileLoader):
    """Reads empty regions as `pass` where the file does not parse otherwise."""

    def source_to_code(self, data: Any, path: Any, *, _optimization: int = -1) -> CodeType:  # type: ignore[override]
        """The code of a module. Raises the interpreter's own `SyntaxError` for what can't be repaired."""
        try:
            return _own_code(super().source_to_code, data, path)
        except SyntaxError as error:
            code = _compiled(data, path)
            if code is None:
                raise error from None
            return code


def _own_code(compiled: Callable[[Any, Any], CodeType], data: Any, path: Any) -> CodeType:
    """The code of a file as it is. Raises `SyntaxError` for zero bytes, too: Python does so only since 3.11.4."""
    try:
        return compiled(data, path)
    except ValueError as error:
        if b"\0" not in data:
            raise
        raise SyntaxError(str(error)) from None


def _compiled(data: Any, path: Any) -> CodeType | None:
    """The code of the file with its empty regions filled, or None."""
    try:
        text = importlib.util.decode_source(bytes(data))
        return compile(source.filled(text), path, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def install(folder: str) -> None:
    """Lets `Loader` import everything below `folder`: source files, no compiled ones."""
    root = os.path.realpath(folder)

    def finder(path: str) -> importlib.machinery.FileFinder:
        real = os.path.realpath(path)
        if os.path.commonpath([real, root]) != root:
            raise ImportError(f"{path} is not part of the submission")
        return importlib.machinery.FileFinder(path, (Loader, [".py"]))

    sys.path_hooks.insert(0, finder)
    sys.path_importer_cache.clear()
