"""What failures come from: one thing to mend is told once."""

from __future__ import annotations

import re
import shlex

import msgspec

from grader import session
from grader.results import CheckResult, Grade, KnownMistake, Outcome, Traceback
from reports import causes, heat, page, view
from tests.reports import sample
from tests.reports.test_page import parsed, with_checks
from tests.reports.test_student import printed

MISTAKE = KnownMistake(
    id="rnn_step_forward.bias_missing",
    function="rnn_layers.rnn_step_forward",
    sentence="the bias `b` is not added",
    hint="What does an affine map add?",
)


def failed(name: str, **changes: object) -> CheckResult:
    """A failed check with `changes`."""
    return sample.check(name, Outcome.FAILED, message=f"`{name}` is wrong.", **changes)


def explained() -> Grade:
    """Four checks of two functions fail by one mistake, two more by themselves."""
    shared = [failed(f"{name}.values", mistake=MISTAKE) for name in ("rnn_step_forward", "rnn_forward")]
    shared += [failed(f"{name}.shapes", mistake=MISTAKE) for name in ("rnn_step_forward", "rnn_forward")]
    alone = [failed("rnn_forward.precision"), failed("rnn_backward.gradient")]
    return with_checks(*shared, *alone)


def test_a_mistake_is_told_once_with_all_that_it_explains() -> None:
    """Checks of several functions with the same mistake are one cause, in the order of the assignment."""
    first, *rest = causes.causes(explained().checks)
    assert first.mistake == MISTAKE
    assert first.function == "rnn_step_forward"
    assert len(first.checks) == 4
    assert first.lost == 12
    assert [cause.check.id for cause in rest] == [
        "rnn_layers.rnn_backward.gradient",
        "rnn_layers.rnn_forward.precision",  # last: its function has a cause already
    ]


def test_every_failed_check_has_exactly_one_cause() -> None:
    """Grouping loses no failure and tells none twice."""
    for grade in (sample.typical(), explained()):
        listed = sorted(check.id for cause in causes.causes(grade.checks) for check in cause.checks)
        assert listed == sorted(c.id for c in grade.checks if c.outcome is Outcome.FAILED)


def test_the_same_exception_at_the_same_line_is_one_cause() -> None:
    """Functions that end in the same line with the same error are told once; another line is another cause."""
    frames = 'File "cs231n/a.py", line {}, in f\n    x\nValueError: no'
    checks = [
        failed(f"{name}.values", details=(Traceback(text=f'File "cs231n/b.py", line 9, in {name}\n' + frames.format(line)),))
        for name, line in (("f", 7), ("g", 7), ("h", 8))
    ]  # fmt: skip
    assert [len(cause.checks) for cause in causes.causes(checks)] == [2, 1]


def test_the_sum_counts_in_words() -> None:
    """One mistake, several, all of the failures, or none."""
    found = causes.causes(explained().checks)
    assert causes.told(found) == "1 mistake explains 4 of 6 failed checks"
    assert causes.told(found[:1]) == "1 mistake explains all 4 failed checks"
    assert causes.told(found[1:]) == ""
    other = msgspec.structs.replace(MISTAKE, id="another")
    two = causes.causes([failed("f.values", mistake=MISTAKE), failed("g.values", mistake=other)])
    assert causes.told(two) == "2 mistakes explain all 2 failed checks"


def test_the_page_tells_a_mistake_at_the_top_and_points_to_it() -> None:
    """Its hint stands once on the page; each check that it explains has a link to it, and it to each of them."""
    found = parsed(explained())
    assert "1 mistake explains 4 of 6 failed checks." in found.words
    assert "A likely mistake in rnn_step_forward : the bias b is not added" in found.words
    assert found.words.count(MISTAKE.hint) == 1
    assert found.values("href").count("#step-1") == 4
    assert found.words.index("explains 4 of 6") < found.words.index("Score by part")


def test_the_terminal_tells_it_once_as_well() -> None:
    """The sum, the mistake with how much more it explains, and nothing of it again."""
    said = printed(explained())
    assert "1 mistake explains 4 of 6 failed checks." in said
    assert said.count(MISTAKE.hint) == 1
    assert "The same explains 3 more." in said


def test_steps_beyond_the_first_are_folded() -> None:
    """Three things stand first; the others are counted and can be unfolded."""
    grade = with_checks(*(failed(f"f{number}.values") for number in range(5)))
    assert "Then 2 more things to mend" in parsed(grade).words
    assert len(view.first_steps(grade)) == 3


def test_failed_functions_stand_before_the_others() -> None:
    """In a part: what is wrong, then what was not begun, then what is right; every function once."""
    part, _ = view.parts(sample.typical())
    outcomes = [function.outcome for function in part.by_urgency]
    settled = [function.settled for function in part.by_urgency]
    assert sorted(settled) == settled
    assert outcomes[-1] is Outcome.PASSED
    assert {f.name for f in part.by_urgency} == {f.name for f in part.functions}
    assert len(part.by_urgency) == len(part.functions)


def test_a_failure_can_be_run_again_by_its_command() -> None:
    """The command names exactly this check, by the seed of the grade, as gradmark understands it."""
    check = sample.check("rnn_step_forward.values", Outcome.FAILED)
    words = shlex.split(view.command(check, 17))
    assert words == ["gradmark", "grade", ".", "-k", "rnn_layers.rnn_step_forward.values", "--seed", "17"]
    assert [each.id for each in session.expected_checks(words[4])] == [check.id]
    assert view.command(check, sample.environment().seed) in parsed(with_checks(check)).words


def test_a_hostile_id_stays_one_argument() -> None:
    """What is copied runs nothing else."""
    hostile = msgspec.structs.replace(sample.check(), id="x; rm -rf ~ `id` $(id)\n'\"")
    assert shlex.split(view.command(hostile, 1))[4] == "x; rm -rf ~ `id` $(id) '\""


def test_a_heat_map_is_drawn_and_said() -> None:
    """Each wrong cell is a mark, a cell that is wrong altogether has a cross too, and words say the same."""
    check = failed("f.gradient", details=(sample.heat_map(),))
    html = page.render(with_checks(check))
    assert html.count('class="wrong-cell"') == 3
    assert html.count('class="cross"') == 2
    assert "of 6 cells 2 are wrong, 1 in part; down axis 0 (batch), across axis 1 (time step)." in html
    assert re.search(r"#\.\+\s+\.\.#", html)


def test_an_odd_heat_map_is_drawn_all_the_same() -> None:
    """Rows of unequal length, or none, as a foreign result.json may have them, break nothing."""
    for cells in ((), ((),), ((1.0,), (0.0, 0.5))):
        assert heat.svg(msgspec.structs.replace(sample.heat_map(), cells=cells)).startswith("<svg")
