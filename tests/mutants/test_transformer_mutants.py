"""Every known mistake of the transformer part is caught by its check, and costs nothing elsewhere."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from checks.mistakes import transformer, transformer_layers
from checks.mistakes.declare import Mistake
from grader.results import Outcome
from grader.session import Grader
from tests.mutants.cover import every
from tests.mutants.parts import Part, part_of, related, specs

SELECT = "check_transformer"
MISTAKES = (*transformer_layers.MISTAKES, *transformer.MISTAKES)


@pytest.fixture(scope="module")
def part(grader: Grader) -> Iterator[Part]:
    with part_of(grader, SELECT) as started:
        yield started


@pytest.mark.parametrize("mistake", every(MISTAKES))
def test_mistake_is_caught_where_it_is(part: Part, mistake: Mistake) -> None:
    """The checks that should catch it fail, no unrelated one does, and none errs."""
    grade = part.grade(mistake)
    wrong = {check.id for check in grade.checks if check.outcome is Outcome.FAILED}
    assert [check.message for check in grade.checks if check.outcome is Outcome.ERRORED] == []
    assert set(mistake.caught_by) <= wrong, {c.id: c.message for c in grade.checks if c.id in wrong}
    assert wrong <= related(mistake, SELECT)


def test_every_check_is_failed_by_a_mistake() -> None:
    """No check of this part is without a mistake that it must catch, so none of them is unable to fail."""
    caught = {check for mistake in MISTAKES for check in mistake.caught_by}
    assert set(specs(SELECT)) - caught == set()
    assert caught - set(specs(SELECT)) == set()


def test_ids_are_unique() -> None:
    """A mistake is named once."""
    assert len({mistake.id for mistake in MISTAKES}) == len(MISTAKES) >= 40
