"""Hooks of mkdocs: pages that are made from the program, and files of the project that are pages, too."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # mkdocs imports this file by its path

from handbook import commands, reference, rubric, schemas  # noqa: E402

MADE: Mapping[str, Callable[[], str]] = {
    "reference/commands.md": commands.page,
    "reference/checks.md": reference.checks,
    "reference/rubric.md": rubric.page,
    "reference/tolerances.md": reference.tolerances,
    "reference/training.md": reference.training,
    "reference/results.md": schemas.page,
}
SHARED = {"security.md": "SECURITY.md", "contributing.md": "CONTRIBUTING.md", "changes.md": "CHANGELOG.md"}
_TARGETS = {file: page for page, file in SHARED.items()}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the made and the shared pages."""
    for page, make in MADE.items():
        files.append(File.generated(config, page, content=make()))
    for page, file in SHARED.items():
        files.append(File.generated(config, page, content=shared(file)))
    return files


def shared(file: str) -> str:
    """A file of the project as a page: its links to other such files lead to their pages."""
    text = (ROOT / file).read_text(encoding="utf-8")
    return re.sub(r"\]\(([\w./-]+)\)", lambda found: f"]({_TARGETS.get(found[1], found[1])})", text)
