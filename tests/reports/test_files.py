"""The files of a grade: complete or not there."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import NoReturn

import pytest
from msgspec.structs import replace

from grader.errors import UsageError
from grader.results import Flag, grade_from_json
from reports import files
from tests.reports import sample


def test_a_grade_comes_back_from_its_file(tmp_path: Path) -> None:
    """`result.json` holds all of the grade; the page stands beside it and no other file is left."""
    written = files.write(sample.typical(), tmp_path / "new" / "folder")
    assert grade_from_json(written.result.read_bytes()) == sample.typical()
    assert written.page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert sorted(path.name for path in written.result.parent.iterdir()) == [
        "report.html", "result.json", "student.html",
    ]  # fmt: skip


@pytest.mark.parametrize("broken", ["replace", "fsync"])
def test_a_failed_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    """When the disk fails, the old content stays, the error names the folder, no litter remains."""
    files.write(sample.perfect(), tmp_path)
    monkeypatch.setattr(os, broken, _no_space)
    with pytest.raises(UsageError, match=r"No space left") as caught:
        files.write(sample.typical(), tmp_path)
    assert str(tmp_path) in caught.value.message
    assert "--out" in caught.value.hint
    assert grade_from_json((tmp_path / "result.json").read_bytes()) == sample.perfect()
    assert len(list(tmp_path.iterdir())) == 3


def _no_space(*_: object) -> NoReturn:
    raise OSError(28, "No space left on device")


def test_a_file_in_place_of_the_folder_is_reported(tmp_path: Path) -> None:
    """A path that is a file gives an error to act upon, and the file is left alone."""
    (tmp_path / "taken").write_text("mine")
    with pytest.raises(UsageError, match="can't be written"):
        files.write(sample.perfect(), tmp_path / "taken")
    assert (tmp_path / "taken").read_text() == "mine"


def test_a_link_is_replaced_not_followed(tmp_path: Path) -> None:
    """A `result.json` that links elsewhere does not make gradmark write there."""
    (tmp_path / "elsewhere").write_text("mine")
    (tmp_path / "result.json").symlink_to(tmp_path / "elsewhere")
    files.write(sample.perfect(), tmp_path)
    assert (tmp_path / "elsewhere").read_text() == "mine"


@pytest.mark.skipif(os.name == "nt", reason="POSIX rights")
def test_files_have_ordinary_rights(tmp_path: Path) -> None:
    """The files are as readable as any file that the user makes, not private like temporary ones."""
    (tmp_path / "ordinary").touch()
    written = files.write(sample.perfect(), tmp_path)
    assert stat.S_IMODE(written.page.stat().st_mode) == stat.S_IMODE((tmp_path / "ordinary").stat().st_mode)


def test_text_that_utf8_lacks_does_not_cost_the_result(tmp_path: Path) -> None:
    """A lone surrogate in student text still gives both files."""
    written = files.write(sample.hostile("\ud800 and \udfff"), tmp_path)
    assert "⟨U+D800⟩" in written.page.read_text(encoding="utf-8")
    assert grade_from_json(written.result.read_bytes()).submission == "? and ?"


def test_a_folder_is_tried_before_the_work(tmp_path: Path) -> None:
    """`prepare` makes the folder and leaves nothing in it; one that can't be made is the user's to mend."""
    files.prepare(tmp_path / "a" / "b")
    assert list((tmp_path / "a" / "b").iterdir()) == []
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="can't be written"):
        files.prepare(tmp_path / "file" / "below")


def test_the_pages_can_be_made_again_alone(tmp_path: Path) -> None:
    """`write_pages` writes both pages and no result."""
    assert files.write_pages(sample.perfect(), tmp_path) == tmp_path / "report.html"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.html", "student.html"]


def test_a_page_is_made_twice_only_where_a_student_sees_another_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without flags and hidden checks both pages are the same; a flag alone makes them two."""
    made = []
    render = files.page.render
    monkeypatch.setattr(files.page, "render", lambda grade: made.append(grade) or render(grade))
    same = files.write(sample.perfect(), tmp_path / "same")
    assert (len(made), same.page.read_bytes()) == (1, same.student.read_bytes())
    flag = Flag(kind="shortcut", subject="rnn", message="calls torch")
    flagged = files.write(replace(sample.perfect(), flags=(flag,)), tmp_path / "flagged")
    assert len(made) == 3
    assert "calls torch" in flagged.page.read_text(encoding="utf-8")
    assert flagged.student.read_text(encoding="utf-8") == render(sample.perfect())


def test_the_files_for_staff_hold_everything_and_the_student_page_does_not(tmp_path: Path) -> None:
    """A hidden check is in `result.json` and `report.html`, and nothing of it in `student.html`."""
    written = files.write(sample.with_hidden(), tmp_path)
    for path, shown in ((written.result, True), (written.page, True), (written.student, False)):
        assert (sample.SECRET in path.read_text(encoding="utf-8")) is shown
