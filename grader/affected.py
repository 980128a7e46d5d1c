"""Which checks a saved file concerns: those of the functions that changed, and of all that mention or use these.

Texts are compared piece by piece, a piece being a function or class at the top of a file. When in doubt more is
checked again: a change outside of any piece, or in a file that no check is about, concerns everything.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from grader.own_folder import file_of

Texts = Mapping[str, str]  # by file
Pieces = Mapping[str, str]  # by name; "" holds what belongs to none
_PIECE = re.compile(r"(?:async +)?(?:def|class) +(\w+)")
_WORD = re.compile(r"\w+")
_CONTINUED = re.compile(r"[\s)\]}#]|$")  # a line that does not begin a statement


def checks(specs: Iterable[Any], modules: Mapping[str, str], before: Texts, after: Texts) -> set[str]:
    """The ids of the checks that the difference between two states of a folder concerns.

    modules: the full name of each module by its short one.
    """
    specs = list(specs)
    short = {file_of(module): name for name, module in modules.items()}
    changed = [file for file in {*before, *after} if before.get(file) != after.get(file)]
    names: set[str] = set()
    for file in changed:
        found = _changed(pieces(before.get(file, "")), pieces(after.get(file, "")))
        if file not in short or "" in found:
            return {spec.id for spec in specs}
        names |= found
    return _of(specs, _mentioning(names, after))


@lru_cache(maxsize=200)  # of a folder in which one file is saved, all others are as before
def pieces(text: str) -> Pieces:
    """The functions and classes of a text; two of one name are one piece, and decorators belong to what follows."""
    found: dict[str, list[str]] = {"": []}
    name, decorators = "", list[str]()
    for line in text.splitlines():
        if line.startswith("@"):
            decorators.append(line)
            continue
        if start := _PIECE.match(line):
            name = start[1]
        elif not _CONTINUED.match(line):
            name = ""
        found.setdefault(name, []).extend([*decorators, line.rstrip()])
        decorators = []
    return {name: "\n".join(line for line in lines if line) for name, lines in found.items()}


def _changed(before: Pieces, after: Pieces) -> set[str]:
    return {name for name in {*before, *after} if before.get(name, "") != after.get(name, "")}


def _mentioning(names: set[str], texts: Texts) -> set[str]:
    """The names, and those of all pieces that mention one of them, or one that does."""
    every = [(name, words(piece)) for text in texts.values() for name, piece in pieces(text).items() if name]
    found, new = set(names), set(names)
    while new:
        new = {name for name, mentioned in every if name not in found and not new.isdisjoint(mentioned)}
        found |= new
    return found


@lru_cache(maxsize=2000)  # of a file that is saved, one piece or two are others than before
def words(piece: str) -> frozenset[str]:
    """All that a piece can refer to by name: comments and docstrings can't, other strings may."""
    try:
        tree = ast.parse(piece)
    except (SyntaxError, ValueError, RecursionError):
        return frozenset(_WORD.findall(piece))
    return frozenset(_mentioned(tree))


def _mentioned(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name):
                yield name
            case ast.alias(name=name):
                yield from name.split(".")
            case ast.Expr(value=ast.Constant(value=str()) as said):
                said.value = ""  # to readers alone
            case ast.Constant(value=str(text)):
                yield from _WORD.findall(text)
            case _:
                pass


def _of(specs: Iterable[Any], names: set[str]) -> set[str]:
    """Checks of these functions or classes, of what uses them, and those that require such checks."""
    specs = list(specs)
    found: set[str] = set()
    grown = -1
    while grown != len(found):
        grown = len(found)
        found |= {
            spec.id
            for spec in specs
            if not names.isdisjoint(_about(spec)) or not found.isdisjoint(spec.requires)
        }
        names = names | {spec.function.partition(".")[0] for spec in specs if spec.id in found}
    return found


def _about(spec: Any) -> set[str]:
    """The names at the top of a file that a check has to do with."""
    full = [
        f"{spec.module}.{spec.function}",
        spec.forward,
        *spec.uses,
        *(n for pair in spec.stand_ins for n in pair),
    ]
    return {name.split(".")[1] for name in full if name}
