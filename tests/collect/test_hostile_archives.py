"""Archives made byte by byte to mislead whoever reads them: none hangs, none writes elsewhere, honest files stay."""

from __future__ import annotations

import bz2
import gzip
import io
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from grader.collect import Submission
from grader.errors import CollectError
from tests.collect.handins import COMPLETE, tar_of, zip_bytes

HandIn = Callable[[Path], Submission]
HONEST = b"x = 1\n"
LAYERS = "cs231n/rnn_layers.py"


def header(name: bytes, size: int = 0, kind: bytes = b"0", field: bytes = b"", link: bytes = b"") -> bytes:
    """A tar header; `field` stands in the place of the size."""
    block = bytearray(512)
    block[0 : len(name)] = name
    block[100:124] = b"0000644\0" + b"0000000\0" * 2
    block[124:136] = field or b"%011o\0" % size
    block[136:148], block[156:157] = b"00000000000\0", kind
    block[157 : 157 + len(link)] = link
    block[257:265], block[148:156] = b"ustar\x0000", b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 512)


def extended(data: bytes, kind: bytes = b"x") -> bytes:
    return header(b"extended", len(data), kind) + padded(data)


NEGATIVE = b"\xff" * 4 + struct.pack(">q", -1024)
FILE = header(LAYERS.encode(), len(HONEST)) + padded(HONEST)
SPARSE = b"22 GNU.sparse.major=0\n22 GNU.sparse.minor=0\n30 GNU.sparse.size=00000000001\n"
TARS = {
    "digits that take an hour": extended(b"1" * 200_000) + FILE,
    "digits behind honest records": extended(b"12 a=bcdefg\n" * 100 + b"1" * 50_000) + FILE,
    "digits for all members": extended(b"1" * 200_000, b"g") + FILE,
    "digits of a sparse map": extended(SPARSE + b"1" * 60_000) + FILE,
    "negative size": header(b"a.py", field=NEGATIVE) + FILE,
    "negative size of a directory": header(b"a/", kind=b"5", field=NEGATIVE) + FILE,
    "negative size of a header": header(b"a.py", kind=b"x", field=NEGATIVE) + FILE,
    "negative size of a name": header(b"a.py", kind=b"L", field=NEGATIVE) + FILE,
    "negative size in a record": extended(b"13 size=-999\n") + FILE,
    "huge size in a record": extended(b"29 size=10000000000000000000\n") + FILE,
    "a name of 200 kB": header(b"././@LongLink", 200_000, b"L") + padded(b"x" * 200_000) + FILE,
    "a chain of names": (header(b"././@LongLink", 4, b"L") + padded(b"abc\0")) * 20_000 + FILE,
    "a chain of headers": extended(b"12 a=bcdefg\n") * 20_000 + FILE,
    "a megabyte of nothing": extended(bytes(1 << 20)) + FILE,
    "records that claim other lengths": extended(b"999999999 path=x\n0 a=b\n") + FILE,
    "a path in a record": extended(b"25 path=../../etc/passwd\n") + FILE,
    "a link, then a file through it": header(b"cs231n/sub", kind=b"2", link=b"/tmp") + header(b"cs231n/sub/x.py", 3) + padded(b"1\n\n"),
    "a link of 1 GB": header(b"l", 1 << 30, b"2", link=b"x") + FILE,
    "devices": b"".join(header(b"d" + kind, kind=kind) for kind in (b"3", b"4", b"6", b"7", b"V", b"M", b"Z")) + FILE,
    "old sparse": header(b"s.py", kind=b"S") + FILE,
    "too many folders": b"".join(header(b"d%d/" % n, kind=b"5") for n in range(6000)),
    "numbers that are none": header(b"a.py", field=b"99999999999 ") + FILE,
    "bits in base 256": header(b"a.py", field=b"\x80" + b"\xff" * 11) + FILE,
}  # fmt: skip


@pytest.mark.timeout(60)
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["tar", "gz"])
@pytest.mark.parametrize("kind", TARS)
def test_a_crafted_tar_is_refused_or_read_at_once(
    hand_in: HandIn, tmp_path: Path, kind: str, pack: Callable[[bytes], bytes]
) -> None:
    """Python's own reader takes an hour for some of these, and repeats members of others without end."""
    (tmp_path / "ada.zip").write_bytes(pack(TARS[kind] + bytes(1024)))
    only_a_refusal(hand_in, tmp_path)


