"""What the warm parent does before it forks: all of it works, and it leaves one thread."""

import os
import subprocess
import sys

from grader.sandbox.client import Function
from grader.values import ScalarValue, SequenceValue

SCRIPT = """
import os, numpy, torch, torchvision
from grader.sandbox import warm
warm._tried = lambda use, *args: use(*args)  # what fails is heard
asked = torch.cuda.is_available
warm.up()
assert torch.cuda.is_available is asked
print(len(os.listdir("/proc/self/task")))
"""


def test_every_first_use_works_and_starts_no_thread() -> None:
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        capture_output=True,
        text=True,
        env={**os.environ, **threads},
        check=False,
    )
    assert (done.stdout.strip(), done.returncode) == ("1", 0), done.stderr[-2000:]


def test_a_worker_looks_for_garbage_but_not_in_what_it_was_born_with(opened) -> None:
    """The warm parent imports without a collector; a student's cycles are freed as anywhere."""
    worker = opened("import gc\ndef collector(): return [gc.isenabled(), gc.get_freeze_count() > 10_000]\n")
    assert worker.call(Function("cs231n.task", "collector")).value == SequenceValue(
        (ScalarValue(True), ScalarValue(True)), "list"
    )
