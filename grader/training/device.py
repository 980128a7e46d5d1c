"""A GPU is leased to one job at a time: two that share one would run out of its memory, through no fault of theirs."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from grader.errors import Blocked, Raised
from grader.training.course import Tell

CPU = "cpu"


@contextmanager
def leased(device: str, tell: Tell, folder: Path | None = None) -> Iterator[None]:
    """Meanwhile no other job of this machine has the device; waits for one that has it. The CPU is everybody's."""
    if device == CPU:
        yield
        return
    import fcntl  # a GPU is trained on where there is one: on Linux

    place = (folder or Path(tempfile.gettempdir())) / f"gradmark-{device.replace(':', '-')}.lock"
    file = os.open(place, os.O_CREAT | os.O_RDONLY | os.O_NOFOLLOW, 0o644)  # other users may lock it, too
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            tell(f"waits for {device}, which another job has")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)


def out_of_memory(error: Raised) -> Blocked | None:
    """What is said when a device had no memory left; None for any other error."""
    if error.kind != "OutOfMemoryError":
        return None
    return Blocked(
        "Training was not judged: the device has no memory left for it.",
        "Is something else using it? --device cpu trains without it.",
    )
