"""Archives that lie, break or attack: each costs what it must, and says so."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from grader.collect import Submission, archive, members, submission
from grader.errors import CollectError
from tests.collect.handins import COMPLETE, content, hints, messages, tar_member, tar_of, write_zip, zip_bytes

HandIn = Callable[[Path], Submission]
HandInBytes = Callable[[bytes], Submission]


@pytest.fixture
def hand_in_bytes(hand_in: HandIn, tmp_path: Path) -> HandInBytes:
    """Collects a file of these bytes, called ada.zip."""

    def collected(data: bytes) -> Submission:
        (tmp_path / "ada.zip").write_bytes(data)
        return hand_in(tmp_path / "ada.zip")

    return collected


def member(name: str, mode: int = 0) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    return info


def refused(collected: HandInBytes, data: bytes) -> str:
    with pytest.raises(CollectError) as caught:
        collected(data)
    assert caught.value.hint
    return caught.value.message


NO_ZIP = [
    (b"", "ada.zip is not a zip archive: the file is empty"),
    (b"%PDF-1.7\n", "ada.zip is not a zip archive: it is a PDF document (it starts with b'%PDF-1.7\\n')"),
    (b"\n<!DOCTYPE html><html>", "ada.zip is not a zip archive: it is a web page (HTML)"),
    (b"Rar!\x1a\x07\x01\x00", "ada.zip is not a zip archive: it is a RAR archive"),
    (b"7z\xbc\xaf\x27\x1c", "ada.zip is not a zip archive: it is a 7z archive"),
    (bz2.compress(b"x"), "ada.zip is not a zip archive: it is a bzip2 archive"),
    (lzma.compress(b"x"), "ada.zip is not a zip archive: it is an xz archive"),
    (b'{"cells": []}', "ada.zip is not a zip archive: it is JSON text, perhaps a single notebook"),
    (b"import numpy as np\n", "ada.zip is not a zip archive (it starts with b'import numpy as ')"),
    (b"\x00\x1b[31m\xff", "ada.zip is not a zip archive (it starts with b'\\x00\\x1b[31m\\xff')"),
    (gzip.compress(b"print()"), "ada.zip is gzip-compressed, but no tar archive"),
    (gzip.compress(tar_of(COMPLETE))[:-20], "ada.zip is damaged"),
    (
        zip_bytes()[:-30],
        "ada.zip is damaged: it starts like a zip archive, but its table of contents can't be read",
    ),
    (zip_bytes()[:100], "was the upload cut short?"),
    (b"PK\x03\x04", "ada.zip is damaged"),
    (zip_bytes().replace(b"PK\x01\x02", b"PK\x01\x00", 1), "ada.zip is damaged"),
    (b"PK\x05\x06" + bytes(18), "ada.zip is an empty zip archive"),
    (tar_of({}), "ada.zip is not a zip archive (it starts with"),
    (gzip.compress(tar_of({})), "ada.zip is an empty tar archive"),
    (gzip.compress(b""), "ada.zip is gzip-compressed, but no tar archive"),
]


@pytest.mark.parametrize(("data", "message"), NO_ZIP, ids=[message[-40:] for _, message in NO_ZIP])
def test_what_is_no_archive_is_called_what_it_is(
    hand_in_bytes: HandInBytes, data: bytes, message: str
) -> None:
    """Other formats under a .zip name, empty and broken archives each get a message of their own."""
    assert message in refused(hand_in_bytes, data)


@pytest.mark.parametrize("pack", [lambda data: data, gzip.compress], ids=["tar", "tar.gz"])
def test_tar_archives_are_read_like_zips(hand_in_bytes: HandInBytes, pack: Callable[[bytes], bytes]) -> None:
    """The kind is told by the bytes, not by the name."""
    made = hand_in_bytes(pack(tar_of(COMPLETE)))
    assert content(made) == COMPLETE
    assert made.problems == ()


def test_a_zip_behind_other_bytes_is_read(hand_in_bytes: HandInBytes) -> None:
    """Self-extracting archives have a program in front."""
    assert content(hand_in_bytes(b"MZ program" + zip_bytes())) == COMPLETE


SPECIAL = [
    (member("cs231n/x.py", 0o120777), "cs231n/x.py is a symbolic link and was left out"),
    (member("cs231n/x.py", 0o010644), "cs231n/x.py is not a regular file and was left out"),
    (member("cs231n/x.py", 0o060644), "cs231n/x.py is not a regular file and was left out"),
    (member("../x.py"), "../x.py was left out: its name leads out of the submission ('..')"),
    (member("cs231n/../../x.py"), "cs231n/../../x.py was left out: its name leads out of the submission"),
    (member("__MACOSX/../../x.py"), "__MACOSX/../../x.py was left out: its name leads out"),
    (member("/etc/x.py"), "/etc/x.py was left out: its name is an absolute path"),
    (member("C:/x.py"), "C:/x.py was left out: its name starts with a drive letter"),
    (member("cs231n\\x.py"), "cs231n\\x.py was left out: its name has a backslash"),
    (member("cs231n/x\n.py"), "cs231n/x\\x0a.py was left out: its name has control characters"),
    (member("cs231n/\x1b[31mx.py"), "cs231n/\\x1b[31mx.py was left out: its name has control characters"),
    (member("cs231n/x.py\u202eyp.exe"), "cs231n/x.py\\x202eyp.exe is not part of the assignment"),
    (member("cs231n/" + "x" * 1000 + ".py"), "was left out: its name is longer than 1000 characters"),
    (member("cs231n/inner.zip"), "cs231n/inner.zip is an archive inside the submission and was left out"),
]


@pytest.mark.parametrize(("info", "message"), SPECIAL, ids=[message[:30] for _, message in SPECIAL])
def test_a_hostile_zip_member_costs_only_itself(
    hand_in_bytes: HandInBytes, info: zipfile.ZipInfo, message: str, tmp_path: Path
) -> None:
    """The rest is complete, nothing is written elsewhere, and the message is one clean line."""
    made = hand_in_bytes(zip_bytes((info, b"/etc/passwd")))
    assert content(made) == COMPLETE
    (problem,) = made.problems
    assert message in problem.message
    assert problem.message.isprintable()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ada.zip", "into"]


def test_hints_are_clean_too(hand_in_bytes: HandInBytes) -> None:
    """A name is repeated in the hint; there, too, it must not turn the text around."""
    made = hand_in_bytes(zip_bytes(("evil\u202eyp.py", b"")))
    assert hints(made) == [
        "Move it into cs231n/ and import it from there (`from cs231n import evil\\x202eyp`)."
    ]


def test_a_name_that_zipfile_would_cut_at_nul_is_refused(hand_in_bytes: HandInBytes) -> None:
    """`rnn_layers.py\\0.txt` must not become rnn_layers.py."""
    data = zip_bytes(("cs231n/x.py?.txt", b"evil")).replace(b"x.py?.txt", b"x.py\0.txt")
    made = hand_in_bytes(data)
    assert content(made) == COMPLETE
    assert "cs231n/x.py\\x00.txt was left out: its name has control characters" in messages(made)[0]


def test_an_archive_of_an_old_windows_tool_is_read(hand_in_bytes: HandInBytes) -> None:
    """When every separator is a backslash it is a separator; what leads out is refused all the same."""
    files = {name.replace("/", "\\"): data for name, data in COMPLETE.items()}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made_zip:
        for name, data in {**files, "..\\evil.py": b"evil"}.items():
            made_zip.writestr(name, data)
    made = hand_in_bytes(buffer.getvalue())
    assert content(made) == COMPLETE
    assert messages(made) == ["../evil.py was left out: its name leads out of the submission ('..')"]


def test_of_two_members_with_one_name_the_last_counts(hand_in_bytes: HandInBytes) -> None:
    """This is what unpacking would leave; the report says that there were two."""
    made = hand_in_bytes(zip_bytes(("cs231n/rnn_layers.py", b"second")))
    assert content(made)["cs231n/rnn_layers.py"] == b"second"
    assert messages(made) == ["cs231n/rnn_layers.py is there more than once; the last one counts"]


def test_an_encrypted_member_is_missing_and_the_rest_is_graded(hand_in_bytes: HandInBytes) -> None:
    """The message says that it is encrypted, and that it counts as not attempted."""
    data = zip_bytes(compression=zipfile.ZIP_STORED)
    at = data.index(b"PK\x01\x02")  # the first member's entry in the table of contents: classifiers/rnn.py
    made = hand_in_bytes(data[: at + 8] + b"\x01" + data[at + 9 :])
    assert "cs231n/classifiers/rnn.py" not in content(made)
    assert messages(made) == [
        "cs231n/classifiers/rnn.py is not in the submission; it counts as not attempted",
        "cs231n/classifiers/rnn.py is encrypted and was left out",
    ]


def test_a_wrong_checksum_costs_only_that_file(hand_in_bytes: HandInBytes) -> None:
    """The rest goes on, and the message says what the file counts as."""
    data = zip_bytes(("cs231n/mine.py", b"# my own"), compression=zipfile.ZIP_STORED)
    made = hand_in_bytes(
        data.replace(b"# solved: cs231n/rnn", b"# broken: cs231n/rnn").replace(b"# my", b"# MY")
    )
    assert {"cs231n/rnn_layers.py", "cs231n/mine.py"}.isdisjoint(content(made))
    assert len(content(made)) == 3
    assert messages(made) == [
        "cs231n/rnn_layers.py is damaged in the archive (Bad CRC-32 for file 'cs231n/rnn_layers.py'); "
        "it counts as not attempted",
        "cs231n/mine.py is damaged in the archive (Bad CRC-32 for file 'cs231n/mine.py'); it was left out",
        "extra module cs231n/mine.py: used as it is",
    ]


def test_a_header_that_contradicts_the_table_of_contents_costs_only_that_file(
    hand_in_bytes: HandInBytes,
) -> None:
    """Readers that trust either name must not be played against each other."""
    data = zip_bytes().replace(b"cs231n/gan_pytorch.py", b"cs231n/rnn_layers.py_", 1)
    made = hand_in_bytes(data)
    assert "cs231n/gan_pytorch.py is damaged in the archive (File name in directory" in messages(made)[0]
    assert len(content(made)) == 3


def test_other_compressions_are_named(hand_in_bytes: HandInBytes) -> None:
    """Methods whose memory use is not bounded by the output are not unpacked."""
    info = member("cs231n/x.py")
    info.compress_type = zipfile.ZIP_LZMA
    buffer = io.BytesIO(zip_bytes())
    with zipfile.ZipFile(buffer, "a") as appended:
        appended.writestr(info, b"x", compress_type=zipfile.ZIP_LZMA)
    made = hand_in_bytes(buffer.getvalue())
    assert "cs231n/x.py is compressed by a method that is not read here (number 14)" in messages(made)[0]


def test_a_member_that_unpacks_a_thousandfold_is_left_out(hand_in_bytes: HandInBytes) -> None:
    """Its header gives it away; nothing of it is unpacked."""
    made = hand_in_bytes(zip_bytes(("cs231n/zeros.py", bytes(4 << 20))))
    assert content(made) == COMPLETE
    assert messages(made) == ["cs231n/zeros.py unpacks to more than 200 times its size and was left out"]


def test_a_module_above_the_limit_is_left_out(hand_in_bytes: HandInBytes) -> None:
    """5 MB of Python is no solution of this assignment."""
    made = hand_in_bytes(zip_bytes(("cs231n/rnn_layers.py", b"#" * (5 << 20) + b"##"), compression=0))
    assert "cs231n/rnn_layers.py is larger than 5 MB; it counts as not attempted" in messages(made)


def test_a_header_that_lies_about_the_size_gains_nothing(hand_in_bytes: HandInBytes) -> None:
    """A member declared smaller than it is gets cut there, and its checksum fails."""
    data = zip_bytes(("cs231n/big.py", b"x" * 3000), compression=zipfile.ZIP_STORED)
    at = data.rindex(b"PK\x01\x02")
    lying = data[: at + 24] + struct.pack("<L", 10) + data[at + 28 :]
    assert "cs231n/big.py is damaged in the archive (Bad CRC-32" in messages(hand_in_bytes(lying))[0]


def test_too_much_in_all_is_refused(hand_in_bytes: HandInBytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many files below their own limit still meet the limit of the whole."""
    monkeypatch.setattr(submission, "MAX_TOTAL", 1 << 20)
    added = [(f"cs231n/m{i}.py", bytes([i]) * 300_000) for i in range(4)]
    message = "the submission holds more than 1 MB of code and notebooks"
    assert refused(hand_in_bytes, zip_bytes(*added, compression=0)) == message


