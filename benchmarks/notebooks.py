"""What running the five notebooks of one submission costs, by notebook, in the fast profile.

    python -m benchmarks.notebooks

Prints seconds of computing (which a busy machine changes little) beside the time by the clock, and as a ratio to
the import of torch in a fresh process of the same run.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from grader.collect import collect
from grader.handout import notebook
from grader.notebook.grading import Notebooks, Options
from grader.session import CHECKS, REFERENCE, TEMPLATE


def main() -> None:
    """Measures and prints."""
    before = _children()
    subprocess.run([sys.executable, "-c", "import torch"], check=True)
    torch = _children() - before
    with tempfile.TemporaryDirectory(prefix="gradmark-") as scratch:
        folder = _handin(Path(scratch) / "handin")
        started = time.monotonic()
        with Notebooks(CHECKS / "notebooks" / "notebooks.toml", TEMPLATE) as notebooks:
            made = notebooks.grade(collect(folder, TEMPLATE, Path(scratch) / "copy"), Options())
        wall = time.monotonic() - started
    print(f"{'':36} s of computing   x import torch   bars met")
    for one in made.notebooks:
        verdicts = [reading.verdict for step in one.steps for reading in step.readings]
        met = f"{verdicts.count('fine'):6} of {len(verdicts)}"
        print(f"{one.file:36} {one.seconds:14.1f} {one.seconds / torch:16.1f} {met}")
    total = sum(one.seconds for one in made.notebooks)
    print(
        f"{'together':36} {total:14.1f} {total / torch:16.1f}   ({wall:.0f} s by the clock, with the start)"
    )


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _handin(folder: Path) -> Path:
    """The reference's code with its solved notebooks."""
    for path in (REFERENCE / "cs231n").rglob("*.py"):
        target = folder / path.relative_to(REFERENCE)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    for path in (REFERENCE / "notebooks").glob("*.py"):
        (folder / f"{path.stem}.ipynb").write_bytes(notebook(path.read_text(), path.name, solved=True))
    return folder


if __name__ == "__main__":
    main()
