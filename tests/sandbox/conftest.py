"""One warm parent for all tests of the sandbox (importing torch takes about 2 s), and small submissions."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from grader.results import Limits
from grader.sandbox.client import Worker, Zygote

Open = Callable[..., Worker]


@pytest.fixture(scope="session")
def zygote() -> Iterator[Zygote]:
    without = filter(None, os.environ.get("GRADMARK_TEST_WITHOUT", "").split(","))
    with Zygote.start(without=tuple(without)) as started:
        yield started


@pytest.fixture
def submission(tmp_path: Path) -> Callable[..., Path]:
    """Writes files below `cs231n/`: `submission(rnn_layers="def f(): ...")`."""

    def write(**modules: str) -> Path:
        folder = tmp_path / "submission"
        (folder / "cs231n").mkdir(parents=True, exist_ok=True)
        (folder / "cs231n" / "__init__.py").touch()
        for name, text in modules.items():
            (folder / "cs231n" / f"{name}.py").write_text(textwrap.dedent(text))
        return folder

    return write


@pytest.fixture
def opened(zygote: Zygote, submission: Callable[..., Path]) -> Iterator[Open]:
    """A worker for a submission whose `cs231n.task` holds the given text; short limits."""
    workers: list[Worker] = []

    def start(text: str = "", *, limits: Limits | None = None, **modules: str) -> Worker:
        folder = submission(task=text, **modules)
        workers.append(zygote.worker(folder, limits or Limits(call_seconds=10)))
        return workers[-1]

    yield start
    for worker in workers:
        worker.close()
