"""The student's handout, made from the solved reference by emptying its marked regions.

A region is two comment lines at the indentation of the code between them:

    # BEGIN SOLUTION: <what the student is asked to do>
    ...
    # END SOLUTION

In the handout a single `raise NotImplementedError` stands in its place, between START and END OF YOUR CODE.
Every other byte of the file is kept. A marker that is not exactly of this form is refused: one that is
overlooked would hand out its solution.
"""

from __future__ import annotations

import ast
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import NoReturn

from grader import handout as handout_notebooks
from grader.errors import TemplateError

MARKER = re.compile(r"(?P<indent>[ \t]*)# (?P<kind>BEGIN|END) SOLUTION(?P<rest>.*)")
ANY_MARKER = re.compile(r"#[#\s]*(BEGIN|END)[\s_-]*(OF[\s_-]*)?SOLUTION\b", re.IGNORECASE)

LEFT_OUT = {".pyc", ".pyo"}

FORM = (
    "A region starts with the line '# BEGIN SOLUTION: <task>' and ends with '# END SOLUTION', "
    "both indented like the code between them."
)

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Region:
    """A marked region: the line numbers of its two markers, counted from 1."""

    begin: int
    end: int
    indent: str
    task: str


def generate(reference: Path) -> dict[str, str]:
    """The text of every Python file of the handout, by its path relative to `reference`.

    Raises `TemplateError` with file and line for markers that are nested, unclosed, stray or misplaced.
    """
    return {
        name: handout(_decode(reference / name, name), name)
        for name in _assignment_files(reference)
        if name.endswith(".py") and not handout_notebooks.is_solved_notebook(name)
    }


def write(reference: Path, template: Path, package: str = "cs231n") -> None:
    """Makes `template` the handout of `reference`: code generated, data copied, anything else removed."""
    wanted = _contents(reference)
    present = _assignment_files(template) if template.is_dir() else []
    if present and not (template / package).is_dir():
        raise TemplateError(
            f"{template} is not a template: it holds files but no {package} folder",
            "Nothing was written. Name an empty folder, or the template that is to be renewed.",
        )
    for name in set(present) - set(wanted):
        (template / name).unlink()
    for name, data in wanted.items():
        target = template / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)


def stale(reference: Path, template: Path) -> list[str]:
    """How `template` differs from the handout of `reference`: one line per file, none when it is fresh."""
    wanted = _contents(reference)
    present = set(_assignment_files(template)) if template.is_dir() else set()
    differences = [f"{name}: is not in the template" for name in wanted if name not in present]
    differences += [f"{name}: does not belong to the template" for name in present - set(wanted)]
    for name in present & set(wanted):
        actual = (template / name).read_bytes()
        if actual != wanted[name]:
            differences.append(_difference(name, wanted[name], actual))
    return sorted(differences)


def handout(text: str, name: str) -> str:
    """One file's text with each marked region replaced by its stub; `name` is the file in error messages."""
    lines = _lines(text)
    regions = list(_regions(lines, name))
    if not regions:
        return text
    tree = _parse(text, name, "The reference must be valid Python before its handout can be made.")
    for region in reversed(regions):  # from the end, so that the line numbers before it stay true
        stub = _stub(region, _enclosing(tree, region, name), lines[region.begin - 1])
        lines[region.begin - 1 : region.end] = stub
    result = "".join(lines)
    _parse(
        result, f"handout of {name}", "Without its solutions the file is not valid Python: move the markers."
    )
    return result


def _regions(lines: list[str], name: str) -> Iterator[Region]:
    """The regions in order of the file; every line that looks like a marker must be one, and in turn."""
    opened: tuple[int, re.Match[str]] | None = None
    for number, line in enumerate(lines, start=1):
        if not ANY_MARKER.search(line):
            continue
        marker = MARKER.fullmatch(line.rstrip())
        if marker is None:
            _refuse(name, number, f"this is not a marker: {line.strip()}")
        if marker["kind"] == "BEGIN":
            if opened:
                _refuse(name, number, f"BEGIN SOLUTION inside the region that starts at line {opened[0]}")
            opened = number, marker
        else:
            if opened is None:
                _refuse(name, number, "END SOLUTION without a BEGIN SOLUTION")
            yield _region(*opened, number, marker, name)
            opened = None
    if opened:
        _refuse(name, opened[0], "BEGIN SOLUTION without an END SOLUTION")


def _region(begin: int, first: re.Match[str], end: int, last: re.Match[str], name: str) -> Region:
    colon, _, task = first["rest"].partition(" ")
    task = task.strip()
    if colon != ":" or not task:
        _refuse(name, begin, "BEGIN SOLUTION without a task sentence")
    if last["rest"]:
        _refuse(name, end, f"END SOLUTION is followed by more text: {last['rest'].strip()}")
    if first["indent"] != last["indent"]:
        _refuse(name, end, f"END SOLUTION is not indented like the BEGIN SOLUTION of line {begin}")
    return Region(begin, end, first["indent"], task)


