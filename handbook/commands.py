"""The page of all commands: what `--help` prints, for each of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from typer.main import get_command
from typer.testing import CliRunner

from grader.cli import app

INTRODUCTION = """\
# Commands

This is what `--help` prints. `gradmark --install-completion` completes commands and options by the Tab key
in bash, zsh, fish and PowerShell.

## Exit statuses

| status | meaning |
|---|---|
| 0 | done, whatever the score |
| 1 | a fault of gradmark: no points are lost by it, staff must look |
| 2 | wrong usage: the message says what to mend |
| 130 | interrupted by Ctrl-C; 143: ended by SIGTERM |
| 141 | the reader of the output has gone |

Colours and bars appear on a terminal only; `NO_COLOR=1` takes the colours away there, too.
"""


def commands(hidden: bool = False) -> dict[tuple[str, ...], Any]:
    """Every command by its words, the one without words first; groups count as commands, too."""
    return dict(_below((), get_command(app), hidden))


def _below(words: tuple[str, ...], command: Any, hidden: bool) -> Iterator[tuple[tuple[str, ...], Any]]:
    yield words, command
    for name, inner in getattr(command, "commands", {}).items():
        if hidden or not inner.hidden:
            yield from _below((*words, name), inner, hidden)


def options(command: Any) -> set[str]:
    """All spellings of a command's options: "--out", "-o", "--no-training"."""
    spelt = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    return {name for name in spelt if name.startswith("-")} | {"--help", "-h"}


def page() -> str:
    """The page, as Markdown."""
    return INTRODUCTION + "".join(_section(words) for words in commands())


def _section(words: tuple[str, ...]) -> str:
    return f"\n## {' '.join(('gradmark', *words))}\n\n```text\n{help_of(words)}```\n"


def help_of(words: tuple[str, ...]) -> str:
    """What the command prints on `--help`, 100 characters wide and without colours."""
    done = CliRunner().invoke(
        app, [*words, "--help"], prog_name="gradmark", env={"NO_COLOR": "1", "COLUMNS": "100"}
    )
    if done.exit_code:
        raise RuntimeError(f"gradmark {' '.join(words)} --help ended with {done.exit_code}: {done.output}")
    return done.stdout.strip() + "\n"
