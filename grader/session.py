"""One submission from hand-in to `Grade`: collected, run check by check beside the reference, scored.

A `Grader` keeps the warm parent and the reference's worker between submissions. Which checks there should be is
known before anything runs; a check without a result is a fault of gradmark, whatever became of the run.
"""

from __future__ import annotations

import datetime
import platform
import secrets
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec

import grader
from grader import assignment as assignments
from grader import known, plugin
from grader.assignment import Assignment
from grader.collect import Submission, collect
from grader.compare import TOLERANCES, tolerance_factors
from grader.errors import UsageError
from grader.explain import Explainer
from grader.flags import Flags
from grader.judge import Judge
from grader.memory import give_back
from grader.notebook import grading
from grader.notebook.judge import CHECKS as NOTEBOOK_CHECKS
from grader.notebook.judge import PART as NOTEBOOK_PART
from grader.places import CHECKS, PROBES, REFERENCE, ROOT, SEED_BITS, TEMPLATE
from grader.progress import Counting, Listener, Progress
from grader.reference import Reference
from grader.results import CheckResult, Environment, Grade, Limits, Outcome
from grader.rubric import Rubric, load
from grader.sandbox.client import Own, Zygote
from grader.scoring import score
from grader.scratch import Scratch
from grader.signatures import Signatures
from grader.subject import Subject
from grader.training import judging
from grader.training.context import Options, Training

__all__ = ["CHECKS", "PROBES", "REFERENCE", "ROOT", "SEED_BITS", "TEMPLATE", "Grader", "Listener", "Progress"]

# Every optimiser imports torch._dynamo at its first step (1.6 s, torch itself 2.3 s); torchvision after it is 0.2 s.
# Many import pyplot by habit: 2 s in a worker, which may keep no font cache, and 0.7 s here, once.
PRELOAD = ("numpy", "torch", "torch._dynamo", "torchvision", "matplotlib.pyplot")


@dataclass(frozen=True)
class CheckInfo:
    """A check as `gradmark list` shows it."""

    id: str
    title: str
    part: str
    function: str
    claim: str
    module: str = ""


def expected_checks(select: str = "", assignment: Assignment | None = None) -> tuple[CheckInfo, ...]:
    """Every check that `select` (an expression as for pytest's -k) keeps, in the order in which they run.

    `assignment` is the current one (`grader.assignment.current`) unless it is given, here and below.

    Raises `UsageError` when it keeps none or can't be understood.
    """
    return tuple(map(info, collected(select, assignment)))


def info(check: plugin.Collected) -> CheckInfo:
    """A check as it is shown."""
    spec = check.spec
    return CheckInfo(spec.id, spec.title, spec.part, spec.function, check.claim, spec.module)


def collected(select: str = "", assignment: Assignment | None = None) -> list[plugin.Collected]:
    """The checks of an assignment that `select` keeps, as they can be run. Raises as `expected_checks`."""
    of = assignment or assignments.current()
    return plugin.collect(of.checks, select, tuple(of.modules))


def _notebook_checks() -> Iterable[tuple[str, str, str, str, str]]:
    """The checks of notebooks as the arguments of `CheckInfo`: they are no functions of a check file."""
    return ((name, title, NOTEBOOK_PART, file, title) for name, title, file in NOTEBOOK_CHECKS)


def default_rubric(assignment: Assignment | None = None) -> Rubric:
    """The rubric that comes with the assignment."""
    own = (assignment or assignments.current()).rubric
    return load(own, default=own)


def validate(rubric: Rubric, checks: Iterable[Any], assignment: Assignment | None = None) -> None:
    """Raises `RubricError` unless the rubric speaks of these checks (all there are), their parts and tolerances."""
    every = tuple(checks)
    if (assignment or assignments.current()).notebooks is not None:
        every += tuple(CheckInfo(*named, "notebooks") for named in _notebook_checks())
    parts = tuple(dict.fromkeys(check.part for check in every))
    functions = dict.fromkeys(f"{check.module}.{check.function}" for check in every)
    rubric.validate([check.id for check in every], parts=parts, tolerances=TOLERANCES, functions=functions)


