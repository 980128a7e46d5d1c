"""Every way in which student code can fail: the class of the error and the words that a student reads."""

from __future__ import annotations

import pytest

from grader.errors import (
    Crashed,
    ImportFailed,
    LimitExceeded,
    MissingName,
    ProtocolViolation,
    Raised,
    WrongSignature,
)
from grader.results import Limits
from grader.sandbox.client import Function, Method

SHORT = Limits(call_seconds=0.5, call_cpu_seconds=5, memory_bytes=512 << 20, output_bytes=4 << 20)


def run(worker, name="f", *args):
    return worker.call(Function("cs231n.task", name, parameters="x, h0"), args)


def test_an_exception_shows_the_students_own_frames(opened):
    """Kind, message, innermost function, and a traceback with relative paths and source lines only."""
    worker = opened(
        """
        import numpy as np
        class A:
            def inner(self, x):
                return np.dot(x, np.ones(7))
        def f():
            return A().inner(np.ones(3))
        """
    )
    with pytest.raises(Raised) as caught:
        run(worker)
    assert caught.value.message.startswith("f raised ValueError: shapes (3,) and (7,) not aligned")
    assert (caught.value.kind, caught.value.where) == ("ValueError", "A.inner")
    (trace,) = caught.value.details
    assert trace.text.splitlines()[:4] == [
        '  File "cs231n/task.py", line 7, in f',
        "    return A().inner(np.ones(3))",
        '  File "cs231n/task.py", line 5, in A.inner',
        "    return np.dot(x, np.ones(7))",
    ]
    assert worker.alive


