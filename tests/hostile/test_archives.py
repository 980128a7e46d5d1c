"""A hostile archive through the command: what leads out of it goes nowhere, what is honest in it is graded."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from grader.cli import app
from grader.results import Outcome, grade_from_json
from grader.session import REFERENCE
from tests.hostile import state
from tests.submissions.hostile.attack import LEFT

EVIL = (
    f"../../../../../../../../tmp/{LEFT}",
    f"/tmp/{LEFT}",
    f"cs231n/../../{LEFT}.py",
    f"C:\\{LEFT}",
    "cs231n/numpy.py",
    "cs231n/new\nline.py",
    "cs231n/\x1b[2J<script>.py",
    "cs231n/rnn_layers.py/x.py",
    "CS231N/RNN_LAYERS.PY",
)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """The reference's code with members that no honest tool writes, among them links."""
    path = tmp_path / "a3=cmd(1)<b>.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for source in sorted(REFERENCE.rglob("*.py")):
            file.write(source, source.relative_to(REFERENCE).as_posix())
        for name in EVIL:
            file.writestr(zipfile.ZipInfo(name), b"raise SystemExit")
        for name in ("cs231n/link.py", "link"):
            link = zipfile.ZipInfo(name)
            link.external_attr = 0o120777 << 16
            file.writestr(link, "/etc/passwd")
        file.writestr("cs231n/bomb.py", bytes(60 << 20))
    return path


def test_a_hostile_archive_through_the_command(archive: Path, tmp_path: Path) -> None:
    """Full marks for the honest files, a remark for the others, and not one file outside the report's folder."""
    out = tmp_path / "report"
    before = {path for path in tmp_path.rglob("*")}
    arguments = ["grade", str(archive), "--out", str(out), "-k", "rnn_step_forward", "--seed", "1"]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    grade = grade_from_json((out / "result.json").read_bytes())
    assert {check.outcome for check in grade.checks} == {Outcome.PASSED}
    said = " ".join(problem.message for problem in grade.problems)
    for words in (
        "'..'",
        "absolute",
        "drive letter",
        "control characters",
        "symbolic link",
        "stand in for the library",
    ):
        assert words in said, said
    assert state.left_over() == []
    made = {path for path in tmp_path.rglob("*")} - before
    assert {path.parent for path in made - {out}} == {out}
    assert {path.suffix for path in made - {out}} == {".json", ".html"}
    page = (out / "report.html").read_text()
    assert "<script>.py" not in page
    assert not {"\x1b", "\x07"} & {*page, *done.output}
