"""Large pages for the warm parent: where the system has them, and harmless where it has not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from grader.results import Limits
from grader.sandbox import pages
from grader.sandbox.client import Function, Zygote

WRITTEN = "import grader.sandbox.pages as p; kept = bytearray(b'\7' * (64 << 20)); print(p.gather(), sum(kept[::4096]))"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells its memory so")
def test_what_was_written_is_gathered_and_is_as_it_was(tmp_path: Path) -> None:
    """A stretch of 64 MiB comes into some large pages, unless the kernel has no such call."""
    done = subprocess.run([sys.executable, "-c", WRITTEN], capture_output=True, text=True, check=True)
    gathered, total = map(int, done.stdout.split())
    assert total == 7 * (64 << 20 >> 12)
    if gathered == 0:
        pytest.skip("this kernel gathers nothing")
    assert gathered >= 8  # not all, where memory is in pieces


def test_only_memory_of_its_own_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Libraries, what is shared and what can't be written to is left alone; a short stretch holds no large page."""
    asked: list[int] = []

    class Library:
        def madvise(self, start: object, length: object, advice: int) -> int:
            asked.append(start.value)  # type: ignore[attr-defined]
            return 0

    monkeypatch.setattr(pages.ctypes, "CDLL", lambda *_, **__: Library())
    monkeypatch.setattr(pages.sys, "platform", "linux")
    maps = tmp_path / "maps"
    maps.write_text(
        "200000-600000 rw-p 00000000 00:00 0 \n"
        "a00000-c00000 rw-p 00000000 00:00 0                          [heap]\n"
        "e00000-1200000 r--p 00000000 00:00 0 \n"
        "1200000-1600000 rw-p 00000000 08:01 77                         /usr/lib/libtorch.so\n"
        "1600000-1a00000 rw-s 00000000 00:01 5 \n"
        "1a00000-1bff000 rw-p 00000000 00:00 0 \n"
        "7ffc000-7ffe000 rw-p 00000000 00:00 0                          [stack]\n"
    )
    assert pages.gather(str(maps)) == len(asked)
    assert asked == [0x200000, 0x400000, 0xA00000]


def test_where_the_kernel_refuses_nothing_is_counted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An older Linux answers with an error; another system has no maps at all."""
    monkeypatch.setattr(pages.ctypes, "CDLL", lambda *_, **__: type("Old", (), {"madvise": lambda *_: -1})())
    maps = tmp_path / "maps"
    maps.write_text(f"0-{8 << 20:x} rw-p 00000000 00:00 0 \n")
    assert pages.gather(str(maps)) == 0
    assert pages.gather(str(tmp_path / "none")) == 0


def test_workers_of_a_parent_for_many_are_as_others(tmp_path: Path) -> None:
    """They are forked, answer, and do not see what another one wrote."""
    (tmp_path / "own.py").write_text("seen = []\n\ndef add(x):\n    seen.append(x)\n    return len(seen)\n")
    tmp_path.chmod(0o755)
    with Zygote.start(preload=("numpy",), many=True) as zygote:
        for _ in range(2):
            with zygote.worker(tmp_path, Limits()) as worker:
                assert worker.call(Function("own", "add"), (1,)).value.data == 1
