"""A class in one zip, as a learning system exports it, laid out as a folder.

The zip is the system's, but names and contents in it are the students': members are read one by one, by the rules
for any archive, and never through a link or out of the folder. Archives inside stay as they are.
"""

from __future__ import annotations

import errno
import shutil
import stat
import struct
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from grader.collect.names import clean, parts_of, passed_over
from grader.errors import CollectError
from grader.results import Problem

MAX_MEMBERS = 500_000
MAX_MEMBER = 512 << 20  # bytes; a single hand-in may have 200 MB
MAX_TOTAL = 100 << 30
CHUNK = 1 << 20


def names(path: Path) -> list[str]:
    """The names in a zip that show, in its order; none for a file that is no zip."""
    try:
        with zipfile.ZipFile(path) as opened:
            listed = opened.namelist()
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError):
        return []
    return [name for name in listed if not name.endswith("/") and not passed_over(PurePosixPath(name).parts)]


def unpack(path: Path, into: Path) -> tuple[Path, list[Problem]]:
    """Lays the zip's files out in the new folder `into`; the folder that holds them all, and what was left out.

    Raises `CollectError` for a zip that is damaged or too large.
    """
    into.mkdir(parents=True)
    problems: list[Problem] = []
    total = 0
    try:
        with zipfile.ZipFile(path) as opened:
            if len(opened.infolist()) > MAX_MEMBERS:
                raise CollectError(
                    f"{path.name} holds more than {MAX_MEMBERS} files", "Export fewer at a time."
                )
            for info in opened.infolist():
                total += info.file_size
                if total > MAX_TOTAL:
                    raise CollectError(
                        f"{path.name} unpacks to more than {MAX_TOTAL >> 30} GB", "Unpack it yourself."
                    )
                _extract(opened, info, into, problems)
    except (zipfile.BadZipFile, NotImplementedError, EOFError, ValueError, struct.error) as error:
        raise CollectError(f"{path.name} is damaged: {clean(str(error))}", "Download it again.") from error
    return _top(into), problems


def _extract(opened: zipfile.ZipFile, info: zipfile.ZipInfo, into: Path, problems: list[Problem]) -> None:
    name = info.orig_filename
    try:
        parts = parts_of(name)
    except ValueError as error:
        problems.append(Problem(file=clean(name), message=f"was left out: {error}"))
        return
    if name.endswith("/"):
        if not passed_over(parts):
            into.joinpath(*parts).mkdir(parents=True, exist_ok=True)
        return
    if passed_over(parts):
        return
    if reason := _refusal(info):
        problems.append(Problem(file=clean(name), message=f"was left out: it {reason}"))
        return
    _write(opened, info, into.joinpath(*parts), problems)


def _refusal(info: zipfile.ZipInfo) -> str:
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in {0, stat.S_IFREG}:
        return "is a link" if kind == stat.S_IFLNK else "is not a regular file"
    if info.flag_bits & 0x1:
        return "is encrypted"
    return f"is larger than {MAX_MEMBER >> 20} MB" if info.file_size > MAX_MEMBER else ""


def _write(opened: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path, problems: list[Problem]) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with opened.open(info) as source, target.open("xb") as file:
            shutil.copyfileobj(source, file, CHUNK)
    except FileExistsError:
        problems.append(Problem(file=clean(info.filename), message="is there twice; the first was taken"))
    except OSError as error:
        if error.errno not in {errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.EILSEQ}:
            raise
        problems.append(Problem(file=clean(info.filename), message=f"was left out: {error.strerror}"))
    except (zipfile.BadZipFile, zlib.error, RuntimeError, EOFError) as error:
        target.unlink(missing_ok=True)  # half a file would be graded as if it were the whole
        target.touch()
        problems.append(Problem(file=clean(info.filename), message=f"is damaged: {clean(str(error))}"))


def _top(folder: Path) -> Path:
    """The folder that is alone in `folder`, as exports have one around everything; else `folder` itself."""
    inside = list(folder.iterdir())
    return inside[0] if len(inside) == 1 and inside[0].is_dir() else folder
