"""Watching a folder: what a saved file concerns is checked again, and nothing stops the watching but the student."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from checks.declare import CheckSpec
from grader import affected, watching
from grader.places import ROOT, TEMPLATE
from grader.results import Outcome
from grader.sandbox.client import Zygote
from grader.selfcheck import Checker
from grader.watching import Watched

COMPLETE = ROOT / "tests" / "submissions" / "complete" / "cs231n"
LAYERS = "cs231n/rnn_layers.py"
MODULES = {"rnn_layers": "cs231n.rnn_layers", "rnn": "cs231n.classifiers.rnn"}


def spec(module: str, function: str, *uses: str, requires: tuple[str, ...] = ()) -> CheckSpec:
    id = f"{module}.{function}.values"
    return CheckSpec(id, "t", "rnn", module, function, uses=uses, requires=requires)


SPECS = (
    spec("rnn_layers", "step"),
    spec("rnn_layers", "forward", "rnn_layers.step"),
    spec("rnn_layers", "other"),
    spec("rnn_layers", "built"),
    spec("rnn", "Model.loss", "rnn_layers.forward"),
    spec("rnn", "Model.later", requires=("rnn_layers.built.values",)),
)
TEXT = "import numpy\n\n\ndef step():\n    return 1\n\n\ndef forward():\n    return 2\n\n\ndef other():\n    return 3\n"
TEXT += "\n\ndef built():\n    return helper()\n\n\ndef helper():\n    return 4\n"


@pytest.mark.parametrize(
    ("old", "new", "concerned"),
    [
        ("return 1", "return 10", {"step", "forward", "Model.loss", "Model.later"}),
        ("return 3", "return 30", {"other"}),
        ("return 4", "return 40", {"built", "Model.later", "Model.loss"}),
        (
            "import numpy",
            "import numpy as np",
            {"step", "forward", "other", "built", "Model.loss", "Model.later"},
        ),
        ("def other():\n    return 3\n", "", {"other"}),
        ("def other", "@wrapped\ndef other", {"other"}),
        (
            "return 3\n",
            "return 3\n\n\nother = step\n",
            {"step", "forward", "other", "built", "Model.loss", "Model.later"},
        ),
        ("return 3\n", "return 3  \n\n", set()),
        ("return 1", 'return globals()["other"]()', {"step", "forward", "Model.loss", "Model.later"}),
    ],
)
def test_what_a_change_concerns(old: str, new: str, concerned: set[str]) -> None:
    """A changed function concerns itself, what uses or mentions it, and what requires those; else all is concerned."""
    after = TEXT.replace(old, new)
    assert after != TEXT
    ids = affected.checks(SPECS, MODULES, {LAYERS: TEXT}, {LAYERS: after})
    assert {id.partition(".")[2].removesuffix(".values") for id in ids} == concerned


@pytest.mark.parametrize(
    ("inside", "mentions"),
    [
        ('"""As step() does."""\n    return 3', False),
        ("# see step\n    return 3", False),
        ('return globals()["step"]()', True),
        ("return it.step()", True),
        ("import step as s\n    return s", True),
        ("return step(  # that does not parse", True),
    ],
)
def test_what_mentions_a_function(inside: str, mentions: bool) -> None:
    """Comments and docstrings refer to nothing; strings may, and so may all that can't be read."""
    text = TEXT.replace("return 3", inside)
    ids = affected.checks(SPECS, MODULES, {LAYERS: text}, {LAYERS: text.replace("return 1", "return 10")})
    assert ("rnn_layers.other.values" in ids) is mentions


def test_a_file_that_no_check_is_about() -> None:
    """A helper's file concerns everything; so does a file that goes."""
    every = {one.id for one in SPECS}
    assert affected.checks(SPECS, MODULES, {}, {"cs231n/mine.py": "x = 1"}) == every
    assert affected.checks(SPECS, MODULES, {"cs231n/mine.py": "x = 1"}, {}) == every


