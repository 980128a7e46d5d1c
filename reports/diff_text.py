"""What changed between two gradings, for the terminal. Printed as `rich.Text`, never as markup."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.text import Text

from grader.results import Outcome
from reports import view
from reports.diff import Change, CheckChange, GradeDiff, Kind
from reports.diff_class import ClassDiff, StudentDiff
from reports.text import line

TONES = {
    Kind.WORSE: "red",
    Kind.FAULT: "bold magenta",
    Kind.OTHER: "yellow",
    Kind.BETTER: "green",
    Kind.NEW: "cyan",
    Kind.GONE: "cyan",
}
MOST_CHECKS = 60  # of one submission
MOST_TALLIES = 20


def show(found: GradeDiff | ClassDiff, console: Console) -> None:
    """Prints all of it, worst first, and one line at the end that says how much there is."""
    lines = _grade(found) if isinstance(found, GradeDiff) else _class(found)
    for said in lines:
        console.print(said)


def outcomes(change: CheckChange) -> str:
    """ "passed -> failed", with words for a side that is missing."""
    return " -> ".join(_word(side) for side in (change.before, change.after))


def points(change: CheckChange) -> str:
    """ "3 -> 0 of 3 points"; empty for a check without points."""
    if not change.max_before and not change.max_after:
        return ""
    most = str(change.max_after or change.max_before)
    return f"{change.points_before} -> {change.points_after} of {most} points"


def tally(found: GradeDiff) -> str:
    """ "2 checks worse, 1 better, 240 as before"."""
    counts = [(kind, sum(change.kind is kind for change in found.checks)) for kind in Kind]
    said = [f"{count} {kind}" for kind, count in counts if count]
    return f"Checks: {', '.join([*said, f'{found.same} as before'])}."


def step(before: int, after: int) -> str:
    """ "38 -> 50 (+12)"."""
    return f"{before} -> {after} ({after - before:+d})"


def _word(outcome: Outcome | None) -> str:
    return view.WORDING[outcome].word.lower() if outcome else "not run"


def _grade(found: GradeDiff) -> Iterator[Text]:
    renamed = found.before != found.after
    name = f"{_line(found.before)} and {_line(found.after)}" if renamed else _line(found.after)
    most = f" of {found.max_after}" + (
        f" (before of {found.max_before})" * (found.max_before != found.max_after)
    )
    yield Text(f"{name}: {step(found.points_before, found.points_after)}{most} points", "bold")
    yield from _around(found.circumstances)
    yield from (Text(f"  File {line(change.what)}: {_how(change)}") for change in found.files[:MOST_TALLIES])
    if len(found.files) > MOST_TALLIES:
        yield Text(f"  and {len(found.files) - MOST_TALLIES} more files")
    yield from _details(found)
    yield Text(tally(found))


def _details(found: GradeDiff, indent: str = "") -> Iterator[Text]:
    for change in found.checks[:MOST_CHECKS]:
        yield _check(change, indent)
    if len(found.checks) > MOST_CHECKS:
        yield Text(f"{indent}and {len(found.checks) - MOST_CHECKS} more checks, see --json or --html")
    for mark, flags in (("new", found.flags), ("gone", found.flags_gone)):
        for flag in flags[:MOST_TALLIES]:
            said = f"{flag.kind}: {flag.subject}: {flag.message}"
            yield Text(f"{indent}For staff ({mark}): {line(said)}", "magenta")
    yield from (Text(f"{indent}Inline answer: {line(change.text)} points") for change in found.answers)


def _check(change: CheckChange, indent: str) -> Text:
    said = Text(indent).append(f"{change.kind:<7}", TONES[change.kind])
    said.append(_line(change.id), "bold").append(f"  {outcomes(change)}")
    said.append(f", {worth}" if (worth := points(change)) else "")
    if change.message and change.after is not Outcome.PASSED:
        said.append(f"\n{indent}       {line(change.message)}")
    if change.explanation and change.after is not Outcome.PASSED:
        said.append(f"\n{indent}       {line(change.explanation)}")
    if change.why:
        said.append(f"\n{indent}       Why: {line('; '.join(change.why))}")
    return said


def _around(circumstances: tuple[Change, ...]) -> Iterator[Text]:
    yield from (Text(f"  Differs: {line(change.text)}") for change in circumstances)


def _how(change: Change) -> str:
    return "changed" if change.before and change.after else "added" if change.after else "removed"


def _class(found: ClassDiff) -> Iterator[Text]:
    yield Text(f"{_line(found.after)}: {len(found.students)} students changed, {found.same} did not", "bold")
    yield from _around(found.circumstances)
    for each in found.checks[:MOST_TALLIES]:
        sides = (("worse", each.worse), ("better", each.better), ("other", each.other))
        counted = ", ".join(f"{count} {side}" for side, count in sides if count)
        yield Text(f"  {_line(each.id)}: {counted}")
    if len(found.checks) > MOST_TALLIES:
        yield Text(f"  and {len(found.checks) - MOST_TALLIES} more checks, see --json or --html")
    for student in found.students:
        yield from _student(student)


def _student(student: StudentDiff) -> Iterator[Text]:
    name = student.id if student.name in {"", student.id} else f"{student.name} ({student.id})"
    said = Text(f"\n{line(name)}: {step(student.points_before, student.points_after)} points", "bold")
    if student.before is not student.after:
        said.append(f", {student.before or 'not in the class'} -> {student.after or 'not in the class'}")
    yield said
    yield from (Text(f"  {line(reason)}") for reason in student.reasons)
    if student.work is not None:
        yield from _details(student.work, "  ")


def _line(value: str) -> str:
    return line(value, 80)
