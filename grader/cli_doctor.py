"""The command `gradmark doctor`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from grader import console
from grader.results import to_json


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(console.guarded(doctor))


def doctor(
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON on standard output and nothing else there.")
    ] = False,
) -> int:
    """Show what this machine offers: isolation, versions, room; and how to get what is missing.

    Exit status: 0 ready, 1 when the isolation is below the recommended level or something else is wrong.

    \b
    Examples:
      gradmark doctor
      gradmark doctor --json | jq .level
    """
    from grader import doctor as examined

    found = examined.examine()
    if as_json:
        sys.stdout.write(to_json(found).decode())
    else:
        typer.echo("\n".join(examined.lines(found)))
    return 0 if found.fit else console.FAULT
