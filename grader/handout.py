"""The notebooks that students receive, made from the solved ones: text in jupytext's percent format to .ipynb.

A solved notebook holds the answers to its questions in cells tagged "answer"; the handout has an empty one there.
Cell numbers, ids and metadata come from the text alone, so that the same text gives the same bytes.
"""

from __future__ import annotations

import json
from pathlib import PurePosixPath
from typing import Any

from grader.errors import TemplateError

FOLDER = "notebooks"  # of the solved ones, in the reference
EMPTY_ANSWER = "**Your answer:**\n\n*(write here)*"
ANSWER_TAG = "answer"


def is_solved_notebook(name: str) -> bool:
    """Whether a file of the reference is a notebook in percent format."""
    path = PurePosixPath(name)
    return path.parts[0] == FOLDER and path.suffix == ".py"


def handed_out_as(name: str) -> str:
    """The notebook's place in the handout: beside cs231n/."""
    return f"{PurePosixPath(name).stem}.ipynb"


def notebook(text: str, name: str, *, solved: bool = False) -> bytes:
    """The .ipynb of a notebook in percent format, without its answers unless `solved`.

    Raises `TemplateError` for a text without cells.
    """
    import jupytext  # type: ignore[import-untyped]  # takes 0.4 s, which only this needs

    cells = jupytext.reads(text, fmt="py:percent").cells
    if not any(cell.cell_type == "code" for cell in cells):
        raise TemplateError(f"{name} has no code cell", "A notebook is written in jupytext's percent format.")
    prefix = PurePosixPath(name).stem.lower().replace("_", "-")[:40]
    made = [_cell(cell, f"{prefix}-{number:02}", solved) for number, cell in enumerate(cells, 1)]
    whole = {"cells": made, "metadata": _METADATA, "nbformat": 4, "nbformat_minor": 5}
    return (json.dumps(whole, indent=1, ensure_ascii=False) + "\n").encode()


_METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def _cell(cell: Any, identifier: str, solved: bool) -> dict[str, Any]:
    source = cell.source
    if ANSWER_TAG in cell.metadata.get("tags", ()) and not solved:
        source = EMPTY_ANSWER
    made = {
        "cell_type": cell.cell_type,
        "id": identifier,
        "metadata": {},
        "source": source.splitlines(keepends=True),
    }
    if cell.cell_type == "code":
        made |= {"execution_count": None, "outputs": []}
    return dict(sorted(made.items()))
