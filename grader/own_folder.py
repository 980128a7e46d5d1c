"""A student's working folder: where the assignment is, what was begun in it, where a function stands."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from grader.errors import UsageError
from grader.results import CheckResult, Traceback

PACKAGE = "cs231n"
_FRAME = re.compile(r'File "([^"\n]+)", line (\d+)')


def find(start: Path) -> Path:
    """The folder that holds the assignment's package: `start`, or the nearest one above it.

    Raises `UsageError` when there is none.
    """
    here = start.resolve()
    if not here.exists():
        raise UsageError(f"There is no folder {start}.", "Name the folder that holds cs231n/.")
    for folder in (here, *here.parents):
        if (folder / PACKAGE).is_dir():
            return folder
    raise UsageError(
        f"Neither {start} nor a folder above it holds the assignment ({PACKAGE}/).",
        "Go to the folder with the notebooks, or name it: `gradmark check PATH`.",
    )


def file_of(module: str) -> str:
    """A module's file in the folder: "cs231n.rnn_layers" -> "cs231n/rnn_layers.py"."""
    return f"{module.replace('.', '/')}.py"


def text_of(folder: Path, module: str) -> str:
    """The text of a module; empty when it is not there or can't be read."""
    try:
        return (folder / file_of(module)).read_bytes().decode("utf-8", "replace").replace("\r\n", "\n")
    except OSError:
        return ""


def begun(folder: Path, template: Path, modules: Iterable[str]) -> bool:
    """Whether any of the modules is not as it was handed out."""
    return any(text_of(folder, module) != text_of(template, module) for module in modules)


def imported(folder: Path, template: Path, modules: Iterable[str], names: Iterable[str]) -> tuple[str, ...]:
    """Which of `names` an import in these modules, or in a file of the student's own, speaks of."""
    files = [path.relative_to(folder).as_posix() for path in sorted((folder / PACKAGE).rglob("*.py"))]
    own = [file for file in files if not (template / file).exists()]
    text = "\n".join(
        text_of(folder, name) for name in (*modules, *(file.removesuffix(".py") for file in own))
    )
    return tuple(
        name for name in names if re.search(rf"^\s*(?:import|from)\b.*\b{re.escape(name)}\b", text, re.M)
    )


def place(folder: Path, module: str, check: CheckResult) -> str:
    """Where to look, as "cs231n/rnn_layers.py, line 29": where it raised, else where the function begins."""
    for detail in check.details:
        frames = _FRAME.findall(detail.text) if isinstance(detail, Traceback) else []
        if frames:
            return f"{frames[-1][0]}, line {frames[-1][1]}"
    line = line_of(text_of(folder, module), check.function)
    return f"{file_of(module)}, line {line}" if line else file_of(module)


def line_of(text: str, function: str) -> int:
    """The line of a function or "Class.method"; 0 when it is not there."""
    start = 0
    for name in function.split("."):
        match = re.compile(rf"^[ \t]*(?:async )?(?:def|class) {re.escape(name)}\b", re.M).search(text, start)
        if match is None:
            return 0
        start = match.end()
    return text.count("\n", 0, start) + 1
