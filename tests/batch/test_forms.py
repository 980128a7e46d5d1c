"""The forms in which classes come: recognised by content, read without losing anyone."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import pytest

from grader.batch import forms
from grader.batch.handins import ClassInput, HandIn, digest, is_empty, natural, utc
from grader.collect import assignment
from grader.errors import CollectError, UsageError
from grader.session import REFERENCE, TEMPLATE
from tests.batch.conftest import LAYERS, Make, archive
from tests.submissions.build import files_of

ASSIGNMENT = assignment.load(TEMPLATE)


def recognised(path: Path) -> str:
    """The form of what lies at `path`."""
    return forms.recognised(path, ASSIGNMENT)


def read(path: Path, tmp_path: Path) -> ClassInput:
    """The class at `path`, in the form that it is recognised as."""
    return forms.read(path, recognised(path), tmp_path / "staging")


def by_file(found: ClassInput) -> dict[str, HandIn]:
    """The hand-ins by what they are called."""
    return {handin.file: handin for handin in found.handins}


def zipped(folder: Path, out: Path, *, inside: str = "") -> Path:
    """The folder as a zip, perhaps below another folder."""
    with zipfile.ZipFile(out, "w") as opened:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                opened.write(path, f"{inside}{path.relative_to(folder).as_posix()}")
    return out


def test_single_submissions_are_no_class(tmp_path: Path, lay: Make) -> None:
    """A folder or zip of one assignment, also nested or beside other work, is graded by itself."""
    single = tmp_path / "one.zip"
    single.write_bytes(archive("untouched"))
    nested = lay(
        {f"assignment3/{LAYERS}": files_of("untouched")[LAYERS], "assignment1/x.py": "", "a.txt": ""}
    )
    assert [recognised(path) for path in (REFERENCE, single, nested, tmp_path / "no")] == ["", "", "", ""]
    assert recognised(lay({"cs231n/rnn_layers.py": "", "old.zip": b"", "older.zip": b""}, "own")) == ""


def test_each_form_is_recognised_by_its_content(
    gradescope: Path, canvas: Path, folders: Path, tmp_path: Path
) -> None:
    """Folders, exports as folder and as zip, and a CSV list are told apart without being told."""
    listed = tmp_path / "students.csv"
    listed.write_text("id,path\n1,ana\n")
    assert [recognised(path) for path in (gradescope, canvas, folders, listed)] == [
        "gradescope",
        "canvas",
        "folders",
        "list",
    ]
    assert recognised(zipped(gradescope, tmp_path / "e.zip", inside="assignment_7_export/")) == "gradescope"
    assert recognised(zipped(canvas, tmp_path / "s.zip")) == "canvas"


def test_a_gradescope_export_keeps_groups_numbers_and_times(gradescope: Path, tmp_path: Path) -> None:
    """Student numbers keep their zeros, a group has one hand-in, times are UTC, nobody is lost."""
    found = read(gradescope, tmp_path)
    handins = by_file(found)
    ana, group = handins["submission_101"], handins["submission_102/a3_code_submission.zip"]
    assert [(p.sis_id, p.name, p.email) for p in ana.people] == [("00071", "Ana Silva", "ana@uni.edu")]
    assert ana.submitted == "2024-05-21T23:10:00+00:00"
    assert [p.sis_id for p in group.people] == ["0123", "0456"]
    assert is_empty(handins["submission_103"].path)
    assert [p.id for p in handins["submission_103"].people] == ["dan@uni.edu"]
    assert [p.label for p in handins["submission_999"].people] == ["submission_999"]
    assert [problem.file for problem in found.problems] == ["submission_999"]


def test_a_zipped_export_is_the_same_class(gradescope: Path, canvas: Path, tmp_path: Path) -> None:
    """A class in a zip has the hand-ins, people and contents of the class in a folder."""
    for folder, inside in ((gradescope, "assignment_7_export/"), (canvas, "")):
        plain = read(folder, tmp_path)
        expected = [(h.file, h.people, h.late, digest(h.path)) for h in plain.handins]
        packed = zipped(folder, tmp_path / f"{folder.name}.zip", inside=inside)
        again = forms.read(packed, plain.form, tmp_path / "other")
        assert [(h.file, h.people, h.late, digest(h.path)) for h in again.handins if h.path.exists()] == [
            e for e, h in zip(expected, plain.handins, strict=True) if h.path.exists()
        ]


def test_a_canvas_download_gives_attempts_and_late_marks(canvas: Path, tmp_path: Path) -> None:
    """Attempts stand in order, marks are kept, loose files come together, what is no hand-in is named."""
    found = read(canvas, tmp_path)
    by_user: dict[str, list[HandIn]] = {}
    for handin in found.handins:
        by_user.setdefault(handin.people[0].lms_id, []).append(handin)
    assert [h.file.split("_")[2] for h in by_user["71"]] == ["9001", "9050"]
    assert [(h.late, h.file) for h in by_user["123"]] == [(True, "okaforben_LATE_123_9002_my_work_2.zip")]
    assert sorted(path.name for path in by_user["456"][0].path.iterdir()) == ["rnn.py", "rnn_layers.py"]
    assert "no archive and no code" in by_user["88"][0].problems[0].message
    assert is_empty(by_user["88"][0].path)
    assert is_empty(by_user["89"][0].path)
    assert [problem.file for problem in found.problems] == ["notes.txt"]


def test_an_anonymous_canvas_download_keeps_its_ids(lay: Make, tmp_path: Path) -> None:
    """Anonymous ids are letters and digits, and tell students apart."""
    top = lay(
        {"anon_aB3xY_901_a3.zip": archive("untouched"), "anon_LATE_q9Zzz_902_a3.zip": archive("complete")}
    )
    found = read(top, tmp_path)
    assert [(h.people[0].lms_id, h.late) for h in found.handins] == [("aB3xY", False), ("q9Zzz", True)]


def test_a_folder_of_submissions_takes_what_is_there(folders: Path, tmp_path: Path) -> None:
    """Folders and archives are hand-ins, an archive inside a folder is what is graded, the rest is named."""
    found = read(folders, tmp_path)
    assert [(h.file, h.people[0].label) for h in found.handins] == [
        ("ana", "ana"),
        ("ben.zip", "ben"),
        ("cho/a3_code_submission.zip", "cho"),
        ("dan", "dan"),
        ("eve.zip", "eve"),
    ]
    assert [problem.file for problem in found.problems] == ["readme.txt"]


def test_a_list_names_students_with_and_without_a_path(lay: Make, tmp_path: Path) -> None:
    """Paths are relative to the list; a missing one and a student without one are both kept."""
    top = lay({"w/ana.zip": archive("untouched"), f"repo/{LAYERS}": "", "repo/.git/HEAD": "ref: x"})
    rows = "sid;name;path;submitted;late\n007;Ana;w/ana.zip;2024-05-21T10:00:00-07:00;\n8;Ben;repo;;yes\n9;Cho;;;\n10;Dan;no.zip;;\n"
    (top / "list.csv").write_text("\ufeff" + rows)
    found = read(top / "list.csv", tmp_path)
    assert [(h.file, h.people[0].sis_id, h.submitted, h.late) for h in found.handins] == [
        ("w/ana.zip", "007", "2024-05-21T17:00:00+00:00", False),
        ("repo", "8", "", True),
        ("no.zip", "10", "", False),
    ]
    assert [p.sis_id for p in found.listed] == ["007", "8", "9", "10"]
    assert "does not exist" in found.handins[2].problems[0].message


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "is empty"),
        ("id,name\n1,Ana\n", "no column for the path"),
        ("id,path,submitted\n1,x,noon\n", "'noon'"),
    ],
)
def test_a_list_that_makes_no_sense_is_refused(tmp_path: Path, text: str, what: str) -> None:
    """What is wrong with the list is said with its name."""
    (tmp_path / "list.csv").write_text(text)
    with pytest.raises(UsageError, match=r"list\.csv") as caught:
        read(tmp_path / "list.csv", tmp_path)
    assert what in caught.value.message


@pytest.mark.parametrize(
    "text", ["- a\n- b\n", "a: [1\n", "a: 1\n", "\x00", "submission_1: !!python/object:os.system {}\n"]
)
def test_metadata_that_is_no_export_is_refused(lay: Make, tmp_path: Path, text: str) -> None:
    """YAML that is damaged, lists no submissions or asks for objects is one clear error, and makes no object."""
    top = lay({"submission_metadata.yml": text, "submission_1/x.py": ""})
    if "python/object" in text:
        assert [h.people[0].label for h in read(top, tmp_path).handins] == ["submission_1"]
        return
    with pytest.raises(CollectError, match=r"submission_metadata\.yml"):
        read(top, tmp_path)


def test_a_name_that_leads_out_of_the_export_is_refused(lay: Make, tmp_path: Path) -> None:
    """Metadata can't name a folder elsewhere."""
    top = lay({"submission_metadata.yml": "../other:\n  :submitters: []\n", "x/y.py": ""})
    with pytest.raises(CollectError, match="outside"):
        read(top, tmp_path)


