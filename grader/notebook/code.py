"""What a code cell does, read from its text: the features that tell cells apart, names, and Colab's commands.

Features are facts of the syntax tree (names, numbers, called functions, keywords, comparisons, asserts), counted
without order: comments, line breaks, renumbering and added debug output leave a cell recognisable, and a changed
tolerance or a removed assert is a difference that can be named.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache

Features = Counter[str]

_MAGIC = re.compile(r"^(?P<indent>\s*+)(?:[%!].*|\?\S+|[\w.]+\?{1,2})\s*$")
_ASSIGNED_MAGIC = re.compile(r"^(?P<left>[ \t]*+[\w,][\w, ]*+=\s*+)[%!].*$")

# What Colab's cells do, by a pattern in the cell; each is done without, and named.
_COLAB = (
    (re.compile(r"\bdrive\s*\.\s*(?:flush_and_un)?mount\s*\("), "Google Drive is not mounted"),
    (re.compile(r"\bfiles\s*\.\s*(?:upload|download)\s*\("), "Colab's file dialogues are not shown"),
    (re.compile(r"^[ \t]*+[%!][ \t]*+cd\b", re.MULTILINE), "the folder is not changed (`%cd`)"),
    (re.compile(r"\bos\s*\.\s*chdir\s*\("), "the folder is not changed (`os.chdir`)"),
    (re.compile(r"get_datasets\.sh|get_coco\w*\.sh"), "the data is here already (`get_datasets.sh`)"),
    (re.compile(r"^[ \t]*+[%!][ \t]*+(?:pip3?|conda|apt(?:-get)?)\b", re.MULTILINE), "nothing is installed (`pip`)"),
    (re.compile(r"\bwget\b|\bcurl\b|\bgdown\b"), "nothing is downloaded"),
    (re.compile(r"^%%(?:bash|sh|script|capture.*\n.*!)", re.MULTILINE), "no shell command is run (`%%bash`)"),
    (re.compile(r"^[ \t]*+![ \t]*+(?!pip|cd|bash|wget|curl)\S", re.MULTILINE), "no shell command is run (`!`)"),
    (re.compile(r"\.next\(\)"), "`.next()` of an iterator means `next()`, as in old versions of torch"),
)  # fmt: skip


def colab(source: str) -> list[str]:
    """What a cell would do on Colab and does not do here."""
    return [what for pattern, what in _COLAB if pattern.search(source[:50_000])]


def plain(source: str) -> str:
    """A cell without what only IPython understands: magics become `pass`, a shell cell becomes nothing."""
    if source.lstrip().startswith("%%"):
        first, _, rest = source.lstrip().partition("\n")
        return plain(rest) if first.split()[0] in ("%%time", "%%timeit", "%%capture") else ""
    lines = []
    for line in source.split("\n"):
        if match := _MAGIC.match(line):
            lines.append(f"{match['indent']}pass")
        elif match := _ASSIGNED_MAGIC.match(line):
            lines.append(f"{match['left']}None")
        else:
            lines.append(line)
    return "\n".join(lines)


@lru_cache(512)
def tree(source: str) -> ast.Module | None:
    """The syntax tree of a cell, or None for one that is not Python."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(plain(source))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def features(source: str) -> Features:
    """The features of a code cell; of one that is not Python, what its text shows."""
    parsed = tree(source)
    if parsed is None:
        return Counter(_of_text(source[:50_000]))
    found: Features = Counter()
    try:
        for node in ast.walk(parsed):
            found.update(_of(node))
    except RecursionError:
        return Counter()
    return found


def _of_text(source: str) -> Iterator[str]:
    """The features of a cell with an error of syntax: a changed one should still be recognised."""
    yield from (f"name {word}" for word in re.findall(r"[A-Za-z_]\w{0,59}", source))
    yield from (f"call {word}" for word in re.findall(r"\b([A-Za-z_]\w{0,59})\s*\(", source))
    yield from (f"keyword {word}" for word in re.findall(r"\b([A-Za-z_]\w{0,59})\s*=[^=]", source))
    yield from (
        f"number {_shown(float(digits))}" for digits in re.findall(r"(?<![\w.])\d+\.?\d*(?:e-?\d+)?", source)
    )
    yield from (f"text {' '.join(text.split())[:60]}" for _, text in re.findall(r"(['\"])(.*?)\1", source))


def _of(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float())):
            yield "minus"
        case ast.Constant(value=str(text)):
            yield f"text {' '.join(text.split())[:60]}"
        case ast.Constant(value=bool(flag)):
            yield f"const {flag}"
        case ast.Constant(value=None):
            yield "const None"
        case ast.Constant(value=int(number) | float(number)):
            yield f"number {_shown(number)}"
        case ast.Call(func=ast.Name(id=name)) | ast.Call(func=ast.Attribute(attr=name)):
            yield f"call {name[:60]}"
        case ast.Name(id=name):
            yield f"name {name[:60]}"
        case ast.Attribute(attr=name):
            yield f"attr {name[:60]}"
        case ast.keyword(arg=str(name)):
            yield f"keyword {name[:60]}"
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            yield f"def {name[:60]}"
        case ast.Import(names=names):
            yield from (f"import {alias.name[:60]}" for alias in names)
        case ast.ImportFrom(module=module, names=names):
            yield from (f"import {module}.{alias.name[:60]}" for alias in names)
        case ast.Assert():
            yield "assert"
        case ast.Compare(ops=ops):
            yield from (f"compare {type(op).__name__}" for op in ops)
        case ast.BinOp(op=op):
            yield f"operator {type(op).__name__}"


def _shown(number: int | float) -> str:
    try:
        return f"{float(number):.10g}"
    except OverflowError:
        return "huge"


def defines(source: str) -> frozenset[str]:
    """The names that a cell gives a meaning to at its top level."""
    parsed = tree(source)
    return frozenset() if parsed is None else frozenset(name for node in parsed.body for name in _bound(node))


def _bound(node: ast.stmt) -> Iterator[str]:
    match node:
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name) | ast.AsyncFunctionDef(name=name):
            yield name
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            yield from ((alias.asname or alias.name).partition(".")[0] for alias in names)
        case _:
            for inner in ast.walk(node):
                if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
                    yield inner.id


def imports(source: str) -> frozenset[str]:
    """The names that a cell imports."""
    parsed = tree(source)
    nodes = parsed.body if parsed is not None else []
    return frozenset(
        name for node in nodes if isinstance(node, ast.Import | ast.ImportFrom) for name in _bound(node)
    )


def uses(source: str) -> frozenset[str]:
    """The names that a cell reads anywhere."""
    parsed = tree(source)
    if parsed is None:
        return frozenset()
    return frozenset(
        node.id for node in ast.walk(parsed) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    )
