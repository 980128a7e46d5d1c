"""What tests of several folders share: one warm grader, and submissions made from the reference."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from grader.session import REFERENCE, Grader

os.environ["GRADMARK_TRAINING"] = "0"  # of commands that tests run: training takes minutes


@pytest.fixture(scope="session")
def grader() -> Iterator[Grader]:
    """One warm grader for all tests of a process: importing torch takes about 2 s."""
    with Grader() as started:
        yield started


@pytest.fixture
def altered(tmp_path: Path) -> Callable[..., Path]:
    """A copy of the reference with changed texts: `altered("cs231n/rnn_layers.py", ("old", "new"), ...)`."""

    def make(file: str = "", *changes: tuple[str, str]) -> Path:
        folder = tmp_path / "submission"
        if not folder.exists():
            shutil.copytree(REFERENCE, folder, ignore=shutil.ignore_patterns("__pycache__"))
        for old, new in changes:
            text = (folder / file).read_text()
            assert old in text, f"{old!r} is not in {file}"
            (folder / file).write_text(text.replace(old, new))
        return folder

    return make
