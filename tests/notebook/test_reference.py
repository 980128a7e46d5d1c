"""All five notebooks of the reference run to the end in the fast profile, and those of the handout do not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.collect import collect
from grader.handout import notebook
from grader.notebook.grading import Graded, Notebooks, Options
from grader.results import Outcome
from grader.session import REFERENCE, TEMPLATE
from tests.notebook.handins import TABLE

NAMES = sorted(path.stem for path in (REFERENCE / "notebooks").glob("*.py"))

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600), pytest.mark.xdist_group("notebooks")]


@pytest.fixture(scope="module")
def notebooks() -> Iterator[Notebooks]:
    with Notebooks(TABLE, TEMPLATE) as started:
        yield started


def graded(notebooks: Notebooks, source: Path, tmp_path: Path, *, solved: bool) -> Graded:
    """The five notebooks, laid beside the code of `source`, executed."""
    folder = tmp_path / "handin"
    for path in (source / "cs231n").rglob("*.py"):
        target = folder / path.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    for name in NAMES:
        text = (REFERENCE / "notebooks" / f"{name}.py").read_text()
        (folder / f"{name}.ipynb").write_bytes(notebook(text, f"{name}.py", solved=solved))
    return notebooks.grade(collect(folder, TEMPLATE, tmp_path / "copy"), Options(out=tmp_path / "out"))


def test_the_reference_meets_every_bar(notebooks: Notebooks, tmp_path: Path) -> None:
    """Every cell runs, every number is there and fine, and an executed copy of each notebook is written."""
    made = graded(notebooks, REFERENCE, tmp_path, solved=True)
    assert len(made.notebooks) == 5
    for one in made.notebooks:
        assert {step.state for step in one.steps} == {"ran"}, (one.file, one.findings)
        assert {reading.verdict for step in one.steps for reading in step.readings} == {"fine"}, one.file
        assert made.checks[f"notebook.{one.id}.runs"].outcome is Outcome.PASSED
        assert (tmp_path / "out" / one.executed_file).is_file()


def test_the_handout_says_what_is_to_be_written(notebooks: Notebooks, tmp_path: Path) -> None:
    """The first problem of each handout notebook is the stub's own message; nothing died, nothing is a traceback's."""
    made = graded(notebooks, TEMPLATE, tmp_path, solved=False)
    for one in made.notebooks:
        problems = [finding for finding in one.findings if finding.problem and finding.cell]
        assert problems[0].kind == "not implemented", (one.file, problems[:3])
        assert {finding.kind for finding in problems} <= {"not implemented", "never executed"}, (
            one.file,
            problems,
        )
        assert made.checks[f"notebook.{one.id}.runs"].outcome is Outcome.NOT_ATTEMPTED
