"""The checks on a student's own working folder: the public ones, what was begun first, nothing that trains.

A `Checker` keeps its warm parents between runs. The assignment falls into groups of modules that know nothing of
each other. The recurrent one needs no torch, so its first result does not wait for torch's import; a group in which
nothing was begun is not run at all.
"""

from __future__ import annotations

import datetime
import importlib.util
import platform
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec

import grader
from grader import own_folder, plugin
from grader.apart import PROBES as STAND_INS
from grader.collect import Submission, collect
from grader.collect.names import identifier
from grader.compare import tolerance_factors
from grader.errors import ImportFailed, NotRecorded, RubricError, SandboxError, UsageError, Verdict
from grader.judge import Judge, not_attempted, nothing_done
from grader.memory import give_back
from grader.places import CHECKS, FIXTURES, PROBES, REFERENCE, SEED_BITS, TEMPLATE
from grader.progress import Counting, Listener
from grader.recorded import Fixtures, Recorded
from grader.reference import Reference
from grader.results import CheckResult, Environment, Grade, Limits, Outcome, Problem
from grader.rubric import DEFAULT, Rubric, load
from grader.sandbox.client import Argument, Function, Worker, Zygote
from grader.scoring import score
from grader.scratch import Scratch
from grader.signatures import Signatures
from grader.subject import MODULES, Subject
from grader.values import Value

TRAINS = "training"  # what a check asks for that takes minutes
HIDDEN = "hidden"
Preload = tuple[str, ...]
LIGHT: Preload = ("numpy",)
HEAVY: Preload = ("numpy", "torch", "torch._dynamo", "torchvision", "PIL.ImageFile")
MAY_IMPORT = (
    "torch",
    "torchvision",
    "matplotlib",
)  # what takes a worker long, where students import it by habit


@dataclass(frozen=True)
class Group:
    """Modules that are built upon each other, and what has to be imported for their checks."""

    modules: tuple[str, ...]
    preload: Preload


GROUPS = (
    Group(("rnn_layers", "rnn"), LIGHT),
    Group(("transformer_layers", "transformer"), HEAVY),
    Group(("gan_pytorch",), HEAVY),
    Group(("contrastive_loss", "simclr_data", "simclr_model", "simclr_utils"), HEAVY),
)


Ask = Callable[[Zygote, Limits, bool], Subject]
"""Makes the reference that is asked beside a warm parent, which has torch or not."""


class _WithoutTorch(Reference):
    """The reference without what stands in for wrong functions: that is made with torch."""

    def probe(
        self, module: str, name: str, *args: Argument, returns: str = "", seed: int | None = None
    ) -> Value:
        """As `Subject.probe`."""
        if module == STAND_INS:
            raise NotRecorded
        return super().probe(module, name, *args, returns=returns, seed=seed)


class _Warm:
    """A warm parent, and the reference that is asked beside it."""

    def __init__(self, preload: Preload, limits: Limits, ask: Ask) -> None:
        self.zygote = Zygote.start(preload=preload, probes=PROBES)  # warms up while we go on
        endless = msgspec.structs.replace(limits, submission_seconds=1e9, submission_cpu_seconds=None)
        self.reference = ask(self.zygote, endless, "torch" in preload)

    def close(self) -> None:
        self.reference.close()
        self.zygote.close()


