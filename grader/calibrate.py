"""Measures the bars of the training checks: correct work and typical mistakes, trained over many seeds.

Each run is a whole training check, as in grading. Runs are appended to a file as they end; what is there already is
not run again.
"""

from __future__ import annotations

import importlib
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from grader.assignment import bundled
from grader.errors import UsageError
from grader.results import CheckResult, Curve, Outcome
from grader.scratch import Scratch
from grader.session import REFERENCE, Grader
from grader.training.context import Options

CHECKS = {  # course -> check
    "rnn": "training.rnn.overfit",
    "lstm": "training.lstm.overfit",
    "transformer": "training.transformer.overfit",
    "vanilla": "training.gan.digits",
    "ls": "training.lsgan.digits",
    "dc": "training.dcgan.digits",
    "simclr": "training.simclr.representation",
}
RIGHT = "reference"


class Trial(msgspec.Struct, frozen=True):
    """One training check of one variation of the reference with one seed."""

    profile: str
    course: str
    variation: str  # "reference", or a mistake's id
    seed: int
    outcome: str
    steps: float  # until the bars were met, or all
    last: dict[str, float]  # by metric, at the end
    best: dict[str, float]  # by metric, at any measurement
    seconds: float
    message: str = ""


@dataclass(frozen=True)
class Plan:
    """A variation to be trained in a course, over how many seeds."""

    course: str
    variation: str
    file: str = ""  # of the reference, and its varied text
    text: str = ""


def run(
    out: Path, profile: str, seeds: int, only: str, data: Path | None, tell: Callable[[str], None]
) -> Iterator[str]:
    """Runs what is missing in `out`; gives the table of all that is there, line by line.

    Raises `UsageError` for an unknown course.
    """
    if only and only not in CHECKS:
        raise UsageError(f"There is no training check {only!r}.", f"Take one of {', '.join(CHECKS)}.")
    wanted = [plan for plan in plans() if only in ("", plan.course)]
    known = read(out)
    done = {(t.profile, t.course, t.variation, t.seed) for t in known}
    options = Options(profile=profile, data=data)
    with Grader(assignment=bundled()) as grader:
        for seed in range(1, seeds + 1):
            for plan in wanted:
                if (profile, plan.course, plan.variation, seed) not in done:
                    trial = _try(grader, plan, seed, options)
                    known.append(trial)
                    with out.open("ab") as file:
                        file.write(msgspec.json.encode(trial) + b"\n")
                    tell(
                        f"{trial.course} {trial.variation} seed {seed}: {trial.outcome}, {trial.seconds:.0f} s"
                    )
    yield from table([trial for trial in known if trial.profile == profile])


def read(path: Path) -> list[Trial]:
    """The runs noted in a file; a last line that was cut off is left out. Raises `UsageError` for other files."""
    if not path.exists():
        return []
    lines = path.read_bytes().splitlines(keepends=True)
    try:
        return [msgspec.json.decode(line, type=Trial) for line in lines if line.endswith(b"\n")]
    except msgspec.MsgspecError as error:
        raise UsageError(f"{path} holds something else than runs: {error}.", "Name another file.") from error


def plans() -> list[Plan]:
    """Everything that is trained: the reference, and each mistake in each check that it concerns."""
    declared: Any = importlib.import_module("checks.training_mistakes")
    varied: Any = importlib.import_module("checks.mistakes.declare")
    found = [Plan(course, RIGHT) for course in CHECKS]
    for entry in declared.MISTAKES:
        mistake = entry.mistake
        text = varied.apply(mistake, REFERENCE)
        found += [Plan(course, mistake.id, varied.FILES[mistake.module], text) for course in entry.courses]
    return found


def _try(grader: Grader, plan: Plan, seed: int, options: Options) -> Trial:
    with _varied(plan) as folder:
        grade = grader.grade(folder, seed=seed, select=CHECKS[plan.course], training=options)
    (result,) = grade.checks
    curves = [detail for detail in result.details if isinstance(detail, Curve) and detail.points]
    return Trial(
        options.profile, plan.course, plan.variation, seed, str(result.outcome), _steps(curves),
        {curve.y: curve.points[-1][1] for curve in curves}, {curve.y: _best(curve) for curve in curves},
        result.seconds, _said(result),
    )  # fmt: skip


@contextmanager
def _varied(plan: Plan) -> Iterator[Path]:
    with Scratch("calibrate") as scratch:
        folder = Path(scratch) / "submission"
        shutil.copytree(REFERENCE, folder, ignore=shutil.ignore_patterns("__pycache__", "notebooks"))
        if plan.file:
            (folder / plan.file).write_text(plan.text, encoding="utf-8")
        yield folder


def _steps(curves: Sequence[Curve]) -> float:
    return max((curve.points[-1][0] for curve in curves), default=0.0)


def _best(curve: Curve) -> float:
    values = [y for _, y in curve.points]
    return min(values) if curve.better == "below" else max(values)


def _said(result: CheckResult) -> str:
    return "" if result.outcome is Outcome.PASSED else result.message[:300]


def table(trials: Sequence[Trial]) -> Iterator[str]:
    """A row for each course and variation, as Markdown: how many passed, and the range of what they reached."""
    yield "| check | variation | runs | passed | steps | reached at the end (lowest to highest) | s, longest |"
    yield "|---|---|---|---|---|---|---|"
    groups: dict[tuple[str, str], list[Trial]] = {}
    for trial in trials:
        groups.setdefault((trial.course, trial.variation), []).append(trial)
    for course in CHECKS:
        for (own, variation), group in groups.items():
            if own == course:
                yield _row(course, variation, group)


def _row(course: str, variation: str, group: Sequence[Trial]) -> str:
    passed = sum(trial.outcome == Outcome.PASSED for trial in group)
    steps = sorted(trial.steps for trial in group)
    ranges = _ranges([trial.last for trial in group])
    longest = max(trial.seconds for trial in group)
    taken = f"{steps[0]:g} to {steps[-1]:g}"
    return f"| {course} | {variation} | {len(group)} | {passed} | {taken} | {ranges} | {longest:.0f} |"


def _ranges(found: Sequence[Mapping[str, float]]) -> str:
    metrics = dict.fromkeys(metric for values in found for metric in values)
    parts = []
    for metric in metrics:
        values = sorted(f[metric] for f in found if metric in f)
        parts.append(f"{metric} {values[0]:.3g} to {values[-1]:.3g}")
    return "; ".join(parts) or "nothing that can be measured"
