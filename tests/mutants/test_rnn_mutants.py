"""Every known mistake of the RNN and LSTM part is caught by its check, and costs nothing elsewhere."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from checks.mistakes import Mistake
from grader.results import Outcome
from grader.session import Grader
from tests.mutants import table
from tests.mutants.cover import every
from tests.mutants.harness import MISTAKES, SELECT, failed, related
from tests.mutants.parts import Part, part_of, specs


@pytest.fixture(scope="session")
def made(grader: Grader) -> Iterator[Part]:
    with part_of(grader, SELECT) as started:
        yield started


@pytest.mark.parametrize("mistake", every(MISTAKES))
def test_mistake_is_caught_where_it_is(made: Part, mistake: Mistake) -> None:
    """The checks that should catch it fail, no unrelated one does, none errs, and the table's row is this run's."""
    grade = made.grade(mistake)
    wrong = failed(grade)
    assert [check.message for check in grade.checks if check.outcome is Outcome.ERRORED] == []
    assert set(mistake.caught_by) <= set(wrong)
    assert set(wrong) <= related(mistake)
    assert table.rows(table.TABLE.read_text("utf-8")).get(mistake.id) == table.row(mistake, wrong), (
        "TABLE.md is stale: python -m tests.mutants.table"
    )


def test_every_check_is_failed_by_a_mistake() -> None:
    """No check of this part is without a mistake that it must catch, so none of them is unable to fail."""
    caught = {check for mistake in MISTAKES for check in mistake.caught_by}
    assert set(specs(SELECT)) - caught == set()
    assert caught - set(specs(SELECT)) == set()


def test_table_lists_the_mistakes_in_order_and_nothing_else() -> None:
    """TABLE.md has exactly one row per mistake, in the order of their declaration."""
    assert list(table.rows(table.TABLE.read_text("utf-8"))) == [mistake.id for mistake in MISTAKES]


def test_related_follows_what_a_function_is_built_from() -> None:
    """A step's mistake may show in the sequence and the captioner, but not in the other cell or the embedding."""
    step = next(m for m in MISTAKES if m.function == "rnn_layers.rnn_step_forward")
    functions = {specs(SELECT)[id].function for id in related(step)}
    assert {"rnn_step_backward", "rnn_forward", "CaptioningRNN.sample"} <= functions
    assert not functions & {"lstm_forward", "word_embedding_backward", "affine_forward"}
    assert not any(id.startswith("rnn.CaptioningRNN.loss.lstm") for id in related(step))
