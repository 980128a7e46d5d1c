"""Where the assignment lies in a hand-in, and which files count."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from grader.collect import Submission, collect
from grader.errors import CollectError
from tests.collect.handins import COMPLETE, STUDENT, TASK, Files, content, hints, lay, messages, write_zip

HandIn = Callable[[Path], Submission]
HandInZip = Callable[[Files], Submission]

NOTEBOOK = b'{"cells": []}'


def under(prefix: str, files: Files) -> dict[str, bytes]:
    return {f"{prefix}{name}": data for name, data in files.items()}


def test_a_zip_of_the_collect_script_gives_exactly_its_files(hand_in_zip: HandInZip) -> None:
    """Code is laid over the template, notebooks come along, the script's other files say nothing."""
    made = hand_in_zip({**COMPLETE, "RNN_Captioning.ipynb": NOTEBOOK, "makepdf.py": b"", "cs231n/a.pyx": b""})
    assert content(made) == {**COMPLETE, "RNN_Captioning.ipynb": NOTEBOOK}
    assert made.problems == ()
    assert made.notebooks == (made.root / "RNN_Captioning.ipynb",)
    assert made.id == "ada"
    assert made.root.name == "ada"


def test_a_notebook_replaces_the_one_of_the_template(tmp_path: Path) -> None:
    """Notebooks that are handed out are the student's to fill in; only what came in counts as handed in."""
    handout = lay(tmp_path / "handout", {path: TASK.encode() for path in STUDENT})
    lay(handout, {"RNN_Captioning.ipynb": b"{}", "LSTM_Captioning.ipynb": b"{}"})
    path = write_zip(tmp_path / "ada.zip", {**COMPLETE, "RNN_Captioning.ipynb": NOTEBOOK})
    made = collect(path, handout, tmp_path / "into")
    assert (made.root / "RNN_Captioning.ipynb").read_bytes() == NOTEBOOK
    assert made.notebooks == (made.root / "RNN_Captioning.ipynb",)


def test_each_file_is_recorded_with_origin_size_and_hash(hand_in_zip: HandInZip) -> None:
    """The records cover the whole copy and tell the student's files from the template's and from extras."""
    own = {name: data for name, data in COMPLETE.items() if name != STUDENT[0]}
    made = hand_in_zip({**own, "cs231n/extra.py": b"x", "gan-checks.npz": b"forged"})
    origins = {record.path: record.origin for record in made.files}
    assert origins == {
        "cs231n/__init__.py": "template",
        "cs231n/classifiers/__init__.py": "template",
        "cs231n/classifiers/rnn.py": "template",
        "cs231n/extra.py": "extra",
        "cs231n/gan_pytorch.py": "submission",
        "cs231n/optim.py": "template",
        "cs231n/rnn_layers.py": "submission",
        "cs231n/simclr/contrastive_loss.py": "submission",
        "gan-checks.npz": "template",
    }
    for record in made.files:
        data = (made.root / record.path).read_bytes()
        assert (record.size, record.sha256) == (len(data), hashlib.sha256(data).hexdigest())


def test_bytes_and_modes_are_kept_plain(hand_in: HandIn, tmp_path: Path) -> None:
    """Line ends, byte-order marks and encodings stay; modes become 0644 whatever they and the umask were."""
    odd = b"\xef\xbb\xbf# caf\xe9\r\n\tx = 1\r\n\x00"
    folder = lay(tmp_path / "ada", {**COMPLETE, "cs231n/rnn_layers.py": odd})
    (folder / "cs231n/rnn_layers.py").chmod(0o4755)
    before = os.umask(0o077)
    try:
        made = hand_in(folder)
    finally:
        os.umask(before)
    assert (made.root / "cs231n/rnn_layers.py").read_bytes() == odd
    assert (made.root / "cs231n/rnn_layers.py").stat().st_mode & 0o7777 == 0o644
    assert (made.root / "cs231n/simclr").stat().st_mode & 0o7777 == 0o755


