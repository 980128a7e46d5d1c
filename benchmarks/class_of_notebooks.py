"""The notebooks of a class, executed on all cores, interrupted half-way and gone on with.

    python -m benchmarks.class_of_notebooks [--count 20] [--jobs 2]

Every hand-in is complete code, in one of several styles, with one to five of the solved notebooks. The command gets
SIGINT when half of them are finished, and is then given again. Printed: time and computing of both halves, the share
of the cores that was used, and that nothing which was finished ran again. Exits with 1 when anything is missing.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from grader.handout import notebook
from grader.session import REFERENCE
from tests.submissions.build import STYLES, lay_out

SEED = 20


def make(folder: Path, count: int) -> dict[str, int]:
    """A class of `count` in `folder`; how many notebooks each has."""
    drawn, sources = random.Random(SEED), sorted((REFERENCE / "notebooks").glob("*.py"))
    solved = {path.stem: notebook(path.read_text(), path.name, solved=True) for path in sources}
    notebooks = {}
    for number in range(count):
        name = f"student{number:02d}"
        lay_out(STYLES[number % len(STYLES)], folder / name)
        chosen = drawn.sample(sorted(solved), drawn.randint(1, len(solved)))
        for stem in chosen:
            (folder / name / f"{stem}.ipynb").write_bytes(solved[stem])
        notebooks[name] = len(chosen)
    return notebooks


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _finished(out: Path) -> dict[str, float]:
    """When the result of each student was written."""
    return {path.parent.name: path.stat().st_mtime for path in out.glob("submissions/*/result.json")}


def run(folder: Path, out: Path, jobs: int, stop_at: int | None) -> tuple[float, float, int, int]:
    """Wall and CPU seconds, lines told, exit status of the command; `stop_at`: how many results stop it."""
    command = [
        sys.executable, "-m", "grader.cli", "grade", str(folder), "--class", "--notebooks", "--out", str(out),
        "--seed", str(SEED), "--jobs", str(jobs),
    ]  # fmt: skip
    told, before, started = out.with_suffix(f".{stop_at}.txt"), _cpu(), time.perf_counter()
    with told.open("w") as file:
        process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT)
        while process.poll() is None:
            if stop_at is not None and len(_finished(out)) >= stop_at:
                process.send_signal(signal.SIGINT)
                stop_at = None
            time.sleep(0.2)
    wall = time.perf_counter() - started
    return wall, _cpu() - before, len(told.read_text().splitlines()), process.returncode


def main() -> int:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="gradmark-class-") as scratch:
        folder, out = Path(scratch, "class"), Path(scratch, "out")
        folder.mkdir()
        handed_in = make(folder, options.count)
        print(f"{options.count} submissions, {sum(handed_in.values())} notebooks, {options.jobs} jobs")
        kept: dict[str, float] = {}
        for name, stop_at in (("interrupted", options.count // 2), ("gone on", None)):
            wall, cpu, lines, status = run(folder, out, options.jobs, stop_at)
            print(
                f"{name}: {wall:.0f} s, {cpu:.0f} s of computing, {100 * cpu / wall / options.jobs:.0f} % of the "
                f"{options.jobs} cores, {lines} lines of progress, exit status {status}, {len(_finished(out))} finished"
            )
            kept = kept or _finished(out)
        again = [student for student, when in kept.items() if _finished(out)[student] != when]
        executed = {
            student: _executed(out / "submissions" / student / "result.json") for student in _finished(out)
        }
        lost = [student for student, count in handed_in.items() if executed.get(student) != count]
        print(f"executed again though finished: {len(again)}; students with a notebook missing: {len(lost)}")
        return 1 if again or lost else 0


def _executed(result: Path) -> int:
    """How many notebooks of a result were executed to the end."""
    return sum(bool(one["seconds"]) for one in json.loads(result.read_text())["notebooks"])


if __name__ == "__main__":
    sys.exit(main())
