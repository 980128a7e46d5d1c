"""What isolation costs per submission, layer by layer, against the same run without it.

    python -m benchmarks.isolation [-k EXPR] [--repeat N] [PATH]

Prints for each set of layers the time until a worker is ready, the time to end one, and the
wall time of grading PATH (default: the reference) with the checks that EXPR selects; the last column is the
difference to the run with isolation off. The runs take turns and the least of each is shown: what else runs on the
machine only ever adds.
"""

from __future__ import annotations

import argparse
import functools
import time
from collections.abc import Callable
from pathlib import Path
from unittest import mock

from grader.results import Limits
from grader.sandbox.client import Zygote
from grader.session import REFERENCE, Grader

LAYERS = ("namespaces", "landlock", "seccomp")
SETS = {  # how many are left out, and whether the warm parent gathers its memory in large pages, as for a class
    "all layers": (0, False),
    "all layers, large pages": (0, True),
    "without namespaces": (1, False),
    "seccomp alone": (2, False),
    "isolation off": (3, False),
}
MOST = 0.100  # seconds that isolation may cost per submission


def main() -> int:
    """Measures and prints; status 1 when isolation costs more than `MOST`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("path", nargs="?", type=Path, default=REFERENCE)
    parser.add_argument("-k", dest="select", default="rnn_step or temporal_affine")
    parser.add_argument("--repeat", type=int, default=15)
    options = parser.parse_args()
    graders = {name: _grader(LAYERS[:out], many) for name, (out, many) in SETS.items()}
    times: dict[str, list[tuple[float, float, float]]] = {name: [] for name in graders}
    for number in range(options.repeat + 1):
        for name, grader in graders.items():
            measured = _once(grader, options.path, options.select)
            if number:  # the first fills caches
                times[name].append(measured)
    return _print(graders, {name: _least(rows) for name, rows in times.items()}, options.repeat)


def _grader(without: tuple[str, ...], many: bool) -> Grader:
    start: Callable[..., Zygote] = functools.partial(Zygote.start, without=without)
    with mock.patch.object(Zygote, "start", start):
        return Grader(many=many)


def _once(grader: Grader, path: Path, select: str) -> tuple[float, float, float]:
    """Seconds until a worker is ready, to end it, and to grade."""
    began = time.perf_counter()
    worker = grader._zygote.worker(path, Limits())
    ready = time.perf_counter()
    worker.close()
    ended = time.perf_counter()
    grader.grade(path, select=select, seed=1)
    return ready - began, ended - ready, time.perf_counter() - ended


def _least(rows: list[tuple[float, float, float]]) -> tuple[float, float, float]:
    first, second, third = (min(column) for column in zip(*rows, strict=True))
    return first, second, third


def _print(graders: dict[str, Grader], least: dict[str, tuple[float, float, float]], repeat: int) -> int:
    off = least["isolation off"][2]
    print(f"| layers | level | worker ready ms | ended ms | graded ms | isolation ms |  (least of {repeat})")
    print("|---|---|---|---|---|---|")
    for name, (ready, ended, graded) in least.items():
        cells = (1e3 * seconds for seconds in (ready, ended, graded, graded - off))
        print(f"| {name} | {graders[name].isolation} | " + " | ".join(f"{cell:.1f}" for cell in cells) + " |")
    for grader in graders.values():
        grader.close()
    cost = least["all layers"][2] - off
    print(f"Isolation costs {1e3 * cost:.1f} ms per submission; at most {1e3 * MOST:.0f} ms are wanted.")
    return int(cost > MOST)


if __name__ == "__main__":
    raise SystemExit(main())
