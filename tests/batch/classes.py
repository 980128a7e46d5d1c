"""A class that is graded again and again by fakes, for tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from grader import plugin
from grader.batch import run
from grader.batch import work as works
from grader.batch.run import Options, grade_class
from grader.batch.work import Bench, Done, Work
from grader.class_results import ClassResult, StudentResult
from grader.rubric import Rubric, parse
from grader.session import default_rubric
from tests.batch.fakes import FakeGrader, InlinePool, collected

SELECT = "rnn_step_forward or word_embedding"
DEFAULT = default_rubric()  # read once


class Silent:
    """A display that keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def begin(self, total: int, kept: int, checks: int) -> None:
        self.told.append(("begin", total, kept))

    def checked(self, key: str, count: int) -> None:
        self.told.append((key, count))

    def finished(self, key: str, done: Done) -> None:
        self.told.append((key, done.status))


class Class:
    """A class that is graded again and again; `graded` is what the last run really graded."""

    def __init__(self, path: Path, form: str, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.path, self.form, self.out = path, form, out
        self.fail: Callable[[str], Exception | None] = lambda key: None
        self.graded: list[str] = []
        self.pool: InlinePool | None = None  # of the last run, if it needed one
        self.display = Silent()
        monkeypatch.setattr(works, "Grader", FakeGrader)
        monkeypatch.setattr(plugin, "collect", collected)
        monkeypatch.setattr(run.version, "sources", lambda: "these")
        monkeypatch.setattr(run, "LocalPool", self._pool)

    def _pool(self, jobs: int, seconds: float) -> InlinePool:
        bench = Bench()
        warm = bench._warm

        def warmed(work: Work) -> Any:
            found: Any = warm(work)
            found.graded = self.graded
            return found

        bench._warm = warmed  # type: ignore[method-assign]
        self.pool = InlinePool(bench, self.fail)
        return self.pool

    def grade(self, rubric: Rubric | None = None, **more: Any) -> ClassResult:
        """One run of the command."""
        self.graded, self.pool = [], None
        self.display = Silent()
        options = {"seed": 7, "select": SELECT, **more}
        asked = Options(self.path, self.form, self.out, 1, rubric or DEFAULT, **options)
        return grade_class(asked, self.display)

    @property
    def bytes(self) -> bytes:
        return (self.out / "class.json").read_bytes()


def by_id(result: ClassResult) -> dict[str, StudentResult]:
    """The students by their ids."""
    return {student.id: student for student in result.students}


def rubric(more: str) -> Rubric:
    """gradmark's own rubric with other lines."""
    return parse(f'extends = "default"\n{more}')
