"""Archives, read as if an adversary chose each byte: listed first, then single members, never unpacked."""

from __future__ import annotations

import gzip
import stat
import struct
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import IO

from grader.collect.headers import Careful
from grader.collect.members import MAX_MEMBERS, TOO_MANY_HINT, Contents, Member, MemberError, bounded
from grader.collect.names import clean
from grader.errors import CollectError

MAX_ARCHIVE = 200 << 20  # bytes, as it came and (tar) unpacked
MAX_RATIO = 200  # text shrinks 3 to 20 times, zeros 1000 times
RATIO_FROM = 1 << 20  # below this size no ratio is a bomb
MAX_HEADERS = 20 * MAX_MEMBERS  # nested stored archives have headers of their own

AGAIN = "Make the archive again with the assignment's collect script, and upload it again."
SLIM = "Leave data sets and models out."
READS = "gradmark reads a folder, or a .zip, .tar or .tar.gz archive of the assignment."

# What a file really is, by its first bytes (after white space, in lower case).
KINDS = (
    (b"%pdf", "a PDF document"),
    (b"<!doctype html", "a web page (HTML)"),
    (b"<html", "a web page (HTML)"),
    (b"rar!", "a RAR archive"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"bzh", "a bzip2 archive"),
    (b"\xfd7zxz", "an xz archive"),
    (b"\x89png", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"\xd0\xcf\x11\xe0", "an old Microsoft Office document"),
    (b"\x7felf", "a compiled program"),
    (b"{", "JSON text, perhaps a single notebook"),
)

DAMAGE = (
    EOFError,
    LookupError,
    NotImplementedError,
    OSError,
    OverflowError,
    RuntimeError,  # zipfile's answer to a missing password
    ValueError,
    struct.error,
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
)


@contextmanager
def archive(path: Path) -> Iterator[Contents]:
    """The contents of a zip, tar or tar.gz file, told apart by their bytes, readable while the context lasts.

    Raises `CollectError` for a file that is none of these, too large, or damaged beyond its single members.
    """
    with _open(path) as file, ExitStack() as stack:
        head = file.read(512)
        if head.startswith(b"\x1f\x8b"):
            yield _tar_contents(
                path, stack.enter_context(_gunzip(path)), "gzip-compressed, but no tar archive"
            )
        elif head[257:262] == b"ustar":
            yield _tar_contents(path, file, "not a readable tar archive")
        elif head.startswith(b"PK") or zipfile.is_zipfile(file):
            yield _zip_contents(stack.enter_context(_open_zip(path, file)))
        else:
            raise CollectError(f"{clean(path.name)} is not a zip archive{_what_else(head)}", READS)


def _open(path: Path) -> IO[bytes]:
    try:
        if path.stat().st_size > MAX_ARCHIVE:
            raise CollectError(f"{clean(path.name)} is larger than {MAX_ARCHIVE >> 20} MB", SLIM)
        return path.open("rb")
    except OSError as error:
        raise CollectError(
            f"{clean(path.name)} can't be read: {error.strerror}", "Check its permissions."
        ) from error


def _what_else(head: bytes) -> str:
    if not head:
        return ": the file is empty"
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    kind = next((kind for magic, kind in KINDS if start.startswith(magic)), "")
    shown = f" (it starts with {head[:16]!r})"
    return f": it is {kind}{shown}" if kind else shown


def _open_zip(path: Path, file: IO[bytes]) -> zipfile.ZipFile:
    if _headers(file) > MAX_HEADERS:
        raise CollectError(f"{clean(path.name)} holds more than {MAX_MEMBERS} files", TOO_MANY_HINT)
    try:
        opened = zipfile.ZipFile(file)
    except DAMAGE as error:
        what = f"its table of contents can't be read ({clean(str(error))}); was the upload cut short?"
        message = f"{clean(path.name)} is damaged: it starts like a zip archive, but {what}"
        raise CollectError(message, AGAIN) from error
    if not opened.infolist():
        raise CollectError(f"{clean(path.name)} is an empty zip archive", AGAIN)
    return opened


def _headers(file: IO[bytes]) -> int:
    """At least the number of entries in the table of contents, found without building a record for each."""
    count, tail = 0, b""
    file.seek(0)
    while chunk := file.read(1 << 20):
        block = tail + chunk
        count += block.count(b"PK\x01\x02")
        tail = block[-3:]  # too short for a header of its own
    return count


