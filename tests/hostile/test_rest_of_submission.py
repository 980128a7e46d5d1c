"""A file that ends the process whenever it is imported or read costs its own points, not those of the other files."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from grader.results import Outcome
from grader.session import REFERENCE, Grader

LAYERS = "cs231n/rnn_layers.py"
FILES = {
    "crash": b"import ctypes; ctypes.string_at(0)\n",
    "exit": b"import os; os._exit(0)\n",
    "parentheses": b"x = " + b"(" * 200_000,
    "attributes": b"x = y" + b".a" * 90_000,
}


@pytest.mark.parametrize("kind", FILES)
def test_the_other_files_keep_their_points(tight: Grader, own_temporary_folder: Path, kind: str) -> None:
    """Two dozen functions need the file; what does not need it is judged, whatever the processes lost before."""
    folder = own_temporary_folder / "hand-in"
    shutil.copytree(REFERENCE, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / LAYERS).write_bytes(FILES[kind])
    select = "rnn_layers or CaptioningRNN or simclr_loss_naive or sample_noise"
    grade = tight.grade(folder, seed=1, select=select)
    shutil.rmtree(folder)
    others = [check for check in grade.checks if check.part in ("gan", "simclr")]
    assert {check.outcome for check in others} == {Outcome.PASSED}
    mine = [check for check in grade.checks if check.part not in ("gan", "simclr")]
    assert {check.outcome for check in mine} <= {Outcome.BLOCKED, Outcome.FAILED}
    assert grade.points == sum(check.points for check in others)
    assert tight.last_student is not None
    assert tight.last_student.restarts <= 8
