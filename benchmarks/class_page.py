"""How long a big course's term takes to become the page of a class: 200,000 check results and more.

    python -m benchmarks.class_page [STUDENTS] [CHECKS]

Results are made up but as long as real ones: a third of the checks fail, with details, outputs and known mistakes.
The ratio is to reading the same files with `json.loads`, on the same machine in the same run.
"""

from __future__ import annotations

import json
import random
import resource
import sys
import tempfile
import time
from pathlib import Path

import msgspec

from grader.results import CheckResult, Grade, Outcome, to_json
from reports import class_page
from tests.reports import class_sample, sample


def grades(checks: int, count: int = 40) -> list[bytes]:
    """Different results of `checks` checks each."""
    draw = random.Random(231)
    return [to_json(_grade(checks, draw)) for _ in range(count)]


def _grade(checks: int, draw: random.Random) -> Grade:
    made = [_check(number, draw) for number in range(checks)]
    grade = msgspec.structs.replace(sample.typical(), checks=tuple(made))
    return msgspec.structs.replace(grade, environment=sample.environment(seconds=draw.uniform(1, 60)))


def _check(number: int, draw: random.Random) -> CheckResult:
    name = f"f{number // 6}.c{number % 6}"
    if draw.random() < 2 / 3:
        return sample.check(name)
    failed = draw.choice(sample.failures())
    known = msgspec.structs.replace(
        class_sample.KNOWN, id=f"{name}.{draw.randrange(4)}", sentence=f"mistake {number}"
    )
    return msgspec.structs.replace(
        failed, id=f"rnn_layers.{name}", function=f"f{number // 6}", outcome=Outcome.FAILED,
        mistake=known if draw.random() < 0.6 else None, message=f"{failed.message} ({draw.random():.4f})",
    )  # fmt: skip


def lay(folder: Path, students: int, checks: int) -> None:
    """The output folder of a class."""
    results = grades(checks)
    people = [class_sample.student(n, points=random.Random(n).randrange(37)) for n in range(students)]
    class_sample.lay(folder, class_sample.classroom(people), sample.empty())
    for number in range(students):
        (folder / f"submissions/s{number}/result.json").write_bytes(results[number % len(results)])


def main() -> None:
    """Lays out a class, makes its page, prints seconds, ratio, memory and the size of the page."""
    students, checks = (int(word) for word in (*sys.argv[1:], "1060", "190")[:2])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lay(folder, students, checks)
        files = sorted(folder.glob("submissions/*/result.json"))
        began = time.process_time(), time.perf_counter()
        page = class_page.write(folder)
        cpu, wall = time.process_time() - began[0], time.perf_counter() - began[1]
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        start = time.process_time()
        for file in files:
            json.loads(file.read_bytes())
        plain = time.process_time() - start
        size = sum(file.stat().st_size for file in files) / 1e6
        print(f"{students * checks:,} check results of {students} students, {size:.0f} MB")
        print(
            f"page: {wall:.1f} s by the clock, {cpu:.1f} s of CPU, {cpu / plain:.2f} of json.loads on the same files"
        )
        print(f"peak memory {peak:.0f} MB; page of {page.stat().st_size / 1e6:.2f} MB")
        if keep := sys.argv[3:4]:
            Path(keep[0]).write_bytes(page.read_bytes())


if __name__ == "__main__":
    main()
