"""One hand-in's notebooks from file to records: matched, run, compared; few points, and everything in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from grader.notebook import answers, code, findings, readings
from grader.notebook.document import Document, Unreadable, read
from grader.notebook.execute import CellRun, Profile, run_notebook
from grader.notebook.match import Match, assign
from grader.notebook.steps import Script, Step, load
from grader.results import CheckResult, Note, NotebookFinding, NotebookResult, NotebookStep, Outcome, Reading
from grader.sandbox.client import Zygote

PART = "notebooks"
TITLES = {
    "cells": "Every check cell is there as it was handed out",
    "outputs": "The stored outputs are there and are what the code prints",
    "runs": "The notebook runs here",
}
MINIMAX = "notebook.gan.minimax"
FILES = {
    "rnn": "RNN_Captioning.ipynb",
    "transformer": "Transformer_Captioning.ipynb",
    "gan": "Generative_Adversarial_Networks.ipynb",
    "simclr": "Self_Supervised_Learning.ipynb",
    "lstm": "LSTM_Captioning.ipynb",
}
CHECKS: tuple[tuple[str, str, str], ...] = (  # id, title, name of the notebook's file
    *(
        (f"notebook.{name}.{kind}", title, file)
        for name, file in FILES.items()
        for kind, title in TITLES.items()
    ),
    (MINIMAX, "The table of the minimax question is right", FILES["gan"]),
)
# What ends each of the three checks, by the kind of finding.
_AGAINST = {
    "cells": {"unreadable", "cell missing", "cell edited", "judge replaced", "the file"},
    "outputs": {
        "unreadable",
        "never executed",
        "missing output",
        "stored and executed differ",
        "stored output is an error",
    },
    "runs": {"unreadable", "process ended", "raises", "not implemented"},
}


@dataclass(frozen=True)
class Examined:
    """A notebook with everything that was found; `runs` is empty when it was not executed."""

    result: NotebookResult
    match: Match | None = None
    runs: Mapping[int, CellRun] = field(default_factory=dict)


Listener = Callable[[str, int, int], None]  # title, cells done, cells in all


@dataclass(frozen=True)
class Runner:
    """What running a notebook takes: the warm parent, the submission's copy with its data, the limits."""

    zygote: Zygote
    root: Path
    profile: Profile
    listener: Listener | None = None

    def run(self, match: Match) -> dict[int, CellRun]:
        """The cells of one notebook, by position."""
        total = sum(cell.kind == "code" and bool(cell.source.strip()) for cell in match.document.cells)
        done = 0

        def listen(run: CellRun) -> None:
            nonlocal done
            done += 1
            if self.listener is not None:
                self.listener(match.script.title, done, total)

        runs = run_notebook(self.zygote, self.root, match.document.cells, self.profile, listen)
        return {run.index: run for run in runs}


def examine(
    paths: Sequence[Path], table: Path, handout: Path, runner: Runner | None = None
) -> tuple[tuple[Examined, ...], tuple[NotebookFinding, ...]]:
    """Every notebook of the assignment as it is in the hand-in, and remarks on files that are none of them.

    Raises `SandboxError` when no worker can be started.
    """
    families = load(table, handout)
    documents, damaged = _documents(paths)
    remarks = list(damaged.values())
    assigned = assign(families, documents)
    known = {id(one.document) for matches in assigned.values() for one in matches}
    for document in documents:
        if id(document) not in known:
            message = f"{document.name} is none of the assignment's notebooks"
            remarks.append(NotebookFinding(kind="unknown notebook", message=message, problem=False))
    made = tuple(
        _examined(family, assigned[family[0].id], runner, damaged.get(family[0].file)) for family in families
    )
    return made, tuple(remarks)


def _documents(paths: Sequence[Path]) -> tuple[list[Document], dict[str, NotebookFinding]]:
    """The notebooks that can be read, and what is wrong with the others by the name of the file."""
    documents, damaged = [], {}
    for path in paths:
        try:
            documents.append(read(path))
        except Unreadable as error:
            damaged[path.name] = NotebookFinding(kind="unreadable", message=error.message, hint=error.hint)
    return documents, damaged


