"""Grades the reference with one mistake made, in the checks of its part."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from checks.mistakes.declare import FILES, Mistake, apply
from grader.results import Grade, Outcome
from grader.session import REFERENCE, Grader
from tests.mutants.parts import part_of

SEED = 231


@dataclass(frozen=True)
class Mutator:
    """A folder that holds a copy of the reference, in which one mistake after the other is made and mended."""

    grader: Grader
    folder: Path

    def grade(self, mistake: Mistake, seed: int = SEED, select: str = "") -> Grade:
        """The grade of the reference with this mistake, in the checks of the mistake's part (or fewer by `select`)."""
        text = apply(mistake, REFERENCE)
        return self.grade_text(FILES[mistake.module], text, seed, select or part_of(mistake).select)

    def grade_text(self, name: str, text: str, seed: int, select: str) -> Grade:
        """The grade of the reference with another text of one file."""
        file = self.folder / name
        correct = file.read_bytes()
        file.write_text(text, encoding="utf-8")
        try:
            return self.grader.grade(self.folder, seed=seed, select=select)
        finally:
            file.write_bytes(correct)


@contextmanager
def mutator(grader: Grader) -> Iterator[Mutator]:
    """A `Mutator` whose folder is removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="gradmark-mutants-") as scratch:
        folder = Path(scratch) / "mutant"
        shutil.copytree(REFERENCE, folder, ignore=shutil.ignore_patterns("__pycache__"))
        yield Mutator(grader, folder)


def failed(grade: Grade) -> list[str]:
    """The ids of the checks that failed, in their order."""
    return [check.id for check in grade.checks if check.outcome is Outcome.FAILED]
