"""What an assignment that is not gradmark's own brings into the warm parent: probes from its files, and its folder.

The folder is granted to no worker, wherever it lies. A probe's text is read before the warm parent gives up the
machine's files, and knows neither its place nor its path: tracebacks and `__file__` name it as gradmark's own are.
"""

from __future__ import annotations

import importlib
import json
import sys
from types import ModuleType

import msgspec

from grader.errors import GradmarkError


class Own(msgspec.Struct, frozen=True):
    """Folders to hide, and probes: file by full name ("checks.probes.norms")."""

    hidden: tuple[str, ...] = ()
    probes: dict[str, str] = {}

    def encode(self) -> str:
        """As one argument of a command."""
        return msgspec.json.encode(self).decode()


NOTHING = Own()


def decode(text: str) -> Own:
    """The opposite of `Own.encode`."""
    return msgspec.convert(json.loads(text), Own)


def load(own: Own) -> dict[str, ModuleType]:
    """The probes, imported under their names: they may import gradmark's, and those before them in the alphabet.

    The warm parent runs them; the grader reads from them what form their answers have. Raises `GradmarkError`.
    """
    importlib.import_module("checks.probes")
    found = {}
    for name, file in own.probes.items():
        found[name] = sys.modules[name] = ModuleType(name)
        try:
            with open(file, "rb") as source:
                code = compile(source.read(), f"{name.replace('.', '/')}.py", "exec", dont_inherit=True)
            exec(code, found[name].__dict__)
        except Exception as error:
            what = f"The probes in {file} can't be imported: {type(error).__name__}: {error}."
            raise GradmarkError(what, "Mend the file, then try again.") from error
    return found