def test_a_hostile_class_zip_stays_in_its_folder(tmp_path: Path) -> None:
    """Members that lead out, links and repeated names are reported; nothing is written elsewhere."""
    packed = tmp_path / "s.zip"
    link = zipfile.ZipInfo("b_2_3_link.zip")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(packed, "w") as opened:
        opened.writestr("../../out_1_2_evil.zip", b"x")
        opened.writestr("/abs_1_2_evil.zip", b"x")
        opened.writestr(link, "/etc/passwd")
        opened.writestr("a_1_2_a3.zip", archive("untouched"))
        with pytest.warns(UserWarning, match="Duplicate"):
            opened.writestr("a_1_2_a3.zip", b"other")
    found = forms.read(packed, "canvas", tmp_path / "deep" / "staging")
    assert [h.file for h in found.handins] == ["a_1_2_a3.zip"]
    assert digest(found.handins[0].path) == digest_of(archive("untouched"), tmp_path)
    assert len(found.problems) == 4
    assert not list(tmp_path.rglob("*evil*"))


def digest_of(data: bytes, tmp_path: Path) -> str:
    """The digest of a file with this content."""
    (tmp_path / "same").write_bytes(data)
    return digest(tmp_path / "same")


def test_a_damaged_class_zip_is_a_clear_error(tmp_path: Path) -> None:
    """Half a download is refused as a whole, by its name."""
    (tmp_path / "s.zip").write_bytes(archive("untouched")[:-100])
    with pytest.raises(CollectError, match=r"s\.zip is damaged"):
        forms.read(tmp_path / "s.zip", "canvas", tmp_path / "staging")


