"""The command `gradmark diff`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from grader import console
from grader.errors import UsageError
from grader.results import to_json

Graded = "a result.json or class.json, or a folder that holds one"


@console.guarded
def diff(
    old: Annotated[Path, typer.Argument(metavar="OLD", help=f"The grading before: {Graded}.")],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="The grading after, of the same kind.")],
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON on standard output and nothing else there.")
    ] = False,
    page: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write a page as well, for staff.")
    ] = None,
) -> int:
    """Show what changed between two gradings of a submission or a class, and why.

    Which checks went another way, the points, and what the results show as a reason: files of the work, the seed,
    the rubric, versions. A change without any such reason is said to have none: the answer itself is not steady.
    The exit status is 0 whether or not anything changed.

    \b
    Examples:
      gradmark diff reports/monday reports/friday
      gradmark diff spring-before spring-after --html changes.html
      gradmark diff before/result.json after/result.json --json | jq '.checks[].id'
    """
    from reports import diff_class, diff_text
    from reports.exports import source

    found = diff_class.between(source.read(old), source.read(new))
    if page is not None:
        _write(page, found)
    if as_json:
        typer.echo(to_json(found).decode(), nl=False)
    else:
        diff_text.show(found, console.Output())
    if page is not None:
        typer.echo(f"Page: {page}", err=as_json)
    return 0


def _write(path: Path, found: object) -> None:
    from reports import diff_page, files
    from reports.diff import GradeDiff
    from reports.diff_class import ClassDiff

    assert isinstance(found, GradeDiff | ClassDiff)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        files.replace(path, diff_page.render(found).encode())
    except OSError as error:
        raise UsageError(f"{path} can't be written: {error.strerror}.", "Choose another file.") from error


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(diff)
