"""Many submissions in a row with one grader, every tenth hostile: do verdicts and memory stay as they were?

    python -m benchmarks.soak [COUNT] [--seed N]

Prints resident, private and shared-out (PSS) memory of the grader and of its warm parent, open descriptors, zombies
and left-over folders along the way, then the slope of each from the first tenth to the end. Ends with status 1 when
a verdict was not as expected, or something was left behind.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import msgspec

from grader.results import Grade
from grader.rubric import Rubric
from grader.sandbox import level
from grader.session import REFERENCE, Grader, default_rubric
from tests.hostile import state
from tests.hostile.test_hostile import graded, nothing_was_reached, the_verdict_is_right
from tests.submissions.hostile import catalogue
from tests.submissions.hostile.attack import Attack

SELECT = "rnn_step_forward or word_embedding_forward"
EVERY = 10  # submissions between two hostile ones
KINDS = ("Rss", "Pss", "Private_Dirty")


def main() -> int:
    """Soaks and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("count", nargs="?", type=int, default=500)
    parser.add_argument("--seed", type=int, default=231)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        Path(folder).chmod(0o711)  # a worker that is another user must get through
        tempfile.tempdir = folder
        try:
            with Grader(rubric=tight()) as grader:
                return soak(grader, options.count, random.Random(options.seed), Path(folder))
        finally:
            tempfile.tempdir = None


def tight() -> Rubric:
    """gradmark's own rubric with the memory and output limits for which the hostile submissions are written."""
    rubric = default_rubric()
    return replace(
        rubric, limits=msgspec.structs.replace(rubric.limits, memory_bytes=200 << 20, output_bytes=16 << 20)
    )


def soak(grader: Grader, count: int, draw: random.Random, folder: Path) -> int:
    """Grades `count` submissions; the exit status."""
    grader.grade(REFERENCE, seed=0, select=SELECT)  # starts what stays
    attacks = [a for a in catalogue.ATTACKS if level.reaches(grader._zygote.isolation, a.where)]
    draw.shuffle(attacks)
    table, folders, wrong = state.processes(), state.scratch_folders(), 0
    rows: list[tuple[int, dict[str, float]]] = []
    forks, started = state.Forks(grader), time.monotonic()
    print(f"isolation: {grader._zygote.isolation}, {len(attacks)} hostile submissions to choose from")
    with forks.noted():
        for number in range(1, count + 1):
            hostile = attacks[number // EVERY % len(attacks)] if number % EVERY == 0 else None
            wrong += not as_expected(grader, hostile, number, folder)
            if number % max(count // 10, 1) == 0:
                rows.append((number, measured(grader)))
                print(f"{number:4}  {time.monotonic() - started:6.1f} s  {shown(rows[-1][1])}", flush=True)
    left = [*map(str, forks.survivors(table)), *(state.scratch_folders() - folders), *state.left_over()]
    print("growth per submission: " + ", ".join(f"{name} {slope(rows, name):+.2f}" for name in rows[0][1]))
    print(
        f"{count} submissions, {count // EVERY} of them hostile: {wrong} wrong verdicts; "
        f"left behind: {left or 'nothing'}"
    )
    return 1 if wrong or left or zombies(grader) else 0


def as_expected(grader: Grader, attack: Attack | None, number: int, folder: Path) -> bool:
    """Grades one submission; says which verdict was wrong."""
    name = attack.name if attack else "honest"
    try:
        if attack is None:
            grade = grader.grade(REFERENCE, seed=number, select=SELECT)
            assert full(grade), [(c.id, c.outcome, c.message) for c in grade.checks if c.outcome != "passed"]
        else:
            grade = graded(grader, attack, folder / f"hand-in-{number}")
            the_verdict_is_right(attack, grade)
            nothing_was_reached(attack, grade)
    except AssertionError as error:
        print(f"{number:4}  {name}: not as expected: {str(error)[:600]}", flush=True)
        return False
    return True


def full(grade: Grade) -> bool:
    """Every check passed."""
    return all(check.outcome == "passed" for check in grade.checks)


def measured(grader: Grader) -> dict[str, float]:
    """Memory in kB, and counts, of the grader and of its warm parent (all its processes that are no workers)."""
    parents = warm_parents(grader)
    found: dict[str, float] = {}
    for name, pids in (("grader", [os.getpid()]), ("parent", parents)):
        memory = [rollup(pid) for pid in pids]
        found |= {f"{name} {kind}": float(sum(one.get(kind, 0) for one in memory)) for kind in KINDS}
        found[f"{name} descriptors"] = float(sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in pids))
    return found | {"zombies": float(zombies(grader))}


def warm_parents(grader: Grader) -> list[int]:
    """The process that the grader started and those below it that are no workers."""
    top = grader._zygote._parent._popen.pid
    worker = grader.reference._worker
    workers = {worker._process.pid} if worker is not None else set()
    below = state.descendants(state.processes(), top) - workers
    return [top, *sorted(pid for pid in below if rollup(pid))]


def rollup(pid: int) -> dict[str, int]:
    """The sums over a process's memory, in kB."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    except OSError:
        return {}
    return {line.split(":")[0]: int(line.split()[1]) for line in lines}


def zombies(grader: Grader) -> int:
    """Processes below this one that have ended and were not waited for."""
    table = state.processes()
    below = state.descendants(table, os.getpid())
    return sum(
        " Z " in (Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1][:4]) for pid in below if _there(pid)
    )


def _there(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").exists()


def shown(row: dict[str, float]) -> str:
    """One line of figures: memory in MiB."""
    return "  ".join(
        f"{name} {value / 1024:.1f}" if name.split()[-1] in KINDS else f"{name} {value:.0f}"
        for name, value in row.items()
    )


def slope(rows: list[tuple[int, dict[str, float]]], name: str) -> float:
    """What one more submission adds (kB, or a count), by least squares over the rows."""
    numbers = [float(number) for number, _ in rows]
    return statistics.linear_regression(numbers, [row[name] for _, row in rows]).slope


if __name__ == "__main__":
    sys.exit(main())
