"""Where an export goes: a file that is whole or as it was, or standard output."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Iterable
from pathlib import Path

from grader.errors import UsageError


def write(pieces: Iterable[bytes], path: Path | None) -> None:
    """Writes `pieces` to `path`, or to standard output when there is none. Raises `UsageError` when it can't."""
    if path is None:
        sys.stdout.flush()
        for piece in pieces:
            sys.stdout.buffer.write(piece)
        sys.stdout.buffer.flush()
        return
    beside = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with open(beside, "xb") as file:
                file.writelines(pieces)
            os.replace(beside, path)
        except BaseException:
            beside.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise UsageError(
            f"{path} can't be written: {error.strerror}.", "Choose another place with --out."
        ) from error
