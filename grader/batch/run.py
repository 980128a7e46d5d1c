"""A class from its folder to its gradebook: what is new or changed is graded, what is known is kept."""

from __future__ import annotations

import contextlib
import hashlib
import os
import queue
import secrets
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Protocol

import grader
from grader import assignment, policy, session
from grader.batch import conclude, forms, late, roster, unjudged, version
from grader.batch.handins import ClassInput
from grader.batch.plan import Plan, Planned, Settings, plan, with_outcomes
from grader.batch.pool import LocalPool, Pool
from grader.batch.store import DoneLine, HeadLine, RunLine, Store, host
from grader.batch.work import Broken, Done, Warm
from grader.class_results import ClassResult, ClassRun, Status
from grader.data import folder
from grader.errors import GradmarkError
from grader.plugin import Collected
from grader.rubric import Rubric
from grader.training import context, judging
from grader.training.device import CPU

FAILURES = 4  # hand-ins in a row at which gradmark failed: something is wrong with the machine, not with them


@dataclass(frozen=True)
class Options:
    """What the command was asked for."""

    path: Path
    form: str
    out: Path
    jobs: int
    rubric: Rubric
    seed: int | None = None
    select: str = ""
    timeout: float | None = None
    roster: Path | None = None
    late: Path | None = None
    cluster: str = ""
    own_seeds: bool = False
    notebooks: str = ""
    training: context.Options | None = None  # how models are trained; None: not at all


class Display(Protocol):
    """Whoever watches the run."""

    def begin(self, total: int, kept: int, checks: int) -> None: ...

    def checked(self, key: str, count: int) -> None: ...

    def finished(self, key: str, done: Done) -> None: ...


def grade_class(options: Options, display: Display) -> ClassResult:
    """Grades what is unfinished or changed, then concludes; `class.json` is written last.

    Raises `UsageError` for input that can't be read, `GradmarkError` for a full disk or a machine that can't
    grade. Whatever ends it, the same call goes on where it ended.
    """
    every = session.collected()
    training = _training(options.training)
    checks = _checks(session.collected(options.select) if options.select else every, training)
    session.validate(options.rubric, [check.spec for check in every])
    store = Store(options.out)
    with store.locked(), contextlib.ExitStack() as stack:
        found = forms.read(options.path, options.form, store.staging)
        pool = stack.enter_context(_begun(options, store, len(found.handins)))
        people = roster.match(found, roster.read(options.roster) if options.roster else None)
        settings = _settings(options, store, training)
        sources = version.sources()
        lateness = late.read(options.late, [(s.id, s.person) for s in people]) if options.late else {}
        todo = plan(found, people, options.out, settings, options.rubric, sources, lateness)
        store.begin(RunLine(seed=settings.seed, pid=os.getpid(), host=host(), path=str(options.path)))
        _Run(options, store, todo, checks, display).run(pool)
        run = ClassRun(
            gradmark=grader.__version__, seed=settings.seed, checks=sources,
            rubric=hashlib.sha256(options.rubric.text.encode()).hexdigest(), selection=options.select,
        )  # fmt: skip
        result = _concluded(found, todo, store, options.rubric, run)
        store.conclude(result, options.rubric.text)
    return result


def _training(wanted: context.Options | None) -> context.Options | None:
    """How models are trained where this assignment has some; every machine finds the data by the same path."""
    if wanted is None or not assignment.current().training:
        return None
    data = folder.named(wanted.data)
    return replace(wanted, data=data and data.resolve())


def _checks(selected: Sequence[Collected], training: context.Options | None) -> tuple[session.CheckInfo, ...]:
    """The checks of a class. Raises `UsageError` also for a profile or data that training lacks."""
    unit, courses = judging.split(selected, judging.prepared(training, selected))
    return tuple(map(session.info, (*unit, *courses)))


def _settings(options: Options, store: Store, training: context.Options | None) -> Settings:
    """Without a seed in the command, the one of the last run into this folder goes on."""
    seed = options.seed
    if seed is None:
        seed = store.last_run.seed if store.last_run else secrets.randbits(session.SEED_BITS)
    return Settings(seed, options.select, options.timeout, options.own_seeds, options.notebooks, training)


def _concluded(found: ClassInput, todo: Plan, store: Store, rubric: Rubric, run: ClassRun) -> ClassResult:
    keys = [planned.work.key for planned in todo.handins]
    scored = conclude.rescore(keys, rubric, store.grade, store.write_grade)
    maximum = max((each.summary.max_points for each in scored.values()), default=0)
    done = {key: (store.done[key].status, store.done[key].message) for key in keys}
    students = [
        conclude.student(facts, rubric.policy, scored, maximum)
        for facts in with_outcomes(todo.students, done)
    ]
    return ClassResult(
        name=found.name, form=found.form, run=run, max_points=maximum,
        policies=policy.sentences(rubric.policy), students=tuple(students), problems=tuple(found.problems),
    )  # fmt: skip