def test_the_namespace_package_stays_one(hand_in_zip: HandInZip) -> None:
    """cs231n/simclr has no `__init__.py` in the assignment and gets none."""
    made = hand_in_zip(COMPLETE)
    assert [path.name for path in (made.root / "cs231n/simclr").iterdir()] == ["contrastive_loss.py"]


@pytest.mark.parametrize("prefix", ["", "assignment3/", "a b/c\u00e9/assignment3/", "./", "assignment3//./"])
def test_wrapping_folders_are_looked_through(hand_in_zip: HandInZip, prefix: str) -> None:
    """One or several folders around the assignment change nothing."""
    made = hand_in_zip(under(prefix, {**COMPLETE, "RNN_Captioning.ipynb": NOTEBOOK}))
    assert content(made) == {**COMPLETE, "RNN_Captioning.ipynb": NOTEBOOK}
    assert made.problems == ()


@pytest.mark.parametrize("below", ["", "home", "home/assignment3", "home/assignment3/cs231n"])
def test_any_folder_around_the_code_can_be_named(hand_in: HandIn, tmp_path: Path, below: str) -> None:
    """The assignment's folder, one above it, and the package itself all lead to the same copy."""
    lay(tmp_path / "top/home/assignment3", COMPLETE)
    made = hand_in(tmp_path / "top" / below)
    assert content(made) == COMPLETE
    assert made.problems == ()
    assert made.id == (below.split("/")[-1] or "top")


def test_litter_is_passed_over_without_a_word(hand_in_zip: HandInZip) -> None:
    """What systems, editors and downloads leave behind is neither copied nor worth a remark."""
    litter = {
        "__MACOSX/cs231n/._rnn_layers.py": b"\0\x05\x16\x07",
        "__MACOSX/._cs231n": b"",
        "cs231n/.DS_Store": b"",
        "cs231n/__pycache__/rnn_layers.cpython-311.pyc": b"",
        ".ipynb_checkpoints/RNN_Captioning-checkpoint.ipynb": NOTEBOOK,
        "cs231n/.ipynb_checkpoints/rnn_layers-checkpoint.py": b"old",
        ".git/config": b"",
        "cs231n/datasets/get_datasets.sh": b"",
        "cs231n/datasets/coco.py": b"",
        "images/kitten.jpg": b"",
        "README.md": b"",
        "cs231n/net.pt": b"",
    }
    made = hand_in_zip({**litter, **COMPLETE})
    assert content(made) == COMPLETE
    assert made.problems == ()


def test_a_missing_file_is_named_and_stays_a_task(hand_in_zip: HandInZip) -> None:
    """The template's file stands in, and the message says how it counts; given files need not come."""
    made = hand_in_zip({name: data for name, data in COMPLETE.items() if "rnn_layers" not in name})
    assert messages(made) == ["cs231n/rnn_layers.py is not in the submission; it counts as not attempted"]
    assert (made.root / "cs231n/rnn_layers.py").read_text() == TASK


@pytest.mark.parametrize(
    ("missing", "wrong", "also"),
    [
        ("cs231n/gan_pytorch.py", "cs231n/gan.py", "extra module cs231n/gan.py: used as it is"),
        ("cs231n/rnn_layers.py", "cs231n/rnn_layer.py", "extra module cs231n/rnn_layer.py: used as it is"),
        ("cs231n/rnn_layers.py", "rnn_layers.py", "rnn_layers.py lies outside cs231n/ and was left out"),
        ("cs231n/classifiers/rnn.py", "cs231n/rnn.py", "extra module cs231n/rnn.py: used as it is"),
        ("cs231n/rnn_layers.py", "cs231n/rnn_layers (1).py", "has a name that Python can't import"),
        (
            "cs231n/rnn_layers.py",
            "cs231n/RNN_layers.py",
            "differs from cs231n/rnn_layers.py only in upper and lower",
        ),
    ],
)
def test_a_file_under_a_wrong_name_is_found(
    hand_in_zip: HandInZip, missing: str, wrong: str, also: str
) -> None:
    """The hint names the file that looks like the missing one, and the name it must have."""
    files = {name: data for name, data in COMPLETE.items() if name != missing}
    made = hand_in_zip({**files, wrong: b"# mine"})
    assert made.problems[0].file == missing
    assert made.problems[0].hint == f"{wrong} looks like it: its name must be {missing}."
    assert also in messages(made)[1]


