"""The option `--assignment`, and what it chooses for a command and the processes that it starts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from grader.errors import UsageError

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


def choose(folder: Path | None, *, notebooks: bool = False) -> Assignment:
    """The assignment to work with. Raises `UsageError` for none, or one without `notebooks` that are wanted."""
    from grader import assignment

    found = assignment.choose(folder)
    if notebooks and found.notebooks is None:
        raise UsageError(f"{found.name} has no notebooks to examine.", "Leave out --notebooks.")
    return found
