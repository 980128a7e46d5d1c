"""Which files of a hand-in count, and what is said about the others."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from grader.collect import Submission, collect
from tests.collect.handins import COMPLETE, STUDENT, TASK, Files, content, hints, lay, messages, write_zip

HandIn = Callable[[Path], Submission]
HandInZip = Callable[[Files], Submission]

NOTEBOOK = b'{"cells": []}'


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


def test_a_flood_of_remarks_is_cut_and_the_important_ones_stay(hand_in_zip: HandInZip) -> None:
    """Fifty remarks are enough; missing files come first."""
    files = {name: data for name, data in COMPLETE.items() if "rnn_layers" not in name}
    made = hand_in_zip({**files, **{f"junk{i}.py": b"" for i in range(100)}})
    assert len(made.problems) == 51
    assert messages(made)[0] == "cs231n/rnn_layers.py is not in the submission; it counts as not attempted"
    assert messages(made)[-1] == "51 more remarks about the submission's files are not shown"
    assert hints(made)[0] == "If it was written, it belongs at cs231n/rnn_layers.py."
