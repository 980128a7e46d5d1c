"""A small assignment with every shape of file, and ways to hand it in."""

from __future__ import annotations

import io
import tarfile
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path

from grader.collect import Submission

TASK = "def f():\n    # START OF YOUR CODE: write it.\n    raise NotImplementedError('f: write it.')\n"
STUDENT = (
    "cs231n/classifiers/rnn.py",
    "cs231n/gan_pytorch.py",
    "cs231n/rnn_layers.py",
    "cs231n/simclr/contrastive_loss.py",
)
GIVEN = ("cs231n/__init__.py", "cs231n/classifiers/__init__.py", "cs231n/optim.py")
COMPLETE = {name: f"# solved: {name}\n".encode() for name in STUDENT}

Files = Mapping[str, bytes]


def lay(root: Path, files: Files) -> Path:
    for name, data in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return root


def write_zip(path: Path, files: Files) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def zip_bytes(*added: tuple[zipfile.ZipInfo | str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip of the complete hand-in with more members, given as name or header, and data."""
    buffer = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w", compression) as made:
        warnings.simplefilter("ignore")  # of duplicate names
        for name, data in [*COMPLETE.items(), *added]:
            made.writestr(name, data)
    return buffer.getvalue()


def tar_member(name: str, data: bytes = b"", kind: bytes = tarfile.REGTYPE, link: str = "") -> bytes:
    """One member of a tar archive as bytes; archives are such members in a row."""
    info = tarfile.TarInfo(name)
    info.size, info.type, info.linkname = len(data), kind, link
    padding = b"\0" * (-len(data) % tarfile.BLOCKSIZE)
    return info.tobuf() + data + padding


def tar_of(files: Files) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def messages(submission: Submission) -> list[str]:
    return [problem.message for problem in submission.problems]


def hints(submission: Submission) -> list[str]:
    return [problem.hint for problem in submission.problems]


def content(submission: Submission) -> dict[str, bytes]:
    """Every file of the copy that the template doesn't already hold in this form."""
    paths = (path for path in submission.root.rglob("*") if path.is_file())
    found = {path.relative_to(submission.root).as_posix(): path.read_bytes() for path in paths}
    return {
        name: data for name, data in found.items() if data not in (TASK.encode(), b"# given\n", b"PK data")
    }
