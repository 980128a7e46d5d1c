"""What the text of a student's file shows: which functions it has, and which were left as handed out.

Runs in the worker, so a file made to be slow or deep to parse costs only its own submission; what it says is
advice (an "untouched" function is still called before it is called not attempted).
"""

from __future__ import annotations

import ast
import contextlib
import os
import re
from dataclasses import dataclass

MAX_SOURCE = 4 << 20  # bytes

_START = re.compile(r"^\s*#.*\bSTART OF YOUR CODE\b", re.I)
_END = re.compile(r"^\s*#.*\bEND OF YOUR CODE\b", re.I)
_DEFINITION = re.compile(r"^(?P<indent>[ \t]*)(?:async[ \t]+)?(?P<what>def|class)[ \t]+(?P<name>\w+)")
_CONFLICT = re.compile(r"^(<{7} |={7}$|>{7} )")
_NOTEBOOK = re.compile(r"^\s*(%%?[A-Za-z_]+( [^=]*)?$|![A-Za-z.]+)")  # a magic, a shell command
# What the original hands out inside its regions, as `ast.unparse` writes it.
GIVEN = frozenset([
    "(transforms.RandomResizedCrop(32),)",
    "mask = (torch.ones_like(exponential, device=device) - torch.eye(2 * N, device=device)).to(device).bool()",
    "exponential = exponential.masked_select(mask).view(2 * N, -1)",
])  # fmt: skip
_STUB = re.compile(r"^\s*+(?:pass|raise\s+NotImplementedError\b.*|\.\.\.)?\s*+(?:#.*)?$")


@dataclass(frozen=True)
class FunctionFacts:
    """One function or method of a file, from the `line` of its `def` to its `last`."""

    qualname: str
    line: int
    last: int
    parameters: tuple[str, ...]
    untouched: bool  # its marked regions are as handed out


@dataclass(frozen=True)
class Finding:
    """What a file that does not parse looks like. Empty texts: nothing more than the interpreter says."""

    message: str = ""
    hint: str = ""
    line: int = 0


def read(path: str) -> str:
    """The text of a source file; bytes that are not UTF-8 are replaced."""
    with open(path, "rb") as file:
        return file.read(MAX_SOURCE).decode("utf-8-sig", "replace")


def outline(text: str) -> list[FunctionFacts]:
    """The functions of a source text in the order of their lines, whether it parses or not."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return _outline_text(text)
    return _outline_tree(tree, text.splitlines())


def _outline_tree(tree: ast.Module, lines: list[str]) -> list[FunctionFacts]:
    found: list[FunctionFacts] = []
    todo: list[tuple[str, ast.AST]] = [("", tree)]
    while todo:
        path, node = todo.pop()
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.ClassDef):
                todo.append((f"{path}{child.name}.", child))
            elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                found.append(_function(path + child.name, child, lines))
    return sorted(found, key=lambda function: function.line)


def _function(name: str, node: ast.FunctionDef | ast.AsyncFunctionDef, lines: list[str]) -> FunctionFacts:
    arguments = node.args
    names = [a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    last = _end(node.end_lineno or node.lineno, lines, node.col_offset)
    inner = _regions(lines[node.lineno - 1 : last])
    untouched = all(map(_empty, inner)) if inner else all(map(_is_stub, node.body))
    return FunctionFacts(name, node.lineno, last, tuple(names), untouched)


def _end(last: int, lines: list[str], indent: int) -> int:
    """The last line of a function including the comments below its last statement (an end marker is one)."""
    while last < len(lines):
        line = lines[last]
        if line.strip() and (len(line) - len(line.lstrip()) <= indent or not line.lstrip().startswith("#")):
            return last
        last += 1
    return last


def _is_stub(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Pass):
        return True
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
        return True
    if (isinstance(statement, ast.Assign) and _is_none(statement.value)) or _is_given(statement):
        return True
    if not isinstance(statement, ast.Raise) or statement.exc is None:
        return False
    raised = statement.exc.func if isinstance(statement.exc, ast.Call) else statement.exc
    return isinstance(raised, ast.Name) and raised.id == "NotImplementedError"


def _is_given(statement: ast.stmt) -> bool:
    try:
        return ast.unparse(statement) in GIVEN
    except RecursionError:  # too deep to be written out, though not to be parsed
        return False


def _is_none(value: ast.expr) -> bool:
    items = value.elts if isinstance(value, ast.Tuple) else [value]
    return all(isinstance(item, ast.Constant) and item.value is None for item in items)


def _regions(lines: list[str]) -> list[list[str]]:
    """The lines between each start marker and the next end marker.

    An end marker with no start before it closes nothing; a start inside a region is a comment of the region:
    the original has both kinds of start marker above one end marker.
    """
    regions: list[list[str]] = []
    current: list[str] | None = None
    for line in lines:
        if _END.match(line):
            if current is not None:
                regions.append(current)
            current = None
        elif current is not None:
            current.append(line)
        elif _START.match(line):
            current = []
    if current is not None:
        regions.append(current)
    return regions


def _empty(region: list[str]) -> bool:
    """Whether a region holds nothing but `pass`, `raise NotImplementedError`, comments and blank lines."""
    text = "\n".join(line for line in region if not line.lstrip().startswith("#"))
    try:
        return all(map(_is_stub, ast.parse(_dedent(text)).body))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return all(_STUB.match(line) for line in text.splitlines())


def _dedent(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    indent = min((len(line) - len(line.lstrip()) for line in lines), default=0)
    return "\n".join(line[indent:] for line in lines)


def _outline_text(text: str) -> list[FunctionFacts]:
    """The functions of a text that does not parse, found by their `def` lines and indentation."""
    lines = text.splitlines()
    heads = [(n, m) for n, line in enumerate(lines, 1) if (m := _DEFINITION.match(line))]
    found: list[FunctionFacts] = []
    classes: list[tuple[int, str]] = []
    for n, match in heads:
        indent = len(match["indent"].expandtabs())
        classes = [(depth, name) for depth, name in classes if depth < indent]
        if match["what"] == "class":
            classes.append((indent, match["name"]))
            continue
        last = _text_end(lines, n, indent)
        name = ".".join([name for _, name in classes] + [match["name"]])
        found.append(FunctionFacts(name, n, last, _parameters(lines, n), _text_untouched(lines[n:last])))
    return found


def _text_end(lines: list[str], first: int, indent: int) -> int:
    """The last line of a block that starts with the `def` in line `first`, told by indentation."""
    opened = lines[first - 1].count("(") - lines[first - 1].count(")")
    for n in range(first, len(lines)):
        line = lines[n].expandtabs()
        if opened > 0:
            opened += line.count("(") - line.count(")")
        elif line.strip() and not line.lstrip().startswith("#") and len(line) - len(line.lstrip()) <= indent:
            return n
    return len(lines)


def _parameters(lines: list[str], first: int) -> tuple[str, ...]:
    text = " ".join(lines[first - 1 : first + 20]).partition("(")[2].partition(")")[0]
    names = (re.match(r"\s*\*{0,2}(\w+)", part) for part in text.split(","))
    return tuple(match[1] for match in names if match)


def _text_untouched(body: list[str]) -> bool:
    regions = _regions(body)
    return bool(regions) and all(map(_empty, regions))


def with_zero_bytes(folder: str) -> str:
    """The first Python file that holds a zero byte: for those the interpreter's error names no file."""
    for place, _, names in os.walk(folder):
        for path in (os.path.join(place, name) for name in names if name.endswith(".py")):
            with contextlib.suppress(OSError), open(path, "rb") as file:
                if b"\0" in file.read(MAX_SOURCE):
                    return path
    return ""


