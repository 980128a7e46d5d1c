"""The pages of the documentation, gone along command by command: what they show is what comes out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.places import ROOT
from handbook import blocks
from handbook.walk import Change, Step, narrowed, walk
from tests.walks import readers
from tests.walks.readers import PAGES, assignment, marks, student, true, without_installing

pytestmark = [
    pytest.mark.xdist_group("walks"),  # one folder for the pages that build upon the tutorial
    pytest.mark.timeout(1500),  # they grade whole submissions, also on busy machines
]


def went(page: str, folder: Path, change: Change = str) -> Iterator[Step]:
    """Goes along a page; each command ends as it should."""
    yield from map(readers.ended_well, walk(PAGES / page, folder, change))


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
    assert (course / "a3-students" / "gradmark.py").is_file()
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


def test_a_student_writes_a_function(tmp_path: Path) -> None:
    """Not attempted at first, then written with a mistake that is named, then passed; another while it is watched."""
    steps = student(assignment(tmp_path), without_installing)
    printed = [next(steps).printed for _ in range(5)][1:]
    for words, said in zip(
        ("is not implemented yet", "`b` is missing", "every check passed", "Stopped watching"), printed, strict=True
    ):  # fmt: skip
        assert words in said


@pytest.mark.slow
def test_a_student_trains(tmp_path: Path) -> None:
    """The whole page, with training and notebooks."""
    folder = assignment(tmp_path)
    assert len(list(student(folder, without_installing))) > 5
    assert (folder / "gradmark-report" / "student.html").is_file()


@pytest.mark.slow
def test_staff_grade_a_class(tmp_path: Path) -> None:
    """The tutorial as it stands, with every output that it shows, to the marks in Canvas."""
    (tmp_path / "gradmark").symlink_to(ROOT)
    assert len([true(step) for step in went("staff.md", tmp_path)]) > 7
    assert marks(tmp_path) == readers.IN_CANVAS
