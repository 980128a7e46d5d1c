"""Commands that a text mentions, given to the parser of the real command line without running anything."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import typer

from handbook import blocks, commands

REFUSED: type[Exception] = typer.BadParameter.__bases__[0]  # what the parser raises for wrong usage
_ENDS = {"|", "||", "&&", ";", ">", ">>", "2>", "&"}


def mentioned(text: str) -> Iterator[str]:
    """Every line of the shell blocks of a page; continued lines are one."""
    for block in blocks.blocks(text):
        if block.kind == "sh":
            yield from block.text.replace("\\\n", " ").splitlines()


def arguments(line: str) -> list[str] | None:
    """What `gradmark` is given in a line of shell; None where it is not called."""
    words = shlex.split(line, comments=True)
    while words and re.fullmatch(r"\w+=.*", words[0]):
        words = words[1:]
    if not words or Path(words[0]).name != "gradmark":
        return None
    end = next((i for i, word in enumerate(words) if word in _ENDS), len(words))
    return words[1:end]


def parse(words: list[str]) -> None:
    """Lets the command line parse these words. Raises `REFUSED` for a command or option that it doesn't know."""
    known = commands.commands(hidden=True)
    depth = 0
    while depth < len(words) and tuple(words[: depth + 1]) in known:
        depth += 1
    command = known[tuple(words[:depth])]
    if depth or words[0].startswith("-"):
        command.make_context("gradmark", list(words[depth:]), resilient_parsing=not depth)
    else:
        raise REFUSED(f"There is no command {words[0]}.")
