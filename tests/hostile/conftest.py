"""A grader with tight limits and a temporary folder of its own, so that whatever is left behind is seen."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import msgspec
import pytest

from grader import session
from grader.sandbox.client import Zygote
from grader.session import REFERENCE, Grader, default_rubric


@pytest.fixture(scope="package")
def own_temporary_folder() -> Iterator[Path]:
    """Where this process makes temporary folders: nobody else writes there."""
    before, tempfile.tempdir = tempfile.tempdir, None
    folder = tempfile.mkdtemp(prefix="hostile-")
    Path(folder).chmod(0o711)  # a worker that is another user must get through
    tempfile.tempdir = folder
    yield Path(folder)
    tempfile.tempdir = before
    shutil.rmtree(folder)


@pytest.fixture(scope="package")
def bare(own_temporary_folder: Path) -> Iterator[Grader]:
    """A grader whose workers run without any isolation: only for what does no harm."""
    with pytest.MonkeyPatch.context() as patch:
        start = partial(Zygote.start, without=("namespaces", "landlock", "seccomp"))
        patch.setattr(session.Zygote, "start", start)
        grader = Grader()
    with grader:
        yield grader


@pytest.fixture(scope="package")
def tight(own_temporary_folder: Path) -> Iterator[Grader]:
    """A grader with 200 MB of memory and 16 MB of output for a submission."""
    rubric = default_rubric()
    limits = msgspec.structs.replace(
        rubric.limits, call_seconds=5.0, call_cpu_seconds=5.0, memory_bytes=200 << 20, output_bytes=16 << 20
    )
    object.__setattr__(rubric, "limits", limits)
    with Grader(rubric=rubric) as grader:
        grader.grade(
            REFERENCE, seed=1, select="rnn_step_forward"
        )  # starts what stays: the reference's worker
        yield grader
