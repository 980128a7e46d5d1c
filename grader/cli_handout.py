"""The command `gradmark handout`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from grader import console


@console.guarded
def handout(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new folder for the package.")],
    rubric: Annotated[
        Path | None,
        typer.Option(
            "--rubric", metavar="FILE", help="Points, limits, what is hidden  [default: gradmark's own]"
        ),
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, max=20, help="How many sets of inputs students get.")] = 3,
    select: Annotated[
        str, typer.Option("-k", metavar="EXPR", help="Only checks that match, as for pytest's -k.")
    ] = "",
    data: Annotated[bool, typer.Option(help="Put small data sets for the notebooks into it.")] = True,
) -> int:
    """Make the package that students get: template, notebooks, data, and checks that need no reference.

    The public checks come with the reference's answers for a few sets of inputs. There is no solution in it, no
    hidden check and no known mistake; grading draws other inputs. Takes a minute or two.

    \b
    Examples:
      gradmark handout a3-students/
      gradmark handout a3-students/ --rubric course.toml --no-data
      gradmark handout week-1/ -k "rnn and not lstm"
    """
    from grader import students_package
    from grader.rubric import DEFAULT, load

    students_package.build(
        folder, load(rubric or DEFAULT), seeds=seeds, select=select, data=data,
        tell=lambda said: typer.echo(said, err=True),
    )  # fmt: skip
    typer.echo(f"Made: {folder}")
    return 0


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(handout)
