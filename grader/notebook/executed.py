"""The executed copy of a notebook, which stays beside the report: its cells, what they printed here, our findings.

It opens in Jupyter. Only text and bitmaps go in: no HTML, no script, no widget of a hand-in is kept.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from grader.notebook.document import Cell, Document
from grader.notebook.execute import CellOutput, CellRun
from grader.results import NotebookFinding


def notebook(document: Document, runs: Mapping[int, CellRun], findings: Sequence[NotebookFinding]) -> bytes:
    """The .ipynb (format 4.5) of an executed notebook, each finding an output of its cell."""
    by_cell: dict[int, list[NotebookFinding]] = {}
    for finding in findings:
        by_cell.setdefault(finding.cell, []).append(finding)
    cells = [_text_cell(0, "markdown", _head(by_cell.get(0, [])))]
    for cell in document.cells:
        cells.append(_cell(cell, runs.get(cell.index), by_cell.get(cell.index, [])))
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    whole = {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    return (json.dumps(whole, indent=1) + "\n").encode()


def _head(findings: Sequence[NotebookFinding]) -> str:
    lines = [
        "**Executed by gradmark.** Each cell shows what it printed there; findings stand below the outputs."
    ]
    return "\n".join([*lines, "", *(f"- {finding.kind}: {finding.message}" for finding in findings)])


def _cell(cell: Cell, run: CellRun | None, findings: Sequence[NotebookFinding]) -> dict[str, Any]:
    if cell.kind != "code":
        return _text_cell(cell.index, "markdown" if cell.kind == "markdown" else "raw", cell.source)
    outputs = [] if run is None else [made for out in run.outputs for made in _output(out, cell.index)]
    if run is not None and run.error is not None:
        error = run.error
        lines = error.traceback.split("\n") if error.traceback else [f"{error.kind}: {error.message}"]
        outputs.append(
            {"output_type": "error", "ename": error.kind, "evalue": error.message, "traceback": lines}
        )
    outputs += [_note(finding) for finding in findings]
    return {
        "cell_type": "code", "id": f"cell-{cell.index}", "metadata": {}, "source": cell.source,
        "execution_count": cell.index if run is not None and run.state != "not run" else None, "outputs": outputs,
    }  # fmt: skip


def _text_cell(index: int, kind: str, source: str) -> dict[str, Any]:
    return {"cell_type": kind, "id": f"cell-{index}", "metadata": {}, "source": source}


def _output(output: CellOutput, index: int) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = []
    if output.text:
        made.append({"output_type": "stream", "name": output.stream, "text": output.text})
    if output.data and output.result:
        made.append(
            {
                "output_type": "execute_result",
                "execution_count": index,
                "data": dict(output.data),
                "metadata": {},
            }
        )
    elif output.data:
        made.append({"output_type": "display_data", "data": dict(output.data), "metadata": {}})
    return made


def _note(finding: NotebookFinding) -> dict[str, Any]:
    mark = "finding" if finding.problem else "remark"
    text = f"[gradmark, {mark}] {finding.kind}: {finding.message}\n"
    return {"output_type": "stream", "name": "stderr" if finding.problem else "stdout", "text": text}
