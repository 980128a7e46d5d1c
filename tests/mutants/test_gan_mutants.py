"""Every known mistake of the GAN part is caught by its check, and costs nothing elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from checks.mistakes.declare import Mistake
from checks.mistakes.gan_pytorch import MISTAKES
from grader.results import Outcome
from grader.session import Grader
from tests.mutants.cover import every
from tests.mutants.parts import Part, part_of, specs

SELECT = "check_gan"

# What is built on functions that were handed out complete; nothing of the student's own is built on another.
BUILT_ON: Mapping[str, set[str]] = {
    "bce_loss": {"discriminator_loss", "generator_loss"},
    "Flatten": {"discriminator", "build_dc_classifier", "build_dc_generator"},
    "Unflatten": {"build_dc_generator"},
    "ChunkSampler": set(),
}


@pytest.fixture(scope="module")
def part(grader: Grader) -> Iterator[Part]:
    with part_of(grader, SELECT) as started:
        yield started


@pytest.mark.parametrize("mistake", every(MISTAKES))
def test_mistake_is_caught_where_it_is_and_costs_once(part: Part, mistake: Mistake) -> None:
    """The checks that should catch it fail, none of a function without it does, and none errs."""
    grade = part.grade(mistake)
    wrong = {check.id: check.message for check in grade.checks if check.outcome is Outcome.FAILED}
    assert [check.message for check in grade.checks if check.outcome is Outcome.ERRORED] == []
    assert set(mistake.caught_by) <= set(wrong), wrong
    name = mistake.function.split(".")[1]
    allowed = {name} | BUILT_ON.get(name, set())
    assert {id: said for id, said in wrong.items() if specs(SELECT)[id].function not in allowed} == {}


def test_every_check_is_failed_by_a_mistake() -> None:
    """No check of this part is without a mistake that it must catch, so none of them is unable to fail."""
    caught = {check for mistake in MISTAKES for check in mistake.caught_by}
    assert caught == set(specs(SELECT))


def test_ids_are_unique() -> None:
    """A mistake is named once."""
    assert len({mistake.id for mistake in MISTAKES}) == len(MISTAKES)