def _examined(
    family: Sequence[Script], matches: Sequence[Match], runner: Runner | None, damage: NotebookFinding | None
) -> Examined:
    script = family[0]
    if not matches:
        empty = NotebookResult(id=script.id, title=script.title)
        known = {"file": script.file, "findings": (damage,)} if damage is not None else {}
        return Examined(msgspec.structs.replace(empty, **known))
    match = matches[0]
    runs = runner.run(match) if runner is not None else {}
    steps, found = [], [*findings.of_file(match), *findings.of_run(match, runs)]
    for other in matches[1:]:
        message = f"{other.document.name} is a second copy of it; {match.document.name} was read"
        found.append(NotebookFinding(kind="duplicate notebook", message=message, problem=False))
    for step in match.script.steps:
        made, said = _step(match, step, runs)
        steps.append(made)
        found += said
    told = dict.fromkeys(
        what for cell in match.document.cells if cell.kind == "code" for what in code.colab(cell.source)
    )
    result = NotebookResult(
        id=script.id, title=script.title, file=match.document.name,
        profile=runner.profile.name if runner is not None else "",
        seconds=round(sum(run.seconds for run in runs.values()), 2), steps=tuple(steps),
        findings=tuple(sorted(found, key=lambda one: (not one.problem, one.cell))),
        answers=answers.collect(match, {index: run.pictures for index, run in runs.items()}), neutralised=tuple(told),
    )  # fmt: skip
    return Examined(result, match, runs)


def _step(
    match: Match, step: Step, runs: Mapping[int, CellRun]
) -> tuple[NotebookStep, list[NotebookFinding]]:
    cell = match.cells.get(step.id)
    if cell is None:
        return NotebookStep(id=step.id, title=step.title, state="missing"), []
    run = runs.get(cell.index)
    executed = run.text if run is not None and run.state in ("ran", "failed", "died") else None
    compared = (
        readings.compare(step, cell.text if cell.outputs else None, executed or None) if step.checks else []
    )
    shown: tuple[Reading, ...] = tuple(one.reading for one in compared)
    state = run.state if run is not None else "not executed"
    made = NotebookStep(
        id=step.id,
        title=step.title,
        cell=cell.index,
        state=state,
        seconds=run.seconds if run else 0.0,
        readings=shown,
    )
    return made, list(findings.of_readings(step, cell, compared))


def checks(examined: Sequence[Examined]) -> tuple[CheckResult, ...]:
    """The results of this part, one for each of `CHECKS`."""
    found = {one.result.id: one for one in examined}
    return tuple(
        _minimax(found["gan"].result, title, file)
        if name == MINIMAX
        else _check(found[name.split(".")[1]], name, title, file)
        for name, title, file in CHECKS
    )


def _check(one: Examined, name: str, title: str, file: str) -> CheckResult:
    result, kind = one.result, name.rpartition(".")[2]
    if not result.file:
        return _result(name, title, file, Outcome.NOT_ATTEMPTED, f"{file} is not in the submission.")
    against = [finding for finding in result.findings if finding.problem and finding.kind in _AGAINST[kind]]
    if not against:
        if kind == "runs" and not result.profile:
            return _result(name, title, file, Outcome.BLOCKED, "The notebook was not run here.")
        return _result(name, title, file, Outcome.PASSED, "")
    if kind == "runs" and all(finding.kind == "not implemented" for finding in against):
        outcome = Outcome.NOT_ATTEMPTED
    else:
        outcome = Outcome.FAILED
    lines = "\n".join(line_of(finding) for finding in against)
    details = (Note(title="What was found", text=lines),) if len(against) > 1 else ()
    more = f" ({len(against) - 1} more below)" if len(against) > 1 else ""
    made = _result(name, title, file, outcome, f"{line_of(against[0])}{more}", against[0].hint)
    return msgspec.structs.replace(made, details=details)


def line_of(finding: NotebookFinding) -> str:
    """A finding on one line."""
    where = f"cell {finding.cell}: " if finding.cell else ""
    return f"{where}{finding.message}"


def _minimax(result: NotebookResult, title: str, file: str) -> CheckResult:
    tables = [answer for answer in result.answers if answer.automatic]
    if not result.file or not tables:
        return _result(MINIMAX, title, file, Outcome.NOT_ATTEMPTED, "The question has no answer.")
    said = tables[0].automatic
    wrong = [line for line in said if ": right" not in line]
    if not wrong:
        return _result(MINIMAX, title, file, Outcome.PASSED, "")
    if all("please look" in line for line in wrong):
        return _result(MINIMAX, title, file, Outcome.BLOCKED, "; ".join(wrong), "Staff decide.")
    return _result(MINIMAX, title, file, Outcome.FAILED, "; ".join(wrong))


def _result(name: str, title: str, file: str, outcome: Outcome, message: str, hint: str = "") -> CheckResult:
    return CheckResult(
        id=name, title=title, part=PART, function=file, outcome=outcome, message=message, hint=hint
    )
