"""What the warm parent does before it forks: all of it works, and it leaves one thread."""

import os
import subprocess
import sys

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