def test_a_half_saved_file_is_waited_for(tmp_path: Path) -> None:
    """A file that an editor has emptied and not yet written is read when it is whole."""
    shutil.copytree(COMPLETE, tmp_path / "cs231n")
    file = tmp_path / LAYERS
    whole = file.read_text()
    file.write_text("")
    timer = threading.Timer(2 * watching.HALF_SAVED, file.write_text, [whole])
    timer.start()
    assert watching.steady(tmp_path)[LAYERS] == whole
    timer.join()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A student's folder with the RNN part solved."""
    shutil.copytree(TEMPLATE, tmp_path / "work")
    shutil.copyfile(COMPLETE / "rnn_layers.py", tmp_path / "work" / LAYERS)
    return tmp_path / "work"


@pytest.fixture
def watched(folder: Path) -> Iterator[Watched]:
    with Checker(folder) as checker:
        yield Watched(checker, "affine or word_embedding", 3)


def change(folder: Path, old: str, new: str) -> None:
    file = folder / LAYERS
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


def test_only_the_concerned_checks_run_again(folder: Path, watched: Watched) -> None:
    """What a change does not concern keeps its result; no change, no run; a broken file concerns all."""
    first = watched.run()
    assert first is not None
    assert {check.outcome for check in first.grade.checks} == {Outcome.PASSED}
    assert watched.run() is None
    change(folder, "def word_embedding_forward(x, W):", "def word_embedding_forward(W, x):")
    second = watched.run()
    assert second is not None
    assert 0 < second.checks < len(second.grade.checks) == len(first.grade.checks)
    wrong = {check.function for check in second.grade.checks if check.outcome is Outcome.FAILED}
    assert "word_embedding_forward" in wrong
    assert not {name for name in wrong if "affine" in name}
    change(folder, "def word_embedding_forward(W, x):", "def word_embedding_forward(x, W)")
    broken = watched.run()
    assert broken is not None
    assert {check.outcome for check in broken.grade.checks} == {Outcome.BLOCKED}
    change(folder, "def word_embedding_forward(x, W)", "def word_embedding_forward(x, W):")
    mended = watched.run()
    assert mended is not None
    assert {check.outcome for check in mended.grade.checks} == {Outcome.PASSED}


def test_a_worker_waits_for_the_next_run(
    folder: Path, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was made ready is used, sees the files as they are saved, and is made anew where it has died meanwhile."""
    first = watched.run()
    assert first is not None
    watched.prepare()
    started: list[object] = []
    start = Zygote.worker
    monkeypatch.setattr(Zygote, "worker", lambda *asked: started.append(asked) or start(*asked))
    change(folder, "np.take(W, x, axis=0)", "np.take(W, x, axis=0) + 1")
    second = watched.run()
    assert second is not None
    assert {c.function for c in second.grade.checks if c.outcome is Outcome.FAILED} == {
        "word_embedding_forward"
    }
    assert started == []
    watched.prepare()
    (waiting,) = watched._checker._waiting.values()
    waiting._process.kill()
    change(folder, "np.take(W, x, axis=0) + 1", "np.take(W, x, axis=0)")
    third = watched.run()
    assert third is not None
    assert {check.outcome for check in third.grade.checks} == {Outcome.PASSED}
    assert len(started) == 2


class Reader:
    """Reads a process's output as it comes."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.said = ""
        self._process = process
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.said += line

    def await_(self, words: str, seconds: float = 120) -> None:
        """Waits until the words are said after all that was said before."""
        end = time.monotonic() + seconds
        while words not in self.said:
            assert time.monotonic() < end, self.said
            assert self._process.poll() is None, self.said
            time.sleep(0.05)
        self.said = ""


def test_the_command_watches(folder: Path) -> None:
    """Saved, broken, mended, interrupted: each is told, and Ctrl-C ends it well."""
    process = subprocess.Popen(
        [sys.executable, "-m", "grader.cli", "check", str(folder), "--watch", "-k", "affine_forward"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT,
    )  # fmt: skip
    try:
        reader = Reader(process)
        reader.await_("Score: ")
        change(folder, "def affine_forward(x, w, b):", "def affine_forward(x, w, b)")
        reader.await_("can't be read  cs231n/rnn_layers.py")
        change(folder, "def affine_forward(x, w, b)", "def affine_forward(x, w, b):")
        reader.await_("every check passed")
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()
    assert "Stopped watching" in reader.said
    assert "Traceback" not in reader.said