def only_a_refusal(hand_in: HandIn, tmp_path: Path) -> Submission | None:
    """Collects; whatever comes of it, no file lies outside and each message is one clean line."""
    made, said = None, []
    try:
        made = hand_in(tmp_path / "ada.zip")
        said = [problem.message for problem in made.problems]
    except CollectError as error:
        said = [error.message]
    assert all(message.isprintable() for message in said), said
    assert {path.name for path in tmp_path.iterdir()} <= {"ada.zip", "into"}
    assert not [path for path in tmp_path.rglob("*") if path.is_symlink()]
    return made


def test_honest_extended_headers_are_read(hand_in: HandIn, tmp_path: Path) -> None:
    """Long paths, times with fractions, umlauts and what macOS adds."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as made:
        for name, data in COMPLETE.items():
            info = tarfile.TarInfo("Übung " + "x" * 150 + "/" + name)
            info.size, info.mtime = len(data), 1715712345.123456789
            info.pax_headers = {
                "LIBARCHIVE.xattr.com.apple.provenance": "AQAA" * 500,
                "SCHILY.dev": "16777234",
            }
            made.addfile(info, io.BytesIO(data))
    (tmp_path / "ada.zip").write_bytes(buffer.getvalue())
    collected = hand_in(tmp_path / "ada.zip")
    assert {name: (collected.root / name).read_bytes() for name in COMPLETE} == COMPLETE


def central(data: bytes) -> int:
    """Where the first header of the table of contents stands."""
    return data.index(b"PK\x01\x02")


def end(data: bytes) -> int:
    return data.rindex(b"PK\x05\x06")


def changed(data: bytes, at: int, new: bytes) -> bytes:
    return data[:at] + new + data[at + len(new) :]


ZIP = zip_bytes()
ENTRY = struct.pack("<4s6H3I5H2I", b"PK\x01\x02", 20, 20, 0, 0, 0, 0, 0, 5, 5, 4, 0, 0, 0, 0, 0o644 << 16, 0)
ZIP64 = struct.pack("<HHQQ", 1, 16, 1 << 62, 1 << 62)


def overlapping() -> bytes:
    """All entries of the table of contents lead to the first file."""
    data = ZIP
    place = central(data)
    while (place := data.find(b"PK\x01\x02", place)) >= 0:
        data = changed(data, place + 42, struct.pack("<I", 0))
        place += 46
    return data


def nested(depth: int) -> bytes:
    data = HONEST
    for _ in range(depth):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as made:
            made.writestr("cs231n/inner.zip", data)
        data = buffer.getvalue()
    return data


ZIPS = {
    "overlapping entries": overlapping(),
    "an offset beyond the end": changed(ZIP, central(ZIP) + 42, b"\xff\xff\xff\x7f"),
    "an offset into the table": changed(ZIP, central(ZIP) + 42, struct.pack("<I", central(ZIP))),
    "sizes of 64 bits without a record": changed(ZIP, central(ZIP) + 20, b"\xff" * 8),
    "a name longer than the file": changed(ZIP, central(ZIP) + 28, b"\xff\xff"),
    "an extra field longer than the file": changed(ZIP, central(ZIP) + 30, b"\xff\xff"),
    "a comment longer than the file": changed(ZIP, central(ZIP) + 32, b"\xff\xff"),
    "another disk": changed(ZIP, end(ZIP) + 4, b"\x05\x00\x05\x00"),
    "more entries than there are": changed(ZIP, end(ZIP) + 8, b"\xff\xfe\xff\xfe"),
    "a table that is 4 GB long": changed(ZIP, end(ZIP) + 12, b"\xff\xff\xff\xfe"),
    "a table before the beginning": changed(ZIP, end(ZIP) + 16, b"\xff\xff\xff\xfe"),
    "two ends": ZIP + ZIP[end(ZIP) :],
    "two archives": ZIP + zip_bytes(("cs231n/extra.py", b"")),
    "an end in the comment": changed(ZIP, end(ZIP) + 20, b"\x16\x00") + b"PK\x05\x06" + bytes(18),
    "a long comment": changed(ZIP, end(ZIP) + 20, b"\xff\xff") + b"\x1b[2J" * 16383 + b"xyz",
    "64-bit end record": ZIP[: end(ZIP)] + b"PK\x06\x06" + struct.pack("<Q", 1 << 60) + bytes(44)
    + b"PK\x06\x07" + struct.pack("<IQI", 0, 1 << 62, 1) + changed(ZIP, end(ZIP) + 8, b"\xff\xff\xff\xff")[end(ZIP):],
    "names that are no UTF-8": ZIP[: central(ZIP)] + changed(
        changed(ZIP, central(ZIP) + 8, b"\x00\x08"), central(ZIP) + 46, b"\xff\xfe\xff")[central(ZIP):],
    "encrypted by strong means": changed(ZIP, central(ZIP) + 8, b"\x41\x20"),
    "patched data": changed(ZIP, central(ZIP) + 8, b"\x20\x00"),
    "a data descriptor that is not there": changed(ZIP, 6, b"\x08\x00"),
    "an unknown method": changed(ZIP, central(ZIP) + 10, b"\x63\x00"),
    "bzip2 by its number": changed(ZIP, central(ZIP) + 10, b"\x0c\x00"),
    "an impossible date": changed(ZIP, central(ZIP) + 12, b"\xff" * 4),
    "nested fifty times": nested(50),
    "no name": zip_bytes(("/", b""), ("//", b""), (".", b"x"), ("./", b"")),
    "names of Windows": zip_bytes(*[(f"cs231n/{n}", b"") for n in ("CON.py", "aux", "nul.py", "COM1.py", "x.py.", "x.py ", "x.py::$DATA", "~1.PY")]),
    "forms of Unicode": zip_bytes(("cs231n/rnn_l\u0430yers.py", b""), ("cs231n/ｒｎｎ_layers.py", b""), ("cs231n/e\u0301.py", b""), ("cs231n/\u00e9.py", b"")),
    "invisible characters": zip_bytes(("cs231n/\u202erat.yp", b""), ("cs231n/\u200b.py", b""), ("cs231n/\u2028.py", b""), ("cs231n/\ufeffx.py", b"")),
    "a name of 64 kB": zip_bytes(("cs231n/" + "x" * 65000 + ".py", b"")),
    "five thousand folders deep": zip_bytes(("d/" * 490 + "x.py", b""), ("d/" * 30_000 + "x.py", b"")),
    "folder and file of one name": zip_bytes((LAYERS + "/", b""), (LAYERS + "/__init__.py", b"raise SystemExit")),
    "compiled": zip_bytes(("cs231n/rnn_layers.pyc", b"\xa7\r\r\n" + bytes(12)), ("cs231n/x.cpython-311-x86_64-linux-gnu.so", b"\x7fELF")),
    "bzip2 around it": bz2.compress(tar_of(COMPLETE)),
    "gzip around a zip": gzip.compress(ZIP),
    "gzip around a gzip": gzip.compress(gzip.compress(tar_of(COMPLETE))),
    "many gzip members": gzip.compress(b"") * 5000 + gzip.compress(tar_of(COMPLETE)),
    "both a tar and a zip": tar_of(COMPLETE) + ZIP,
}  # fmt: skip
WHOLE = ("no name", "names of Windows", "forms of Unicode", "invisible characters", "a name of 64 kB", "two archives", "compiled",
         "an impossible date", "folder and file of one name", "five thousand folders deep", "many gzip members",
         "a long comment", "both a tar and a zip")  # fmt: skip


@pytest.mark.timeout(60)
@pytest.mark.parametrize("kind", ZIPS)
def test_a_crafted_zip_is_refused_or_costs_what_is_wrong_in_it(
    hand_in: HandIn, tmp_path: Path, kind: str
) -> None:
    """What its headers claim is never believed; where only names are odd, the honest files count."""
    (tmp_path / "ada.zip").write_bytes(ZIPS[kind])
    made = only_a_refusal(hand_in, tmp_path)
    if kind in WHOLE:
        assert made is not None
        assert {name: (made.root / name).read_bytes() for name in COMPLETE} == COMPLETE
    if made is not None:
        written = {path.read_bytes() for path in made.root.rglob("*.py")}
        assert written <= {*COMPLETE.values(), *known(made), b"", b"x", b"raise SystemExit"}


def known(made: Submission) -> set[bytes]:
    """What the template itself holds."""
    template = {"given": b"# given\n"}
    return {
        *template.values(),
        *(p.read_bytes() for p in made.root.rglob("*.py") if b"START OF YOUR" in p.read_bytes()),
    }


def test_folders_count_as_files_do(hand_in: HandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of a hundred thousand empty folders is refused like one of as many files."""
    monkeypatch.setattr("grader.collect.members.MAX_MEMBERS", 20)
    for number in range(30):
        (tmp_path / "hand-in" / f"d{number}").mkdir(parents=True)
    with pytest.raises(CollectError, match="more than 20 files"):
        hand_in(tmp_path / "hand-in")
