"""For authors of assignments: the option `--assignment` and the command `gradmark new-assignment`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from grader import console

if TYPE_CHECKING:
    from grader.assignment import Assignment

AssignmentDir = Annotated[
    Path | None,
    typer.Option(
        "--assignment",
        metavar="DIR",
        help="Another assignment than gradmark's own  [default: $GRADMARK_ASSIGNMENT]",
    ),
]


def choose(folder: Path | None) -> Assignment:
    """The assignment that the command works with; processes that it starts do the same. Raises `UsageError`."""
    from grader import assignment

    return assignment.choose(folder)


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("new-assignment")(console.guarded(new_assignment))


def new_assignment(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty folder.")],
    package: Annotated[
        str, typer.Option(metavar="NAME", help="The folder that students write in and import from.")
    ] = "homework",
) -> int:
    """Make a new assignment that grades: one layer with its checks, a known mistake, rubric and template.

    README.md in it says what each file is; its tests prove that the reference gets full marks, the template none,
    and that the mistake is caught.

    \b
    Examples:
      gradmark new-assignment normalisation
      gradmark grade handed_in/ --assignment normalisation
      gradmark new-assignment vision --package vision
    """
    from grader import new_assignment as made

    assignment = made.make(folder, package)
    typer.echo(
        f"Written: {folder} ({assignment.name})\n"
        f"Next: read {folder / 'README.md'}, then run `python -m pytest {folder / 'tests'}`."
    )
    return 0
