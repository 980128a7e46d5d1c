"""Which Python of this machine is the quickest: builds of one version can differ by half, and grading by an eighth.

It stands alone, so that `make install` can run it before anything is installed:

    python3 -I grader/interpreters.py

prints the Python to make the environment with, and says on stderr why when that is another one.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator

MARGIN = 1.15  # times as fast: less is not worth another interpreter than the one that was asked for
ROUNDS = 3
SECONDS = 20.0  # for one trial, which takes 0.1 s
PLACES = ("/usr/bin", "/usr/local/bin", "/opt/homebrew/bin")  # looked at after PATH

# What grading does most: calls, attributes, small containers. An environment can't be made without the modules.
TRIAL = """
import ctypes, ensurepip, ssl, time, venv
class Point:
    def __init__(self, x): self.x = x
    def moved(self, by, scale=1): return Point(self.x + by * scale)
def work():
    kept = {}
    for i in range(20000):
        point = Point(i).moved(i, scale=2)
        kept[str(i % 100)] = [point.x for _ in range(2)]
    return sum(len(value) for value in kept.values())
def timed():
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
print(min(timed() for _ in range(4)))
"""


def quickest(first: str) -> tuple[str, float]:
    """The quickest Python of the same version as `first`, and how many times as fast it is (1 for `first` itself).

    Only one that is `MARGIN` times as fast takes the place of `first`.
    """
    others = list(_others(first))
    taken: dict[str, list[float]] = {path: [] for path in (first, *others)} if others else {}
    for _ in range(ROUNDS):  # in turns: a machine is not always equally fast
        for path, times in taken.items():
            times += _tried(path)
    best = {path: min(times) for path, times in taken.items() if times}
    if first not in best:
        return first, 1.0
    path = min(best, key=best.__getitem__)
    gain = best[first] / best[path]
    return (path, gain) if gain >= MARGIN else (first, 1.0)


def _others(first: str) -> Iterator[str]:
    """Other interpreters of the version that runs this, each once."""
    name = f"python3.{sys.version_info[1]}"
    seen = {os.path.realpath(first)}
    for folder in (*os.environ.get("PATH", "").split(os.pathsep), *PLACES):
        found = shutil.which(name, path=folder) if folder else None
        if found is not None and os.path.realpath(found) not in seen and not _is_environment(found):
            seen.add(os.path.realpath(found))
            yield found


def _is_environment(path: str) -> bool:
    return os.path.exists(os.path.join(os.path.dirname(path), os.pardir, "pyvenv.cfg"))


def _tried(path: str) -> list[float]:
    """Seconds that the trial takes; nothing when this Python can't be used."""
    try:
        done = subprocess.run(
            [path, "-I", "-c", TRIAL], capture_output=True, text=True, timeout=SECONDS, check=True
        )
        return [float(done.stdout)]
    except (OSError, ValueError, subprocess.SubprocessError):
        return []


def main() -> None:
    """Prints the path of the quickest."""
    path, gain = quickest(sys.executable)
    if path != sys.executable:
        print(
            f"Taking {path}: it is {gain:.1f} times as fast as {sys.executable} (make PYTHON=... takes another).",
            file=sys.stderr,
        )
    print(path)


if __name__ == "__main__":
    main()
