"""For authors of assignments: the command `gradmark new-assignment`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from grader import console


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
