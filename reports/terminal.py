"""A grade in the terminal: a table, what to do first, and anything that staff must see.

Everything is printed as `rich.Text`, never as markup, after terminal codes were taken out of it.
"""

from __future__ import annotations

from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from grader.results import Grade, Outcome
from reports import causes, student, text, view

STYLES = {"good": "green", "bad": "red", "held": "yellow", "idle": "bright_black", "fault": "bold magenta"}
MOST_PROBLEMS = 10
MESSAGE_LIMIT = 400


def summary(grade: Grade, console: Console) -> None:
    """Print the table of functions, the first messages, the problems, the faults and the score on `console`.

    Colours are the console's affair: none when it is no terminal or NO_COLOR is set.
    """
    console.print(_table(grade))
    found = view.steps(grade)
    if explained := causes.told(found):
        console.print(Text(f"\n{explained}.", "bold"))
    for cause in found[: view.FIRST_STEPS]:
        console.print(message(cause))
    if len(found) > view.FIRST_STEPS:
        console.print(Text(f"\nand {len(found) - view.FIRST_STEPS} more to mend, see the report."))
    for problem in grade.problems[:MOST_PROBLEMS]:
        where = f"{text.line(problem.file)}: " if problem.file else ""
        note = _said("Hand-in: ", f"{where}{text.line(problem.message, MESSAGE_LIMIT)}", "yellow")
        console.print(_with_hint(note, problem.hint))
    if len(grade.problems) > MOST_PROBLEMS:
        console.print(Text(f"and {len(grade.problems) - MOST_PROBLEMS} more problems, see the report."))
    for flag in grade.flags[:MOST_PROBLEMS]:
        where = f"{text.line(flag.kind)}: {text.line(flag.subject)}: "
        console.print(_said("For staff: ", f"{where}{text.line(flag.message, MESSAGE_LIMIT)}", "magenta"))
    if len(grade.flags) > MOST_PROBLEMS:
        console.print(Text(f"and {len(grade.flags) - MOST_PROBLEMS} more flags, see the report."))
    if grade.faults:
        console.print(faults(grade))
    if grade.environment.isolation in view.NOT_ISOLATED:
        console.print(_not_isolated(grade))
    console.print(scored(grade))


def _table(grade: Grade) -> Table:
    table = Table(title=_plain(grade.submission), title_justify="left", box=None, pad_edge=False)
    table.add_column("Function", overflow="fold")
    table.add_column("Outcome")
    table.add_column("Checks", justify="right")
    table.add_column("Points", justify="right")
    for part in view.parts(grade):
        amount = f"{part.score.points} / {part.score.max_points}"
        extra = " (extra credit)" if part.score.extra_credit else ""
        table.add_row(Text(_line(part.score.title) + extra, "bold"), "", "", Text(amount, "bold"))
        for function in part.functions:
            table.add_row(*row(function))
        if rest := part.others:
            table.add_row(Text("  other checks"), "", "", Text(f"{rest.points} / {rest.max_points}"))
    return table


def row(function: view.FunctionView) -> tuple[Text, Text, Text, Text]:
    return (
        Text(f"  {_line(function.name)}"),
        outcome(function.outcome),
        Text(f"{len(function.passed)} / {len(function.checks)}"),
        Text(f"{function.points} / {function.max_points}" if function.max_points else "-"),
    )


def outcome(outcome: Outcome) -> Text:
    wording = view.WORDING[outcome]
    return Text(wording.word.lower(), STYLES[wording.tone])


def message(cause: causes.Cause) -> Text:
    check = cause.check
    lead = (
        Text("\n")
        .append(outcome(check.outcome))
        .append(f"  {_line(check.function)}: {_line(check.title)}", "bold")
    )
    lead.append(" (hidden from students)" if check.visibility == student.HIDDEN else "")
    lead.append(f"\n  {text.line(check.message, MESSAGE_LIMIT)}" if check.message else "")
    lead.append(f"\n  {text.line(check.explanation, MESSAGE_LIMIT)}" if check.explanation else "")
    others = len(cause.checks) - 1
    lead.append(f"\n  The same explains {others} more." if others and cause.mistake is not None else "")
    return _with_hint(lead, check.remedy)


def _with_hint(said: Text, hint: str) -> Text:
    return said.append(f"\n  Try: {text.line(hint, MESSAGE_LIMIT)}") if hint else said


def faults(grade: Grade) -> Panel:
    body = Text("These checks could not be carried out. That is gradmark's fault, not the student's:\n")
    for check in grade.faults:
        body.append(f"\n{_line(check.id)}", "bold").append(f"  {text.line(check.message, MESSAGE_LIMIT)}")
    body.append(f"\n\nPoints undecided by this: {grade.undecided}." if grade.undecided else "")
    return Panel(body, title=Text("Grader fault"), border_style=STYLES["fault"], title_align="left")


def _not_isolated(grade: Grade) -> Panel:
    body = Text(
        f"The code ran at isolation level {_line(grade.environment.isolation)}: enough to check one's own work, "
        "not to grade other people's. See `gradmark doctor`."
    )
    return Panel(body, title=Text("Not isolated"), border_style=STYLES["fault"], title_align="left")


def scored(grade: Grade) -> Text:
    score = Text("\nScore: ").append(f"{grade.points} of {grade.max_points} points", "bold")
    if extra := sum(part.points for part in grade.parts if part.extra_credit):
        score.append(f", {extra} of them extra credit")
    if grade.undecided:
        score.append(f", {grade.undecided} undecided", STYLES["fault"])
    if grade.environment.selection:
        score.append(f" (only checks that match {_line(grade.environment.selection)})")
    return score


def _said(label: str, what: str, style: str) -> Text:
    return Text("\n").append(label, style).append(what)


def _line(value: str) -> str:
    return text.line(value, 80)


def _plain(value: str) -> Text:
    return Text(_line(value), "bold")