@pytest.mark.parametrize(
    ("body", "kind", "message"),
    [
        ("raise NotImplementedError('later')", "NotImplementedError", "f raised NotImplementedError: later"),
        ("import sys; sys.exit(3)", "SystemExit", "f raised SystemExit: 3"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt", "f raised KeyboardInterrupt"),
        ("raise type('Odd', (BaseException,), {})('x')", "Odd", "f raised Odd: x"),
        ("raise ValueError('\\x1b[31mred\\x1b[0m <b>')", "ValueError", "f raised ValueError: red <b>"),
        ("return f()", "RecursionError", "f raised RecursionError: maximum recursion depth exceeded"),
    ],
)
def test_everything_that_is_raised_is_reported(opened, body, kind, message):
    """Also what usually ends a program ends only the call."""
    worker = opened(f"def f():\n    {body}\ndef g():\n    return 1\n")
    with pytest.raises(Raised) as caught:
        run(worker)
    assert caught.value.kind == kind
    assert caught.value.message.startswith(message)
    assert run(worker, "g").value.data == 1


def test_an_exception_that_can_not_be_shown(opened):
    """An exception whose text raises or is enormous is still only a failed call."""
    worker = opened(
        """
        class Evil(Exception):
            def __str__(self): raise SystemExit
        def f(): raise Evil
        def g(): raise ValueError("x" * 10**8)
        """
    )
    with pytest.raises(Raised, match=r"f raised Evil: \(its message can't be shown"):
        run(worker)
    with pytest.raises(Raised) as caught:
        run(worker, "g")
    assert len(caught.value.message) < 3000


def test_a_deep_traceback_is_shortened(opened):
    """Endless recursion shows both ends and says how much is between."""
    with pytest.raises(Raised) as caught:
        run(opened("def f():\n    return f()\n"))
    assert "more calls ..." in caught.value.details[0].text
    assert len(caught.value.details[0].text.splitlines()) < 50


@pytest.mark.parametrize(
    ("body", "hint"),
    [
        ("import numpy as np; np.int(3)", "np.int was removed in NumPy 1.24"),
        ("import numpy as np; np.float_", "NumPy 2.0"),
        ("import torch; it = iter([1]); it.next()", "write next(it)"),
        ("import torch; torch.ones(1).cuda()", "this machine has no GPU"),
    ],
)
def test_old_idioms_get_the_remedy(opened, body, hint):
    """What current versions refuse is named with its version and what to write."""
    with pytest.raises(Raised) as caught:
        run(opened(f"def f():\n    {body}\n"))
    assert hint in caught.value.hint + caught.value.message


def test_other_parameters_than_documented(opened):
    """A call that does not fit the signature names both; a TypeError from inside is an ordinary exception."""
    worker = opened("def f(x):\n    return x\ndef g(x, h0):\n    return x(h0)\n")
    with pytest.raises(WrongSignature) as caught:
        run(worker, "f", 1, 2)
    assert caught.value.message == (
        "f does not accept the documented parameters (x, h0): f() takes 1 positional argument but 2 were given"
    )
    assert caught.value.hint == "It is defined as f(x)."
    with pytest.raises(Raised) as inner:
        run(worker, "g", 1, 2)
    assert type(inner.value) is Raised


def test_a_missing_name_suggests_a_close_one(opened):
    """A misspelt function is named with what is there."""
    worker = opened("def rnn_foward(x):\n    return x\n")
    with pytest.raises(MissingName) as caught:
        run(worker, "rnn_forward")
    assert caught.value.message == "task.py does not define rnn_forward"
    assert caught.value.hint == "did you mean rnn_foward?"


def test_what_is_there_but_not_callable(opened):
    """A function overwritten by a number is a failed call."""
    with pytest.raises(Raised, match="f raised TypeError: 'int' object is not callable"):
        run(opened("f = 3\n"))


# Imports


def fails_to_import(opened, text, **modules):
    worker = opened(text, **modules)
    with pytest.raises(ImportFailed) as caught:
        run(worker)
    assert worker.alive
    return caught.value


def test_a_syntax_error_names_line_and_text(opened):
    """File, line and the offending text."""
    error = fails_to_import(opened, "import os\nx = = 1\n")
    assert (
        error.message
        == "cs231n.task can't be imported: SyntaxError in cs231n/task.py, line 2: invalid syntax: x = = 1"
    )
    assert (error.file, error.line, error.module) == ("cs231n/task.py", 2, "cs231n.task")


def test_an_unresolved_merge_is_recognised(opened):
    """Conflict markers are named as such, with what to do."""
    error = fails_to_import(
        opened, "def f():\n<<<<<<< HEAD\n    return 1\n=======\n    return 2\n>>>>>>> main\n"
    )
    assert "this looks like an unresolved merge: <<<<<<< HEAD" in error.message
    assert error.line == 2
    assert "remove the lines <<<<<<<" in error.hint


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"x = 1\ny = 'caf\xe9'\n", "line 2: the byte 0xe9 at position 14 is not UTF-8"),
        ("def f(): pass\n".encode("utf-16"), "UTF-16 text, not Python source"),
        (b"x = 1\0\n", "zero bytes"),
    ],
)
def test_a_wrong_encoding_is_named(opened, submission, raw, words):
    """The byte and the remedy."""
    worker = opened("")
    (submission() / "cs231n" / "task.py").write_bytes(raw)
    with pytest.raises(ImportFailed) as caught:
        run(worker)
    assert words in caught.value.message
    assert "UTF-8" in caught.value.hint


@pytest.mark.parametrize(
    "raw", ["# café\n".encode(), b"\xef\xbb\xbf# bom\n", b"# -*- coding: latin-1 -*-\n# caf\xe9\r\n"]
)
def test_honest_encodings_are_read(opened, submission, raw):
    """UTF-8 with and without a mark, a declared encoding, and Windows line ends."""
    worker = opened("")
    (submission() / "cs231n" / "task.py").write_bytes(raw + b"def f():\r\n    return 1\r\n")
    assert run(worker).value.data == 1


def test_a_missing_package_is_named(opened):
    """The package, the place, and that it is not the student's fault to mend alone."""
    error = fails_to_import(opened, "import os\nimport surely_not_there.sub\n")
    assert error.missing == "surely_not_there"
    assert error.message == (
        "cs231n.task can't be imported: the package surely_not_there is not installed here (cs231n/task.py, line 2)"
    )


