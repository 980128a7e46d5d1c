"""The parameters that the assignment documents, read from the reference's text: a submission has no say in them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path

# What Python says when a call does not fit: "rnn_forward() takes 2 positional arguments but 5 were given".
_MISFIT = re.compile(r"\b([\w.]+)\(\) (?:takes|missing|got an unexpected keyword|got multiple values)")


class Signatures:
    """The signatures in the files of `modules` below `folder`."""

    def __init__(self, folder: Path, modules: Iterable[str]) -> None:
        self._folder = folder
        self._modules = tuple(modules)

    def of(self, module: str, name: str) -> str:
        """`"x, prev_h, Wx, Wh, b"` for a function, method ("Class.method") or class; "" for what is not there."""
        return self._known.get(module, {}).get(name, "")

    def anywhere(self, name: str) -> str:
        """The same for a name of any module."""
        return self._anywhere.get(name, "")

    def for_misfit(self, message: str) -> tuple[str, str]:
        """Name and parameters of the documented function that `message` says was called in a wrong way."""
        match = _MISFIT.search(message)
        name = match.group(1).removeprefix("<locals>.") if match else ""
        return name, self.anywhere(name)

    @cached_property
    def _anywhere(self) -> Mapping[str, str]:
        found: dict[str, str] = {}
        for names in self._known.values():
            found = {**names, **found}
        return found

    @cached_property
    def _known(self) -> Mapping[str, Mapping[str, str]]:
        found = {}
        for module in self._modules:
            path = self._folder / f"{module.replace('.', '/')}.py"
            if path.is_file():
                found[module] = _signatures(ast.parse(path.read_text(encoding="utf-8")).body)
        return found


def _signatures(body: Iterable[ast.stmt], inside: str = "") -> dict[str, str]:
    found: dict[str, str] = {}
    for node in body:
        if isinstance(node, ast.FunctionDef):
            found[inside + node.name] = _parameters(node.args, method=bool(inside))
        elif isinstance(node, ast.ClassDef):
            found |= _signatures(node.body, f"{inside}{node.name}.")
            found[inside + node.name] = found.get(f"{inside}{node.name}.__init__", "")
    return found


def _parameters(arguments: ast.arguments, method: bool) -> str:
    text = ast.unparse(arguments)
    return text.partition(", ")[2] if method else text