def test_extra_modules_inside_the_package_are_used_and_named(hand_in_zip: HandInZip) -> None:
    """A student's helper comes along; an `__init__.py` and another year's given module need no remark."""
    extra = {
        "cs231n/my_utils.py": b"x",
        "cs231n/simclr/__init__.py": b"y",
        "cs231n/net_visualization_pytorch.py": b"z",
    }
    made = hand_in_zip({**COMPLETE, **extra})
    assert content(made) == {**COMPLETE, **extra}
    assert messages(made) == ["extra module cs231n/my_utils.py: used as it is"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("helpers.py", "helpers.py lies outside cs231n/ and was left out"),
        ("conftest.py", "conftest.py has a name that Python or pytest runs by itself and was left out"),
        ("cs231n/conftest.py", "cs231n/conftest.py has a name that Python or pytest runs by itself"),
        ("sitecustomize.py", "sitecustomize.py has a name that Python or pytest runs by itself"),
        ("usercustomize/__init__.py", "usercustomize/__init__.py has a name that Python or pytest runs"),
        ("numpy.py", "numpy.py would stand in for the library numpy and was left out"),
        ("torch/__init__.py", "torch/__init__.py would stand in for the library torch and was left out"),
        ("cs231n/numpy.py", "cs231n/numpy.py would stand in for the library numpy and was left out"),
        ("evil.pth", "evil.pth is of a kind that Python can run at its start and was left out"),
        ("cs231n/rnn_layers.so", "cs231n/rnn_layers.so is compiled code and was left out"),
        ("cs231n/rnn_layers.cpython-311-x86_64-linux-gnu.so", "is compiled code and was left out"),
        ("cs231n/rnn_layers.pyc", "cs231n/rnn_layers.pyc is compiled code and was left out"),
        ("cs231n/x-y.py", "cs231n/x-y.py has a name that Python can't import and was left out"),
        ("old.zip", "old.zip is an archive inside the submission and was left out"),
        ("pytest.ini", "pytest.ini is not part of the assignment and was left out"),
        ("notes/Extra.ipynb", "notes/Extra.ipynb is not beside cs231n/ and was left out"),
        ("cs231n/rnn_layers/__init__.py", "has the name of cs231n/rnn_layers.py beside it and was left out"),
        ("cs231n/simclr.py", "cs231n/simclr.py has the name of cs231n/simclr beside it and was left out"),
        ("cs231n/RNN_layers.py", "differs from cs231n/rnn_layers.py only in upper and lower case"),
        ("cs231n/SimCLR/extra.py", "differs from cs231n/simclr only in upper and lower case"),
        ("cs231n.py", "cs231n.py lies outside cs231n/ and was left out"),
    ],
)
def test_files_that_could_take_another_place_are_never_copied(
    hand_in_zip: HandInZip, name: str, message: str
) -> None:
    """Startup hooks, stand-ins for libraries, compiled code, files outside the package: only reported."""
    made = hand_in_zip({**COMPLETE, name: b"evil"})
    assert content(made) == COMPLETE
    (problem,) = made.problems
    assert problem.file == name
    assert message in problem.message


