"""Every known mistake of the SimCLR part is caught by its check, and costs nothing elsewhere."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from checks.mistakes import contrastive_loss, simclr_data, simclr_utils
from checks.mistakes.declare import Mistake
from grader.results import Outcome
from grader.session import Grader
from tests.mutants.cover import every
from tests.mutants.parts import Part, part_of, specs

SELECT = "check_contrastive_loss or check_simclr"
MISTAKES = (*contrastive_loss.MISTAKES, *simclr_data.MISTAKES, *simclr_utils.MISTAKES)


@pytest.fixture(scope="module")
def part(grader: Grader) -> Iterator[Part]:
    with part_of(grader, SELECT) as started:
        yield started


@pytest.mark.parametrize("mistake", every(MISTAKES))
def test_mistake_is_caught_where_it_is_and_costs_once(part: Part, mistake: Mistake) -> None:
    """The checks that should catch it fail, none of another function does, not even of one built on it; none errs."""
    grade = part.grade(mistake)
    wrong = {check.id: check.message for check in grade.checks if check.outcome is Outcome.FAILED}
    assert [check.message for check in grade.checks if check.outcome is Outcome.ERRORED] == []
    assert set(mistake.caught_by) <= set(wrong), wrong
    known = specs(SELECT)
    assert {id: said for id, said in wrong.items() if not _own(known[id], mistake)} == {}


def _own(spec: object, mistake: Mistake) -> bool:
    return f"{spec.module}.{spec.function}" == mistake.function  # type: ignore[attr-defined]


def test_every_check_is_failed_by_a_mistake() -> None:
    """No check of this part is without a mistake that it must catch, so none of them is unable to fail."""
    caught = {check for mistake in MISTAKES for check in mistake.caught_by}
    assert set(specs(SELECT)) - caught == set()
    assert caught - set(specs(SELECT)) == set()


def test_ids_are_unique() -> None:
    """A mistake is named once."""
    assert len({mistake.id for mistake in MISTAKES}) == len(MISTAKES) >= 50
