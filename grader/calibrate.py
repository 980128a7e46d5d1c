"""Measures the bars of the training checks: correct work and typical mistakes, trained over many seeds.

Each run is a whole training check, as in grading. Runs are appended to a file as they end; what is there already is
not run again.
"""

from __future__ import annotations

import ast
import importlib
import itertools
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from grader.assignment import bundled
from grader.errors import UsageError
from grader.results import CheckResult, Curve, Outcome
from grader.scratch import Scratch
from grader.session import REFERENCE, Grader, collected
from grader.training.context import Options
from grader.training.evidence import CHECKS, RIGHT, Trial, read
from grader.training.settings import PROFILES

JUDGED = (Outcome.PASSED, Outcome.FAILED)
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """A variation to be trained in a course: a folder, perhaps with one file of another text."""

    course: str
    variation: str
    right: bool = True
    seen: bool = True
    folder: Path = REFERENCE
    file: str = ""
    text: str = ""


def run(out: Path, options: Options, seeds: int, wanted: Sequence[Plan], tell: Tell) -> list[Trial]:
    """Runs what is missing in `out`, and gives all runs that are noted there then.

    A run in which gradmark itself failed (a machine that stood still, say) is told and not noted. A solution that
    lacks what a course trains is left out of it.
    """
    known = read(out)
    done = {(t.profile, t.course, t.variation, t.seed) for t in known}
    lacking: set[Plan] = set()
    with Grader(assignment=bundled()) as grader:
        for seed, plan in itertools.product(range(1, seeds + 1), wanted):
            if plan in lacking or (options.profile, plan.course, plan.variation, seed) in done:
                continue
            trial = _try(grader, plan, seed, options)
            tell(f"{trial.course} {trial.variation} seed {seed}: {trial.outcome}, {trial.cpu_seconds:.0f} s")
            if trial.outcome in JUDGED:
                known.append(trial)
                with out.open("ab") as file:
                    file.write(msgspec.json.encode(trial) + b"\n")
            else:
                tell(f"  not noted: {trial.message}")
                lacking |= {plan} if trial.outcome != Outcome.ERRORED else set()
    return known


def plans(only: str = "", others: Sequence[Path] = ()) -> list[Plan]:
    """Everything that is trained: the reference, other correct solutions (folders), and each mistake in each check
    that it concerns.

    Of solutions with the same text of all that a course trains, the first is enough. Raises `UsageError` for an
    unknown course or folder.
    """
    if only and only not in CHECKS:
        raise UsageError(f"There is no training check {only!r}.", f"Take one of {', '.join(CHECKS)}.")
    for folder in others:
        if not folder.is_dir():
            raise UsageError(f"{folder} is no folder.", "Name folders with correct solutions.")
    found = [plan for plan in [*_right(others), *_wrong()] if only in ("", plan.course)]
    return sorted(found, key=lambda plan: (list(CHECKS).index(plan.course), not plan.right))


def _right(others: Sequence[Path]) -> Iterator[Plan]:
    for course, files in _files().items():
        known: set[tuple[str, ...]] = set()
        for folder in (REFERENCE, *others):
            texts = tuple(_code(folder / file) for file in files)
            if texts not in known:
                known.add(texts)
                yield Plan(course, RIGHT if folder == REFERENCE else folder.resolve().name, folder=folder)


def _files() -> dict[str, list[str]]:
    """For each course the files with what it trains."""
    files: dict[str, str] = importlib.import_module("checks.mistakes.declare").FILES
    uses = {check.spec.id: check.spec.uses for check in collected("training", bundled())}
    return {
        course: list(dict.fromkeys(files[name.partition(".")[0]] for name in uses[id]))
        for course, id in CHECKS.items()
    }


def _code(path: Path) -> str:
    """What a file says, without its comments and its spacing."""
    return ast.unparse(ast.parse(path.read_bytes())) if path.is_file() else ""


def _wrong() -> Iterator[Plan]:
    declared: Any = importlib.import_module("checks.training_mistakes")
    varied: Any = importlib.import_module("checks.mistakes.declare")
    for entry in declared.MISTAKES:
        mistake = entry.mistake
        file, text = varied.varied(mistake, REFERENCE)
        for course in entry.courses:
            yield Plan(course, mistake.id, False, entry.seen, file=file, text=text)


def _try(grader: Grader, plan: Plan, seed: int, options: Options) -> Trial:
    with _laid_out(plan) as folder:
        grade = grader.grade(folder, seed=seed, select=CHECKS[plan.course], training=options)
    (result,) = grade.checks
    curves = [detail for detail in result.details if isinstance(detail, Curve) and detail.points]
    half = getattr(PROFILES[options.profile], plan.course).steps / 2
    cost = grader.last_training
    return Trial(
        options.profile, plan.course, plan.variation, plan.right, plan.seen, seed, str(result.outcome),
        max((curve.points[-1][0] for curve in curves), default=0.0),
        {curve.y: _short(curve.points[-1][1]) for curve in curves},
        {curve.y: _short(_best(curve, half)) for curve in curves},
        round(cost.cpu_seconds, 1) if cost else 0.0, round(cost.peak_bytes / (1 << 20)) if cost else 0,
        _said(result), f"{grade.environment.platform}, torch {grade.environment.torch}",
    )  # fmt: skip


@contextmanager
def _laid_out(plan: Plan) -> Iterator[Path]:
    """The submission of a plan; a solution's own folder is used as it is."""
    if not plan.file:
        yield plan.folder
        return
    with Scratch("calibrate") as scratch:
        folder = Path(scratch) / "submission"
        shutil.copytree(REFERENCE, folder, ignore=shutil.ignore_patterns("__pycache__", "notebooks"))
        (folder / plan.file).write_text(plan.text, encoding="utf-8")
        yield folder


def _best(curve: Curve, until: float) -> float:
    values = [y for step, y in curve.points if step <= until] or [curve.points[0][1]]
    return min(values) if curve.better == "below" else max(values)


def _short(value: float) -> float:
    return float(f"{value:.4g}")


def _said(result: CheckResult) -> str:
    return "" if result.outcome is Outcome.PASSED else result.message[:300]
