"""The known mistakes of the RNN and LSTM part, and which checks each of them may fail."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from checks.mistakes import Mistake, rnn, rnn_layers
from grader.results import Grade, Outcome
from tests.mutants.parts import specs

MISTAKES = (*rnn_layers.MISTAKES, *rnn.MISTAKES)
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


def failed(grade: Grade) -> list[str]:
    """The ids of the checks that failed, in their order."""
    return [check.id for check in grade.checks if check.outcome is Outcome.FAILED]


def related(mistake: Mistake) -> set[str]:
    """The checks that a mistake may fail: of its function, and of whatever is built from it, however far."""
    return {id for id, spec in specs(SELECT).items() if mistake.function in _foundations(spec)}


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
    for spec in specs(SELECT).values():
        own = f"{spec.module}.{spec.function}"
        uses.setdefault(own, set(GIVEN_USES.get(own, ()))).update(spec.uses)
    return uses
