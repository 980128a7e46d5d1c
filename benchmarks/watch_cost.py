"""What watching for shortcuts costs: the same submission with and without it, taking turns in one run.

    python -m benchmarks.watch_cost [-k EXPR] [--repeat N]

Prints the median computing time of grader and worker together for a further submission in a warm grader.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from grader.flags import Flags
from grader.sandbox.targets import NOTHING, Watch
from grader.session import REFERENCE, Grader


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-k", dest="select", default="", help="as for gradmark grade")
    parser.add_argument("--repeat", type=int, default=11, help="runs of which the median is printed")
    parser.add_argument("path", nargs="?", type=Path, default=REFERENCE)
    options = parser.parse_args()
    watching = Flags.watch
    times: dict[str, list[float]] = {"watched": [], "not watched": []}
    with Grader() as grader:
        grader.grade(options.path, seed=0, select=options.select)
        for seed in range(1, options.repeat + 1):
            for name, watch in (("watched", watching), ("not watched", _nothing)):
                Flags.watch = watch  # type: ignore[method-assign]
                run = partial(grader.grade, options.path, seed=seed, select=options.select)
                times[name].append(cpu(run, grader))
    medians = {name: statistics.median(found) for name, found in times.items()}
    for name, seconds in medians.items():
        print(f"{name:12} {1e3 * seconds:8.1f} ms of computing time")
    print(f"watching adds {100 * (medians['watched'] / medians['not watched'] - 1):.1f} %")


def _nothing(flags: Flags, called: str, own: bool = False) -> Watch:
    return NOTHING


def cpu(run: Callable[[], object], grader: Grader) -> float:
    """Computing time of a run, in this process and in the student's workers."""
    begun = time.process_time()
    run()
    assert grader.last_student is not None
    return time.process_time() - begun + grader.last_student.cpu_seconds


if __name__ == "__main__":
    main()
