"""A class whose models are trained, too: with the real graders, in job processes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from grader.cli import app
from grader.session import REFERENCE

LAYERS = "cs231n/rnn_layers.py"
ASKED = ("-k", "word_embedding_forward or training.rnn", "--seed", "7", "--jobs", "1", "--training")


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Correct work, and work whose captioner learns nothing."""
    folder = tmp_path_factory.mktemp("training") / "class"
    for name in ("ada", "bo"):
        shutil.copytree(REFERENCE, folder / name, ignore=shutil.ignore_patterns("__pycache__", "datasets"))
    file = folder / "bo" / "cs231n/classifiers/rnn.py"
    file.write_text(
        file.read_text().replace("return loss, grads", "return loss, {k: 0 * v for k, v in grads.items()}")
    )
    assert "0 * v" in file.read_text()
    return folder


def graded(folder: Path, out: Path, *more: str) -> tuple[int, str, dict[str, dict[str, str]]]:
    """Exit status, what was said, and the outcome of each check by student."""
    done = CliRunner().invoke(app, ["grade", str(folder), "--out", str(out), *ASKED, *more])
    results = {
        place.parent.name: json.loads(place.read_bytes()) for place in out.glob("submissions/*/result.json")
    }
    found = {name: {c["id"]: c["outcome"] for c in grade["checks"]} for name, grade in results.items()}
    return done.exit_code, done.output, found


def test_a_class_is_trained_when_that_is_asked_for(two: Path, tmp_path: Path) -> None:
    """Each hand-in has its training checks in the result; the same command keeps it, one without training does not."""
    status, said, found = graded(two, tmp_path / "out")
    assert status == 0, said
    assert found["ada"]["training.rnn.overfit"] == "passed"
    assert found["bo"]["training.rnn.overfit"] == "failed"
    result = tmp_path / "out" / "submissions" / "ada" / "result.json"
    made = result.stat().st_mtime_ns
    status, said, _ = graded(two, tmp_path / "out")
    assert status == 0, said
    assert result.stat().st_mtime_ns == made
    status, said, found = graded(two, tmp_path / "out", "--no-training")
    assert status == 0, said
    assert "training.rnn.overfit" not in found["ada"]


def test_a_wrong_profile_or_folder_is_told_before_anything_runs(two: Path, tmp_path: Path) -> None:
    """As for a single submission: exit status 2, and what there is."""
    status, said, found = graded(two, tmp_path / "out", "--profile", "tpu")
    assert status == 2
    assert "There is no profile" in said
    assert not found
    status, said, _ = graded(two, tmp_path / "out", "--data", str(tmp_path / "nowhere"))
    assert status == 2
    assert "is no folder" in said
