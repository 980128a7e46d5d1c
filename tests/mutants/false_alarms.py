"""Grades correct solutions of the whole assignment over many seeds: `python -m tests.mutants.false_alarms 200`.

Every run should pass every check; a check that fails one is wrong, however rarely it does.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from grader.results import CheckResult, Grade, Outcome
from grader.session import REFERENCE, Grader
from tests.submissions.build import STYLES, lay_out

FIRST_SEED = 10_000


def solutions(into: Path) -> dict[str, Path]:
    """The folders of all correct solutions by name, the reference first."""
    return {"reference": REFERENCE} | {name: lay_out(name, into / Path(name).name) for name in STYLES}


def alarms(grade: Grade) -> list[CheckResult]:
    """The checks that did not pass."""
    return [check for check in grade.checks if check.outcome is not Outcome.PASSED]


def run(runs: int, first: int = FIRST_SEED) -> Iterator[tuple[str, int, Grade]]:
    """`runs` grades, the solutions in turn and each with a seed of its own: name, seed, grade."""
    with tempfile.TemporaryDirectory(prefix="gradmark-correct-") as scratch, Grader() as grader:
        folders = list(solutions(Path(scratch)).items())
        for i in range(runs):
            name, folder = folders[i % len(folders)]
            yield name, first + i, grader.grade(folder, seed=first + i)


def main(runs: int, first: int = FIRST_SEED) -> int:
    count: Counter[str] = Counter()
    for name, seed, grade in run(runs, first):
        count += Counter(runs=1, checks=len(grade.checks), alarms=len(alarms(grade)))
        for alarm in alarms(grade):
            print(f"{name}, seed {seed}: {alarm.id} {alarm.outcome}: {alarm.message}", flush=True)
    print(
        f"{count['runs']} runs over the reference and {len(STYLES)} other solutions of the whole assignment, "
        f"seeds {first} to {first + runs - 1}: {count['checks']} checks, {count['alarms']} false alarms"
    )
    return int(count["alarms"] > 0)


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:] or ["200"])))
