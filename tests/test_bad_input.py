"""Every kind of bad input: a clear message, the cost it must have and no more, and the rest of the run goes on.

The submissions are the reference with one thing broken, so that everything else must keep its points.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from grader.errors import CollectError
from grader.results import CheckResult, Grade, Outcome, Traceback
from grader.session import REFERENCE, Grader

Altered = Callable[..., Path]

LAYERS = "cs231n/rnn_layers.py"
STEP = "    next_h = np.tanh(x @ Wx + prev_h @ Wh + b)  # (N, H)\n"
RETURN = "    cache = (x, prev_h, Wx, Wh, next_h)\n    # END SOLUTION\n    return next_h, cache\n"
SELECT = "rnn_step_forward or word_embedding_forward"
OTHER = "rnn_layers.word_embedding_forward.values"


def graded(grader: Grader, path: Path, select: str = SELECT, **options: float) -> Grade:
    return grader.grade(path, seed=1, select=select, **options)  # type: ignore[arg-type]


def result(grade: Grade, id: str) -> CheckResult:
    return next(check for check in grade.checks if check.id == id)


def first_bad(grade: Grade) -> CheckResult:
    return next(check for check in grade.checks if check.outcome is not Outcome.PASSED)


def untouched_elsewhere(grade: Grade) -> None:
    """The other function keeps its points, and gradmark found no fault in itself."""
    assert result(grade, OTHER).outcome is Outcome.PASSED
    assert not grade.faults


# The hand-in itself


def test_something_that_is_not_a_zip_is_refused(grader: Grader, tmp_path: Path) -> None:
    """A PDF with the name of a zip is named for what it is."""
    path = tmp_path / "a3.zip"
    path.write_bytes(b"%PDF-1.7 ...")
    with pytest.raises(CollectError, match=r"(?s)a3\.zip.*PDF"):
        grader.grade(path)


def test_an_empty_zip_is_refused(grader: Grader, tmp_path: Path) -> None:
    """A zip without members says so."""
    path = tmp_path / "a3.zip"
    zipfile.ZipFile(path, "w").close()
    with pytest.raises(CollectError, match="empty"):
        grader.grade(path)


def test_a_path_that_does_not_exist_is_refused(grader: Grader, tmp_path: Path) -> None:
    """The path is named."""
    with pytest.raises(CollectError, match="nowhere"):
        grader.grade(tmp_path / "nowhere")


def test_a_missing_file_counts_as_not_attempted(grader: Grader, altered: Altered) -> None:
    """The template's file takes its place, and the report says that it was missing."""
    folder = altered()
    (folder / LAYERS).unlink()
    grade = graded(grader, folder)
    assert {check.outcome for check in grade.checks} == {Outcome.NOT_ATTEMPTED}
    assert any(p.file == LAYERS and "not in the submission" in p.message for p in grade.problems)


# Files that can't be loaded: blocked, with the file, the line and the reason


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (STEP, "    next_h = np.tanh((x @ Wx)\n", ["SyntaxError", "rnn_layers.py", "line"]),
        (STEP, "<<<<<<< HEAD\n" + STEP + "=======\n", ["unresolved merge"]),
        (STEP, "  next_h = 1\n", ["Indentation"]),
        (
            "import numpy as np\n",
            "import numpy as np\nimport skimage_extra\n",
            ["skimage_extra", "not installed"],
        ),
        (
            "import numpy as np\n",
            "import numpy as np\nraise RuntimeError('boom')\n",
            ["RuntimeError", "boom"],
        ),
        ("import numpy as np\n", "import numpy as np\nimport sys\nsys.exit(3)\n", ["SystemExit"]),
        ("import numpy as np\n", "import numpy as np\nnp.load('data.npy')\n", ["data.npy", "reads files"]),
        ("import numpy as np\n", "import numpy as np\nn = input()\n", ["EOFError", "`input()`"]),
    ],
    ids=[
        "syntax",
        "merge",
        "indentation",
        "missing package",
        "raises at import",
        "exits at import",
        "reads data",
        "asks",
    ],
)
def test_a_file_that_cannot_be_loaded_blocks_its_functions(
    grader: Grader, altered: Altered, old: str, new: str, words: list[str]
) -> None:
    """Every function of the file is blocked, the message says where and why, and other files go on."""
    grade = graded(grader, altered(LAYERS, (old, new)), "rnn_step_forward or transformer_layers")
    bad = first_bad(grade)
    assert bad.outcome is Outcome.BLOCKED
    text = f"{bad.message} {bad.hint} {' '.join(d.text for d in bad.details if isinstance(d, Traceback))}"
    assert all(word in text for word in words), text
    others = [c for c in grade.checks if c.id.startswith("transformer_layers.")]
    assert {c.outcome for c in others} == {Outcome.PASSED}
    assert not grade.faults


