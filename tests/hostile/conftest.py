"""A grader with tight limits and a temporary folder of its own, so that whatever is left behind is seen."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
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
    with _without(("namespaces", "landlock", "seccomp")):
        grader = Grader()
    with grader:
        yield grader


@contextmanager
def _without(layers: tuple[str, ...]) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(session.Zygote, "start", partial(Zygote.start, without=layers))
        yield


@pytest.fixture(scope="package")
def tight(own_temporary_folder: Path) -> Iterator[Grader]:
    """A grader with 200 MB of memory and 16 MB of output for a submission."""
    rubric = default_rubric()
    limits = msgspec.structs.replace(
        rubric.limits, call_seconds=5.0, call_cpu_seconds=5.0, memory_bytes=200 << 20, output_bytes=16 << 20
    )
    object.__setattr__(rubric, "limits", limits)
    left_out = tuple(filter(None, os.environ.get("GRADMARK_TEST_WITHOUT", "").split(",")))
    with _without(left_out):
        grader = Grader(rubric=rubric)
    with grader:
        grader.grade(
            REFERENCE, seed=1, select="rnn_step_forward"
        )  # starts what stays: the reference's worker
        yield grader
