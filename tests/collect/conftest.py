"""A template, and functions that collect against it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from grader.collect import Submission, collect
from tests.collect.handins import GIVEN, STUDENT, TASK, Files, lay, write_zip


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A template with a package, a namespace package without `__init__.py`, given code and data."""
    root = tmp_path_factory.mktemp("template")
    lay(root, dict.fromkeys(STUDENT, TASK.encode()))
    lay(root, dict.fromkeys(GIVEN, b"# given\n"))
    lay(root, {"gan-checks.npz": b"PK data"})
    return root


@pytest.fixture
def hand_in(template: Path, tmp_path: Path) -> Callable[[Path], Submission]:
    """Collects a path into a folder of its own."""
    return lambda path: collect(path, template, tmp_path / "into")


@pytest.fixture
def hand_in_zip(hand_in: Callable[[Path], Submission], tmp_path: Path) -> Callable[[Files], Submission]:
    """Collects files that are zipped as the assignment's script does it."""
    return lambda files: hand_in(write_zip(tmp_path / "ada.zip", files))