def test_too_large_an_archive_is_not_opened(
    hand_in_bytes: HandInBytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The size of the file decides before a byte of it is read."""
    monkeypatch.setattr(archive, "MAX_ARCHIVE", 1 << 20)
    assert refused(hand_in_bytes, bytes((1 << 20) + 1)) == "ada.zip is larger than 1 MB"
    bomb = gzip.compress(bytes(2 << 20))
    assert refused(hand_in_bytes, bomb) == "ada.zip unpacks to more than 1 MB"


@pytest.mark.parametrize("pack", ["zip", "tar", "folder"])
def test_too_many_files_are_refused(
    hand_in: HandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pack: str
) -> None:
    """The count stops archives and folders alike, data files included."""
    monkeypatch.setattr(members, "MAX_MEMBERS", 20)
    files = {**COMPLETE, **{f"data/{i}.txt": b"" for i in range(20)}}
    path = tmp_path / "ada"
    if pack == "zip":
        write_zip(path, files)
    elif pack == "tar":
        path.write_bytes(tar_of(files))
    else:
        for name in files:
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            (path / name).touch()
    with pytest.raises(CollectError, match="the submission holds more than 20 files"):
        hand_in(path)


def test_a_million_entries_are_not_even_listed(
    hand_in_bytes: HandInBytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The table of contents is counted before a record is built for each of its entries."""
    monkeypatch.setattr(archive, "MAX_HEADERS", 50)
    monkeypatch.setattr(zipfile, "ZipFile", None)  # would fail if it was opened
    entry = struct.pack("<4s12xLLL3H12x", b"PK\x01\x02", 0, 0, 0, 0, 0, 0)
    assert refused(hand_in_bytes, b"PK\x03\x04" + entry * 51) == "ada.zip holds more than 5000 files"


def test_headers_across_a_chunk_boundary_count_once() -> None:
    """A header is found wherever the chunks end, and never twice."""
    for shift in range(6):
        data = bytes((1 << 20) - shift) + b"PK\x01\x02" + bytes(10)
        assert archive._headers(io.BytesIO(data)) == 1


HOSTILE_TAR = [
    (tar_member("cs231n/x.py", kind=tarfile.SYMTYPE, link="/etc/passwd"), "cs231n/x.py is a symbolic link"),
    (tar_member("cs231n/x.py", kind=tarfile.LNKTYPE, link="/etc/passwd"), "cs231n/x.py is a hard link"),
    (tar_member("cs231n/x.py", kind=tarfile.CHRTYPE), "cs231n/x.py is not a regular file"),
    (tar_member("cs231n/x.py", kind=tarfile.FIFOTYPE), "cs231n/x.py is not a regular file"),
    (tar_member("../x.py", b"x"), "../x.py was left out: its name leads out"),
    (tar_member("/x.py", b"x"), "/x.py was left out: its name is an absolute path"),
    (tar_member("cs231n/x\n.py", b"x"), "cs231n/x\\x0a.py was left out"),
    (b"garbage" * 80, "ada.zip is damaged: nothing can be read after member 4"),
]


@pytest.mark.parametrize(
    ("hostile", "message"), HOSTILE_TAR, ids=[message[:30] for _, message in HOSTILE_TAR]
)
def test_a_hostile_tar_member_costs_only_itself(
    hand_in_bytes: HandInBytes, hostile: bytes, message: str
) -> None:
    """Links, devices and names that lead out are told; damage is told with the place."""
    honest = b"".join(tar_member(name, data) for name, data in COMPLETE.items())
    made = hand_in_bytes(honest + hostile + bytes(1024))
    assert content(made) == COMPLETE
    (problem,) = made.problems
    assert problem.message.startswith(message)


def test_a_tar_that_is_cut_short_gives_what_is_left(hand_in_bytes: HandInBytes) -> None:
    """The members before the cut are graded, the last is damaged."""
    honest = b"".join(tar_member(name, data) for name, data in COMPLETE.items())
    made = hand_in_bytes(honest[: -tarfile.BLOCKSIZE])
    assert len(content(made)) == 3
    assert any("is damaged" in message for message in messages(made))
