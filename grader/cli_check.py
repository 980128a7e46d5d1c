"""The command `gradmark check`: a student's own work, checked on their own machine."""

from __future__ import annotations

import io
import sys
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from grader import console
from grader.places import REFERENCE
from grader.results import Grade

if TYPE_CHECKING:
    from grader.selfcheck import Checker

MOST_SEED = 2**53 - 1
REPORT = Path("gradmark-report") / "student.html"  # in the working folder
AGAIN = "gradmark check" if REFERENCE.is_dir() else "python gradmark.py check"


@console.guarded
def check(
    path: Annotated[
        Path, typer.Argument(metavar="[PATH]", help="Your working folder, or a folder in it.")
    ] = Path("."),
    select: Annotated[
        str, typer.Option("-k", metavar="EXPR", help="Only checks that match, as for pytest's -k.")
    ] = "",
    watch: Annotated[
        bool, typer.Option("--watch", help="Check again whenever a file is saved, until Ctrl-C.")
    ] = False,
    show: Annotated[bool, typer.Option("--open", help="Show the page in the browser as well.")] = False,
    seed: Annotated[
        int | None,
        typer.Option(min=0, max=MOST_SEED, help="Draw the same inputs again  [default: a fresh seed]"),
    ] = None,
) -> int:
    """Check your own work: what to do next, and what passes already.

    Runs the public checks on the files as they are saved, in the current folder or in PATH. What you have not
    begun is not run. Nothing is uploaded or handed in.

    \b
    Examples:
      gradmark check
      gradmark check -k rnn_step
      gradmark check --watch -k rnn
      gradmark check --open
    """
    from grader.selfcheck import Checker

    with Checker(path) as checker:
        if watch:
            return _watch(checker, select, seed, show)
        checks = checker.selected(select)
        with console.shown(console.Chatter(file=sys.stderr), quiet=True) as progress:
            grade = checker.check(checks, seed=seed, progress=progress, select=select)
        tell(checker, grade)
        if show:
            open_page(checker, grade)
    return console.FAULT if grade.faults else 0


def _watch(checker: Checker, select: str, seed: int | None, show: bool) -> int:
    """Checks again and again; ends well with Ctrl-C."""
    from grader import watching

    typer.echo(f"Watching {checker.folder}: save a file to check it, Ctrl-C ends this.", err=True)
    try:
        watched = watching.Watched(checker, select, seed)
        for run in watching.runs(watched, checker.folder, lambda said: typer.echo(said, err=True)):
            if run.checks < len(run.grade.checks):
                files = ", ".join(run.saved)
                typer.echo(f"\nSaved {files}: {run.checks} checks in {run.seconds:.1f} s\n")
            tell(checker, run.grade)
            if show:
                open_page(checker, run.grade)
                show = False
            sys.stdout.flush()
    except KeyboardInterrupt:
        typer.echo("\nStopped watching.", err=True)
    return 0


def tell(checker: Checker, grade: Grade) -> None:
    """Prints a grade for the student."""
    from grader import own_folder
    from grader.subject import MODULES
    from reports import self_check

    step = self_check.next_step(grade)
    module = MODULES.get(checker.modules.get(step.check.id, ""), "") if step else ""
    where = own_folder.place(checker.folder, module, step.check) if step and module else ""
    self_check.show(grade, console.Output(), where, checker.broken)
    typer.echo(f"Seed: {grade.environment.seed}")


def open_page(checker: Checker, grade: Grade) -> None:
    """Writes the student's page into the working folder and opens it."""
    from reports import files, page, student

    target = checker.folder / REPORT
    files.prepare(target.parent)
    files.replace(target, page.render(student.of(grade), again=AGAIN).encode())
    typer.echo(f"Report: {target}")
    if not webbrowser.open(target.as_uri()):
        typer.echo("No browser could be started: open the report yourself.", err=True)


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(check)


def main() -> None:
    """`python gradmark.py check`, as in a student's package: "check" may be left out."""
    app = typer.Typer(
        rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )  # fmt: skip
    register(app)
    for stream in (sys.stdout, sys.stderr):  # not every terminal and pipe can show every character
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    arguments = sys.argv[1:]
    app(arguments[1:] if arguments[:1] == ["check"] else arguments, prog_name=AGAIN)
