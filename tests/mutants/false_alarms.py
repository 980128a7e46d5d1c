"""Grades correct solutions over many seeds: `python -m tests.mutants.false_alarms 200` prints what failed.

Every run should pass every check; a check that fails one is wrong, however rarely it does.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from grader.results import CheckResult, Outcome
from grader.session import REFERENCE, Grader
from tests.mutants.harness import SELECT
from tests.submissions.build import STYLES, lay_out

FIRST_SEED = 10_000


def solutions(into: Path) -> dict[str, Path]:
    """The folders of all correct solutions by name, the reference first."""
    return {"reference": REFERENCE} | {name: lay_out(name, into / Path(name).name) for name in STYLES}


def alarms(grader: Grader, folder: Path, seed: int) -> list[CheckResult]:
    """The checks that did not pass."""
    grade = grader.grade(folder, seed=seed, select=SELECT)
    return [check for check in grade.checks if check.outcome is not Outcome.PASSED]


def run(runs: int, first: int = FIRST_SEED) -> Iterator[tuple[str, int, CheckResult]]:
    """`runs` grades, the solutions in turn and each with a seed of its own: every alarm as it is found."""
    with tempfile.TemporaryDirectory(prefix="gradmark-correct-") as scratch, Grader() as grader:
        folders = list(solutions(Path(scratch)).items())
        for i in range(runs):
            name, folder = folders[i % len(folders)]
            for alarm in alarms(grader, folder, first + i):
                yield name, first + i, alarm


def main(runs: int) -> int:
    found = 0
    for name, seed, alarm in run(runs):
        found += 1
        print(f"{name}, seed {seed}: {alarm.id} {alarm.outcome}: {alarm.message}", flush=True)
    print(f"{runs} runs over {1 + len(STYLES)} correct solutions: {found} false alarms")
    return int(found > 0)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 200))
