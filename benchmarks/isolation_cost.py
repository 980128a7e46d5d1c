"""What isolation costs per submission: the same submission with and without it, taking turns in one run.

    python -m benchmarks.isolation_cost [-k EXPR] [--repeat N]

Prints medians for a worker (forked, locked down, answering once, ended) with every layer, with each one left out,
and with none; then for a whole submission with all layers and with none. Compare within one run only.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

from grader.results import Limits
from grader.sandbox.client import Function, Zygote
from grader.session import PRELOAD, PROBES, REFERENCE, Grader

LAYERS = ("namespaces", "landlock", "seccomp")
SELECT = "check_rnn and not lstm"
AIM = 0.1  # seconds per submission


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-k", dest="select", default=SELECT, help="as for gradmark grade")
    parser.add_argument("--repeat", type=int, default=15, help="runs of which the median is printed")
    options = parser.parse_args()
    for name, seconds in workers(options.repeat).items():
        print(f"{name:44} {1e3 * seconds:8.1f} ms")
    locked, free = submissions(options.select, options.repeat)
    print(f"{'a whole submission, every layer':44} {1e3 * locked:8.1f} ms")
    print(f"{'a whole submission, no layer':44} {1e3 * free:8.1f} ms")
    verdict = "within" if locked - free < AIM else "more than"
    print(
        f"isolation costs {1e3 * (locked - free):.1f} ms per submission: {verdict} the aim of {1e3 * AIM:.0f} ms"
    )


def workers(repeat: int) -> dict[str, float]:
    """Median seconds in the life of a worker, by what is left out."""
    variants = {"a worker, every layer": (), "a worker, no layer (plain fork)": LAYERS}
    variants |= {f"a worker without {layer}": (layer,) for layer in LAYERS}
    with contextlib.ExitStack() as stack:
        started = {
            name: stack.enter_context(Zygote.start(without=without)) for name, without in variants.items()
        }
        times: dict[str, list[float]] = {name: [] for name in started}
        for _ in range(repeat + 1):
            for name, zygote in started.items():
                times[name].append(life(zygote, REFERENCE))
    return {name: statistics.median(seconds[1:]) for name, seconds in times.items()}


def life(zygote: Zygote, folder: Path) -> float:
    """Seconds from the wish for a worker to its end, with one call in between."""
    begun = time.perf_counter()
    with zygote.worker(folder, Limits()) as worker:
        worker.call(Function("cs231n.rnn_layers", "sigmoid"), (0.0,))
    return time.perf_counter() - begun


def submissions(select: str, repeat: int) -> tuple[float, float]:
    """Median seconds of a further submission in a warm grader: with every layer, with none."""
    with Grader() as locked, bare() as free:
        times: tuple[list[float], list[float]] = ([], [])
        for seed in range(repeat + 1):
            for grader, seconds in zip((locked, free), times, strict=True):
                begun = time.perf_counter()
                grader.grade(REFERENCE, seed=seed, select=select)
                seconds.append(time.perf_counter() - begun)
    return statistics.median(times[0][1:]), statistics.median(times[1][1:])


def bare() -> Grader:
    """A grader whose workers are plain forks. For this measurement alone."""
    start = Zygote.start

    def without_layers(preload: Sequence[str] = PRELOAD, probes: Sequence[str] = PROBES) -> Zygote:
        return start(preload=preload, probes=probes, without=LAYERS)

    Zygote.start = without_layers  # type: ignore[method-assign,assignment]
    try:
        return Grader()
    finally:
        Zygote.start = start  # type: ignore[method-assign]


if __name__ == "__main__":
    main()
