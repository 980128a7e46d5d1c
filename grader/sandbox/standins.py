"""Packages that students import without using them, when they are not installed here.

A stand-in can be imported, and any name can be imported from it; using it raises `ModuleNotFoundError` with
the package's name. It is a last resort, behind all real finders, and for a fixed list only: a misspelt or
unusual import stays an error. So does one that the code is prepared for, in a `try` that goes on without the package:
`try: import google.colab` is how a file finds out where it runs.
"""

from __future__ import annotations

import ast
import importlib.abc
import importlib.machinery
import linecache
import sys
from collections.abc import Iterator, Sequence
from types import ModuleType
from typing import Any, NoReturn

COMMON = frozenset([
    "IPython", "PIL", "cv2", "einops", "future", "google", "h5py", "imageio", "ipywidgets",
    "matplotlib", "pandas", "past", "prompt_toolkit", "scipy", "seaborn", "six", "skimage",
    "sklearn", "tensorboard", "tensorboardX", "thop", "torchinfo", "torchsummary", "torchvision",
    "torchviz", "tqdm", "wandb", "xarray",
])  # fmt: skip
GONE = frozenset(["scipy.misc", "google.colab", "numpy.lib.index_tricks"])  # parts that current versions lack
EMPTIED = frozenset(["scipy.misc"])  # a package without content since SciPy 1.12


class StandIn(ModuleType):
    """A module that is not there: imports succeed, use does not."""

    def __init__(self, name: str) -> None:
        super().__init__(name, "Stands in for a package that is not installed.")
        self.__path__: list[str] = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        return Absent(self.__name__, name)


class Absent:
    """A name of a package that is not there; any use raises `ModuleNotFoundError`."""

    def __init__(self, package: str, name: str) -> None:
        self.__dict__["_absent"] = (package, name)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        package, own = self.__dict__["_absent"]
        return Absent(package, f"{own}.{name}")

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        package, name = self.__dict__["_absent"]
        missing = package if package in GONE else package.partition(".")[0]
        raise ModuleNotFoundError(
            f"{package}.{name} was used, but {missing} is not installed here", name=missing
        )

    __call__ = __getitem__ = __iter__ = __enter__ = __len__ = __setattr__ = __add__ = __mul__ = _refuse
    __mro_entries__ = _refuse  # a base class that is not there can't be inherited from


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """The last finder: a stand-in for what is on the list and missing."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        parent, _, _ = name.rpartition(".")
        if name not in COMMON and name not in GONE and not isinstance(sys.modules.get(parent), StandIn):
            return None
        if prepared_for():
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        return StandIn(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Nothing to run."""


CAUGHT = frozenset(["ImportError", "ModuleNotFoundError", "Exception", "BaseException"])
GIVES_UP = frozenset(["exit", "quit", "_exit", "system", "run", "call", "check_call", "Popen"])


def prepared_for() -> bool:
    """Whether the statement that imports stands in a `try` (or `suppress`) that goes on when the import fails."""
    frame = sys._getframe(1)
    while frame is not None and (
        frame.f_code.co_filename == __file__ or "importlib" in frame.f_code.co_filename
    ):
        frame = frame.f_back  # type: ignore[assignment]
    if frame is None:
        return False
    try:
        tree = ast.parse("".join(linecache.getlines(frame.f_code.co_filename)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return any(_goes_on(block, frame.f_lineno) for block in ast.walk(tree))


def _goes_on(block: ast.AST, line: int) -> bool:
    if isinstance(block, ast.With):
        calls = [item.context_expr for item in block.items if isinstance(item.context_expr, ast.Call)]
        suppressed = {
            name for call in calls if "suppress" in _names(call.func) for name in _names(*call.args)
        }
        return _holds(block.body, line) and bool(CAUGHT & suppressed)
    return isinstance(block, ast.Try) and _holds(block.body, line) and any(map(_handles, block.handlers))


def _holds(body: Sequence[ast.stmt], line: int) -> bool:
    return body[0].lineno <= line <= (body[-1].end_lineno or 0)


def _handles(handler: ast.ExceptHandler) -> bool:
    """It catches a failed import, and neither gives up nor tries to install what is missing."""
    catches = handler.type is None or bool(CAUGHT & set(_names(handler.type)))
    inside = [node for statement in handler.body for node in ast.walk(statement)]
    raises = any(isinstance(node, ast.Raise) for node in inside)
    called = {name for node in inside if isinstance(node, ast.Call) for name in _names(node.func)}
    return catches and not raises and not GIVES_UP & called


def _names(*nodes: ast.AST) -> Iterator[str]:
    """The names in expressions, those after a dot as well."""
    for node in (part for whole in nodes for part in ast.walk(whole)):
        if isinstance(node, ast.Name | ast.Attribute):
            yield node.id if isinstance(node, ast.Name) else node.attr


class Emptied(importlib.abc.MetaPathFinder):
    """An early finder: packages that current versions still have, but without the names that old code imports."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name not in EMPTIED or prepared_for():
            return None
        return importlib.machinery.ModuleSpec(name, Finder(), is_package=True)


class Refuse(importlib.abc.MetaPathFinder):
    """The first finder: gradmark's own packages do not exist for student code."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self._names = frozenset(names)

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name.partition(".")[0] in self._names:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return None
