"""What training costs, and where whole runs of the reference end.

    python -m benchmarks.training cost [PATH]
    OMP_NUM_THREADS=2 python -m benchmarks.training ends [--profile gpu] [--only rnn,lstm] [--seeds 5]

`cost` grades all training checks of a submission and prints wall time by check, the computing time of all processes,
and the most memory. `ends` trains the reference in this process, to the last step whatever the bars say, with as
many threads as the environment allows, and prints when the bars were met and what was reached at the end. The
profile `gpu` has the notebooks' own sizes, steps and rates for the captioners.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from benchmarks.in_process import InProcess
from grader.session import REFERENCE, Grader
from grader.training.adversarial import Adversaries
from grader.training.bars import load
from grader.training.context import Options, Training, prepare
from grader.training.contrastive import Contrast
from grader.training.course import Course, Run, follow, number
from grader.training.evidence import CHECKS
from grader.training.judging import BARS
from grader.training.recurrent import Recurrent
from grader.training.transformer import Attention


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["cost", "ends"])
    parser.add_argument("path", nargs="?", type=Path, default=REFERENCE)
    parser.add_argument("--profile", default="cpu")
    parser.add_argument("--only", default=",".join(CHECKS))
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    if options.what == "cost":
        cost(options.path, options.profile)
    else:
        ends(options.profile, options.only.split(","), options.seeds)


def cost(path: Path, profile: str) -> None:
    """One submission with all training checks, in a fresh grader."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import torch"], check=True)
    unit = time.perf_counter() - began
    with Grader() as grader:
        grader.grade(path, select="rnn_step_forward")  # the warm parent is up
        began = time.perf_counter()
        grade = grader.grade(path, select="check_training", training=Options(profile))
        wall = time.perf_counter() - began
        training, reference = grader.last_training, grader.reference
    print("| check | outcome | wall s | x `import torch` |\n|---|---|---|---|")
    for check in grade.checks:
        print(f"| {check.id} | {check.outcome} | {check.seconds:.1f} | {check.seconds / unit:.2f} |")
    print(f"| all together | | {wall:.1f} | {wall / unit:.2f} |")
    assert training is not None
    own = resource.getrusage(resource.RUSAGE_SELF)
    print(f"\n`import torch` {unit:.2f} s; CPU s: submission {training.cpu_seconds:.1f}, reference", end=" ")
    print(f"{reference.cpu_seconds:.1f}, grader {own.ru_utime + own.ru_stime:.1f}")
    print(f"most memory: submission {training.peak_bytes / (1 << 20):.0f} MiB, reference", end=" ")
    print(f"{reference.peak_bytes / (1 << 20):.0f} MiB, grader {own.ru_maxrss / 1024:.0f} MiB")


def ends(profile: str, courses: list[str], seeds: int) -> None:
    """The reference with several seeds, to the last step."""
    threads = os.environ.get("OMP_NUM_THREADS", str(os.cpu_count()))
    training = prepare(Options(profile), load(BARS))
    sys.path.insert(0, str(REFERENCE))  # for the probes, which import the submission by name
    print("| course | threads | seed | bars met after | at the end | s |\n|---|---|---|---|---|---|")
    with InProcess(REFERENCE) as reference:
        for course in courses:
            for seed in range(1, seeds + 1):
                began = time.perf_counter()
                run = _run(course, training, reference, np.random.default_rng(seed))
                row = _told(
                    course, training, follow(run, training.bars_of(course), _silent, 1e9, early=False)
                )
                print(
                    f"| {course} | {threads} | {seed} | {row} | {time.perf_counter() - began:.0f} |",
                    flush=True,
                )


def _silent(said: str) -> None:
    """Nobody listens."""


def _run(course: str, training: Training, own: InProcess, rng: np.random.Generator) -> Run:
    settings = getattr(training.profile, course)
    match course:
        case "rnn" | "lstm":
            return Recurrent(own, own, course, training.captions, settings, rng)
        case "transformer":
            return Attention(own, own, training.captions, settings, rng, "cpu")
        case "simclr":
            return Contrast(own, own, *training.pictures, settings, rng, "cpu")
    judge = training.judge(own)
    return Adversaries(own, own, course, training.digits[0], judge, settings, rng, "cpu")


def _told(course: str, training: Training, found: Course) -> str:
    bars = training.bars_of(course)
    met = [step for step, metrics in found.history if all(bar.met(metrics[bar.metric]) for bar in bars)]
    reached = ", ".join(f"{bar.title} {number(found.last[bar.metric])}" for bar in bars)
    return f"{met[0] if met else 'never'} | {reached}"


if __name__ == "__main__":
    main()
