"""A class of 300, graded as `gradmark grade CLASS` does it: submissions per minute, CPU, memory; beside plain pytest.

    python -m benchmarks.class_of_300 [--count 300] [--jobs 2] [--plain 30] [-k EXPR] [--own-seeds]

The class is drawn from the known mistakes (one to four in the reference), the right solutions in other styles, the
partial and the untouched hand-ins, some broken ones (no Python, damaged zips, nothing at all) and some hostile
ones (endless loops, exits, crashes, floods of output). `--plain` grades that many of them once more, each in a fresh
process that runs the same checks with student and reference imported into it, `--jobs` at a time: no sandbox, no
limits, so the hostile ones are left out there. One run on one machine: compare the rows of one run.
"""

from __future__ import annotations

import argparse
import platform
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.in_process import InProcess
from checks.mistakes import ALL, varied
from grader import plugin
from grader.batch.run import Options, grade_class
from grader.batch.work import Bench, Done, Work
from grader.class_results import ClassResult
from grader.judge import Judge
from grader.session import CHECKS, REFERENCE, default_rubric
from tests.submissions.build import STYLES, lay_out

SEED = 20
LAYERS = "cs231n/rnn_layers.py"
BROKEN = (
    "def rnn_step_forward(:\n",
    "import no_such_package\n",
    "\0\0\0",
    "raise RuntimeError('half done')\n",
)
HOSTILE = (
    "\ndef rnn_step_forward(*args):\n    while True:\n        pass\n",
    "\ndef rnn_forward(*args):\n    import os\n    os._exit(0)\n",
    "\ndef rnn_backward(*args):\n    import ctypes\n    ctypes.string_at(0)\n",
    "\ndef word_embedding_forward(*args):\n    while True:\n        print('x' * 10000)\n",
    "\ndef rnn_step_backward(*args):\n    return [bytearray(1 << 30) for _ in range(1 << 20)]\n",
)


def make(folder: Path, count: int) -> list[str]:
    """A class of `count` in `folder`; the names of those that are neither broken nor hostile."""
    drawn, honest = random.Random(SEED), []
    for number in range(count):
        target = folder / f"student{number:03d}"
        kind = drawn.choices(
            ("mutant", "style", "partial", "untouched", "broken", "hostile"), (70, 15, 6, 2, 4, 3)
        )
        _KINDS[kind[0]](target, drawn)
        if kind[0] not in {"broken", "hostile"}:
            honest.append(target.name)
    return honest


def _mutant(target: Path, drawn: random.Random) -> None:
    _copy(target)
    by_file = {varied(mistake, REFERENCE)[0]: mistake for mistake in drawn.sample(ALL, drawn.randint(1, 4))}
    for mistake in by_file.values():
        name, text = varied(mistake, REFERENCE)
        (target / name).write_text(text)


def _style(target: Path, drawn: random.Random) -> None:
    lay_out(drawn.choice(STYLES), target)


def _partial(target: Path, drawn: random.Random) -> None:
    lay_out("partial", target)


def _untouched(target: Path, drawn: random.Random) -> None:
    lay_out(drawn.choice(("untouched", "stubs_original")), target)


def _broken(target: Path, drawn: random.Random) -> None:
    text = drawn.choice((*BROKEN, "zip", "nothing"))
    if text == "zip":
        target.with_suffix(".zip").write_bytes(b"PK\3\4 the rest did not arrive")
    elif text == "nothing":
        target.mkdir()
    else:
        _copy(target)
        (target / LAYERS).write_text(text)


def _hostile(target: Path, drawn: random.Random) -> None:
    _copy(target)
    with (target / LAYERS).open("a") as file:
        file.write(drawn.choice(HOSTILE))


_KINDS = {
    "mutant": _mutant, "style": _style, "partial": _partial, "untouched": _untouched,
    "broken": _broken, "hostile": _hostile,
}  # fmt: skip


def _copy(target: Path) -> None:
    shutil.copytree(REFERENCE, target, ignore=shutil.ignore_patterns("__pycache__", "datasets"))


class Watch:
    """Notes time and memory as hand-ins are finished."""

    def __init__(self) -> None:
        self.started = time.perf_counter()
        self.memory: list[tuple[int, dict[str, float]]] = []
        self._done = 0

    def begin(self, total: int, kept: int, checks: int) -> None:
        """The clock runs from the start of the command."""
        self._checks = checks

    def checked(self, key: str, count: int) -> None:
        """Of no interest here."""

    def finished(self, key: str, done: Done) -> None:
        """Memory is looked at every 50 hand-ins."""
        self._done += 1
        if self._done % 50 == 0:
            self.memory.append((self._done, _memory()))


def _memory() -> dict[str, float]:
    """MiB that the command and its processes hold, shared pages counted once (proportional set size)."""
    own, found = (
        str(Path("/proc/self").resolve().name),
        {"command": 0.0, "jobs": 0.0, "warm parents, workers": 0.0},
    )
    for pid, line in _tree(own):
        kind = "command" if pid == own else "jobs" if "grader.batch.job" in line else "warm parents, workers"
        found[kind] += _pss(pid)
    return found