def test_a_file_that_ends_its_process_at_import_costs_no_other(grader: Grader, altered: Altered) -> None:
    """Also where its checks import it from probes: few processes are lost, and the other files are judged."""
    folder = altered("cs231n/gan_pytorch.py", ("import numpy as np\n", "import os; os._exit(0)\n"))
    grade = graded(grader, folder, "check_gan or rnn_step_forward")
    assert {c.outcome for c in grade.checks if c.part == "rnn"} == {Outcome.PASSED}
    assert {c.outcome for c in grade.checks if c.part == "gan"} <= {Outcome.BLOCKED, Outcome.FAILED}
    assert not any("was lost" in check.message for check in grade.checks)
    assert not grade.faults


def test_a_backend_that_needs_a_display_costs_nothing(grader: Grader, altered: Altered) -> None:
    """Files that choose one when they are imported are no worse for it."""
    chosen = "import numpy as np\nimport matplotlib\nmatplotlib.use('TkAgg')\nimport matplotlib.pyplot as plt\nplt.figure()\n"
    grade = graded(grader, altered(LAYERS, ("import numpy as np\n", chosen)))
    assert {check.outcome for check in grade.checks} == {Outcome.PASSED}


def test_a_wrong_encoding_is_named(grader: Grader, altered: Altered) -> None:
    """Latin-1 text in a file that claims no encoding: the message names the byte and the remedy."""
    folder = altered()
    path = folder / LAYERS
    path.write_bytes(path.read_bytes().replace(b"import numpy", b"place = 'caf\xe9'\nimport numpy", 1))
    bad = first_bad(graded(grader, folder))
    assert bad.outcome is Outcome.BLOCKED
    assert "UTF-8" in bad.message + bad.hint
    assert "0xe9" in (bad.message + bad.hint).lower()


# Functions that are not what they should be


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (
            "def rnn_step_forward(",
            "def rnn_step_foward(",
            ["does not define rnn_step_forward", "rnn_step_foward"],
        ),
        ("def rnn_step_forward(x, prev_h, Wx, Wh, b):", "def rnn_step_forward(x, prev_h):", ["parameters"]),
    ],
    ids=["renamed", "other parameters"],
)
def test_a_function_that_is_not_there_as_documented_fails(
    grader: Grader, altered: Altered, old: str, new: str, words: list[str]
) -> None:
    """A renamed function is named with what it may be called; other parameters are named."""
    grade = graded(grader, altered(LAYERS, (old, new)))
    bad = first_bad(grade)
    assert bad.outcome is Outcome.FAILED
    assert all(word in f"{bad.message} {bad.hint}" for word in words), bad
    untouched_elsewhere(grade)


RETURNS = {
    "None": ("return None", "`rnn_step_forward` returned None; expected 2 values (next_h, cache)"),
    "too few values": ("return next_h", "expected 2 values (next_h, cache)"),
    "too many values": ("return next_h, cache, 3", "returned 3 values; expected 2 values (next_h, cache)"),
    "a list": ("return next_h.tolist(), cache", "`next_h` from `rnn_step_forward` is a list of"),
    "a wrong shape": ("return next_h.T, cache", "has shape (5, 3); expected (3, 5)"),
    "a wrong dtype": ("return next_h.astype(complex), cache", "has dtype complex128; expected real numbers"),
    "NaN": ("return next_h * np.nan, cache", "contains NaN"),
    "infinity": ("return next_h / 0.0, cache", "contains infinite values"),
    "an object array": ("return next_h.astype(object), cache", "is an array of Python objects"),
    "a torch tensor": ("import torch; return torch.from_numpy(next_h), cache", "is a torch tensor"),
}