class Grader:
    """Grades one submission after another; a context manager.

    `rubric` sets points and limits (default: the assignment's own); `explain` looks for the known mistake behind each
    failure, which takes up to some seconds for a submission that fails much; `assignment` is the current one unless
    it is given; `many` submissions are worth a longer start.
    """

    def __init__(
        self, *, rubric: Rubric | None = None, explain: bool = False, assignment: Assignment | None = None,
        many: bool = False,
    ) -> None:  # fmt: skip
        self.assignment = assignment or assignments.current()
        own = Own(self.assignment.hidden, {n: str(path) for n, path in self.assignment.probes.items()})
        self._zygote = Zygote.start(
            preload=PRELOAD, probes=PROBES, own=own, many=many
        )  # warms up while we read on
        try:
            self.rubric = rubric or default_rubric(self.assignment)
            self._checks: dict[str, list[plugin.Collected]] = {}
            validate(self.rubric, [check.spec for check in self._selected("")], self.assignment)
            self._signatures = Signatures(self.assignment.reference, self.assignment.modules.values())
            self.last_student: Subject | None = None  # for benchmarks: closed, with its times
            self.last_training: Training | None = None  # the same, of its training
            limits = msgspec.structs.replace(
                self.rubric.limits, submission_seconds=1e9, submission_cpu_seconds=None
            )
            self.reference = Reference(
                self._zygote, self.assignment.reference, limits, self.assignment.modules
            )
            self._explain = explain
            self._explainer: Explainer | None = None
            self._notebooks = grading.Notebooks(
                self.assignment.notebooks or CHECKS / "notebooks" / "notebooks.toml", self.assignment.template
            )
        except BaseException:
            self._zygote.close()
            raise

    def __enter__(self) -> Grader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.close()

    @property
    def isolation(self) -> str:
        """The level of isolation that student code runs at here (`grader.sandbox.level`)."""
        return self._zygote.isolation

    @property
    def isolation_detail(self) -> tuple[str, ...]:
        """The layers in force, and what is not prevented."""
        return self._zygote.isolation_detail

    @property
    def lost_parents(self) -> int:
        """Warm parents that died so far. A grade made meanwhile may blame a submission for it."""
        return self._zygote.restarts + (not self._zygote.alive)

    def close(self) -> None:
        """Ends the workers and the warm parents."""
        self._notebooks.close()
        if self._explainer is not None:
            self._explainer.close()
        self.reference.close()
        self._zygote.close()

    def grade(
        self,
        path: Path,
        *,
        seed: int | None = None,
        select: str = "",
        timeout: float | None = None,
        progress: Listener | None = None,
        training: Options | None = None,
        notebooks: grading.Options | None = None,
    ) -> Grade:
        """Grades the folder or archive at `path`.

        seed: of all inputs (drawn afresh if None, and recorded); select: pytest's -k, a partial run; timeout:
        seconds for all calls into the submission together; training: how models are trained (None: not at all);
        notebooks: how they are examined (None: not at all).
        Raises `CollectError` for a hand-in that can't be
        read, `UsageError` for a wrong selection, `SandboxError` when no worker can be started.
        """
        if notebooks is not None and self.assignment.notebooks is None:
            raise UsageError(f"{self.assignment.name} has no notebooks to examine.", "Leave out --notebooks.")
        started = time.time()
        seed = secrets.randbits(SEED_BITS) if seed is None else seed
        self.last_training = lessons = judging.prepared(
            training if self.assignment.training else None, self._selected(select)
        )
        checks, courses = judging.split(self._selected(select), lessons)
        specs = {check.spec.id: check.spec for check in (*checks, *courses)}
        limits = self._limits(timeout)
        with Scratch() as scratch:
            submission = collect(path, self.assignment.template, Path(scratch), self.assignment.package)
            self.reference.begin()
            flags = Flags(self.rubric.shortcuts, self.assignment.modules.items())
            with Subject(
                self._zygote, submission.root, limits, signatures=self._signatures, flags=flags,
                modules=self.assignment.modules,
            ) as student:  # fmt: skip
                self.last_student = student
                listener = Counting(len(specs), progress)
                judge = Judge(student, self.reference, seed, specs, listener)
                with tolerance_factors(self.rubric.tolerances):
                    plugin.run(checks, judge)
                    results = self._explained(student, judge, judge.settle())
            if lessons is not None:
                lessons.tell = listener.tell
                results |= judging.judge(
                    self._zygote, submission.root, limits, self.reference, seed, courses, lessons, listener
                )
                results = judging.annotated(specs, results)
            seen = grading.NOTHING
            if notebooks is not None:
                seen = self._notebooks.grade(submission, notebooks, listener.tell)
        give_back()
        environment = self._environment(seed, select, limits, started)
        checked = (*_complete(specs.values(), results), *seen.checks.values())
        grade = self._graded(submission, checked, environment)
        return msgspec.structs.replace(
            grade,
            flags=(*grade.flags, *flags.all(submission.files), *seen.flags),
            problems=(*grade.problems, *seen.problems),
            notebooks=seen.notebooks,
        )

    def _explained(
        self, student: Subject, judge: Judge, results: dict[str, CheckResult]
    ) -> dict[str, CheckResult]:
        if not self._explain or not judge.repeatable:
            return results
        if self._explainer is None:
            mistakes, vary = known.of(self.assignment)
            self._explainer = Explainer(
                self._zygote, self.reference, self.rubric.limits, self._selected(""), mistakes, vary
            )
        return self._explainer.explain(student, results, judge.repeatable, judge.seed)

    def _selected(self, select: str) -> list[plugin.Collected]:
        if select not in self._checks:
            self._checks[select] = collected(select, self.assignment)
        return self._checks[select]

    def _limits(self, timeout: float | None) -> Limits:
        limits = self.rubric.limits
        return limits if timeout is None else msgspec.structs.replace(limits, submission_seconds=timeout)

    def _graded(
        self, submission: Submission, checks: tuple[CheckResult, ...], environment: Environment
    ) -> Grade:
        return score(
            checks, self.rubric, submission=submission.id, environment=environment,
            problems=submission.problems, files=submission.files,
        )  # fmt: skip

    def _environment(self, seed: int, select: str, limits: Limits, started: float) -> Environment:
        versions = self._zygote.versions
        return Environment(
            gradmark=grader.__version__,
            python=versions.get("python", platform.python_version()),
            numpy=versions.get("numpy", ""),
            torch=versions.get("torch", ""),
            platform=platform.platform(),
            seed=seed,
            isolation=self._zygote.isolation,
            isolation_detail=self._zygote.isolation_detail,
            limits=limits,
            started=datetime.datetime.fromtimestamp(started, datetime.UTC).isoformat(timespec="seconds"),
            seconds=round(time.time() - started, 3),
            selection=select,
        )


def _complete(specs: Iterable[Any], results: Mapping[str, CheckResult]) -> tuple[CheckResult, ...]:
    """A result for every expected check; one that is missing was lost by gradmark."""
    return tuple(
        results.get(spec.id)
        or CheckResult(
            id=spec.id, title=spec.title, part=spec.part, function=spec.function, outcome=Outcome.ERRORED,
            message="gradmark ended without a result for this check.", hint="This costs no points. Please report it.",
        )
        for spec in specs
    )  # fmt: skip
