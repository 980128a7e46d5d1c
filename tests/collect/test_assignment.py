"""Where the assignment lies in a hand-in, and what the hand-in is called."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from grader.collect import Submission, collect
from grader.errors import CollectError
from tests.collect.handins import COMPLETE, Files, content, lay, messages, write_zip

HandIn = Callable[[Path], Submission]
HandInZip = Callable[[Files], Submission]

NOTEBOOK = b'{"cells": []}'


def under(prefix: str, files: Files) -> dict[str, bytes]:
    return {f"{prefix}{name}": data for name, data in files.items()}


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