def test_a_missing_file_of_the_submission_is_not_a_missing_package(opened):
    """An own module that is not there is the submission's."""
    error = fails_to_import(opened, "from cs231n.helpers import x\n")
    assert error.missing == ""
    assert "No module named 'cs231n.helpers'" in error.message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("raise RuntimeError('boom')\n", "RuntimeError in cs231n/task.py, line 1: boom"),
        ("import sys\nsys.exit()\n", "it ends the program when it is imported (cs231n/task.py, line 2)"),
        ("from .other import gone\n", "ImportError in cs231n/task.py, line 1: cannot import name 'gone'"),
    ],
)
def test_an_exception_at_import(opened, text, words):
    """What was raised, and in which line."""
    assert words in fails_to_import(opened, text, other="x = 1\n").message


def test_a_failed_import_is_tried_once(opened):
    """The second call gets the same answer without running the module again."""
    worker = opened("print('once')\nraise ValueError('no')\n")
    for _ in range(3):
        with pytest.raises(ImportFailed, match=r"ValueError in cs231n/task\.py, line 2: no"):
            run(worker)
    assert worker.take_output()[0] == "once\n"


# Limits and deaths

LOOPS = {
    "python": "while True: pass",
    "c": "sum(range(10**12))",
    "numpy": "import numpy as np; a = np.ones((3000, 3000)); [a @ a for _ in range(1000)]",
    "sleep": "import time; time.sleep(60)",
    "swallow": "\n    while True:\n        try:\n            while True: pass\n        except BaseException: pass",
}


@pytest.mark.parametrize("loop", LOOPS)
def test_a_call_that_does_not_end_is_stopped(opened, loop):
    """Wall time, whatever the call does with it."""
    worker = opened(f"def f():\n    print('before', flush=True)\n    {LOOPS[loop]}\n", limits=SHORT)
    with pytest.raises(LimitExceeded) as caught:
        run(worker)
    assert caught.value.message == "f was still running after 0.5 s and was stopped."
    assert caught.value.limit == "time"
    assert not worker.alive
    assert worker.take_output()[0] == "before\n"


def test_computing_time_has_a_limit_of_its_own(opened):
    """CPU time is counted for the process, so that a busy machine does not make a fast call slow."""
    limits = Limits(call_seconds=20, call_cpu_seconds=0.3)
    with pytest.raises(LimitExceeded, match=r"f used more than 0\.3 s of computing time") as caught:
        run(opened("def f():\n    while True: pass\n", limits=limits))
    assert caught.value.limit == "cpu"


def test_an_endless_import_is_stopped(opened):
    """The first call imports the module, under the same limits."""
    worker = opened("while True: pass\n", limits=SHORT)
    with pytest.raises(LimitExceeded, match=r"f was still running after 0\.5 s"):
        run(worker)


@pytest.mark.parametrize(
    ("body", "asked"),
    [
        ("import numpy as np; return np.ones((4_000_000_000,))", " (it asked for 29.8 GiB at once)"),
        ("import torch; return torch.zeros(8_000_000_000)", " (it asked for 29.8 GiB at once)"),
        ("x = [0]\n    while True: x = x * 2", ""),
    ],
)
def test_memory_has_a_limit(opened, body, asked):
    """30 GB at once are refused with the amount, and the worker lives on."""
    limits = Limits(call_seconds=20, memory_bytes=512 << 20)
    worker = opened(f"def f():\n    {body}\ndef g():\n    return 1\n", limits=limits)
    with pytest.raises(LimitExceeded) as caught:
        run(worker)
    assert caught.value.message == f"f used more than 512 MB of memory{asked}."
    assert caught.value.limit == "memory"
    assert run(worker, "g").value.data == 1


