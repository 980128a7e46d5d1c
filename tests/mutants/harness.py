"""Grades the reference with one mistake made, and knows which checks that mistake may fail."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from checks.mistakes import Mistake, apply, rnn, rnn_layers
from checks.mistakes.declare import FILES
from grader import plugin
from grader.results import Grade, Outcome
from grader.session import CHECKS, REFERENCE, Grader

MISTAKES = (*rnn_layers.MISTAKES, *rnn.MISTAKES)
SEED = 231
SELECT = "check_rnn"  # both files of the RNN and LSTM part

# What is built from functions that were handed out complete: declarations name the student's own alone.
GIVEN_USES = {
    "rnn_layers.lstm_step_forward": {"rnn_layers.sigmoid"},
    "rnn.CaptioningRNN.loss": {
        "rnn_layers.affine_forward",
        "rnn_layers.affine_backward",
        "rnn_layers.temporal_affine_forward",
        "rnn_layers.temporal_affine_backward",
        "rnn_layers.temporal_softmax_loss",
    },
    "rnn.CaptioningRNN.sample": {"rnn_layers.affine_forward", "rnn_layers.temporal_affine_forward"},
}


@dataclass(frozen=True)
class Mutants:
    """A warm grader and one folder, in which one file at a time is wrong."""

    grader: Grader
    folder: Path

    def grade(self, mistake: Mistake, seed: int = SEED) -> Grade:
        """The grade of the reference with this mistake, in the checks of `SELECT`."""
        file = self.folder / FILES[mistake.module]
        correct = file.read_bytes()
        file.write_text(apply(mistake, REFERENCE), encoding="utf-8")
        try:
            return self.grader.grade(self.folder, seed=seed, select=SELECT)
        finally:
            file.write_bytes(correct)


@contextmanager
def mutants(grader: Grader) -> Iterator[Mutants]:
    """`Mutants` in a folder that is removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="gradmark-mutants-") as scratch:
        folder = Path(scratch) / "mutant"
        shutil.copytree(REFERENCE, folder, ignore=shutil.ignore_patterns("__pycache__"))
        yield Mutants(grader, folder)


def failed(grade: Grade) -> list[str]:
    """The ids of the checks that failed, in their order."""
    return [check.id for check in grade.checks if check.outcome is Outcome.FAILED]


@cache
def specs() -> Mapping[str, Any]:
    """The declarations of the checks of this part, by id."""
    return {spec.id: spec for spec, _ in plugin.collect(CHECKS, SELECT)}


def related(mistake: Mistake) -> set[str]:
    """The checks that a mistake may fail: of its function, and of whatever is built from it, however far."""
    return {id for id, spec in specs().items() if mistake.function in _foundations(spec)}


def _foundations(spec: Any) -> set[str]:
    """The functions that a check judges, itself and through others."""
    own = f"{spec.module}.{spec.function}"
    found, todo = {own}, [*spec.uses, *GIVEN_USES.get(own, ())]
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo += _uses()[name]
    return found


@cache
def _uses() -> Mapping[str, set[str]]:
    """The functions that each function of the layers is built from; a backward pass needs its forward pass."""
    uses: dict[str, set[str]] = {"rnn_layers.sigmoid": set()}
    for spec in specs().values():
        own = f"{spec.module}.{spec.function}"
        uses.setdefault(own, set(GIVEN_USES.get(own, ()))).update(spec.uses)
    return uses