def _zip_contents(opened: zipfile.ZipFile) -> Contents:
    contents = Contents()
    infos = opened.infolist()
    # Some Windows tools write every separator as a backslash; a single one among slashes is no honest name.
    names = [info.orig_filename for info in infos]
    if any("\\" in name for name in names) and not any("/" in name for name in names):
        names = [name.replace("\\", "/") for name in names]
    for info, name in zip(infos, names, strict=True):
        if (parts := contents.accept(name)) and not name.endswith("/"):
            if reason := _refusal(info):
                contents.refuse(name, f"{reason} and was left out", "Zip the plain file.")
            else:
                contents.members.append(Member(parts, info.file_size, partial(_read_zip, opened, info)))
    return contents


def _refusal(info: zipfile.ZipInfo) -> str:
    """Why a zip member can't be taken, by its header alone; empty if it can."""
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind == stat.S_IFLNK:
        return "is a symbolic link"
    if kind not in {0, stat.S_IFREG}:
        return "is not a regular file"
    if info.flag_bits & 0x1:
        return "is encrypted"
    if info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        return f"is compressed by a method that is not read here (number {info.compress_type})"
    if info.file_size > RATIO_FROM and info.file_size > MAX_RATIO * info.compress_size:
        return f"unpacks to more than {MAX_RATIO} times its size"
    return ""


def _read_zip(opened: zipfile.ZipFile, info: zipfile.ZipInfo, limit: int) -> bytes:
    """One member's bytes; the checksum is verified when all of them were read."""
    try:
        with opened.open(info) as source:
            return bounded(source.read(limit + 1), limit)
    except DAMAGE as error:
        raise MemberError(f"is damaged in the archive ({clean(str(error))})") from error


@contextmanager
def _gunzip(path: Path) -> Iterator[IO[bytes]]:
    """The unpacked bytes in an unnamed file: a tar is read in any order, and never beyond the limit."""
    with tempfile.TemporaryFile() as spool:
        try:
            with gzip.open(path) as source:
                while chunk := source.read(1 << 20):
                    spool.write(chunk)
                    if spool.tell() > MAX_ARCHIVE:
                        raise CollectError(
                            f"{clean(path.name)} unpacks to more than {MAX_ARCHIVE >> 20} MB", SLIM
                        )
        except DAMAGE as error:
            raise CollectError(f"{clean(path.name)} is damaged: {clean(str(error))}", AGAIN) from error
        spool.seek(0)
        yield spool


def _tar_contents(path: Path, file: IO[bytes], otherwise: str) -> Contents:
    contents = Contents()
    file.seek(0)
    try:
        opened = tarfile.TarFile(fileobj=file, tarinfo=Careful)
        for info in opened:
            _add_tar_member(contents, opened, info)
        file.seek(opened.offset)
        whole = not file.read(512).strip(b"\0")  # tarfile ends quietly at a header that is wrong
    except DAMAGE as error:
        if not contents.seen:
            raise CollectError(f"{clean(path.name)} is {otherwise} ({clean(str(error))})", AGAIN) from error
        whole = False
    if not contents.seen:
        raise CollectError(f"{clean(path.name)} is an empty tar archive", AGAIN)
    if not whole:
        contents.refuse(path.name, f"is damaged: nothing can be read after member {contents.seen}", AGAIN)
    return contents


def _add_tar_member(contents: Contents, opened: tarfile.TarFile, info: tarfile.TarInfo) -> None:
    parts = contents.accept(info.name)
    if parts is None or info.isdir():
        return
    if info.issym() or info.islnk():
        kind = "symbolic" if info.issym() else "hard"
        contents.refuse(info.name, f"is a {kind} link and was left out", "Put the file itself there.")
    elif not info.isreg() or info.issparse():
        contents.refuse(info.name, "is not a regular file and was left out")
    else:
        contents.members.append(Member(parts, info.size, partial(_read_tar, opened, info)))


def _read_tar(opened: tarfile.TarFile, info: tarfile.TarInfo, limit: int) -> bytes:
    try:
        source = opened.extractfile(info)
        return bounded(source.read(limit + 1) if source else b"", limit)
    except DAMAGE as error:
        raise MemberError(f"is damaged in the archive ({clean(str(error))})") from error
