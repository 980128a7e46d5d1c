"""The readers of the documentation: what each does beside copying the commands of their page."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from grader.places import REFERENCE, ROOT, TEMPLATE
from handbook import blocks
from handbook.walk import Change, Staying, Step, walk

PAGES = ROOT / "docs"
INSTALLS = "pip install"
IN_CANVAS = {"": "270", "1001": "290", "1002": "58", "1003": "0", "1004": ""}  # as the staff's page ends


def ended_well(step: Step) -> Step:
    """The step ended as it should: with 2 where the page shows a refusal, else with 0."""
    refused = any(shown.text.startswith("gradmark: ") for shown in step.shown)
    assert step.status == (2 if refused else 0), f"{step.where}: {step.status}\n{step.printed}"
    return step


def true(step: Step) -> Step:
    """What the page shows after a step came out."""
    for shown in step.shown:
        assert blocks.shows(shown.text, step.printed), (
            f"{step.where} is not what was printed:\n{step.printed}"
        )
    return step


def marks(folder: Path) -> dict[str, str]:
    """What stands in the gradebook that Canvas is to import, by student."""
    with (folder / "import.csv").open(encoding="utf-8", newline="") as opened:
        return {row["SIS User ID"]: row["Assignment 3 (72)"] for row in csv.DictReader(opened)}


def assignment(folder: Path) -> Path:
    """A student's folder, as it is handed out."""
    return Path(shutil.copytree(TEMPLATE, folder / "assignment3"))


def implement(folder: Path, function: str, without: str = "") -> None:
    """Writes the solution of one function into a student's file, `without` some words of it, and nothing else."""
    file = Path("cs231n") / "rnn_layers.py"
    written = (folder / file).read_text(encoding="utf-8")
    start, end = _extent(written, function)
    solved = (REFERENCE / file).read_text(encoding="utf-8")
    there, until = _extent(solved, function)
    region = solved[there:until]
    assert without in region
    own = region.replace(without, "") if without else region
    (folder / file).write_text(written[:start] + own + written[end:], encoding="utf-8")


def _extent(source: str, function: str) -> tuple[int, int]:
    start = source.index(f"def {function}(")
    end = source.find("\ndef ", start)
    return start, len(source) if end < 0 else end


WRITTEN = (" + b", "")  # what the function lacks after the first look at it, and after the second


def student(folder: Path, change: Change = str, around: Mapping[str, str] | None = None) -> Iterator[Step]:
    """Goes along the students' page, and does between its commands, and while one stays, what it asks for."""

    def saved(running: Staying) -> None:
        running.until("Seed: ")
        implement(folder, "rnn_step_backward")
        running.until("Saved ")
        running.until("Seed: ")

    lacks = iter(WRITTEN)
    for step in walk(PAGES / "student.md", folder, change, around=around, meanwhile=saved):
        yield true(ended_well(step))
        if "-k rnn_step_forward" in step.block.text and (lacking := next(lacks, None)) is not None:
            implement(folder, "rnn_step_forward", without=lacking)


def without_installing(commands: str) -> str:
    """The commands where everything is installed."""
    return "true\n" if INSTALLS in commands else commands


def added(block: blocks.Block, folder: Path) -> None:
    """An author adds a block at the end of the file that it names, which is new where it was not there."""
    path = folder / block.title
    path.parent.mkdir(exist_ok=True)
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    between = "\n\n" if before and block.kind == "python" else ""
    path.write_text(before + between + block.text, encoding="utf-8")
