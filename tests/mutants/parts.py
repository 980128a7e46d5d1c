"""Grades the reference with one mistake made, in the checks of one part; knows which checks that mistake may fail."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from checks.mistakes.declare import FILES, Mistake, apply
from grader import plugin
from grader.results import Grade
from grader.session import CHECKS, REFERENCE, Grader

SEED = 231


@dataclass(frozen=True)
class Part:
    """The checks that `select` keeps, run on a folder that holds a copy of the reference."""

    grader: Grader
    folder: Path
    select: str

    def grade(self, mistake: Mistake, seed: int = SEED) -> Grade:
        """The grade of the reference with this mistake."""
        file = self.folder / FILES[mistake.module]
        correct = file.read_bytes()
        file.write_text(apply(mistake, REFERENCE), encoding="utf-8")
        try:
            return self.grader.grade(self.folder, seed=seed, select=self.select)
        finally:
            file.write_bytes(correct)


@contextmanager
def part_of(grader: Grader, select: str) -> Iterator[Part]:
    """A `Part` whose folder is removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="gradmark-mutants-") as scratch:
        folder = Path(scratch) / "mutant"
        shutil.copytree(REFERENCE, folder, ignore=shutil.ignore_patterns("__pycache__"))
        yield Part(grader, folder, select)


@cache
def specs(select: str) -> Mapping[str, Any]:
    """The declarations of the checks that `select` keeps, by id."""
    return {spec.id: spec for spec, _ in plugin.collect(CHECKS, select)}


def related(mistake: Mistake, select: str) -> set[str]:
    """The checks that a mistake may fail: of its function, and of whatever declares that it is built from it."""
    known = specs(select)
    return {
        id
        for id, spec in known.items()
        if f"{spec.module}.{spec.function}" == mistake.function or mistake.function in spec.uses
    }
