"""What is to be said about a hand-in's notebook: first from the file alone, then from running it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from grader.notebook import code
from grader.notebook.document import Cell
from grader.notebook.execute import CellError, CellRun
from grader.notebook.match import Match, extra
from grader.notebook.readings import Compared
from grader.notebook.steps import Step
from grader.results import NotebookFinding as Finding

LARGE = 10 << 20  # bytes of one cell's outputs
_QUIET = ("print", "text", "name", "attr", "operator", "minus", "const", "import")


def of_file(match: Match) -> Iterator[Finding]:
    """Findings that need no run."""
    for remark in match.document.remarks:
        yield Finding(kind="the file", message=remark, problem="can't be read" in remark)
    yield from _missing(match)
    yield from _never_executed(match)
    yield from _out_of_order(match)
    for step in match.script.steps:
        if step.id in match.cells:
            yield from _edited(step, match.cells[step.id])
        for cell in match.copies.get(step.id, ()):
            yield Finding(
                kind="duplicate cell", cell=cell.index, step=step.id, problem=False,
                message=f"does the same as cell {match.cells[step.id].index}; the more alike one counts",
            )  # fmt: skip
    for cell in match.document.cells:
        yield from _of_cell(match, cell)


def _missing(match: Match) -> Iterator[Finding]:
    for step in match.script.steps:
        if step.id not in match.cells and step.checks and not step.optional:
            yield Finding(
                kind="cell missing", step=step.id, message=f"no cell does the check “{step.title}” ({step.id})",
                hint="Copy the check cell from the handout again.",
            )  # fmt: skip


def _never_executed(match: Match) -> Iterator[Finding]:
    """A cell without number and outputs; when none of them has any, that is said once."""
    cells = [
        (step, cell) for step in match.script.steps if step.checks and (cell := match.cells.get(step.id))
    ]
    idle = [(step, cell) for step, cell in cells if cell.count is None and not cell.outputs]
    if idle and len(idle) == len(cells):
        yield Finding(
            kind="never executed", message="no check cell has an output: the notebook was not executed, or was cleared",
            hint="Run all cells, save, and hand the notebook in with its outputs.",
        )  # fmt: skip
        return
    for step, cell in idle:
        yield Finding(
            kind="never executed", cell=cell.index, step=step.id, message=f"the check “{step.title}” was not executed",
            hint="Run all cells in order, and save.",
        )  # fmt: skip


def _out_of_order(match: Match) -> Iterator[Finding]:
    steps = [step for step in match.script.steps if step.id in match.cells]
    placed = sorted(match.cells[step.id].index for step in steps)
    if [match.cells[step.id].index for step in steps] != placed:
        yield Finding(
            kind="cells moved", message="its cells stand in another order than in the handout", problem=False
        )
    counts = [(cell.index, cell.count) for cell in match.document.cells if cell.kind == "code" and cell.count]
    late = [index for (index, count), (_, after) in pairwise(counts) if count > after]
    if late:
        shown = ", ".join(map(str, late[:8])) + (" ..." if len(late) > 8 else "")
        yield Finding(
            kind="executed out of order", cell=late[0], problem=False,
            message=f"cells were executed after others that stand below them (cells {shown}); outputs may be stale",
            hint="Restart and run all cells before handing in.",
        )  # fmt: skip


def _edited(step: Step, cell: Cell) -> Iterator[Finding]:
    """A provided cell that does something else than it did."""
    if not step.strict:
        return
    features = code.features(cell.source)
    gone, added = step.features - features, extra(step, features)
    changes = list(_changes(gone, added))
    weighty = any(not name.startswith(_QUIET) for name in (*gone, *added) if name != "call print")
    if changes and (weighty or gone):
        yield Finding(
            kind="cell edited", cell=cell.index, step=step.id, problem=bool(changes) and weighty and step.checks,
            message=f"the provided cell “{step.title}” was changed: {'; '.join(changes[:6])}",
            hint="Check cells are to be left as they were handed out.",
        )  # fmt: skip


def _changes(gone: code.Features, added: code.Features) -> Iterator[str]:
    numbers = [sorted(_of_kind(side, "number")) for side in (gone, added)]
    if numbers[0] or numbers[1]:
        yield f"numbers {', '.join(numbers[0][:4]) or '(none)'} became {', '.join(numbers[1][:4]) or '(none)'}"
    if gone["assert"]:
        yield f"{gone['assert']} assert removed"
    for kind, what in (
        ("call", "the call of {}"),
        ("keyword", "the argument {}"),
        ("def", "the definition of {}"),
        ("compare", "the comparison {}"),
    ):
        for word, side in (("removed", gone), ("added", added)):
            names = [name for name in sorted(_of_kind(side, kind)) if name != "print"]
            if names:
                yield f"{what.format(', '.join(names[:4]))} {word}"
    texts = sorted(_of_kind(gone, "text"))
    if texts:
        yield f"texts removed: {', '.join(texts[:3])}"


def _of_kind(features: code.Features, kind: str) -> list[str]:
    return [name.partition(" ")[2] for name in features if name.startswith(f"{kind} ")]


def _of_cell(match: Match, cell: Cell) -> Iterator[Finding]:
    step = match.step_of(cell.index)
    if cell.output_bytes > LARGE:
        yield Finding(
            kind="output too large", cell=cell.index, message=f"its outputs take {cell.output_bytes >> 20} MB",
            hint="Remove print calls inside loops.", problem=False,
        )  # fmt: skip
    if cell.active:
        yield Finding(
            kind="active output", cell=cell.index, problem=False,
            message=f"has output that could run in a browser ({', '.join(cell.active)}); it is not shown",
        )  # fmt: skip
    if cell.error and step is not None and step.checks:
        yield Finding(kind="stored output is an error", cell=cell.index, step=step.id, message=cell.error)
    if cell.kind == "code":
        given = (
            {name.partition(" ")[2] for name in step.features if name.startswith("def ")} if step else set()
        )
        for name in sorted(
            (code.defines(cell.source) & match.script.protected) - given - code.imports(cell.source)
        ):
            yield Finding(
                kind="judge replaced", cell=cell.index, hint="Use another name.",
                message=f"gives `{name}`, which the check cells use, another meaning",
            )  # fmt: skip


def of_run(match: Match, runs: Mapping[int, CellRun]) -> Iterator[Finding]:
    """Findings from running the cells."""
    sources = {cell.index: cell.source for cell in match.document.cells}
    lost: dict[str, int] = {}  # name -> the failed cell that should have defined it
    for index, run in runs.items():
        step = match.step_of(index)
        if run.state == "failed" and run.error is not None:
            needed = {name: lost[name] for name in code.uses(sources.get(index, "")) if name in lost}
            yield _failure(run.error, needed, index, step)
        elif run.state == "died":
            yield _about(index, step, "process ended", run.cause)
        elif run.state == "not run" and step is not None and step.checks:
            yield _about(index, step, "not run", f"was not run here: {run.cause}", problem=False)
        source = sources.get(index, "")
        for name in code.defines(source):
            if run.state == "ran":
                lost.pop(name, None)
            elif name not in code.imports(source) or _import_failed(run):
                lost.setdefault(name, index)
        if kinds := sorted(kind for kind in run.dropped if kind not in _HARMLESS):
            message = f"displayed {', '.join(kinds[:4])}, which the report does not show"
            yield _about(index, step, "output left out", message, problem=False)


def _import_failed(run: CellRun) -> bool:
    return run.error is None or run.error.kind in ("ImportError", "ModuleNotFoundError", "SyntaxError")


_HARMLESS = ("text/html", "text/latex", "image/svg+xml", "text/markdown")


def _failure(error: CellError, needed: Mapping[str, int], cell: int, step: Step | None) -> Finding:
    said = f"{error.kind}: {error.message}" if error.message else error.kind
    if error.kind == "NotImplementedError":
        return _about(cell, step, "not implemented", error.message or "raises NotImplementedError")
    if needed:
        name = error.name if error.name in needed else sorted(needed)[0]
        message = f"needs `{name}` of cell {needed[name]}, which failed ({said[:200]})"
        return _about(cell, step, "needs a failed cell", message, problem=False)
    if (
        error.kind in ("ModuleNotFoundError", "FileNotFoundError", "URLError")
        and "cs231n." not in error.message
    ):
        return _about(cell, step, "can't be run here", said, problem=False)
    return _about(cell, step, "raises", said)


def _about(
    cell: int, step: Step | None, kind: str, message: str, hint: str = "", *, problem: bool = True
) -> Finding:
    name = step.id if step is not None else ""
    return Finding(kind=kind, message=message[:600], hint=hint, cell=cell, step=name, problem=problem)


def of_readings(step: Step, cell: Cell, compared: Sequence[Compared]) -> Iterator[Finding]:
    """Findings about a check cell's numbers: forged, above the bar, without a stored value."""
    for one in compared:
        reading = one.reading
        if one.forged:
            message = (
                f"the stored output says {reading.name} = {reading.stored}, executed here it is {reading.executed} "
                f"(fine: at most {reading.bar})"
            )
            hint = "Run the notebook again with the code that is handed in, and save it."
            yield _about(cell.index, step, "stored and executed differ", message, hint)
        elif one.above:
            value = reading.executed or reading.stored
            message = f"{reading.name} is {value}, it should be at most {reading.bar}"
            if reading.bar == "yes":
                message = f"it does not say what it says for right code ({reading.name})"
            yield _about(cell.index, step, "above the bar", message, problem=False)
    idle = cell.count is None and not cell.outputs
    if step.expected and compared and all(one.silent for one in compared) and not idle and not cell.error:
        message = f"the stored output of “{step.title}” has none of its numbers"
        yield _about(cell.index, step, "missing output", message, "Run the cell, and save.")
