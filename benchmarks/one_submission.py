"""What grading one submission costs, beside the same checks as a plain in-process pytest run.

    python benchmarks/one_submission.py [-k EXPR] [--repeat N] [PATH]

Prints, for the checks that EXPR selects (default: all): wall and CPU time of a cold `gradmark grade`; of a fresh
process that runs the same checks by plain pytest; of a further submission in a warm process, with the time spent
inside student and reference code; of the same checks with student and reference imported into pytest's own process,
without any isolation; the peak memory of each process. All in one run on one machine: compare the rows, not runs on
different days.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from benchmarks.in_process import InProcess
from grader import plugin
from grader.judge import Judge
from grader.session import CHECKS, REFERENCE, Grader

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "path", nargs="?", type=Path, default=REFERENCE, help="the submission (default: the reference)"
    )
    parser.add_argument("-k", dest="select", default="", help="as for gradmark grade")
    parser.add_argument("--repeat", type=int, default=7, help="runs of which the median is printed")
    options = parser.parse_args()
    rows = [
        ("`import torch` in a fresh process", *cold([sys.executable, "-c", "import torch"], options.repeat)),
        ("cold `gradmark grade`", *cold(_command(options.path, options.select), options.repeat)),
        ("a fresh plain pytest process", *cold(_plain(options.path, options.select), options.repeat)),
    ]
    rows += warm(options.path, options.select, options.repeat)
    rows += plain(options.path, options.select, options.repeat)
    width = max(len(name) for name, *_ in rows)
    print(
        f"{'':{width}}   wall s    CPU s   (median of {options.repeat}; CPU of the process named and its children)"
    )
    for name, wall, cpu in rows:
        print(f"{name:{width}}  {wall:7.3f}  {'' if cpu is None else f'{cpu:7.3f}'}")
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"peak memory: this process {own:.0f} MiB, the largest process that it started {children:.0f} MiB")


Row = tuple[str, float, float | None]


def _command(path: Path, select: str) -> list[str]:
    out = Path(tempfile.gettempdir()) / "gradmark-benchmark"
    chosen = ["-k", select] if select else []
    return [
        sys.executable,
        "-m",
        "grader.cli",
        "grade",
        str(path),
        "--no-training",
        "--out",
        str(out),
        *chosen,
    ]


def _plain(path: Path, select: str) -> list[str]:
    return [sys.executable, "-m", "benchmarks.in_process", str(path), select]


def cold(command: list[str], repeat: int) -> tuple[float, float]:
    """Median wall and CPU time of a command."""
    walls, cpus = [], []
    for _ in range(repeat):
        before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run(command, check=True, capture_output=True, cwd=ROOT)
        walls.append(time.perf_counter() - started)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpus.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return statistics.median(walls), statistics.median(cpus)


def warm(path: Path, select: str, repeat: int) -> list[Row]:
    """A further submission in a warm grader, with the seed of the one before (a class) and with a new one."""
    with Grader() as grader:
        grade = grader.grade(path, seed=0, select=select)
        print(f"{len(grade.checks)} checks of {path}: {grade.points} of {grade.max_points} points")
        same = _further("with the class's seed", grader, path, select, [0] * repeat)
        return same + _further("with a new seed", grader, path, select, range(1, repeat + 1))


def _further(name: str, grader: Grader, path: Path, select: str, seeds: Iterable[int]) -> list[Row]:
    walls, cpus, student, reference, workers = [], [], [], [], []
    for seed in seeds:
        before, spent = grader.reference.seconds, grader.reference.cpu_seconds
        cpu, started = time.process_time(), time.perf_counter()
        grader.grade(path, seed=seed, select=select)
        walls.append(time.perf_counter() - started)
        cpus.append(time.process_time() - cpu)
        assert grader.last_student is not None
        student.append(grader.last_student.seconds)
        workers.append(grader.last_student.cpu_seconds)
        reference.append((grader.reference.seconds - before, grader.reference.cpu_seconds - spent))
    median = statistics.median
    asked, computed = (median(column) for column in zip(*reference, strict=True))
    return [
        (f"further submission {name}", median(walls), median(cpus) + median(workers) + computed),
        ("  of it waiting for student calls", median(student), median(workers)),
        ("  of it waiting for reference calls", asked, computed),
        ("  of it the grader's own work", median(walls) - median(student) - asked, median(cpus)),
    ]


def plain(path: Path, select: str, repeat: int) -> list[Row]:
    """The same checks with everything in this process: no sandbox, no wire, no limits."""
    walls, cpus = [], []
    checks = plugin.collect(CHECKS, select)
    specs = {check.spec.id: check.spec for check in checks}
    with InProcess(REFERENCE) as reference:
        for seed in range(repeat + 1):
            with InProcess(path) as student:
                judge = Judge(student, reference, seed, specs, lambda result: None)
                cpu, started = time.process_time(), time.perf_counter()
                plugin.run(checks, judge)
                walls.append(time.perf_counter() - started)
                cpus.append(time.process_time() - cpu)
    return [
        (
            "same checks, plain pytest in one process (warm)",
            statistics.median(walls[1:]),
            statistics.median(cpus[1:]),
        )
    ]


if __name__ == "__main__":
    main()
