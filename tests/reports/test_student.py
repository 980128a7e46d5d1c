"""What a student gets of a grade: nothing of a hidden check but its points among others."""

from __future__ import annotations

import io

import msgspec
import pytest
from rich.console import Console

from grader import console
from grader.results import Grade, Outcome, to_json
from grader.rubric import parse
from grader.session import Progress
from reports import page, student, terminal, view
from tests.reports import sample
from tests.reports.test_page import parsed


def printed(grade: Grade) -> str:
    """The terminal's summary."""
    out = io.StringIO()
    terminal.summary(grade, Console(file=out, width=120))
    return out.getvalue()


@pytest.mark.parametrize("passed", [True, False])
def test_nothing_of_a_hidden_check_is_left(passed: bool) -> None:
    """No text of it stands in the record, in the page's source or in the terminal; staff see it in all three."""
    grade = sample.with_hidden(passed)
    for show in (lambda g: to_json(g).decode(), page.render, printed):
        assert sample.SECRET in show(grade)
        assert sample.SECRET not in show(student.of(grade))


def test_points_of_hidden_checks_still_count() -> None:
    """Score and parts are the staff's; page and terminal give the difference as other checks."""
    grade = student.of(sample.with_hidden())
    assert (grade.points, grade.max_points, grade.undecided) == (3, 13, 2)
    assert grade.parts == sample.with_hidden().parts
    assert "Other checks: 0 of 7 points , 2 undecided" in parsed(grade).words
    assert "other checks" in printed(grade)
    assert "0 / 7" in printed(grade)


def test_without_hidden_checks_there_are_no_others() -> None:
    """A grade that holds all of its checks speaks of no others, and only its flags are left out."""
    grade = sample.perfect()
    assert student.of(grade) == grade
    assert "Other checks" not in page.render(grade)
    assert "Other checks" not in page.render(sample.with_hidden())  # staff see them one by one


def test_a_reason_names_no_hidden_check() -> None:
    """A public check that waits for a hidden one says so without its name, in message, hint and advice."""
    (waiting,) = (c for c in student.of(sample.with_hidden()).checks if c.outcome is Outcome.BLOCKED)
    assert waiting.message == "Not judged until another check passes."
    assert waiting.hint == "Mend another check first, then another check."
    assert waiting.advice == ("See another check.",)


def test_an_id_that_begins_like_a_hidden_one_is_kept() -> None:
    """Only whole ids are replaced."""
    hidden = sample.check("f.values", visibility="hidden")
    shown = sample.check(
        "g.shapes", message="See `rnn_layers.f.values_2`, x.rnn_layers.f.values, rnn_layers.f.values."
    )
    grade = msgspec.structs.replace(sample.perfect(), checks=(hidden, shown))
    assert student.of(grade).checks[0].message == (
        "See `rnn_layers.f.values_2`, x.rnn_layers.f.values, another check."
    )


def test_staff_see_which_checks_are_hidden() -> None:
    """Page and terminal mark a hidden check; a student's page has no such mark."""
    grade = sample.with_hidden()
    assert parsed(grade).words.count("hidden from students") == 2
    assert "(hidden from students)" in printed(grade)
    assert "hidden from students" not in page.render(student.of(grade))


def test_full_marks_on_the_page_are_not_called_all() -> None:
    """When every shown check passed and others did not, the page says that points are missing elsewhere."""
    shown = parsed(student.of(sample.with_hidden(passed=True))).words
    assert "Every check on this page passed" in shown
    assert "Nothing left to do" not in shown


def test_the_bar_holds_the_points_of_others() -> None:
    """The segments of a part add up to its points, for staff and student alike."""
    for grade in (sample.with_hidden(), student.of(sample.with_hidden())):
        (part,) = view.parts(grade)
        assert sum(amount for _, amount in part.segments) == part.score.max_points


def test_a_part_of_hidden_checks_alone() -> None:
    """It shows its sum, and no claim that nothing was run."""
    grade = sample.with_hidden()
    shown = student.of(msgspec.structs.replace(grade, checks=grade.checks[-2:]))
    words = parsed(shown).words
    assert "No check" not in words.replace("No check is shown.", "")
    assert "Other checks" in words


def test_progress_for_students_names_no_hidden_check() -> None:
    """Neither id nor outcome of a hidden check reaches the listener; public ones pass as they are."""
    rubric = parse('[parts.rnn]\n[points]\n"*" = 1\n[visibility]\n"*.secret" = "hidden"\n')
    heard: list[Progress] = []
    listen = console.discreet(heard.append, rubric)
    for name in ("f.secret", "f.values"):
        result = sample.check(name, Outcome.FAILED)
        listen(Progress(1, 2, result.id, result))
    assert "secret" not in repr(heard[0])
    assert "failed" not in repr(heard[0])
    assert heard[1] == Progress(1, 2, "rnn_layers.f.values", sample.check("f.values", Outcome.FAILED))
