"""What every command's help says at its end: the exit statuses."""

from __future__ import annotations

import typer

EXITS = "Exit status: 0 done; 1 a fault of gradmark; 2 wrong usage, the message says what to mend; 130 interrupted."
SAID = "Exit status: 0"  # a command whose own text tells them all


def finish(app: typer.Typer) -> None:
    """Gives every command below `app` that says nothing of its own the usual statuses. Call it last."""
    for command in app.registered_commands:
        if SAID not in ((command.callback and command.callback.__doc__) or ""):
            command.epilog = command.epilog or EXITS
    for group in app.registered_groups:
        if group.typer_instance is not None:
            finish(group.typer_instance)
