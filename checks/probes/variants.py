"""One assignment after another in one process: its modules are loaded anew, one of them perhaps with another text."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import os
import random
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import numpy as np

from checks.probes import modules, stand_ins

MOST_COMPILED = 100  # files that are kept compiled

_compiled: dict[tuple[str, str | None], Any] = {}  # by path and by the text in the place of the file's own


class _Loader(importlib.machinery.SourceFileLoader):
    """Loads a file, perhaps with another text than it has; compiles it once."""

    def __init__(self, name: str, path: str, text: str | None) -> None:
        super().__init__(name, path)
        self._text = text

    def get_data(self, path: Any) -> bytes:
        return super().get_data(path) if self._text is None else self._text.encode()

    def path_stats(self, path: Any) -> dict[str, Any]:
        if self._text is None:
            return dict(super().path_stats(path))
        raise OSError("its text is not the file's: nothing compiled stands for it")

    def get_code(self, fullname: str) -> Any:
        key = (self.path, self._text)
        if key not in _compiled:
            if len(_compiled) == MOST_COMPILED:
                del _compiled[next(iter(_compiled))]
            _compiled[key] = super().get_code(fullname)
        return _compiled[key]


class _Finder:
    """Finds the modules of the packages, one of them with another text."""

    def __init__(self, packages: Sequence[str], name: str, text: str) -> None:
        self._packages, self._name, self._text = packages, name, text

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name.partition(".")[0] not in self._packages:
            return None
        file = os.path.join(sys.path[0], *name.split(".")) + ".py"
        if not os.path.isfile(file):
            return None
        loader = _Loader(name, file, self._text if name == self._name else None)
        return importlib.util.spec_from_file_location(name, file, loader=loader)


def renew(packages: Sequence[str], file: str = "", text: str = "") -> None:
    """From here on the modules of the packages are loaded anew; with this text of `file` ("cs231n/optim.py").

    Their other files must not change from one call to the next. What is drawn without a seed is drawn after
    this as in any other process.
    """
    stand_ins.restore()
    modules.forget()
    random.seed(0)
    np.random.seed(0)
    if "torch" in sys.modules:
        sys.modules["torch"].default_generator.manual_seed(0)  # `manual_seed` asks every kind of device: 1 ms
    for name in [name for name in sys.modules if name.partition(".")[0] in packages] if packages else ():
        del sys.modules[name]
    sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, _Finder)]
    if file:
        varied = file.removesuffix(".py").replace("/", ".")
        sys.meta_path.insert(0, _Finder(packages, varied, text))
