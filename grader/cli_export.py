"""The commands that hand results on: `gradmark export`, `class-page`, `gradescope-zip`, and what runs in that zip."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from grader import console
from grader.errors import UsageError
from reports.text import line

if TYPE_CHECKING:
    from grader.rubric import Rubric
    from reports.exports.marks import Asked, Filled
    from reports.exports.source import Source

MOST_NOTES = 40

Folder = Annotated[
    Path, typer.Argument(metavar="DIR", help="The --out folder of `gradmark grade`, or a result.json.")
]
RubricFile = Annotated[
    Path | None, typer.Option("--rubric", metavar="FILE", help="Points and limits  [default: gradmark's own]")
]
Select = Annotated[
    str, typer.Option("-k", metavar="EXPR", help="Only checks that match, as for pytest's -k.")
]
Timeout = Annotated[
    float | None, typer.Option(metavar="SECONDS", min=1, help="For a submission  [default: the rubric's]")
]
RequireIsolation = Annotated[
    str,
    typer.Option("--require-isolation", metavar="LEVEL", help="Run nothing below it, see `gradmark doctor`."),
]

Train = Annotated[
    bool,
    typer.Option(
        "--training", help="Train the models, too: minutes, so raise Gradescope's time limit to 40."
    ),
]


@dataclass(frozen=True)
class _Order:
    """What `gradmark export` was asked for."""

    source: Source
    out: Path | None
    table: Path | None
    asked: Asked
    staff: bool
    prefix: str


@console.guarded
def export(
    folder: Folder,
    to: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="FORMAT",
            help="gradebook, canvas, moodle, gradescope, junit, github or json, as above.",
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="PATH", help="Where it goes  [default: standard output]"),
    ] = None,
    table: Annotated[
        Path | None,
        typer.Option("--gradebook", metavar="CSV", help="canvas, moodle: their own export, to be filled in."),
    ] = None,
    column: Annotated[
        str,
        typer.Option(
            "--column", metavar="NAME", help="canvas: the assignment; moodle: how `Grade` is called there."
        ),
    ] = "",
    scale: Annotated[
        bool, typer.Option("--scale", help="canvas, moodle: convert to the maximum that stands there.")
    ] = False,
    missing_zero: Annotated[
        bool, typer.Option("--missing-zero", help="canvas, moodle: 0 for who handed in nothing.")
    ] = False,
    provisional: Annotated[
        bool,
        typer.Option(
            "--provisional", help="canvas, moodle: also marks that a fault of gradmark left undecided."
        ),
    ] = False,
    staff: Annotated[
        bool,
        typer.Option("--staff", help="gradescope, junit, github: with hidden checks and flags."),
    ] = False,
    prefix: Annotated[
        str,
        typer.Option(
            "--path-prefix", metavar="DIR", help="github: the submission's folder in the repository."
        ),
    ] = "",
) -> int:
    """Hand results on to another system. Nothing is run; every text is escaped as that system needs it.

    \b
    gradebook   CSV, a line for each student (opens in any spreadsheet; formulas in names are defused)
    canvas      the course's own gradebook export with one column filled in: all other cells stay as they are
    moodle      the assignment's own grading worksheet with grades and a line of feedback
    gradescope  results.json; of a class one file for each hand-in, in the folder --out
    junit       JUnit XML: a suite for each part; of a class one for each hand-in
    github      annotations on standard output; the summary goes to $GITHUB_STEP_SUMMARY, or to --out
    json        everything in one document, for your own programs

    canvas and moodle leave a mark alone that is not final (nothing handed in, undecided by a fault of gradmark),
    and say so. Points after late days and other policies are used.

    \b
    Examples:
      gradmark export class-report --to gradebook --out grades.csv
      gradmark export class-report --to canvas --gradebook 2024-05_Grades.csv --column "Assignment 3" -o import.csv
      gradmark export class-report --to moodle --gradebook Grades-A3.csv --scale -o worksheet.csv
      gradmark export gradmark-report --to junit --out junit.xml
      gradmark export gradmark-report --to github --path-prefix assignment3
    """
    from reports.exports import source
    from reports.exports.marks import Asked

    if to not in _WAYS:
        raise UsageError(f"--to {line(to)} is unknown.", f"It is one of {', '.join(_WAYS)}.")
    if to in _FILLED and table is None:
        raise UsageError(
            f"--to {to} fills in a table of {to.capitalize()}'s own.",
            "Export it there, and name the file with --gradebook.",
        )
    if to == "canvas" and not column:
        raise UsageError("Which assignment of the gradebook is it?", 'Say --column "Assignment 3".')
    asked = Asked(column, provisional, missing_zero, scale)
    return _WAYS[to](_Order(source.read(folder), out, table, asked, staff, prefix))


def _gradebook(order: _Order) -> int:
    from reports.exports import gradebook, out, source

    out.write([gradebook.render(source.class_of(order.source))], order.out)
    return _told(order)


def _canvas(order: _Order) -> int:
    from reports.exports import canvas, sheet, source

    assert order.table is not None
    return _marks(order, canvas.fill(sheet.read(order.table), source.class_of(order.source), order.asked))


def _moodle(order: _Order) -> int:
    from reports.exports import moodle, sheet, source

    assert order.table is not None
    return _marks(order, moodle.fill(sheet.read(order.table), source.class_of(order.source), order.asked))


def _marks(order: _Order, filled: Filled) -> int:
    from reports.exports import out

    out.write([filled.content], order.out)
    for note in filled.notes[:MOST_NOTES]:
        typer.echo(line(note, 400), err=True)
    if len(filled.notes) > MOST_NOTES:
        typer.echo(f"and {len(filled.notes) - MOST_NOTES} more remarks like these", err=True)
    typer.echo(f"{filled.filled} marks were filled in.", err=True)
    return _told(order)


def _gradescope(order: _Order) -> int:
    from reports.exports import gradescope, out

    if order.source.result is None:
        (entry,) = order.source.entries()
        out.write([gradescope.render(entry.grade, staff=order.staff)], order.out)
        return _told(order)
    if order.out is None:
        raise UsageError("A class has a results.json for each hand-in.", "Name a folder for them with --out.")
    for entry in order.source.entries():
        made = gradescope.render(entry.grade, staff=order.staff)
        out.write([made], order.out / entry.key / "results.json")
    return _told(order)


def _junit(order: _Order) -> int:
    from reports.exports import junit, out

    if order.source.result is None:
        (entry,) = order.source.entries()
        out.write([junit.submission(entry.grade, staff=order.staff)], order.out)
    else:
        out.write(junit.classwide(order.source.entries(), staff=order.staff), order.out)
    return _told(order)


def _github(order: _Order) -> int:
    from reports.exports import github, out

    if order.source.result is not None:
        raise UsageError("--to github is for one submission.", "Name the --out folder of a single grading.")
    (entry,) = order.source.entries()
    named = os.environ.get("GITHUB_STEP_SUMMARY", "")
    target = order.out or (Path(named) if named else None)
    if target is not None:
        before = target.read_bytes() if target is not order.out and target.is_file() else b""
        room = github.MOST_SUMMARY - len(before) - 1
        summary = github.summary(entry.grade, staff=order.staff, room=room).encode()
        out.write([before, b"\n" if before and not before.endswith(b"\n") else b"", summary], target)
    out.write([github.commands(entry.grade, staff=order.staff, prefix=order.prefix).encode()], None)
    return 0


def _json(order: _Order) -> int:
    from reports.exports import everything, out

    out.write(everything.render(order.source), order.out)
    return _told(order)


def _told(order: _Order) -> int:
    if order.out is not None:
        typer.echo(f"Written: {order.out}", err=True)
    return 0


_WAYS: dict[str, Callable[[_Order], int]] = {
    "gradebook": _gradebook, "canvas": _canvas, "moodle": _moodle, "gradescope": _gradescope, "junit": _junit,
    "github": _github, "json": _json,
}  # fmt: skip
_FILLED = ("canvas", "moodle")


@console.guarded
def class_page(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="The --out folder of `gradmark grade` on a class.")
    ],
    anonymous: Annotated[
        bool,
        typer.Option("--anonymous", help="No names, no links, no single messages: to be shown to others."),
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="The page  [default: class.html in DIR]"),
    ] = None,
) -> int:
    """Make the page of a class: distribution, pass rates, frequent mistakes, what staff should look at, everybody.

    \b
    Examples:
      gradmark class-page class-report
      gradmark class-page class-report --anonymous --out lecture.html
    """
    from reports import class_page as page

    typer.echo(f"Class page: {page.write(folder, out, anonymous=anonymous)}")
    return 0


@console.guarded
def gradescope_zip(
    out: Annotated[Path, typer.Argument(metavar="OUT.zip", help="The zip to upload to Gradescope.")],
    rubric: RubricFile = None,
    select: Select = "",
    timeout: Timeout = None,
    require_isolation: RequireIsolation = "",
    training: Train = False,
) -> int:
    """Make the zip of a Gradescope autograder that grades with this gradmark.

    In Gradescope: Configure Autograder, Zip file upload, Ubuntu 22.04; at least 2 GB of memory and a time limit above
    the rubric's `submission_seconds`. The output of the first run, which students do not see, says how many points
    the assignment is to have. results.json is up to date after every check; late days are Gradescope's affair.

    \b
    Examples:
      gradmark gradescope-zip autograder.zip
      gradmark gradescope-zip autograder.zip --rubric course.toml --timeout 400
    """
    from grader import assignment, autograder_zip, session

    if not assignment.current().bundled:
        raise UsageError(
            "An autograder zip holds gradmark's own assignment only.", f"Unset {assignment.VARIABLE}."
        )
    chosen = _rubric(rubric)
    session.validate(chosen or session.default_rubric(), session.expected_checks())
    session.expected_checks(select)
    options = {
        "-k": select,
        "--timeout": f"{timeout:g}" if timeout else "",
        "--require-isolation": require_isolation,
    }
    words = [word for name, value in options.items() if value for word in (name, value)]
    words += ["--training"] if training else []
    size = autograder_zip.write(out, chosen, words)
    typer.echo(f"Written: {out} ({size / 1e6:.1f} MB)")
    return 0


@console.guarded
def gradescope_run(
    root: Annotated[Path, typer.Argument(metavar="ROOT", help="Gradescope's folder, /autograder.")],
    rubric: RubricFile = None,
    select: Select = "",
    timeout: Timeout = None,
    require_isolation: RequireIsolation = "",
    training: Train = False,
    seed: Annotated[int | None, typer.Option(min=0, help="Draw the same inputs again.")] = None,
) -> int:
    """Grade the submission in Gradescope's container: what run_autograder calls."""
    from grader import autograder
    from grader.training.context import Options

    train = Options("cpu", None, "auto") if training else None
    options = autograder.Options(_rubric(rubric), select, timeout, seed, require_isolation, train)
    for remark in autograder.run(root, options):
        typer.echo(remark)
    return 0


def _rubric(path: Path | None) -> Rubric | None:
    from grader.rubric import load

    return load(path) if path else None


def register(app: typer.Typer) -> None:
    """Adds the commands of this topic."""
    app.command()(export)
    app.command()(class_page)
    app.command()(gradescope_zip)
    app.command(hidden=True)(gradescope_run)
