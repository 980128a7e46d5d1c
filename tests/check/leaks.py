"""What must not be in a student's package: lines of solutions, known mistakes; looked for in archives as well."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

from checks.mistakes import ALL
from grader.places import REFERENCE, TEMPLATE
from grader.template import MARKER

SHORT = 16  # characters without spaces: what is shorter (`N, D = x.shape`, `return out, cache`) says nothing
SHORT_MISTAKE = 24  # `torch.manual_seed(231)` is no mistake by itself
LOOPS = {"fortinrange(x.shape[1]):"}  # over time: the documentation says as much


def plain(text: str) -> str:
    """A line without spaces and comment."""
    return re.sub(r"\s+", "", text.partition("#")[0])


def solution_lines() -> set[str]:
    """The lines between the markers of the reference that say something, and are not handed out elsewhere."""
    given = {plain(line) for file in TEMPLATE.rglob("*.py") for line in file.read_text().splitlines()}
    found: set[str] = set()
    for file in REFERENCE.rglob("*.py"):
        inside = False
        for line in file.read_text().splitlines():
            if marker := MARKER.fullmatch(line):
                inside = marker["kind"] == "BEGIN"
            elif inside and len(plain(line)) >= SHORT:
                found.add(plain(line))
    return found - given - LOOPS


def mistake_texts() -> set[str]:
    """The sentences of known mistakes, and what they put in the place of right code."""
    sentences = {plain(mistake.sentence) for mistake in ALL}
    texts = {plain(line) for mistake in ALL for line in mistake.new.splitlines()}
    given = {plain(line) for file in TEMPLATE.rglob("*.py") for line in file.read_text().splitlines()}
    return {text for text in sentences | texts - given if len(text) >= SHORT_MISTAKE}


def contents(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Every file below the folder by name, what is in zip archives as well."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield from _within(path.relative_to(folder).as_posix(), path.read_bytes())


def _within(name: str, data: bytes) -> Iterator[tuple[str, bytes]]:
    yield name, data
    if zipfile.is_zipfile(io.BytesIO(data)):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for entry in archive.namelist():
                yield from _within(f"{name}/{entry}", archive.read(entry))


def leaks(folder: Path, wanted: set[str]) -> list[tuple[str, str]]:
    """Where one of these texts is a whole line of a file (or a text in it, for what is no program)."""
    found = []
    for name, data in contents(folder):
        text = data.decode("utf-8", "ignore")
        if name.endswith(".py"):
            found += [(name, line) for line in map(plain, text.splitlines()) if line in wanted]
        elif name.endswith((".toml", ".md", ".txt", ".ipynb", ".json", ".msgpack", ".html", ".js", ".css")):
            squeezed = re.sub(r"\s+", "", text)
            found += [(name, line) for line in wanted if line in squeezed]
    return found
