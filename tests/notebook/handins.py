"""Notebooks for tests: the handout's own with outputs as a run would leave them, and ones in the style of the originals."""

from __future__ import annotations

import copy
import json
from functools import cache
from pathlib import Path
from typing import Any

from grader.handout import notebook
from grader.notebook.document import Document, parse
from grader.notebook.judge import examine
from grader.results import NotebookFinding, NotebookResult
from grader.session import CHECKS, REFERENCE, TEMPLATE

TABLE = CHECKS / "notebooks" / "notebooks.toml"
Notebook = dict[str, Any]

STORED = {
    "rnn_step_forward": "next_h = 6.29e-09 (at most 1e-07) ok",
    "rnn_step_backward": "dx = 2.78e-10 (at most 1e-07) ok",
}


@cache
def _solved(name: str) -> bytes:
    return notebook((REFERENCE / "notebooks" / f"{name}.py").read_text(), f"{name}.py", solved=True)


def solved(name: str = "RNN_Captioning") -> Notebook:
    """The reference's notebook, as if it had been run: every check cell has its line, every cell its number."""
    made: Notebook = json.loads(_solved(name))
    for number, cell in enumerate(code_cells(made), 1):
        cell["execution_count"] = number
        cell["outputs"] = [stream(line) for line in _lines("".join(cell["source"]))]
    return made


def _lines(source: str) -> list[str]:
    from grader.notebook.steps import _reported, _step_name

    step = _step_name(source)
    expected = list(_reported(source, {}))
    return [
        f"[check] {step}: {one.label if one.label != '*' else 'dx'} = 0 (at most {one.bar:g}) ok\n"
        for one in expected
    ]


def code_cells(made: Notebook) -> list[dict[str, Any]]:
    return [cell for cell in made["cells"] if cell["cell_type"] == "code"]


def cell_with(made: Notebook, text: str) -> dict[str, Any]:
    """The first code cell that holds `text`."""
    return next(cell for cell in code_cells(made) if text in "".join(cell["source"]))


def edit(made: Notebook, old: str, new: str) -> Notebook:
    """Replaces a text in the code cell that holds it."""
    cell = cell_with(made, old)
    cell["source"] = "".join(cell["source"]).replace(old, new)
    return made


def stream(text: str) -> dict[str, Any]:
    return {"output_type": "stream", "name": "stdout", "text": text}


def code(source: str, *outputs: Any, count: int | None = None) -> dict[str, Any]:
    """A code cell; outputs are texts or whole outputs."""
    made = [stream(out) if isinstance(out, str) else out for out in outputs]
    return {"cell_type": "code", "source": source, "outputs": made, "execution_count": count, "metadata": {}}


def text(source: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "source": source, "metadata": {}}


def of_cells(*cells: dict[str, Any]) -> Notebook:
    return {"cells": list(copy.deepcopy(cells)), "metadata": {}, "nbformat": 4, "nbformat_minor": 0}


def document(made: Notebook | bytes, name: str = "RNN_Captioning.ipynb") -> Document:
    return parse(made if isinstance(made, bytes) else json.dumps(made).encode(), name)


def examined(
    folder: Path, made: Notebook | bytes, name: str = "RNN_Captioning.ipynb", runner: Any = None
) -> tuple[NotebookResult, tuple[NotebookFinding, ...]]:
    """What is said about one notebook of a hand-in, and about its files."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(made if isinstance(made, bytes) else json.dumps(made).encode())
    found, remarks = examine([path], TABLE, TEMPLATE, runner)
    results = [one.result for one in found if one.result.file]
    return (results[0] if results else NotebookResult(id="", title="")), remarks


def kinds(result: NotebookResult, *, problems: bool = True) -> list[str]:
    """The kinds of findings, problems or remarks."""
    return [finding.kind for finding in result.findings if finding.problem is problems]


def found(result: NotebookResult, kind: str) -> list[NotebookFinding]:
    return [finding for finding in result.findings if finding.kind == kind]