class Checker:
    """Checks one working folder again and again; a context manager."""

    def __init__(self, start: Path, ask: Ask | None = None, rubric: Rubric | None = None) -> None:
        self.folder = own_folder.find(start)
        self.seeds: tuple[int, ...] = ()  # that can be chosen; any, if there are none
        self._ask = ask or self._reference()
        self.rubric = rubric or load(DEFAULT)
        self.modules: dict[str, str] = {}  # by check: the short name of the module that it is about
        self._warm: dict[Preload, _Warm] = {}
        self._signatures = Signatures(TEMPLATE, MODULES.values())
        self._used: _Warm | None = None
        self.broken: list[Problem] = []  # files that can't be imported as they are now
        self._open = ExitStack()  # what the last run used, and what waits for the next one
        self._into: Path | None = None  # where the next run's files go: workers wait there for them
        self._waiting: dict[Preload, Worker] = {}

    def __enter__(self) -> Checker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the workers and the warm parents."""
        self.clear()
        for warm in self._warm.values():
            warm.close()
        self._warm.clear()

    def _reference(self) -> Ask:
        """The reference itself, or in a student's package what it answered."""
        if REFERENCE.is_dir():
            return lambda zygote, limits, torch: (Reference if torch else _WithoutTorch)(
                zygote, REFERENCE, limits
            )
        fixtures = Fixtures.load(FIXTURES)
        self.seeds = fixtures.seeds
        return lambda zygote, limits, torch: Recorded(zygote, TEMPLATE, limits, fixtures)

    def chosen(self, seed: int | None) -> int:
        """The seed of a run. Raises `UsageError` for one whose expected values are not here."""
        if seed is None:
            return secrets.choice(self.seeds) if self.seeds else secrets.randbits(SEED_BITS)
        if self.seeds and seed not in self.seeds:
            known = ", ".join(map(str, self.seeds))
            raise UsageError(f"There are no expected values for the seed {seed}.", f"Choose one of {known}.")
        return seed

    def selected(self, select: str = "") -> list[plugin.Collected]:
        """The checks that a student sees; `select` as for pytest's -k. Raises `UsageError` when it keeps none."""
        self._begin_to_warm_up(select)
        checks = [check for check in plugin.collect(CHECKS, select) if self._shown(check)]
        self.modules |= {check.spec.id: check.spec.module for check in checks}
        return checks

    def _shown(self, check: plugin.Collected) -> bool:
        if TRAINS in check.arguments or self.rubric.visibility(check.spec.id) == HIDDEN:
            return False
        return REFERENCE.is_dir() or self._has_points(check.spec.id)

    def _has_points(self, id: str) -> bool:
        """In a student's package the rubric has no line for a check that is not in it."""
        try:
            self.rubric.points(id)
        except RubricError:
            return False
        return True

    def check(
        self, checks: Sequence[plugin.Collected], *, seed: int | None = None, progress: Listener | None = None,
        select: str = "", known: Mapping[str, CheckResult] | None = None,
    ) -> Grade:  # fmt: skip
        """The grade of the folder as it is on disk now.

        seed: of all inputs; select: what is said of the selection; known: results that still hold, not found again.
        Raises `CollectError` for a folder that can't be read, `SandboxError` when no worker can be started.
        """
        started = time.time()
        seed = self.chosen(seed)
        known = known or {}
        results: dict[str, CheckResult] = {}
        self.broken = []
        into = self._new_folder() if self._into is None else self._into
        self._into = None
        submission = collect(self.folder / own_folder.PACKAGE, TEMPLATE, into)
        listener = Counting(len(checks) - len(known), progress)
        for group, mine in _grouped(checks):
            results |= self._run(group, mine, submission, seed, known, listener)
        return self._graded(
            submission, [results[check.spec.id] for check in checks],
            self._environment(seed, select, started),
        )  # fmt: skip

    def _run(
        self, group: Group, checks: Sequence[plugin.Collected], submission: Submission, seed: int,
        known: Mapping[str, CheckResult], listener: Counting,
    ) -> dict[str, CheckResult]:  # fmt: skip
        specs = {check.spec.id: check.spec for check in checks}
        if not own_folder.begun(submission.root, TEMPLATE, [MODULES[name] for name in group.modules]):
            return {id: _left_alone(spec) for id, spec in specs.items()}
        open_checks = [check for check in checks if check.spec.id not in known]
        if not open_checks:
            return {id: known[id] for id in specs}
        preload = self._preload(group, submission.root)
        if missing := _not_installed(preload):
            return {id: _without(spec, missing) for id, spec in specs.items()}
        warm = self._used = self._warmed(preload)
        student = Subject(warm.zygote, submission.root, self.rubric.limits, signatures=self._signatures)
        self._open.enter_context(student)
        student.lend(self._prepared(preload))
        self.broken += _broken(student, group)
        judge = Judge(student, warm.reference, seed, specs, listener)
        judge.results.update({id: known[id] for id in specs if id in known})
        with tolerance_factors(self.rubric.tolerances):
            plugin.run(open_checks, judge)
            found = judge.settle()
        return {id: found.get(id) or _lost(spec) for id, spec in specs.items()}

    def prepare(self) -> None:
        """Ends what the last run used, and has a worker wait in an empty folder for the files of the next one.

        Nothing of the student's is imported before its first call, so that it can be locked down that early.
        """
        into = self._new_folder()
        folder = into / identifier(self.folder / own_folder.PACKAGE)
        folder.mkdir(mode=0o755)
        folder.chmod(0o755)
        with suppress(SandboxError):  # the next run tells it, if it can't be had then either
            for preload, warm in self._warm.items():
                self._waiting[preload] = worker = warm.zygote.worker(folder, self.rubric.limits)
                self._open.callback(worker.close)
            self._into = into

    def _new_folder(self) -> Path:
        self.clear()
        return Path(self._open.enter_context(Scratch()))

    def clear(self) -> None:
        """Ends what the last run used, and what waits for the next one; the warm parents stay."""
        self._open.close()
        self._waiting.clear()
        self._into = None
        give_back()

    def _prepared(self, preload: Preload) -> Worker | None:
        """The worker that waits beside a warm parent, unless something has ended it meanwhile."""
        worker = self._waiting.pop(preload, None)
        return worker if worker is not None and worker.lives else None

    def _begin_to_warm_up(self, select: str) -> None:
        """The first warm parent starts while checks are read: which one, the selection and the folder say."""
        for group in GROUPS:
            modules = [MODULES[name] for name in group.modules]
            if self._warm or select or not own_folder.begun(self.folder, TEMPLATE, modules):
                continue
            preload = self._preload(group, self.folder)
            if not _not_installed(preload):
                self._warmed(preload)

    def _preload(self, group: Group, folder: Path) -> Preload:
        """What the group's checks need, and what the student's own files import."""
        names = own_folder.imported(folder, TEMPLATE, [MODULES[name] for name in group.modules], MAY_IMPORT)
        heavy = HEAVY if {"torch", "torchvision"}.intersection(names) else group.preload
        drawing = "matplotlib" in names and not _not_installed(("matplotlib",))
        return (*heavy, "matplotlib.pyplot") if drawing else heavy

    def _warmed(self, preload: Preload) -> _Warm:
        if preload not in self._warm:
            self._warm[preload] = _Warm(preload, self.rubric.limits, self._ask)
        return self._warm[preload]

    def _graded(
        self, submission: Submission, results: Sequence[CheckResult], environment: Environment
    ) -> Grade:
        return score(
            results, self.rubric, submission=self.folder.name, environment=environment,
            problems=submission.problems, files=submission.files,
        )  # fmt: skip

    def _environment(self, seed: int, select: str, started: float) -> Environment:
        zygote = self._used.zygote if self._used is not None else None
        versions = zygote.versions if zygote is not None else {}
        return Environment(
            gradmark=grader.__version__,
            python=platform.python_version(),
            numpy=versions.get("numpy", ""),
            torch=versions.get("torch", ""),
            platform=platform.platform(),
            seed=seed,
            isolation=zygote.isolation if zygote is not None else "",
            isolation_detail=zygote.isolation_detail if zygote is not None else (),
            limits=self.rubric.limits,
            started=datetime.datetime.fromtimestamp(started, datetime.UTC).isoformat(timespec="seconds"),
            seconds=round(time.time() - started, 3),
            selection=select,
        )


