"""Commands in the documentation exist: each one is given to the parser of the real command line."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from grader.session import ROOT
from handbook.usage import REFUSED, arguments, mentioned, parse

PAGES = sorted((ROOT / "docs").rglob("*.md")) + [
    ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_parse(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every `gradmark ...` in a shell block is a command with options that exist."""
    monkeypatch.chdir(tmp_path)
    for line in mentioned(page.read_text(encoding="utf-8")):
        if (words := arguments(line)) is not None:
            try:
                parse(words)
            except REFUSED as error:
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
    with pytest.raises(REFUSED):
        parse(words)
