"""What a student waits for: `gradmark check` on the RNN part, cold and after a saved file, as ratios to `import torch`.

    python -m benchmarks.check [ROUNDS]

Each round measures everything once, so that a busy machine is busy for all of it; the median of the ratios counts.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from grader.places import ROOT, TEMPLATE
from grader.selfcheck import Checker
from grader.watching import Watched

COMPLETE = ROOT / "tests" / "submissions" / "complete" / "cs231n"
FAST_TORCH = 1.35  # seconds of `import torch` on the machine that the aims are about
AIMS = {"first result": 3.0, "all results": 3.0, "one function saved": 0.7, "the module saved": 0.7}
COLD = """
import sys, time
from pathlib import Path
from grader.selfcheck import Checker
first = []
with Checker(Path(sys.argv[1])) as checker:
    checker.check(checker.selected("rnn"), seed=3, progress=lambda progress: first or first.append(time.time()))
print(first[0])
"""


def main(rounds: int) -> None:
    """Measures and prints a table."""
    ratios: dict[str, list[float]] = {name: [] for name in AIMS}
    seconds: dict[str, list[float]] = {name: [] for name in AIMS}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "work"
        shutil.copytree(TEMPLATE, folder)
        shutil.copytree(COMPLETE, folder / "cs231n", dirs_exist_ok=True)
        for number in range(rounds):
            torch = _timed(lambda: _python("import torch"))
            for name, spent in {**_cold(folder), **_warm(folder)}.items():
                seconds[name].append(spent)
                ratios[name].append(spent / torch)
            print(f"round {number + 1}: import torch {torch:.2f} s", file=sys.stderr)
    print("| | s here | x `import torch` | aim |\n|---|---|---|---|")
    for name, aim in AIMS.items():
        here, ratio = statistics.median(seconds[name]), statistics.median(ratios[name])
        print(f"| {name} | {here:.2f} | {ratio:.2f} | {aim / FAST_TORCH:.2f} |")


def _cold(folder: Path) -> dict[str, float]:
    """From the start of the interpreter, in a process of its own."""
    started = time.time()
    first = float(_python(COLD, str(folder)))
    return {"first result": first - started, "all results": time.time() - started}


def _warm(folder: Path) -> dict[str, float]:
    """Until the results are there after a file was saved, with what is waited for half-saved files."""
    file = folder / "cs231n" / "rnn_layers.py"
    whole = file.read_text()
    with Checker(folder) as checker:
        watched = Watched(checker, "rnn", 3)
        watched.run()
        file.write_text(whole.replace("def rnn_step_forward(", "def rnn_step_forward( ", 1))
        one = _timed(watched.run)
        file.write_text(f"import sys\n{file.read_text()}")
        all_ = _timed(watched.run)
    file.write_text(whole)
    return {"one function saved": one, "the module saved": all_}


def _timed(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def _python(code: str, *arguments: str) -> str:
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