def test_two_extras_that_clash_cost_only_the_second(hand_in_zip: HandInZip) -> None:
    """A module and a package of one new name, or names that differ in case, can't both be used."""
    made = hand_in_zip(
        {**COMPLETE, "cs231n/a.py": b"1", "cs231n/a/b.py": b"2", "cs231n/A.py": b"3", "cs231n/b.py": b"4"}
    )
    assert content(made) == {**COMPLETE, "cs231n/a.py": b"1", "cs231n/b.py": b"4"}
    assert any("cs231n/a/b.py has the name of cs231n/a.py" in message for message in messages(made))
    assert any("cs231n/A.py differs from cs231n/a.py" in message for message in messages(made))


def test_loose_files_are_read_as_if_in_their_folder(hand_in_zip: HandInZip) -> None:
    """Files handed in one by one, even without `classifiers/`, find their places, and it is said."""
    made = hand_in_zip(
        {"hw/rnn_layers.py": b"a", "hw/rnn.py": b"b", "hw/help.py": b"c", "hw/R.ipynb": NOTEBOOK}
    )
    assert content(made) == {
        "cs231n/rnn_layers.py": b"a",
        "cs231n/classifiers/rnn.py": b"b",
        "cs231n/help.py": b"c",
        "R.ipynb": NOTEBOOK,
    }
    assert "hw/ holds files without their cs231n folder; they were read as if in it" in messages(made)


def test_a_second_copy_deeper_down_is_not_graded(hand_in_zip: HandInZip) -> None:
    """The highest copy counts, and the report names the other."""
    made = hand_in_zip({**COMPLETE, **under("backup/old/", {"cs231n/rnn_layers.py": b"old"})})
    assert content(made) == COMPLETE
    assert messages(made) == [
        "backup/old/ holds the assignment too; the one in the top folder was graded",
        "backup/old/cs231n/rnn_layers.py lies outside cs231n/ and was left out",
    ]


def test_of_several_assignments_side_by_side_the_fullest_counts(hand_in_zip: HandInZip) -> None:
    """A repository of all assignments may share a file name with this one; what lies beside it is told."""
    other = {"assignment2/cs231n/rnn_layers.py": b"2", "assignment2/setup.py": b""}
    made = hand_in_zip({**other, **under("assignment3/", COMPLETE)})
    assert content(made) == COMPLETE
    assert messages(made) == [
        "assignment2/ holds the assignment too; the one in assignment3/ was graded",
        "left out, because outside the assignment's folder: "
        "assignment2/cs231n/rnn_layers.py, assignment2/setup.py",
    ]


def test_two_equal_copies_are_refused(hand_in_zip: HandInZip) -> None:
    """Nothing tells which one was meant, so the message names both."""
    with pytest.raises(CollectError) as caught:
        hand_in_zip({**under("final/", COMPLETE), **under("final2/", COMPLETE)})
    assert caught.value.message == "ada.zip holds the assignment 2 times: final/, final2/"
    assert caught.value.hint == "Name one of them."


@pytest.mark.parametrize(
    ("files", "message", "hint"),
    [
        (
            {"essay.pdf": b""},
            "ada.zip holds no file of the assignment (it holds essay.pdf)",
            "Name the folder",
        ),
        ({".DS_Store": b""}, "(it holds no file that counts)", "Name the folder"),
        ({"hw.zip": b"PK"}, "(it holds hw.zip)", "Unpack hw.zip and hand in what it holds."),
        ({"cs231n/optim.py": b""}, "(it holds cs231n/optim.py)", "that holds cs231n/ and the notebooks"),
        (dict.fromkeys("abcdefg", b""), "(it holds a, b, c, d, e and 2 more)", "Name the folder"),
    ],
)
def test_a_hand_in_without_the_assignment_is_refused(
    hand_in_zip: HandInZip, files: Files, message: str, hint: str
) -> None:
    """The message shows what was found instead, and the hint what to name."""
    with pytest.raises(CollectError) as caught:
        hand_in_zip(files)
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_paths_that_are_no_hand_in_are_named(hand_in: HandIn, tmp_path: Path) -> None:
    """A wrong path and a pipe are told apart."""
    with pytest.raises(CollectError, match="nobody does not exist"):
        hand_in(tmp_path / "nobody")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(CollectError, match="pipe is neither a file nor a folder"):
        hand_in(tmp_path / "pipe")


