"""The device is leased to one job at a time, and having no memory left is nobody's failure."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path

import pytest

from grader.errors import Blocked, Failed, Raised
from grader.training.bars import Bar
from grader.training.context import Training
from grader.training.device import leased
from grader.training.settings import PROFILES


def test_a_gpu_is_leased_to_one_job_at_a_time(tmp_path: Path) -> None:
    """The second job says that it waits, and goes on when the first has ended."""
    waits, got = threading.Event(), threading.Event()

    def second() -> None:
        with leased("cuda:0", lambda said: waits.set(), tmp_path):
            got.set()

    with leased("cuda:0", lambda said: None, tmp_path):
        other = threading.Thread(target=second)
        other.start()
        assert waits.wait(20)
        assert not got.is_set()
    other.join(20)
    assert got.is_set()


def test_other_devices_are_free_meanwhile(tmp_path: Path) -> None:
    """Another GPU is another lease; the CPU is everybody's."""
    said: list[str] = []
    with contextlib.ExitStack() as stack:
        for device in ("cuda:0", "cuda:1", "cpu", "cpu"):
            stack.enter_context(leased(device, said.append, tmp_path))
    assert said == []
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "gradmark-cuda-0.lock",
        "gradmark-cuda-1.lock",
    ]


@pytest.mark.parametrize(("kind", "outcome"), [("OutOfMemoryError", Blocked), ("ValueError", Raised)])
def test_a_device_without_memory_left_blocks(tmp_path: Path, kind: str, outcome: type[Failed]) -> None:
    """Torch's own error has its own text; any other is the submission's, as ever."""
    bar = Bar("loss", "loss", 1.0, "below", 2.0, 0.3)
    training = Training(PROFILES["cpu"], {"cpu": {"rnn": (bar,)}}, tmp_path)

    def fails(settings: object) -> object:
        raise Raised(f"`advance` raised {kind}: CUDA out of memory.", kind=kind)

    with pytest.raises(outcome) as found:
        training.attempt("rnn", fails)  # type: ignore[type-var]
    assert ("--device cpu" in found.value.hint) == (outcome is Blocked)
