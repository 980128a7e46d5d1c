"""The commands for a class: `gradmark grade CLASS` and `gradmark regrade`."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from grader import chosen, console
from grader.class_results import CLASS_NAME, ClassResult, Status, StudentResult
from grader.errors import UsageError
from reports.text import line

if TYPE_CHECKING:
    from grader.batch.regrade import Regraded
    from grader.rubric import Rubric
    from grader.training.context import Options as TrainingOptions

FORMS = ("auto", "folders", "gradescope", "canvas", "list")
MOST_NOTES = 20

Jobs = Annotated[
    int | None,
    typer.Option("--jobs", "-j", min=1, help="Class: submissions at a time  [default: one for each core]"),
]
AsClass = Annotated[bool, typer.Option("--class", help="PATH is a class, however few have handed in.")]
Form = Annotated[
    str, typer.Option("--format", metavar="FORM", help=f"Class: how it came: {', '.join(FORMS)}.")
]
Roster = Annotated[
    Path | None, typer.Option("--roster", metavar="CSV", help="Class: its students, to match hand-ins with.")
]
Late = Annotated[
    Path | None,
    typer.Option("--late", metavar="CSV", help="Class: late_days, submitted or extension_days by student."),
]
Cluster = Annotated[
    str, typer.Option("--cluster", metavar="ADDRESS", help="Class: grade on the cluster of a Dask scheduler.")
]
OwnSeeds = Annotated[
    bool,
    typer.Option(
        "--own-seeds", help="Class: draw other inputs for each student; slower than the same for all."
    ),
]


@dataclass(frozen=True)
class ClassOptions:
    """What `gradmark grade` was told about a class."""

    as_class: bool = False
    form: str = "auto"
    jobs: int | None = None
    roster: Path | None = None
    late: Path | None = None
    cluster: str = ""
    own_seeds: bool = False
    notebooks: str = ""  # profile of their execution; empty: not looked at
    training: TrainingOptions | None = None  # how models are trained; None: not at all

    @property
    def given(self) -> bool:
        """Whether anything was said that only a class needs."""
        return replace(self, notebooks="", training=None) != ClassOptions()


def form_of(path: Path, options: ClassOptions) -> str:
    """The form of the class at `path`; empty when it is a single submission. Raises `UsageError`."""
    if options.form not in FORMS:
        raise UsageError(f"--format {options.form} is unknown.", f"It is one of {', '.join(FORMS)}.")
    if options.form != "auto":
        return options.form
    if not path.exists():
        return ""
    from grader.assignment import current
    from grader.batch import forms
    from grader.collect import assignment

    here = current()
    found = forms.recognised(path, assignment.load(here.template, here.package))
    if not found and options.as_class and path.is_dir():
        return "folders"
    if not found and options.given:
        raise UsageError(
            f"{path} is not recognised as a class.",
            "Say how it came by --format, or leave out the class's options.",
        )
    return found


def grade_class(
    path: Path,
    form: str,
    out: Path,
    options: ClassOptions,
    *,
    rubric: Rubric | None,
    seed: int | None,
    select: str,
    timeout: float | None,
    as_json: bool,
) -> int:
    """Grades a class, and says what became of it."""
    from grader import assignment, session
    from grader.batch import display, run

    if options.cluster and not assignment.current().bundled:
        raise UsageError(
            "A cluster grades gradmark's own assignment only.", "Leave out --cluster, or --assignment."
        )

    asked = run.Options(
        path, form, out, options.jobs or os.cpu_count() or 1, rubric or session.default_rubric(), seed, select,
        timeout, options.roster, options.late, options.cluster, options.own_seeds, options.notebooks,
        options.training,
    )  # fmt: skip
    with display.Watch(console.Chatter(file=sys.stderr)) as watch:
        try:
            result = run.grade_class(asked, watch)
        except KeyboardInterrupt:
            done, total = watch.counts
            typer.echo(
                f"\ngradmark: interrupted; {done} of {total} submissions are graded. "
                "The same command goes on from here.",
                err=True,
            )
            return console.INTERRUPTED
    return _say(result, out, as_json)


def _say(result: ClassResult, out: Path, as_json: bool) -> int:
    from reports import class_page

    if as_json:
        sys.stdout.flush()
        sys.stdout.buffer.write((out / CLASS_NAME).read_bytes())
        sys.stdout.buffer.flush()
    else:
        shown = console.Output()
        shown.print(_table(result))
        for note in _notes(result):
            shown.print(note)
    page = class_page.write(out)
    typer.echo(f"Seed: {result.run.seed}\nGradebook: {out / CLASS_NAME}\nClass page: {page}", err=as_json)
    return console.FAULT if any(_faulty(student) for student in result.students) else 0


def _faulty(student: StudentResult) -> bool:
    return any(attempt.faults for attempt in student.attempts)


def _table(result: ClassResult) -> Table:
    title = f"{line(result.name, 80)}: {len(result.students)} students, of {result.max_points} points"
    table = Table(title=Text(title, "bold"), title_justify="left", box=None, pad_edge=False)
    for name in ("Student", "Status", "Points", "Late", "Remarks"):
        table.add_column(name, justify="right" if name in {"Points", "Late"} else "left", overflow="fold")
    for student in result.students:
        late = student.attempt.late_days if student.attempt else 0
        points = "-" if student.status is Status.MISSING else str(student.points)
        table.add_row(
            Text(line(_called(student), 50)), Text(student.status), Text(points), Text(str(late or "")),
            Text(line(_remarks(student), 160)),
        )  # fmt: skip
    return table


def _called(student: StudentResult) -> str:
    return student.id if student.name in {"", student.id} else f"{student.name} ({student.id})"


def _remarks(student: StudentResult) -> str:
    said = [step.reason for step in student.adjustments]
    if student.undecided:
        said.append(f"{student.undecided} points undecided: gradmark's fault.")
    if student.attempt is not None and student.attempt.message:
        said.append(student.attempt.message)
    return " ".join([*said, *(problem.message for problem in student.problems)])


def _notes(result: ClassResult) -> list[Text]:
    said = [Text(f"Class: {line(p.file, 80)}: {line(p.message)}", "yellow") for p in result.problems]
    more = len(said) - MOST_NOTES
    return said if more <= 0 else [*said[:MOST_NOTES], Text(f"and {more} more remarks, see {CLASS_NAME}.")]


@console.guarded
def regrade(
    out: Annotated[
        Path, typer.Argument(metavar="DIR", help="The --out folder of `gradmark grade` on a class.")
    ],
    rubric: Annotated[
        Path | None,
        typer.Option(
            "--rubric", metavar="FILE", help="The new rubric  [default: DIR/rubric.toml as it is now]"
        ),
    ] = None,
    late: Late = None,
    assignment: chosen.AssignmentDir = None,
) -> int:
    """Score a graded class again, without running anything, and show what changed and why.

    \b
    Examples:
      gradmark regrade class-report --rubric new.toml
      gradmark regrade class-report --late extensions.csv
    """
    from grader.batch import regrade as regrading
    from grader.rubric import load
    from reports import class_page

    own = chosen.choose(assignment)
    done = regrading.regrade(out, load(rubric, own.rubric) if rubric else None, late)
    shown = console.Output()
    for text in _changes(done):
        shown.print(text)
    typer.echo(f"Gradebook: {out / CLASS_NAME}\nClass page: {class_page.write(out)}")
    return 0


def _changes(done: Regraded) -> list[Text]:
    said = [Text(warning, "yellow") for warning in done.warnings]
    for change in done.changes:
        step = change.after - change.before
        head = f"{_called(change.student)}: {change.before} -> {change.after} ({step:+d})"
        said.append(Text(line(head, 200), "bold"))
        said += [Text(f"  {line(reason)}") for reason in change.reasons[:MOST_NOTES]]
        if len(change.reasons) > MOST_NOTES:
            said.append(Text(f"  and {len(change.reasons) - MOST_NOTES} more"))
    students = len(done.result.students)
    said.append(Text(f"{len(done.changes)} of {students} students have other points than before."))
    return said


def register(app: typer.Typer) -> None:
    """Adds the commands of this topic."""
    app.command()(regrade)