def test_a_digest_follows_content_and_names(tmp_path: Path, lay: Make) -> None:
    """Any change of a file's bytes or name changes it; dates and the folder's own name do not."""
    top = lay({f"a/{LAYERS}": "x = 1", "a/b.py": ""})
    shutil.copytree(top / "a", top / "b")
    assert digest(top / "a") == digest(top / "b")
    (top / "b" / "b.py").write_text(" ")
    changed = digest(top / "b")
    assert changed != digest(top / "a")
    (top / "b" / "b.py").rename(top / "b" / "c.py")
    assert digest(top / "b") not in {changed, digest(top / "a")}


def test_times_are_read_in_any_usual_form() -> None:
    """Zones are heeded, fractions dropped, nonsense is nothing."""
    assert utc("2024-05-21 23:10:00.123456789 Z") == "2024-05-21T23:10:00+00:00"
    assert utc("2024-05-21T23:10:00-07:00") == "2024-05-22T06:10:00+00:00"
    assert utc("2024-05-21 23:10") == "2024-05-21T23:10:00+00:00"
    assert utc("2024-05-21 23:10:00 UTC") == "2024-05-21T23:10:00+00:00"
    assert [utc(text) for text in ("", "noon", "2024-13-01 00:00", "21.5.2024 10:00")] == [""] * 4


def test_names_sort_as_people_count() -> None:
    """'a2' comes before 'a10', whatever the case."""
    assert sorted(["a10", "A2", "a1", "b"], key=natural) == ["a1", "A2", "a10", "b"]
