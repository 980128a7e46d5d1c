"""The fenced blocks of a page: what a reader copies, and what the page says comes out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_FENCE = re.compile(r'^```([\w-]*)(?: title="([^"]+)")?$')
OMITTED = "..."


@dataclass(frozen=True)
class Block:
    """One fenced block."""

    kind: str  # "sh", "text", "toml"
    title: str  # the file that it is, if any
    text: str
    line: int  # of its fence, from 1


def blocks(text: str) -> Iterator[Block]:
    """All fenced blocks of a Markdown text, in order."""
    opened: tuple[str, str, int] | None = None
    inside: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        found = _FENCE.match(line)
        if opened is None and found:
            opened, inside = (found[1], found[2] or "", number), []
        elif opened is not None and line == "```":
            kind, title, start = opened
            yield Block(kind, title, "".join(f"{each}\n" for each in inside), start)
            opened = None
        else:
            inside.append(line)


def of(page: Path) -> tuple[Block, ...]:
    """All fenced blocks of a file."""
    return tuple(blocks(page.read_text(encoding="utf-8")))


def shows(shown: str, printed: str) -> bool:
    """Whether a page's output is what was printed: its lines stand there in this order, without others in between.

    Before, after, and where a line is or ends with "..." something may have been left out. Blanks at the end of a
    line don't count.
    """
    expected = [line.rstrip() for line in shown.strip().splitlines()]
    lines = [line.rstrip() for line in printed.splitlines()]
    return any(_from(expected, lines[start:]) for start in range(len(lines) + 1))


def _from(expected: list[str], lines: list[str]) -> bool:
    if not expected:
        return True
    first, rest = expected[0], expected[1:]
    if first == OMITTED:
        return any(_from(rest, lines[start:]) for start in range(len(lines) + 1))
    return bool(lines) and _same(first, lines[0]) and _from(rest, lines[1:])


def _same(expected: str, line: str) -> bool:
    if expected.endswith(OMITTED):
        return line.startswith(expected.removesuffix(OMITTED).rstrip())
    return expected == line