def test_links_and_devices_in_a_folder_are_reported_not_followed(hand_in: HandIn, tmp_path: Path) -> None:
    """A link to a secret, a link to a folder and a pipe cost only themselves."""
    files = {name: data for name, data in COMPLETE.items() if "rnn_layers" not in name}
    folder = lay(tmp_path / "ada", files)
    (tmp_path / "secret.py").write_text("the answers")
    (folder / "cs231n/rnn_layers.py").symlink_to(tmp_path / "secret.py")
    (folder / "cs231n/more").symlink_to(tmp_path)
    os.mkfifo(folder / "cs231n/pipe.py")
    made = hand_in(folder)
    assert content(made) == files
    assert messages(made) == [
        "cs231n/rnn_layers.py is not in the submission; it counts as not attempted",
        "cs231n/more is a symbolic link and was left out",
        "cs231n/pipe.py is not a regular file and was left out",
        "cs231n/rnn_layers.py is a symbolic link and was left out",
    ]


def test_a_file_swapped_for_a_link_after_listing_is_not_followed(tmp_path: Path) -> None:
    """Between listing and reading a name may change its meaning; then only that file is lost."""
    from grader.collect.members import MemberError, folder

    lay(tmp_path, {"a.py": b"x"})
    with folder(tmp_path) as contents:
        (tmp_path / "a.py").unlink()
        (tmp_path / "a.py").symlink_to("/etc/passwd")
        with pytest.raises(MemberError, match="can't be read"):
            contents.members[0].read(100)


def test_an_existing_copy_is_not_touched(template: Path, tmp_path: Path) -> None:
    """Collecting twice into one place would mix two hand-ins, so it is refused."""
    path = write_zip(tmp_path / "ada.zip", COMPLETE)
    collect(path, template, tmp_path / "into")
    with pytest.raises(CollectError, match="into/ada exists already"):
        collect(path, template, tmp_path / "into")


def test_a_template_without_tasks_is_refused(tmp_path: Path) -> None:
    """Collecting against a wrong folder would let every file of a hand-in count as extra."""
    lay(tmp_path, {"cs231n/a.py": b""})
    with pytest.raises(CollectError, match="no file in it has a task"):
        collect(tmp_path, tmp_path, tmp_path / "into")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Ada Lovelace (1).zip", "Ada_Lovelace_1"),
        ("..zip", "submission"),
        ("b\u00e9a-1.2.zip", "b\u00e9a-1.2"),
    ],
)
def test_ids_are_plain_file_names(hand_in: HandIn, tmp_path: Path, name: str, expected: str) -> None:
    """An id has no spaces or punctuation that a shell or a path would read, and no ending."""
    assert hand_in(write_zip(tmp_path / name, COMPLETE)).id == expected


def test_the_current_folder_has_a_name(
    hand_in: HandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`.` is named after the folder it stands for."""
    monkeypatch.chdir(lay(tmp_path / "ada", COMPLETE))
    assert hand_in(Path()).id == "ada"


def test_a_flood_of_remarks_is_cut_and_the_important_ones_stay(hand_in_zip: HandInZip) -> None:
    """Fifty remarks are enough; missing files come first."""
    files = {name: data for name, data in COMPLETE.items() if "rnn_layers" not in name}
    made = hand_in_zip({**files, **{f"junk{i}.py": b"" for i in range(100)}})
    assert len(made.problems) == 51
    assert messages(made)[0] == "cs231n/rnn_layers.py is not in the submission; it counts as not attempted"
    assert messages(made)[-1] == "51 more remarks about the submission's files are not shown"
    assert hints(made)[0] == "If it was written, it belongs at cs231n/rnn_layers.py."