def _enclosing(tree: ast.Module, region: Region, name: str) -> str:
    """The qualified name of the function that a region stands in: `CaptioningRNN.loss`.

    Refuses a region that is outside any function, holds no statement, or cuts a statement in two.
    """
    inside = [node for node in ast.walk(tree) if isinstance(node, ast.stmt) and _holds(region, node.lineno)]
    if not inside:
        _refuse(name, region.begin, "the region holds no statement")
    first = min(inside, key=lambda node: node.lineno)
    if first.col_offset != len(region.indent):
        _refuse(name, region.begin, f"the marker is not indented like line {first.lineno} below it")
    if any(not _holds(region, node.end_lineno or 0) for node in inside):
        _refuse(name, region.end, "END SOLUTION cuts a statement in two")
    path = _path_to(tree, first)
    functions = [node for node in path if isinstance(node, Function)]
    # Seen from the last statement the way must be the same, or the region runs over the end of a function.
    last = max(inside, key=lambda node: (node.lineno, -node.col_offset))
    if not functions or functions[-1].lineno > region.begin or functions[-1] not in _path_to(tree, last):
        _refuse(name, region.begin, "the region is not inside one function")
    return ".".join(node.name for node in path if isinstance(node, Function | ast.ClassDef))


def _path_to(tree: ast.AST, target: ast.AST) -> list[ast.AST]:
    """The nodes from the root down to the parent of `target`; empty if it is not in the tree."""
    for child in ast.iter_child_nodes(tree):
        if child is target:
            return [tree]
        if below := _path_to(child, target):
            return [tree, *below]
    return []


def _holds(region: Region, line: int) -> bool:
    return region.begin < line < region.end


def _stub(region: Region, function: str, begin_line: str) -> list[str]:
    line_end = begin_line[len(begin_line.rstrip("\r\n")) :]
    message = json.dumps(f"{function}: {region.task}", ensure_ascii=False)  # also a Python literal
    return [
        f"{region.indent}{text}{line_end}"
        for text in (
            f"# START OF YOUR CODE: {region.task}",
            f"raise NotImplementedError({message})",
            "# END OF YOUR CODE",
        )
    ]


def _contents(reference: Path) -> dict[str, bytes]:
    """Every file of the handout: generated text, notebooks, and data as it is."""
    texts = generate(reference)
    made = {}
    for name in _assignment_files(reference):
        if name.endswith(".ipynb"):  # made while writing one: it may hold outputs and answers
            continue
        if handout_notebooks.is_solved_notebook(name):
            text = _decode(reference / name, name)
            made[handout_notebooks.handed_out_as(name)] = handout_notebooks.notebook(text, name)
        else:
            made[name] = texts[name].encode() if name in texts else (reference / name).read_bytes()
    return made


def _assignment_files(folder: Path) -> list[str]:
    """The files that make up the assignment, as sorted relative names.

    Without caches, hidden files and the `__init__.py` at the top, which makes the folder a package for tests.
    """
    if not folder.is_dir():
        raise TemplateError(
            f"{folder} is not a folder", "Name the folder that holds the package of the code."
        )
    names = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return sorted(name.as_posix() for name in names if _belongs(name))


def _belongs(name: Path) -> bool:
    hidden = any(part.startswith(".") or part == "__pycache__" for part in name.parts)
    return not hidden and name.suffix not in LEFT_OUT and name != Path("__init__.py")


def _difference(name: str, wanted: bytes, actual: bytes) -> str:
    if not name.endswith(".py"):
        return f"{name}: differs"
    pairs = zip_longest(wanted.splitlines(keepends=True), actual.splitlines(keepends=True))
    line = next(number for number, (left, right) in enumerate(pairs, start=1) if left != right)
    return f"{name}: differs at line {line}"


def _decode(path: Path, name: str) -> str:
    try:
        return path.read_bytes().decode()
    except UnicodeDecodeError as error:
        raise TemplateError(f"{name}: byte {error.start} is not UTF-8", "Save the file as UTF-8.") from error


def _lines(text: str) -> list[str]:
    """Lines with their ends, split where Python splits them (not at a form feed, as `splitlines` does)."""
    return list(io.StringIO(text, newline=""))


def _parse(text: str, name: str, hint: str) -> ast.Module:
    try:
        compile(text.encode(), name, "exec", dont_inherit=True)  # finds more than the parser alone
        return ast.parse(text.encode())
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None) or 1
        raise TemplateError(f"{name}, line {line}: {getattr(error, 'msg', error)}", hint) from error


def _refuse(name: str, line: int, what: str) -> NoReturn:
    raise TemplateError(f"{name}, line {line}: {what}", FORM)
