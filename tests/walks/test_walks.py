"""The pages of the documentation, gone along command by command: what they show is what comes out."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.session import REFERENCE, ROOT, TEMPLATE
from handbook import blocks
from handbook.walk import Change, Step, narrowed, walk

PAGES = ROOT / "docs"
pytestmark = [
    pytest.mark.xdist_group("walks"),  # one folder for the pages that build upon the tutorial
    pytest.mark.timeout(1500),  # they grade whole submissions, also on busy machines
]


def went(page: str, folder: Path, change: Change = str) -> Iterator[Step]:
    """Goes along a page; each command ends as it should: with 2 where the page shows a refusal, else with 0."""
    for step in walk(PAGES / page, folder, change):
        refused = any(shown.text.startswith("gradmark: ") for shown in step.shown)
        assert step.status == (2 if refused else 0), f"{step.where}: {step.status}\n{step.printed}"
        yield step


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


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with gradmark in it where the tutorial was gone along, with one function's checks."""
    folder = tmp_path_factory.mktemp("course")
    (folder / "gradmark").symlink_to(ROOT)
    for step in went("staff.md", folder, narrowed("rnn_step_forward")):
        if "--out bo" in step.block.text or "doctor" in step.block.text:
            (folder / "seen.txt").open("a").write(step.printed)
    return folder


def test_staff_grade_a_class_in_short(course: Path) -> None:
    """The tutorial's commands work one after the other, and end with marks in Canvas's gradebook."""
    given = marks(course)
    assert int(given["1001"]) > 0
    assert (given["1003"], given["1004"]) == ("0", "")
    assert (course / "lecture.html").is_file()
    assert "Level" in (course / "seen.txt").read_text()


@pytest.mark.parametrize("page", ["rubric.md", "exports.md"])
def test_pages_that_build_upon_the_tutorial(course: Path, page: str) -> None:
    """Their commands work in the tutorial's folder, and what they show came out."""
    steps = [true(step) for step in went(page, course)]
    assert len(steps) > 1


@pytest.mark.slow
def test_results_page(course: Path) -> None:
    """Its shell commands work, its numbers are true, and its Python reads the result."""
    assert [true(step) for step in went("results.md", course)]
    (script,) = (block.text for block in blocks.of(PAGES / "results.md") if block.kind == "python")
    names: dict[str, object] = {}
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(course)
        exec(compile(script, "results.md", "exec"), names)
    assert "grade" in names


def test_author_page(tmp_path: Path) -> None:
    """It lists the checks that a declaration gives."""
    assert [true(step) for step in went("author.md", tmp_path)]


@pytest.mark.slow
def test_troubleshooting(tmp_path: Path) -> None:
    """Each message on the page is what gradmark prints for the command above it."""
    steps = [true(step) for step in walk(PAGES / "troubleshooting.md", tmp_path)]
    refused = [step.status for step in steps if step.shown]
    assert len(refused) > 5
    assert set(refused) == {2}
    assert "\x1b" not in steps[-1].printed


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


def student(folder: Path) -> Iterator[Step]:
    """Goes along the students' page, and does between its commands what it asks for."""
    for number, step in enumerate(went("student.md", folder)):
        yield true(step)
        if number < len(WRITTEN):
            implement(folder, "rnn_step_forward", without=WRITTEN[number])


def test_a_student_writes_a_function(tmp_path: Path) -> None:
    """Not attempted at first, then written with a mistake that is named, then passed: as the page shows it."""
    steps = student(assignment(tmp_path))
    printed = [next(steps).printed for _ in range(3)]
    for words, said in zip(
        ("is not implemented yet", "`b` is missing", "every check passed"), printed, strict=True
    ):
        assert words in said


@pytest.mark.slow
def test_a_student_trains(tmp_path: Path) -> None:
    """The whole page, with training and notebooks."""
    folder = assignment(tmp_path)
    assert len(list(student(folder))) > 3
    assert (folder / "gradmark-report" / "student.html").is_file()


@pytest.mark.slow
def test_staff_grade_a_class(tmp_path: Path) -> None:
    """The tutorial as it stands, with every output that it shows, to the marks in Canvas."""
    (tmp_path / "gradmark").symlink_to(ROOT)
    assert len([true(step) for step in went("staff.md", tmp_path)]) > 7
    assert marks(tmp_path) == {"": "270", "1001": "290", "1002": "58", "1003": "0", "1004": ""}
