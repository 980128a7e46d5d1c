"""A student's own check in the terminal: what to do next, then a short table by part."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from grader.results import CheckResult, Grade, Outcome, Problem
from reports import terminal, text, view
from reports.causes import Cause, causes, not_attempted

OPEN = (Outcome.FAILED, Outcome.NOT_ATTEMPTED)
MOST_PROBLEMS = 5


def next_step(grade: Grade) -> Cause | None:
    """The first function in the order of the assignment that is wrong or not begun, else the first that waits."""
    parts = [part.id for part in grade.parts]
    ordered = sorted(grade.checks, key=lambda check: parts.index(check.part) if check.part in parts else 99)
    waiting = [check for check in ordered if check.outcome is Outcome.BLOCKED]
    first = next(iter([*(check for check in ordered if check.outcome in OPEN), *waiting]), None)
    if first is None:
        return None
    found = (*causes(grade.checks), *not_attempted(grade.checks))
    return next((cause for cause in found if first in cause.checks), Cause((first,)))


def show(grade: Grade, console: Console, place: str = "", broken: Sequence[Problem] = ()) -> None:
    """Prints what to do next (at `place`, a file and line), the table, what is wrong with files, and the score.

    Files that are `broken` come first: nothing in them can be judged.
    """
    step = next_step(grade)
    if broken:
        console.print(Text("What to do next", "bold"))
        console.print(*map(_broken, broken), sep="\n")
    elif step is not None:
        console.print(_next(step, place))
    elif not grade.faults and all(check.outcome is Outcome.PASSED for check in grade.checks):
        where = " in this selection" if grade.environment.selection else ""
        console.print(Text(f"Nothing left to do{where}: every check passed.", "bold green"))
    for problem in _problems(grade):
        console.print(problem)
    console.print(Text())
    console.print(_table(grade))
    if grade.faults:
        console.print(terminal.faults(grade))
    console.print(terminal.scored(grade))
    if grade.environment.isolation in view.NOT_ISOLATED:
        level = text.line(grade.environment.isolation)
        console.print(f"The code ran with your own rights (level {level}): enough for work that is your own.")


def _next(step: Cause, place: str) -> Text:
    said = Text("What to do next", "bold").append_text(terminal.message(step))
    return said.append(f"\n  Where: {text.line(place)}") if place else said


def _broken(problem: Problem) -> Text:
    said = Text("can't be read", terminal.STYLES["bad"]).append(f"  {text.line(problem.file)}", "bold")
    said.append(f"\n  {text.line(problem.message, terminal.MESSAGE_LIMIT)}")
    return said.append(f"\n  Try: {text.line(problem.hint, 400)}" if problem.hint else "")


def _problems(grade: Grade) -> list[Text]:
    said = [Text("File: ", "yellow").append(text.line(p.message, 400)) for p in grade.problems]
    for note, problem in zip(said, grade.problems, strict=True):
        note.append(f"\n  Try: {text.line(problem.hint, 400)}" if problem.hint else "")
    more = len(said) - MOST_PROBLEMS
    return said if more <= 0 else [*said[:MOST_PROBLEMS], Text(f"and {more} more about files.")]


def _table(grade: Grade) -> Table:
    table = Table(box=None, pad_edge=False, show_header=True)
    table.add_column("Function", overflow="fold")
    table.add_column("Outcome")
    table.add_column("Checks", justify="right")
    table.add_column("Points", justify="right")
    for part in view.parts(grade):
        _add_part(table, part)
    return table


def _add_part(table: Table, part: view.PartView) -> None:
    amount = f"{part.score.points} / {part.score.max_points}"
    extra = " (extra credit)" if part.score.extra_credit else ""
    begun = [function for function in part.functions if not _left(function.checks)]
    left = [function for function in part.functions if _left(function.checks)]
    outcome = Text() if begun else terminal.outcome(Outcome.NOT_ATTEMPTED)
    table.add_row(Text(text.line(part.score.title, 80) + extra, "bold"), outcome, "", Text(amount, "bold"))
    for function in begun:
        table.add_row(*terminal.row(function))
    if begun and left:
        names = ", ".join(text.line(function.name, 60) for function in left)
        table.add_row(Text(f"  {names}"), terminal.outcome(Outcome.NOT_ATTEMPTED), "", "")


def _left(checks: Sequence[CheckResult]) -> bool:
    return all(check.outcome is Outcome.NOT_ATTEMPTED for check in checks)