def _tree(root: str) -> Iterator[tuple[str, str]]:
    parents, lines = {}, {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parents[entry.name] = (entry / "stat").read_text().rpartition(")")[2].split()[1]
            lines[entry.name] = (entry / "cmdline").read_text()
        except OSError:
            continue
    inside = [root]
    for pid in inside:
        inside += [child for child, parent in parents.items() if parent == pid]
        yield pid, lines.get(pid, "")


def _pss(pid: str) -> float:
    try:
        rows = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(row.split()[1]) for row in rows if row.startswith("Pss:")) / 1024


def _cpu() -> float:
    return sum(
        used.ru_utime + used.ru_stime
        for used in (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    )


def _import_torch() -> float:
    """Seconds of a process that imports torch, of three the middle one: how fast the machine is at the moment."""
    times = []
    for _ in range(3):
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", "import torch"], check=True)
        times.append(time.perf_counter() - started)
    return sorted(times)[1]


def whole(folder: Path, out: Path, options: argparse.Namespace) -> ClassResult:
    """Grades the class and prints what it took."""
    print(f"Python {platform.python_version()}, import torch before: {_import_torch():.2f} s")
    watch, before = Watch(), _cpu()
    asked = Options(
        folder, "folders", out, options.jobs, default_rubric(), SEED, options.select, own_seeds=options.own_seeds
    )  # fmt: skip
    result = grade_class(asked, watch)
    wall, cpu = time.perf_counter() - watch.started, _cpu() - before
    count = len(result.students)
    print(
        f"{count} submissions, {watch._checks} checks each, {options.jobs} jobs: {wall:.1f} s, {cpu:.1f} s of CPU"
    )
    print(
        f"submissions per minute: {60 * count / wall:.0f} ({60 * count * options.jobs / cpu:.0f} by CPU time)"
    )
    print(f"import torch after: {_import_torch():.2f} s")
    for done, memory in watch.memory:
        held = ", ".join(f"{kind} {size:.0f}" for kind, size in memory.items())
        print(f"memory after {done}, MiB: {sum(memory.values()):.0f} ({held})")
    return result


def share(folder: Path, names: list[str], out: Path, options: argparse.Namespace) -> None:
    """Prints how much of the CPU time is spent outside student and reference code, in one process."""
    bench, rubric = Bench(), default_rubric()
    student = reference = own = 0.0
    for name in names:
        work = Work(name, folder / name, out / name, SEED, options.select, None, rubric.text, rubric.source)
        work.out.parent.mkdir(parents=True, exist_ok=True)
        before = time.process_time()
        bench.grade(work, lambda result: None)
        own += time.process_time() - before
        grader = bench._grader
        assert grader is not None
        assert grader.last_student is not None
        student += grader.last_student.cpu_seconds
        reference = grader.reference.cpu_seconds
    bench.close()
    total = (
        own + student + reference
    )  # the start of the warm parent is left out: a class has one for each job
    print(
        f"CPU of {len(names)} in one process, s: {total:.1f}, of it student {student:.1f}, reference {reference:.1f}"
    )
    print(f"CPU outside student and reference code: {100 * (1 - (student + reference) / total):.0f} %")


def plain(folder: Path, names: list[str], options: argparse.Namespace) -> None:
    """Prints what a fresh process for each submission takes, without isolation."""
    command = [sys.executable, "-m", "benchmarks.class_of_300", "-k", options.select, "--one"]
    started, before = time.perf_counter(), _cpu()
    with ThreadPoolExecutor(options.jobs) as pool:
        list(pool.map(lambda name: subprocess.run([*command, str(folder / name)], check=False), names))
    wall, cpu = time.perf_counter() - started, _cpu() - before
    print(f"plain pytest, a process for each of {len(names)}: {wall:.1f} s, {cpu:.1f} s of CPU")
    print(
        f"submissions per minute: {60 * len(names) / wall:.0f} ({60 * len(names) * options.jobs / cpu:.0f} by CPU time)"
    )


def one(path: Path, select: str) -> None:
    """The checks on one submission, everything in this process."""
    checks = plugin.collect(CHECKS, select)
    specs = {check.spec.id: check.spec for check in checks}
    with InProcess(REFERENCE) as reference, InProcess(path) as student:
        plugin.run(checks, Judge(student, reference, SEED, specs, lambda result: None))


def main() -> None:
    """Makes the class, grades it, prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--plain", type=int, default=30)
    parser.add_argument("-k", dest="select", default="", help="as for gradmark grade")
    parser.add_argument("--own-seeds", action="store_true")
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        one(options.one, options.select)
        return
    with tempfile.TemporaryDirectory(prefix="gradmark-class-") as scratch:
        folder = Path(scratch, "class")
        folder.mkdir()
        honest = make(folder, options.count)
        whole(folder, Path(scratch, "out"), options)
        share(folder, honest[: options.plain], Path(scratch, "share"), options)
        plain(folder, honest[: options.plain], options)


if __name__ == "__main__":
    main()