def test_a_flood_of_output_is_stopped(opened):
    """What is printed is counted; the call ends and the beginning is kept."""
    worker = opened("def f():\n    while True: print('x' * 1000)\n", limits=SHORT)
    with pytest.raises(LimitExceeded) as caught:
        run(worker)
    assert caught.value.message == "f printed more than 4 MB and was stopped."
    assert worker.take_output()[0].startswith("xxx")


def test_a_hundred_thousand_prints_are_cheap(opened):
    """Printing in every step is common and must not look like a hang."""
    worker = opened("def f():\n    for i in range(100_000): print(i)\n", limits=Limits(call_seconds=5))
    assert run(worker).seconds < 2


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("import os; os.abort()", "The process died in f: aborted (SIGABRT), in f (cs231n/task.py, line 2)."),
        (
            "import ctypes; ctypes.string_at(0)",
            "The process died in f: segmentation fault (SIGSEGV), in f (cs231n/task.py, line 2).",
        ),
        ("import os; os._exit(3)", "The process died in f: ended by os._exit, exit status 3."),
        ("import os; os._exit(0)", "The process died in f: ended by os._exit, exit status 0."),
    ],
)
def test_a_dead_process_is_a_crash(opened, body, words):
    """How it ended, in words."""
    worker = opened(f"def f():\n    {body}\n", limits=SHORT)
    with pytest.raises(Crashed) as caught:
        run(worker)
    assert caught.value.message == words
    assert not worker.alive


def test_a_crash_names_the_innermost_function_of_the_submission(opened):
    """The line that ran, not the library's below it or gradmark's above it; what was printed stays, the dump goes."""
    worker = opened(
        "import ctypes, sys\nclass A:\n    def inner(self):\n        ctypes.string_at(0)\n"
        "def f():\n    print('before', file=sys.stderr, flush=True)\n    A().inner()\n",
        limits=SHORT,
    )
    with pytest.raises(Crashed) as caught:
        run(worker)
    assert caught.value.message.endswith("segmentation fault (SIGSEGV), in inner (cs231n/task.py, line 4).")
    assert worker.take_output()[1] == "before\n"


def test_a_forged_crash_is_only_words(opened):
    """A process that prints a crash and goes on is not one that crashed."""
    dump = 'Fatal Python error: Aborted\\n  File "/x/cs231n/task.py", line 9 in g\\n'
    worker = opened(f"import sys\ndef f():\n    print('{dump}', file=sys.stderr)\n    return 1\n")
    assert run(worker).value.data == 1


def test_computing_time_of_the_whole_process_has_a_limit(opened):
    """Below the limits per call there is the kernel's, for what the grader does not see in time."""
    limits = Limits(call_seconds=60, call_cpu_seconds=1000, submission_cpu_seconds=-58)
    with pytest.raises(LimitExceeded, match="f used up the computing time of its process"):
        run(opened("def f():\n    while True: pass\n", limits=limits))


def test_a_dead_worker_can_be_replaced(opened):
    """The next worker is fresh, has another generation, and knows nothing of the first."""
    text = "import os\nstate = []\ndef f():\n    os.abort()\ndef g():\n    state.append(1)\n    return len(state)\n"
    first = opened(text)
    assert run(first, "g").value.data == 1
    with pytest.raises(Crashed):
        run(first)
    second = opened(text)
    assert second.generation > first.generation
    assert run(second, "g").value.data == 1


def test_closing_the_channel_is_meddling(opened):
    """A process that closes what it does not own gets the word for it."""
    worker = opened("import os\ndef f():\n    os.closerange(3, 50)\n", limits=SHORT)
    with pytest.raises(ProtocolViolation, match="f closed the process's channel to the grader"):
        run(worker)


def test_a_hostile_method_lookup(opened):
    """`__getattr__` of an object behind a handle may raise anything."""
    worker = opened("class A:\n    def __getattr__(self, name): raise SystemExit(name)\n", limits=SHORT)
    thing = worker.call(Function("cs231n.task", "A"), returns="a*").value
    with pytest.raises(Raised, match=r"A\.loss raised SystemExit: loss"):
        worker.call(Method(thing, "loss"))
