"""A walk along a page: its files are written, its commands run, and what it shows must come out."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from handbook import blocks

_WHOLE = re.compile(r"^gradmark (grade|handout) (?!.* -k ).*$", re.MULTILINE)
_SECONDS = 3600  # that a block of commands may take: installing torch on a busy machine
STAYS = "--watch"  # a command with it runs until Ctrl-C
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


class Staying:
    """A command that runs until its reader ends it."""

    def __init__(self, popen: subprocess.Popen[bytes], printed: Path) -> None:
        self._popen = popen
        self._printed = printed
        self._told = 0

    def until(self, words: str, seconds: float = 100) -> None:
        """Waits until it has printed `words` after those waited for before. Raises `AssertionError`."""
        end = time.monotonic() + seconds
        while (found := self.printed.find(words, self._told)) < 0:
            if self._popen.poll() is not None or time.monotonic() > end:
                raise AssertionError(f"no {words!r} in:\n{self.printed}")
            time.sleep(0.05)
        self._told = found + len(words)

    @property
    def printed(self) -> str:
        """What it has printed so far."""
        return self._printed.read_text(encoding="utf-8", errors="replace")


Meanwhile = Callable[[Staying], None]


def environment() -> dict[str, str]:
    """That of a reader with gradmark on the path, and a terminal of 100 columns."""
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GRADMARK")}
    return {**kept, "PATH": path, "COLUMNS": "100", "PYTHONUTF8": "1"}


def written(block: blocks.Block, folder: Path) -> None:
    """The file that a block is, as it stands there."""
    (folder / block.title).write_text(block.text, encoding="utf-8")


def only_looked_at(running: Staying) -> None:
    """What a reader does who only looks at a command that stays: nothing, once it is there."""
    running.until("Seed: ")


def walk(
    page: Path, folder: Path, change: Change = str, *, around: Mapping[str, str] | None = None,
    save: Callable[[blocks.Block, Path], None] = written, meanwhile: Meanwhile = only_looked_at,
) -> Iterator[Step]:  # fmt: skip
    """Goes along a page in `folder`, step by step.

    change: may alter the commands; around: their environment, the tests' own unless given; save: what is done with a
    block that is a file; meanwhile: what is done while a command stays, before it is ended.
    """
    around = environment() if around is None else around
    steps = blocks.of(page)
    for position, block in enumerate(steps):
        if block.title:
            save(block, folder)
        elif block.kind == "sh":
            commands = change(block.text)
            if STAYS in commands:
                status, printed = _stayed(commands, folder, around, meanwhile)
            else:
                status, printed = _run(commands, folder, around)
            following = steps[position + 1 : position + 2]
            shown = tuple(each for each in following if each.kind == "text")
            yield Step(page, block, printed, status, shown)


def _run(commands: str, folder: Path, around: Mapping[str, str]) -> tuple[int, str]:
    with subprocess.Popen(
        ("bash", "-e", "-c", commands), cwd=folder, env=around, stdin=subprocess.DEVNULL, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8",
    ) as running:  # fmt: skip
        try:
            printed, _ = running.communicate(timeout=_SECONDS)
        except BaseException:
            os.killpg(running.pid, signal.SIGKILL)  # what it has started as well
            raise
    return running.returncode, printed


def _stayed(commands: str, folder: Path, around: Mapping[str, str], meanwhile: Meanwhile) -> tuple[int, str]:
    """Runs what stays, and ends it as Ctrl-C does: the whole group of the terminal hears of it."""
    with tempfile.TemporaryDirectory() as scratch:
        printed = Path(scratch) / "printed.txt"
        with printed.open("wb") as opened:
            popen = subprocess.Popen(
                ("bash", "-e", "-c", commands), cwd=folder, env=around, stdin=subprocess.DEVNULL, stdout=opened,
                stderr=subprocess.STDOUT, start_new_session=True, preexec_fn=_interruptible,
            )  # fmt: skip
        running = Staying(popen, printed)
        try:
            meanwhile(running)
            os.killpg(popen.pid, signal.SIGINT)
            status = popen.wait(60)
        finally:
            if popen.poll() is None:
                os.killpg(popen.pid, signal.SIGKILL)
                popen.wait()
        return status, running.printed


def _interruptible() -> None:
    """As in a terminal: what is started in a shell's background ignores Ctrl-C, and so would this."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def narrowed(selection: str) -> Change:
    """A change that grades and hands out with these checks only what would be with all: quick, and with other points."""

    def more(found: re.Match[str]) -> str:
        training = " --no-training" if found[1] == "grade" else ""
        return f"{found[0]} -k {shlex.quote(selection)}{training}"

    def change(commands: str) -> str:
        return _WHOLE.sub(more, commands)

    return change