def explain_syntax(path: str) -> Finding:
    """What a file that the interpreter refused looks like, from its bytes."""
    try:
        with open(path, "rb") as file:
            raw = file.read(MAX_SOURCE)
    except OSError:
        return Finding()
    return _conflict(raw) or _encoding(raw) or _notebook_line(raw) or Finding()


def _conflict(raw: bytes) -> Finding | None:
    lines = raw.decode("utf-8", "replace").splitlines()
    marked = [n for n, text in enumerate(lines, 1) if _CONFLICT.match(text)]
    if not any(lines[n - 1].startswith(("<<<<<<<", ">>>>>>>")) for n in marked):
        return None
    shown = lines[marked[0] - 1].strip()[:60]
    return Finding(
        f"this looks like an unresolved merge: {shown}",
        "choose one of the two versions and remove the lines <<<<<<<, ======= and >>>>>>>",
        marked[0],
    )


def _notebook_line(raw: bytes) -> Finding | None:
    """Only asked about a file that does not parse, so a % that goes on from the line before is rarely meant."""
    for number, text in enumerate(raw.decode("utf-8", "replace").splitlines(), 1):
        if _NOTEBOOK.match(text):
            return Finding(
                f"this line is for a notebook, not for a .py file: {text.strip()[:60]}",
                "remove the line",
                number,
            )
    return None


def _encoding(raw: bytes) -> Finding | None:
    if b"\0" in raw:
        kind = "UTF-16 text" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "zero bytes"
        return Finding(f"the file holds {kind}, not Python source in UTF-8", "save the file as UTF-8 text")
    if re.match(rb"(?:.*\n)?[ \t\f]*#.*?coding[:=][ \t]*[-\w.]+", raw):
        return None  # it names an encoding of its own: what the interpreter says about it is right
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        return Finding(
            f"the byte 0x{raw[error.start]:02x} at position {error.start} is not UTF-8",
            "save the file as UTF-8, or name its encoding in the first line: # -*- coding: latin-1 -*-",
            line,
        )
    return None


def filled(text: str) -> str:
    """The text with `pass` for the first line of each empty region that lacks one: every line keeps its number.

    Where nothing is missing nothing is put: a region inside a list would break by it.
    """
    lines = text.split("\n")
    empty = _empty_regions(lines)
    while (line := _missing_block(lines)) is not None:
        before = [start for start in empty if start < line]
        if not before:
            break
        empty.remove(before[-1])
        marker = lines[before[-1]]
        lines[before[-1]] = marker[: len(marker) - len(marker.lstrip())] + "pass"
    return "\n".join(lines)


def _empty_regions(lines: list[str]) -> list[int]:
    """The indices of the start markers of the regions that hold nothing."""
    found: list[int] = []
    start: int | None = None
    for n, line in enumerate(lines):
        if _END.match(line):
            if start is not None and _empty(lines[start + 1 : n]):
                found.append(start)
            start = None
        elif start is None and _START.match(line):
            start = n
    return found


def _missing_block(lines: list[str]) -> int | None:
    """The index of the line at which the parser misses an indented block; None for a text without this error."""
    try:
        ast.parse("\n".join(lines))
    except IndentationError as error:
        return (error.lineno or 0) - 1
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return None
