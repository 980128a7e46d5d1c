"""The pytest adapter: hermetic, and clear about check files and expressions that it can't use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from grader import plugin
from grader.errors import GradmarkError, UsageError

CHECK = '''
from checks.declare import check

@check("m.f.values", "values", part="rnn")
def check_f_values(student, reference, rng):
    """f is right."""

def check_helper(student):
    """No declaration: not a check."""
'''


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one check file, and a conftest that must not be read."""
    (tmp_path / "pytest.ini").write_text("[pytest]\npython_files = check_*.py\npython_functions = check_*\n")
    (tmp_path / "conftest.py").write_text("raise RuntimeError('read')\n")
    (tmp_path / "check_one.py").write_text(CHECK)
    return tmp_path


def test_declared_checks_are_collected_with_their_claims(folder: Path) -> None:
    """A function without a declaration is none, and a conftest beside the checks is not read."""
    assert [(check.spec.id, check.claim) for check in plugin.collect(folder)] == [
        ("m.f.values", "f is right.")
    ]


def test_options_from_outside_do_not_reach_the_run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PYTEST_ADDOPTS of the caller's shell neither breaks the run nor is lost to the caller."""
    monkeypatch.setenv("PYTEST_ADDOPTS", "--no-such-option")
    assert len(plugin.collect(folder)) == 1
    assert os.environ["PYTEST_ADDOPTS"] == "--no-such-option"


def test_a_broken_check_file_is_named(folder: Path) -> None:
    """An import error in a check file is neither an interruption nor an empty selection."""
    (folder / "check_two.py").write_text("import no_such_package\n")
    with pytest.raises(GradmarkError, match=r"(?s)check_two\.py.*no_such_package"):
        plugin.collect(folder)


@pytest.mark.parametrize(
    ("select", "words"), [("and and", "can't be understood"), ("nothing_like_it", "selects no check")]
)
def test_a_wrong_selection_says_what_to_do(folder: Path, select: str, words: str) -> None:
    """A malformed expression and one that keeps nothing are the user's to mend."""
    with pytest.raises(UsageError, match=words):
        plugin.collect(folder, select)
