"""What gradmark needs: packages to install, and which of its own files some modules import."""

from __future__ import annotations

import ast
import importlib.metadata
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path


def packages(root: Path) -> list[str]:
    """The packages that gradmark needs, as pip wants them, without its extras."""
    project = root / "pyproject.toml"  # of a checkout, whose installed metadata may be of an older day
    listed: list[str] = (
        tomllib.loads(project.read_text("utf-8"))["project"]["dependencies"]
        if project.is_file()
        else importlib.metadata.requires("gradmark") or []
    )
    return [each for each in listed if "extra ==" not in each]


def files(root: Path, modules: Iterable[str]) -> set[Path]:
    """The files below `root` of these modules and of all that they import from there, relative to it.

    An import that is only for type checkers is none.
    """
    found: set[Path] = set()
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        path = _file(root, name)
        if path is None or path in found:
            continue
        found.add(path)
        package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        waiting += [package, *_imported(ast.parse((root / path).read_text(encoding="utf-8")))]
    return found


def _file(root: Path, name: str) -> Path | None:
    """The file of a module or package; None for what is not ours."""
    path = Path(*name.split(".")) if name else Path("-")
    options = (path.with_suffix(".py"), path / "__init__.py")
    return next((option for option in options if (root / option).is_file()), None)


def _imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            yield from (name for child in node.orelse for name in _imported(child))
        else:
            yield from _imported(node)
