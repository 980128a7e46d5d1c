"""How often right work is asked: a round trip costs more than most that is computed in it, so they are counted."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from grader.judge import Judge
from grader.sandbox.remote import Worker
from grader.session import REFERENCE, Grader

ONE = ("values", "edge_cases", "precision", "example", "numerical_gradient", "reference_gradient")
TWO = ("rnn.CaptioningRNN.sample.edge_cases", "rnn.CaptioningRNN.sample.lstm.edge_cases",
       "rnn_layers.temporal_softmax_loss.edge_cases")  # fmt: skip


def test_right_work_takes_one_round_trip_and_the_reference_none(
    grader: Grader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By check, in a grader that has graded with this seed before."""
    grader.grade(REFERENCE, seed=11, select="rnn")
    asked: Counter[str] = Counter()
    running: list[str] = []
    judge, run = Judge.judge, Worker._run

    def judged(self: Judge, spec: Any, body: Any) -> None:
        running[:] = [spec.id]
        judge(self, spec, body)
        running.clear()

    def counted(self: Worker, *args: Any) -> Any:
        asked[running[0]] += 1
        return run(self, *args)

    monkeypatch.setattr(Judge, "judge", judged)
    monkeypatch.setattr(Worker, "_run", counted)
    grade = grader.grade(REFERENCE, seed=11, select="rnn")
    wanted = {check.id for check in grade.checks if check.id.rpartition(".")[2] in ONE}
    assert len(wanted) > 60
    assert {id: asked[id] for id in wanted if asked[id] != 1 + (id in TWO)} == {}