@pytest.mark.parametrize("kind", RETURNS)
def test_a_wrong_return_is_named(grader: Grader, altered: Altered, kind: str) -> None:
    """Whatever a function returns instead of its arrays fails with a sentence that says what it was."""
    statement, words = RETURNS[kind]
    new = f"    cache = (x, prev_h, Wx, Wh, next_h)\n    # END SOLUTION\n    {statement}\n"
    grade = graded(grader, altered(LAYERS, (RETURN, new)))
    bad = first_bad(grade)
    assert bad.outcome is Outcome.FAILED
    assert words in bad.message
    untouched_elsewhere(grade)


# Functions that do not come back


BODIES = {
    "an exception": ("    next_h = x.frobnicate()\n", ["AttributeError", "frobnicate"]),
    "an exit": ("    import sys; sys.exit('done')\n    next_h = 0\n", ["SystemExit"]),
    "an endless loop": ("    while True: pass\n    next_h = 0\n", ["still running after 1 s"]),
    "a long sleep": ("    import time; time.sleep(60)\n    next_h = 0\n", ["still running after 1 s"]),
    "a hard crash": ("    import os; os.abort()\n    next_h = 0\n", ["rnn_step_forward", "SIGABRT"]),
    "a silent exit": ("    import os; os._exit(0)\n    next_h = 0\n", ["rnn_step_forward", "exit"]),
    "100 MB of text": ("    print('x' * 100_000_000)\n    next_h = 0\n", ["printed more than 64 MB"]),
    "30 GB of memory": ("    next_h = np.ones(30 << 27)\n", ["memory", "GB"]),
}


@pytest.mark.parametrize("kind", BODIES)
def test_a_call_that_breaks_a_limit_costs_its_check(
    grader: Grader, altered: Altered, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """The message says what happened, the worker is replaced, and the other function is judged as ever."""
    seconds = 1.0 if "1 s" in BODIES[kind][1][0] else 10.0
    limits = msgspec.structs.replace(grader.rubric.limits, call_seconds=seconds, call_cpu_seconds=seconds)
    monkeypatch.setattr(type(grader), "_limits", lambda self, timeout: limits)
    body, words = BODIES[kind]
    grade = graded(grader, altered(LAYERS, (STEP, body)))
    bad = first_bad(grade)
    assert bad.outcome is Outcome.FAILED
    assert all(word in bad.message for word in words), bad.message
    untouched_elsewhere(grade)


def test_what_a_lost_process_printed_is_kept(grader: Grader, altered: Altered) -> None:
    """The last words before a crash are in the result of the check that crashed."""
    body = "    import os; print('so far so good', flush=True); os.abort()\n    next_h = 0\n"
    grade = graded(grader, altered(LAYERS, (STEP, body)), "rnn_step_forward")
    assert "so far so good" in first_bad(grade).stdout


def test_a_submission_that_uses_up_its_time_is_stopped(grader: Grader, altered: Altered) -> None:
    """With the time for the whole submission gone, the rest is blocked and says why; no fault, no hang."""
    slow = altered(LAYERS, (STEP, "    import time; time.sleep(0.4)\n" + STEP))
    grade = graded(grader, slow, "rnn_step_forward or rnn_forward", timeout=1.0)
    last = grade.checks[-1]
    assert last.outcome is Outcome.BLOCKED
    assert not grade.faults


def test_a_submission_that_crashes_again_and_again_is_given_up(
    grader: Grader, altered: Altered, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the allowed number of lost processes the rest is blocked, by name of the reason."""
    limits = msgspec.structs.replace(grader.rubric.limits, restarts=3)
    monkeypatch.setattr(type(grader), "_limits", lambda self, timeout: limits)
    crashing = altered(LAYERS, ("    return", "    import os; os.abort()\n    return"))
    grade = graded(grader, crashing, "rnn_layers")
    blocked = [c for c in grade.checks if "process was lost" in c.message]
    assert blocked
    assert not grade.faults


# The reference's own faults


def test_a_broken_reference_is_our_fault(tmp_path: Path, altered: Altered) -> None:
    """What goes wrong in the reference is errored and undecided, never failed."""
    broken = altered(LAYERS, (STEP, "    raise ValueError('ours')\n"))
    with Grader() as grader:
        grader.reference.close()
        grader.reference.folder = broken
        grade = graded(grader, REFERENCE, "rnn_step_forward")
    assert any(check.outcome is Outcome.ERRORED for check in grade.checks)
    assert not any(check.outcome is Outcome.FAILED for check in grade.checks)
    assert grade.undecided > 0
