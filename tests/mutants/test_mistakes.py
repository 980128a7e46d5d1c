"""Every known mistake is caught by its check, costs nothing elsewhere, and stands in the table with what it fails."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from checks.mistakes import ALL, EQUIVALENT, Mistake
from checks.mistakes.declare import FILES
from grader import template
from grader.results import Outcome
from grader.session import REFERENCE, Grader
from tests.mutants import once, table
from tests.mutants.cover import cover, every
from tests.mutants.harness import Mutator, failed, mutator
from tests.mutants.parts import PARTS, Part, part_of, related, specs

STALE = "a table is stale: `make mutants PARTS=--new` after new checks and mistakes, `make mutants` after other changes"
BY_NAME = pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)


@pytest.fixture(scope="session")
def made(grader: Grader) -> Iterator[Mutator]:
    with mutator(grader) as started:
        yield started


@pytest.mark.parametrize("mistake", every(ALL))
def test_mistake_is_caught_where_it_is(made: Mutator, mistake: Mistake) -> None:
    """The checks that should catch it fail, no unrelated one does, none errs; the tables' rows are this run's."""
    grade = made.grade(mistake)
    wrong = failed(grade)
    assert [check.message for check in grade.checks if check.outcome is Outcome.ERRORED] == []
    assert set(mistake.caught_by) <= set(wrong), {c.id: c.message for c in grade.checks if c.id in wrong}
    assert set(wrong) <= related(mistake)
    part = part_of(mistake)
    stored = table.rows(table.path(part).read_text("utf-8"))
    assert stored.get(mistake.id) == table.row(mistake, wrong), STALE
    more = once.stored(once.TABLE.read_text("utf-8")).get(once.key(mistake), {})
    assert once.elsewhere(mistake, grade) == more, "it costs once, or ONCE.md says what and why: `make once`"


@pytest.mark.parametrize("variation", EQUIVALENT, ids=lambda variation: variation.id)
def test_equivalent_variation_fails_nothing(made: Mutator, variation: Mistake) -> None:
    """What only looks like a mistake passes every check of its part."""
    grade = made.grade(variation)
    assert {c.id: c.message for c in grade.checks if c.outcome is not Outcome.PASSED} == {}
    assert not variation.caught_by
    assert variation.hint.endswith(".")  # the reason, a sentence


@BY_NAME
def test_table_is_what_would_be_written(part: Part) -> None:
    """One row per mistake in the order of declaration, with its sentence; every check is counted, from the rows."""
    text = table.path(part).read_text("utf-8")
    assert text == table.render(part, table.results(part, text)), STALE


@BY_NAME
def test_every_mistake_has_failed_what_catches_it(part: Part) -> None:
    """By the table, also of those that only `make test-slow` grades again, and nothing unrelated."""
    for id, wrong in table.results(part, table.path(part).read_text("utf-8")).items():
        mistake = next(m for m in ALL if m.id == id and m.module in part.modules)
        assert set(mistake.caught_by) <= set(wrong) <= related(mistake), id


def test_every_function_loses_its_own_points_alone() -> None:
    """By the table each function of the assignment has a mistake that costs once; what costs more has a reason."""
    text = once.TABLE.read_text("utf-8")
    costs, made = once.stored(text), once.counted(text)
    assert {mistake.function for mistake in ALL} == set(made)
    solved = [name for name, (points, *_) in made.items() if points]
    assert [name for name in solved if not made[name][2]] == []
    for mistake in ALL:
        if once.key(mistake) in costs:
            assert once.row(mistake, costs[once.key(mistake)]) in text
            assert once.reason(mistake, costs[once.key(mistake)]), mistake.id


def test_every_check_is_failed_by_a_mistake() -> None:
    """No check of the assignment is without a mistake that it must catch, so none of them is unable to fail."""
    caught = {check for mistake in ALL for check in mistake.caught_by}
    assert set(specs()) - caught == set()
    assert caught - set(specs()) == set()


def test_every_solution_of_the_assignment_has_mistakes() -> None:
    """Each function of the reference that holds a region for students to fill is varied by a mistake."""
    varied = {mistake.function for mistake in ALL}
    solved = {f"{module}.{name}" for module, file in FILES.items() for name in _solved(file)}
    assert len(solved) >= 30
    assert solved - varied == set()


def _solved(file: str) -> set[str]:
    """The functions of a file that raise in its handout, by the name that their stubs give."""
    handout = template.handout((REFERENCE / file).read_text("utf-8"), file)
    return set(re.findall(r'raise NotImplementedError\("([\w.]+): ', handout))


def test_parts_hold_all_checks_and_mistakes() -> None:
    """A check or a mistake in a new file belongs to a part, or it would never be tried."""
    assert sum(len(specs(part.select)) for part in PARTS) == len(specs())
    assert sum(len(part.mistakes) for part in PARTS) == len(ALL)


def test_related_follows_what_a_function_is_built_from() -> None:
    """A step's mistake may show in the sequence and the captioner, but not in the other cell or the embedding."""
    step = next(m for m in ALL if m.function == "rnn_layers.rnn_step_forward")
    functions = {specs()[id].function for id in related(step)}
    assert {"rnn_step_backward", "rnn_forward", "CaptioningRNN.sample"} <= functions
    assert not functions & {"lstm_forward", "word_embedding_backward", "affine_forward"}
    assert not any(id.startswith("rnn.CaptioningRNN.loss.lstm") for id in related(step))


def test_cover_leaves_nothing_out_and_takes_little() -> None:
    """The greedy choice holds all there is, without the sets that others hold already."""
    shown = {"a": {1}, "b": {1, 2}, "c": {3, 4, 5}, "d": {2, 5}, "e": {6}}
    assert cover({name: frozenset(map(str, held)) for name, held in shown.items()}) == {"b", "c", "e"}
