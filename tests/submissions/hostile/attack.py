"""The form in which hostile submissions are written down, and how a folder is made of one.

Each is correct work with one thing done to it, nearly always in `rnn_layers.rnn_step_forward`; everything else in
the submission must keep its points. `tried(what, attempt)` is there for the code of an attack: it says BREACH when
the attempt gives anything but None, False, 0 or nothing, so that a test sees what was reached.
"""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

LAYERS = "cs231n/rnn_layers.py"
IMPORT = "import numpy as np\n"
STEP = "    next_h = np.tanh(x @ Wx + prev_h @ Wh + b)  # (N, H)\n"
CACHE = "    cache = (x, prev_h, Wx, Wh, next_h)\n    # END SOLUTION\n"
RETURN = CACHE + "    return next_h, cache\n"

PASSED, FAILED, BLOCKED = "passed", "failed", "blocked"
LEFT = "gradmark-breach"  # in the name of every file that an attack makes outside its own folder

# `channel` finds the socket to the grader, `server` the object that serves calls, `request` what was asked.
TOOLS = '''
import os as _os, sys as _sys
try:
    import posix as _posix  # the calls themselves: `os` says in words what is not allowed
except ImportError:
    _posix = _os

_ran = []


def first():
    _ran.append(1)
    return len(_ran) == 1


def tried(what, attempt):
    print("TRIED", what, flush=True)
    try:
        got = attempt()
    except BaseException as error:
        return None
    if got is None or (isinstance(got, (bool, int, list, dict, set, bytes, str, tuple)) and not got):
        return None
    print("BREACH", what, repr(got)[:300], flush=True)
    return got


def frames():
    frame = _sys._getframe(1)
    while frame is not None:
        yield frame
        frame = frame.f_back


def in_frames(name):
    for frame in frames():
        if name in frame.f_locals and not frame.f_code.co_filename.startswith(HERE):
            return frame.f_locals[name]


def server():
    for frame in frames():
        held = frame.f_locals.get("self")
        if type(held).__name__ == "Server":
            return held


def channel():
    return server()._channel


def module(end):
    import gc
    for thing in gc.get_objects():
        if isinstance(thing, dict) and str(thing.get("__name__", "")).endswith(end):
            return thing
    named = type(server()).run.__globals__
    return named if end == "worker" else vars(named[end])


HERE = _os.path.dirname(_os.path.dirname(_os.path.abspath(__file__)))
ROOT = next((f.f_code.co_filename.split("/grader/")[0] for f in frames()
             if "/grader/sandbox/" in f.f_code.co_filename), "/")
'''


@dataclass(frozen=True)
class Attack:
    """One hostile submission and what must become of it."""

    name: str
    tries: str  # in words
    code: str = ""  # of the module, after its imports
    body: str = ""  # at the start of `rnn_step_forward`
    instead: str = ""  # of the line that computes next_h
    returns: str = ""  # statements in place of `return next_h, cache`
    source: bytes | None = None  # in place of the whole file
    files: Mapping[str, bytes] = field(default_factory=dict)  # further files of the submission
    victim: str = PASSED  # outcome of the first check of `rnn_step_forward` that does not pass
    says: tuple[str, ...] = ()  # in the message, hint or details of that check
    beside: str = "word_embedding_forward"  # honest work in the same submission that keeps its points
    seconds: float = 5.0  # limit of one call
    harms_itself: bool = False  # the rest of the submission may lose its points as well
    problem: str = ""  # in what is said about the hand-in
    trying: bool = False  # it calls `tried`: that it ran is checked, too
    real: bool = False  # harmless without isolation, where it succeeds: proof that its test can fail
    where: str = "strict"  # the weakest level that contains it: "process" is everywhere

    def __str__(self) -> str:
        return self.name


def lay_out(attack: Attack, correct: Path, into: Path) -> Path:
    """Writes the submission: the correct one at `correct`, with the attack in it."""
    shutil.copytree(correct, into, ignore=shutil.ignore_patterns("__pycache__"))
    target = into / LAYERS
    target.write_bytes(attack.source if attack.source is not None else _text(attack, target.read_text()))
    for name, data in attack.files.items():
        path = into / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return into


def _text(attack: Attack, text: str) -> bytes:
    code = TOOLS + textwrap.dedent(attack.code) if attack.code or attack.body or attack.returns else ""
    step = _indented(attack.instead) if attack.instead else STEP
    returns = CACHE + _indented(attack.returns) if attack.returns else RETURN
    changes = ((IMPORT, IMPORT + code), (RETURN, returns), (STEP, _indented(attack.body) + step))
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text.encode("utf-8", "surrogatepass")


def _indented(text: str) -> str:
    return textwrap.indent(textwrap.dedent(text).strip("\n") + "\n", "    ") if text else ""