@contextlib.contextmanager
def _closing(pool: Pool) -> Iterator[Pool]:
    """Ends the pool whatever happens; a second Ctrl-C does not wait for it to clean up."""
    try:
        yield pool
    finally:
        try:
            pool.close()
        except KeyboardInterrupt:
            pool.close(at_once=True)
            raise


@contextlib.contextmanager
def _begun(options: Options, store: Store, handins: int) -> Iterator[Pool | None]:
    """Job processes that get ready while the class is planned, where all of it is to be graded."""
    if options.cluster or store.done or not handins:
        yield None
        return
    jobs = LocalPool(min(options.jobs, handins), options.rubric.limits.submission_seconds)
    with _closing(jobs):
        jobs.warm(Warm(options.rubric.text, options.rubric.source))
        yield jobs


class _Run:
    """The running of one plan: one thread hears everything, writes the journal and shows the progress."""

    def __init__(
        self,
        options: Options,
        store: Store,
        todo: Plan,
        checks: Sequence[session.CheckInfo],
        display: Display,
    ) -> None:
        self._options, self._store, self._checks, self._display = options, store, checks, display
        self._planned = {planned.work.key: planned for planned in todo.handins}
        self._inbox: queue.SimpleQueue[tuple[str, bytes | Future[Done]]] = queue.SimpleQueue()
        self._counts: dict[str, int] = {}
        self._failures = 0

    def run(self, ready: Pool | None = None) -> None:
        """Grades all that is to be graded, in a pool that is `ready` or in one of its own."""
        todo = {key: planned for key, planned in self._planned.items() if not self._known(planned)}
        self._display.begin(len(self._planned), len(self._planned) - len(todo), len(self._checks))
        waiting = set(todo)
        for key, planned in todo.items():
            if planned.empty:
                self._finish(planned, unjudged.EMPTY)
                waiting.discard(key)
        if waiting:
            pools = contextlib.nullcontext(ready) if ready else _closing(self._pool(len(waiting)))
            with pools as pool:
                for key in (key for key in todo if key in waiting):
                    future = pool.submit(todo[key].work, self._heard)
                    future.add_done_callback(partial(self._answered, key))
                while waiting:
                    self._take(waiting)

    def _pool(self, count: int) -> Pool:
        seconds = self._options.rubric.limits.submission_seconds
        if self._options.cluster:
            from grader.batch.cluster import ClusterPool  # an optional extra

            gpu = self._options.training is not None and self._options.training.device != CPU
            return ClusterPool(self._options.cluster, seconds, gpu)
        return LocalPool(min(self._options.jobs, count), seconds)

    def _known(self, planned: Planned) -> bool:
        """Whether the journal vouches for a result. After a crash it is tried again."""
        line = self._store.done.get(planned.work.key)
        return (
            line is not None
            and line.fingerprint == planned.fingerprint
            and line.status is not Status.CRASHED
            and self._store.has_result(planned.work.key)
        )

    def _heard(self, key: str, result: bytes) -> None:
        self._inbox.put((key, result))

    def _answered(self, key: str, future: Future[Done]) -> None:
        self._inbox.put((key, future))

    def _take(self, waiting: set[str]) -> None:
        key, news = self._inbox.get()
        if isinstance(news, bytes):
            if key in waiting:  # a cluster's news may come after its answer
                self._checked(key, news)
            return
        waiting.discard(key)
        error = news.exception()
        if error is None:
            self._failures = 0
            self._finish(self._planned[key], news.result())
        elif isinstance(error, Broken):
            self._crashed(self._planned[key], str(error))
        else:
            raise error

    def _checked(self, key: str, result: bytes) -> None:
        """Some outcomes, a line each; none say that the hand-in is begun, for the first time or again."""
        self._counts[key] = self._counts.get(key, 0) + result.count(b"\n") + 1 if result else 0
        if result:
            self._store.checked(key, result)
        else:
            planned = self._planned[key]
            self._store.begun(HeadLine(key=key, fingerprint=planned.fingerprint, seed=planned.work.seed))
        self._display.checked(key, min(self._counts[key], len(self._checks)))

    def _finish(self, planned: Planned, done: Done) -> None:
        key = planned.work.key
        if done.status is not Status.GRADED:
            known = {check.id: check for check in self._store.known_checks(key)}
            grade = unjudged.grade_of(
                planned.work, planned.handin.file, done, self._checks, self._options.rubric, known
            )
            self._store.write_grade(key, grade)
        self._store.finished(
            DoneLine(key=key, fingerprint=planned.fingerprint, status=done.status, message=done.message)
        )
        self._counts.pop(key, None)
        self._display.finished(key, done)

    def _crashed(self, planned: Planned, said: str) -> None:
        self._failures += 1
        if self._failures >= FAILURES:
            raise GradmarkError(
                f"gradmark failed at {self._failures} submissions in a row: {said.splitlines()[0]}",
                "This is the machine's or gradmark's fault. When it is mended, the same command goes on from here.",
            )
        self._finish(planned, Done(Status.CRASHED, said))
