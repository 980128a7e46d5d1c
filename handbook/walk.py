"""A walk along a page: its files are written, its commands run, and what it shows must come out."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from handbook import blocks

_WHOLE = re.compile(r"^gradmark grade (?!.* -k ).*$", re.MULTILINE)
Change = Callable[[str], str]


@dataclass(frozen=True)
class Step:
    """A block of commands that was run."""

    page: Path
    block: blocks.Block
    printed: str
    status: int
    shown: tuple[blocks.Block, ...]  # what the page says came out

    @property
    def where(self) -> str:
        """Page and line, for messages."""
        return f"{self.page.name}, line {self.block.line}"


def walk(page: Path, folder: Path, change: Change = str) -> Iterator[Step]:
    """Goes along a page in `folder`, step by step; `change` may alter the commands."""
    steps = blocks.of(page)
    for position, block in enumerate(steps):
        if block.title:
            (folder / block.title).write_text(block.text, encoding="utf-8")
        elif block.kind == "sh":
            done = _run(change(block.text), folder)
            following = steps[position + 1 : position + 2]
            shown = tuple(each for each in following if each.kind == "text")
            yield Step(page, block, done.stdout, done.returncode, shown)


def _run(commands: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ("bash", "-e", "-c", commands), cwd=folder, env=environment(), stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8", check=False, timeout=1500,
    )  # fmt: skip


def environment() -> Mapping[str, str]:
    """That of a reader with gradmark on the path, and a terminal of 100 columns."""
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GRADMARK")}
    return {**kept, "PATH": path, "COLUMNS": "100", "PYTHONUTF8": "1"}


def narrowed(selection: str) -> Change:
    """A change that grades with these checks only what would be graded with all: quick, and with other points."""

    def change(commands: str) -> str:
        return _WHOLE.sub(lambda found: f"{found[0]} -k {shlex.quote(selection)} --no-training", commands)

    return change