def _grouped(
    checks: Iterable[plugin.Collected],
) -> Iterator[tuple[Group, list[plugin.Collected]]]:
    """The groups in the order of the assignment, each with its checks; none without any."""
    checks = list(checks)
    for group in GROUPS:
        if mine := [check for check in checks if check.spec.module in group.modules]:
            yield group, mine
    grouped = {name for group in GROUPS for name in group.modules}
    if rest := [check for check in checks if check.spec.module not in grouped]:
        yield Group(tuple(dict.fromkeys(check.spec.module for check in rest)), HEAVY), rest


def _broken(student: Subject, group: Group) -> list[Problem]:
    """The group's files that can't be imported: a call asks for a name that every module has."""
    found: dict[str, Problem] = {}
    for module in (MODULES[name] for name in group.modules):
        try:
            student.call(Function(module, "__name__"))
        except ImportFailed as error:
            file = error.file or own_folder.file_of(module)
            found.setdefault(file, Problem(file=file, message=error.message, hint=error.hint))
        except Verdict:
            continue  # told by the checks; no string can be called
    return list(found.values())


def _left_alone(spec: Any) -> CheckResult:
    """What a run would find in files that are as they were handed out."""
    verdict = nothing_done(spec.module) if spec.given else not_attempted(spec.function)
    return _result(spec, Outcome.NOT_ATTEMPTED, verdict.message, verdict.hint)


def _not_installed(preload: Preload) -> list[str]:
    """The packages that are to be imported and are not there, as one installs them."""
    names = dict.fromkeys(name.partition(".")[0] for name in preload)
    return [_PACKAGES.get(name, name) for name in names if importlib.util.find_spec(name) is None]


_PACKAGES = {"PIL": "pillow"}


def _without(spec: Any, missing: Sequence[str]) -> CheckResult:
    message = f"Not judged: {' and '.join(missing)} can't be found on this machine."
    return _result(spec, Outcome.BLOCKED, message, f"Install it: python -m pip install {' '.join(missing)}")


def _lost(spec: Any) -> CheckResult:
    message = "gradmark ended without a result for this check."
    return _result(spec, Outcome.ERRORED, message, "This costs no points. Please report it.")


def _result(spec: Any, outcome: Outcome, message: str, hint: str) -> CheckResult:
    return CheckResult(
        id=spec.id, title=spec.title, part=spec.part, function=spec.function, outcome=outcome,
        message=message, hint=hint,
    )  # fmt: skip
