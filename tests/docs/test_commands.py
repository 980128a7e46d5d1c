"""Commands in the documentation exist: each one is given to the parser of the real command line."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.session import ROOT
from handbook import blocks, commands

PAGES = sorted((ROOT / "docs").rglob("*.md")) + [
    ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")
]
ENDS = {"|", "||", "&&", ";", ">", ">>", "2>", "&"}


def mentioned(text: str) -> Iterator[str]:
    """Every command `gradmark ...` in the shell blocks of a page, line by line."""
    for block in blocks.blocks(text):
        joined = block.text.replace("\\\n", " ")
        yield from (line for line in joined.splitlines() if block.kind == "sh")


def arguments(line: str) -> list[str] | None:
    """What `gradmark` is given in a line of shell; None where it is not called."""
    words = shlex.split(line, comments=True)
    while words and (re.fullmatch(r"\w+=.*", words[0]) or words[0] == "\\"):
        words = words[1:]
    if not words or Path(words[0]).name != "gradmark":
        return None
    end = next((i for i, word in enumerate(words) if word in ENDS), len(words))
    return words[1:end]


def parse(words: list[str]) -> None:
    """Lets the command line parse these words without running anything; raises for what it doesn't know."""
    known = commands.commands(hidden=True)
    depth = 0
    while tuple(words[: depth + 1]) in known and depth < len(words):
        depth += 1
    command = known[tuple(words[:depth])]
    assert depth or words[:1] in (["--version"], ["--help"]) or words[0].endswith("-completion"), words
    command.make_context("gradmark", list(words[depth:]), resilient_parsing=depth == 0)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_parse(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every `gradmark ...` in a shell block is a command with options that exist."""
    monkeypatch.chdir(tmp_path)
    for line in mentioned(page.read_text(encoding="utf-8")):
        if (words := arguments(line)) is not None:
            try:
                parse(words)
            except Exception as error:
                pytest.fail(f"{page.name}: {line}\n{type(error).__name__}: {error}")
    assert os.listdir(tmp_path) == []


def test_the_pages_have_commands() -> None:
    """The test above looks at many commands, in the README as well."""
    found = {
        page.name: sum(
            arguments(line) is not None for line in mentioned(page.read_text(encoding="utf-8"))
        )
        for page in PAGES
    }  # fmt: skip
    assert found["README.md"] > 20
    assert found["staff.md"] > 5
    assert found["student.md"] > 1


@pytest.mark.parametrize(
    "line", ["gradmark grad x", "gradmark grade x --sed 3", "gradmark export x", "gradmark x"]
)
def test_a_wrong_command_is_found(line: str) -> None:
    """A command, an option or a needed option that does not exist is refused."""
    words = arguments(f"NO_COLOR=1 {line} # comment")
    assert words is not None
    with pytest.raises((Exception, SystemExit)):  # noqa: B017
        parse(words)
