"""One hand-in of a class, as it is sent to whoever grades it, and what comes back. All of it can be pickled."""

from __future__ import annotations

import gc
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from grader import assignment
from grader.class_results import Status
from grader.errors import CollectError
from grader.notebook import grading as notebooks
from grader.results import CheckResult, Grade
from grader.rubric import parse
from grader.session import SEED_BITS, Grader, Progress
from grader.training import context, judging
from reports import files

Listener = Callable[[CheckResult], None]

# A worker that was killed from outside looks so. Students' code can do this to itself, machines short of memory
# do it to anyone: such a grade is made twice, and the second one counts.
KILLED = "killed (SIGKILL)"


@dataclass(frozen=True)
class Work:
    """A hand-in to be graded: its result goes to `out`, a folder that only it has."""

    key: str
    path: Path
    out: Path
    seed: int
    select: str
    timeout: float | None
    rubric: str
    rubric_source: str
    notebooks: str = ""  # profile of their execution ("none": read only); empty: not looked at
    training: context.Options | None = None  # how its models are trained; None: not at all

    @property
    def more_seconds(self) -> float:
        """The longest that its notebooks and its training may take, by the clock."""
        return notebooks.longest(self.notebooks) + judging.longest(self.training)


@dataclass(frozen=True)
class Warm:
    """Hand-ins will come: whoever grades them may get ready."""

    rubric: str
    rubric_source: str


@dataclass(frozen=True)
class Done:
    """What became of it. Only a `GRADED` one has left its result."""

    status: Status
    message: str = ""
    hint: str = ""


class Broken(Exception):
    """The grading itself failed, and may go well in a new process."""


class Bench:
    """Grades one hand-in after the other with a warm `Grader`, which it renews when the rubric is another."""

    def __init__(self) -> None:
        self._grader: Grader | None = None
        self._rubric = ""
        self._settled = False

    def grade(self, work: Work, listen: Listener) -> Done:
        """Grades a hand-in and writes its result. Raises whatever the grading raises, other than `CollectError`."""
        grader = self._warm(work)
        _must_see(work)
        try:
            grade = self._once(grader, work, listen)
            if any(KILLED in check.message for check in grade.checks):
                grade = self._once(grader, work, listen)
        except CollectError as error:
            return Done(Status.UNREADABLE, error.message, error.hint)
        files.write(grade, work.out)
        if not self._settled:  # what is there by now stays: no collection needs to look at it again
            self._settled = True
            gc.collect()
            gc.freeze()
        return Done(Status.GRADED)

    def warm(self, asked: Warm) -> None:
        """Begins the imports of the warm parent."""
        self._warm(asked)

    def _once(self, grader: Grader, work: Work, listen: Listener) -> Grade:
        """A grade during which the warm parent lived: when it dies, it takes the student's workers with it."""

        def heard(progress: Progress) -> None:
            if progress.latest is not None:
                listen(progress.latest)

        lost = grader.lost_parents
        grade = grader.grade(
            work.path, seed=work.seed, select=work.select, timeout=work.timeout, progress=heard,
            training=work.training, notebooks=notebooks.options(work.notebooks, work.out),
        )  # fmt: skip
        if grader.lost_parents != lost:
            raise Broken("The warm parent of the workers died; its students' workers died with it.")
        return grade

    def _warm(self, work: Work | Warm) -> Grader:
        if self._grader is None or self._rubric != work.rubric:
            self.close()
            self._grader = Grader(
                rubric=parse(work.rubric, work.rubric_source, assignment.current().rubric), explain=True,
                many=True,
            )  # fmt: skip
            self._rubric = work.rubric
        return self._grader

    def close(self) -> None:
        """Ends the workers and the warm parent."""
        if self._grader is not None:
            self._grader.close()
            self._grader = None


def _must_see(work: Work) -> None:
    """A machine of a cluster that does not share the folders can't grade, and must not blame the student."""
    for path in (work.path, work.out.parent):
        if not path.exists():
            raise Broken(f"{path} is not there: every machine of a cluster must see it under this name.")


def seed_of(class_seed: int, key: str) -> int:
    """The seed of one hand-in: it depends on the class's and on whose it is, not on who else handed in."""
    digest = hashlib.sha256(f"{class_seed}:{key}".encode("utf-8", "surrogateescape")).digest()
    return int.from_bytes(digest[:8], "big") >> (64 - SEED_BITS)
