"""Notebooks as part of a submission's grade: what staff may choose, and what comes out of it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import msgspec

from grader.collect import Submission
from grader.errors import SandboxError
from grader.notebook import execute, executed, judge
from grader.results import CheckResult, Flag, NotebookFinding, NotebookResult, Outcome, Problem
from grader.sandbox.client import Zygote

FOLDER = "notebooks"  # of the executed copies, beside the report
GIVEN = "cs231n/checking.py"  # what the check cells measure with is ours, whatever was handed in


Tell = Callable[[str], None]


@dataclass(frozen=True)
class Options:
    """How notebooks are examined. `out` gets the executed copies; `data` is the folder of the data sets."""

    run: bool = True
    profile: execute.Profile = execute.FAST
    out: Path | None = None
    data: Path | None = None


def options(profile: str, out: Path) -> Options | None:
    """The options for a profile's name: "none" reads without executing, nothing does not even read.

    `out` is the folder of the report.
    """
    if not profile:
        return None
    return Options(profile != "none", execute.PROFILES.get(profile, execute.FAST), out / FOLDER)


def longest(profile: str) -> float:
    """Seconds by the clock that all notebooks of a hand-in may take together."""
    chosen = execute.PROFILES.get(profile)
    return len(judge.FILES) * execute.PATIENCE * chosen.notebook_seconds if chosen else 0.0


@dataclass(frozen=True)
class Graded:
    """What goes into a grade."""

    notebooks: tuple[NotebookResult, ...] = ()
    checks: Mapping[str, CheckResult] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    flags: tuple[Flag, ...] = ()


NOTHING = Graded()


class Notebooks:
    """Examines the notebooks of one submission after another; its warm parent starts with the first that is run."""

    def __init__(self, table: Path, handout: Path) -> None:
        self._table, self._handout = table, handout
        self._zygote: Zygote | None = None

    def __enter__(self) -> Notebooks:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the warm parent and its workers."""
        if self._zygote is not None:
            self._zygote.close()
            self._zygote = None

    def grade(self, submission: Submission, options: Options, tell: Tell | None = None) -> Graded:
        """All of a submission's notebooks. A fault of ours makes its checks errored and costs nothing.

        `tell` hears which cell is about to be done.
        """
        try:
            examined, remarks = self._examine(submission, options, tell)
        except SandboxError as error:
            return Graded(checks=_errored(error))
        kept = tuple(_with_copy(one, options.out) for one in examined)
        checks = judge.checks(kept)
        problems = tuple(Problem(file="", message=remark.message, hint=remark.hint) for remark in remarks)
        flags = tuple(flag for one in kept for flag in _flags(one.result))
        return Graded(
            tuple(one.result for one in kept), {check.id: check for check in checks}, problems, flags
        )

    def _examine(
        self, submission: Submission, options: Options, tell: Tell | None
    ) -> tuple[tuple[judge.Examined, ...], tuple[NotebookFinding, ...]]:
        runner = None
        if options.run and submission.notebooks:
            from grader.data import make  # needs 0.3 s, and only here

            if self._zygote is None:
                self._zygote = execute.start()
            execute.provide_data(submission.root, options.data or make.cached())
            if (self._handout / GIVEN).is_file():
                shutil.copyfile(self._handout / GIVEN, submission.root / GIVEN)
            runner = judge.Runner(self._zygote, submission.root, options.profile, _listener(tell))
        return judge.examine(submission.notebooks, self._table, self._handout, runner)


def _listener(tell: Tell | None) -> judge.Listener | None:
    if tell is None:
        return None
    return lambda title, done, total: tell(f"notebook {title}: cell {done} of {total}")


def _errored(error: SandboxError) -> dict[str, CheckResult]:
    return {
        name: CheckResult(
            id=name, title=title, part=judge.PART, function=file, outcome=Outcome.ERRORED, message=error.message,
            hint=error.hint or "This costs no points. Please report it.",
        )
        for name, title, file in judge.CHECKS
    }  # fmt: skip


def _with_copy(one: judge.Examined, out: Path | None) -> judge.Examined:
    """Writes the executed copy beside the report."""
    if one.match is None or not one.runs or out is None:
        return one
    name = f"executed-{one.match.script.file}"
    out.mkdir(parents=True, exist_ok=True)
    (out / name).write_bytes(executed.notebook(one.match.document, one.runs, one.result.findings))
    return judge.Examined(msgspec.structs.replace(one.result, executed_file=name), one.match, one.runs)


SUSPECT = ("stored and executed differ", "judge replaced", "cell edited")


def _flags(result: NotebookResult) -> Sequence[Flag]:
    """What staff should look at: a stored output that the code does not print, a changed judge."""
    found = [finding for finding in result.findings if finding.problem and finding.kind in SUSPECT]
    return [
        Flag(kind="notebook", subject=result.file, message=judge.line_of(finding)) for finding in found[:10]
    ]
