"""The page of a grade: what it shows, and that nothing in a grade can become markup."""

from __future__ import annotations

import re
from collections import Counter
from html.parser import HTMLParser

import msgspec
import pytest

from grader.results import Flag, Grade, Note, Outcome
from reports import page, view
from tests.reports import sample

VOID = {"meta", "br"}


class Parsed(HTMLParser):
    """The elements, attributes and text of a page; complains when an element is closed out of turn."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: Counter[str] = Counter()
        self.attributes: list[tuple[str, str, str]] = []
        self.text: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert not self._open, f"never closed: {self._open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements[tag] += 1
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag, f"</{tag}> closes another element"

    def handle_data(self, data: str) -> None:
        if not {"style", "script"} & set(self._open):
            self.text.append(data)

    @property
    def words(self) -> str:
        """The text of the page with single spaces."""
        return " ".join(" ".join(self.text).split())

    def values(self, attribute: str) -> list[str]:
        """Every value of an attribute."""
        return [value for _, name, value in self.attributes if name == attribute]


def parsed(grade: Grade) -> Parsed:
    """The page of `grade`, parsed."""
    return Parsed(page.render(grade))


def with_checks(*checks: object) -> Grade:
    """The typical grade with other checks."""
    return msgspec.structs.replace(sample.typical(), checks=checks)


@pytest.mark.parametrize("grade", [sample.typical(), sample.perfect(), sample.untouched(), sample.empty()])
def test_every_grade_gives_a_sound_page(grade: Grade) -> None:
    """Elements nest, ids are unique, links and labels lead somewhere: also without any check or part."""
    found = parsed(grade)
    ids = found.values("id")
    assert len(ids) == len(set(ids))
    targets = {link.removeprefix("#") for link in found.values("href")} | set(found.values("aria-labelledby"))
    assert targets <= set(ids)
    assert found.elements["main"] == found.elements["h1"] == found.elements["nav"] == 1


@pytest.mark.parametrize("outcome", list(Outcome))
def test_an_outcome_is_shown_in_words(outcome: Outcome) -> None:
    """Each outcome has its word beside its symbol and colour, and its meaning in the legend."""
    shown = parsed(with_checks(sample.check(outcome=outcome))).words
    wording = view.WORDING[outcome]
    assert f"1 {wording.word.lower()}" in shown
    assert shown.count(wording.word) >= 2  # at the check and in the legend
    assert wording.meaning in shown


def test_a_failed_check_shows_what_is_known() -> None:
    """Message, hint, differing elements, shapes, traceback, notes and captured output are all on the page."""
    shown = parsed(sample.typical()).words
    for words in (
        "is twice what it should be in 18 of 20 elements.",
        "Look for a factor of 2",
        "18 of 20 elements differ",
        "[3, 1] -1.20000 -2.40000 -1.20000",
        "(4, 5) , expected (5,)",
        "1.2 (relative 1.0)",
        "1e-07 + 1e-07 of the expected value",
        "ValueError: shapes (4,5) and (6,6) do not match",
        "The call rnn_backward(dh: float64 (2, 10, 5), cache)",
        "Printed output dWx (4, 5)",
        "RuntimeWarning: overflow",
        "a copy is safer",
    ):
        assert words in shown, words


def test_what_to_do_first_is_the_first_failure_of_each_function() -> None:
    """The first steps follow the order of the assignment, one a function, whatever else is open."""
    steps = [check.id for check in view.first_steps(sample.typical())]
    assert steps == ["rnn_layers.rnn_step_backward.gradient", "rnn_layers.rnn_backward.gradient"]
    shown = parsed(sample.typical()).words
    assert shown.index("What to do first") < shown.index("Score by part")


def test_untouched_work_is_told_where_to_begin() -> None:
    """Without a failure the first thing to do is the first function that was not attempted."""
    shown = parsed(sample.untouched()).words
    assert "What to do first rnn_step_forward : Values Next to write." in shown


def test_full_marks_leave_nothing_to_do() -> None:
    """A perfect grade says so instead of listing steps."""
    shown = parsed(sample.perfect()).words
    assert "Nothing left to do" in shown
    assert "What to do first" not in shown


def test_failed_stands_before_passed() -> None:
    """Within a function the open checks come first, in order of urgency, then the passed ones."""
    checks = [sample.check(f"f.{number}", outcome) for number, outcome in enumerate(Outcome)]
    (part,) = view.parts(with_checks(*checks))[:1]
    order = [check.outcome for check in part.functions[0].checks]
    assert order[0] is Outcome.ERRORED
    assert order[1] is Outcome.FAILED
    assert order[-1] is Outcome.PASSED


def test_blocked_checks_are_one_line_with_what_they_hold() -> None:
    """Five checks that wait for another fold into one line; what they say and carry can be unfolded."""
    waiting = [
        sample.check(
            f"f.{number}",
            Outcome.BLOCKED,
            message=f"Needs part {number}.",
            details=(Note(title="Why", text="because"),),
        )
        for number in range(5)
    ]
    found = parsed(with_checks(sample.check("f.shapes", Outcome.FAILED, message="Wrong."), *waiting))
    assert "Blocked 5 checks, 15 points" in found.words
    assert "Needs part 4." in found.words
    assert found.words.count("because") == 5
    assert found.elements["article"] == 1


def test_a_function_that_is_only_blocked_says_why() -> None:
    """Without a failure of its own the reason stands above the fold."""
    shown = parsed(
        with_checks(sample.check("f.values", Outcome.BLOCKED, message="Needs `g`.", hint="Mend `g`."))
    ).words
    assert "f 0 of 3 points Needs g . Try: Mend g . ⊘ Blocked 1 check, 3 points" in shown


def test_faults_are_loud() -> None:
    """A fault of the grader stands above everything else, with its points and its check."""
    shown = parsed(sample.typical()).words
    assert "1 check could not be carried out" in shown
    assert "2 points are undecided : neither earned nor lost" in shown
    assert shown.index("could not be carried out") < shown.index("What to do first")


def test_problems_environment_and_files_are_shown() -> None:
    """What was wrong with the hand-in, and how the grade came about, down to the hash of each file."""
    shown = parsed(sample.typical()).words
    for words in (
        "cs231n/classifiers/rnn.py : The file is missing. Hand in all of cs231n/",
        "Seed 231",
        "gradmark 0.1.0, Python 3.11.7, NumPy 2.1.3, PyTorch 2.6.0+cpu",
        "full: no network; files read-only",
        "2 GiB of memory",
        "cs231n/rnn_layers.py submission 17.8 KiB 9f86d081",
    ):
        assert words in shown, words


def test_a_partial_run_says_so() -> None:
    """The score of a selection of checks can't be taken for a grade."""
    grade = msgspec.structs.replace(sample.perfect(), environment=sample.environment(selection="step"))
    assert "Partial run. Only the checks that match step were run" in parsed(grade).words


def test_a_check_of_an_unlisted_part_is_not_lost() -> None:
    """A part that the grade's list lacks still appears, with the sum of its own checks."""
    grade = with_checks(sample.check("f.values", part="unheard_of"))
    assert "unheard_of 3 of 3 points" in parsed(grade).words


def test_the_bar_of_a_part_adds_up() -> None:
    """The segments of a bar are the points earned and, by outcome, those not earned."""
    bars = {part.score.id: dict(part.segments) for part in view.parts(sample.typical())}
    assert bars["rnn"] == {"good": 21, "bad": 10, "held": 3, "idle": 3, "fault": 2}
    assert bars["lstm"] == {"good": 3, "idle": 3}


@pytest.mark.parametrize("raw", sample.HOSTILE)
def test_hostile_text_is_only_text(raw: str) -> None:
    """Whatever stands in the strings of a grade, the page has the elements that harmless text gives it."""
    found, harmless = parsed(sample.hostile(raw)), parsed(sample.hostile("harmless"))
    assert found.elements - Counter(code=found.elements["code"]) == harmless.elements - Counter(
        code=harmless.elements["code"]
    )
    assert found.elements["script"] == 1
    assert {name for _, name, _ in found.attributes} == {name for _, name, _ in harmless.attributes}
    assert not [name for _, name, _ in found.attributes if name.startswith("on")]
    assert found.values("href") == harmless.values("href")


@pytest.mark.parametrize("raw", sample.HOSTILE)
def test_no_unseen_character_reaches_the_page(raw: str) -> None:
    """The page is UTF-8 without control characters, terminal codes or direction overrides."""
    html = page.render(sample.hostile(raw)).encode().decode()
    assert not re.findall("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff]", html)


def test_a_megabyte_is_cut() -> None:
    """A megabyte in every string gives a page under a megabyte that says what was cut."""
    html = page.render(sample.hostile("<" * 1_000_000))
    assert len(html) < 1_000_000
    assert "characters cut" in html


def test_endless_lists_are_cut() -> None:
    """A thousand notes, problems and files are cut with a notice each."""
    many = sample.check("f.g", Outcome.FAILED, details=tuple(Note(title="n", text="t") for _ in range(1000)))
    grade = msgspec.structs.replace(
        with_checks(many), problems=sample.typical().problems * 1000, files=sample.typical().files * 1000
    )
    shown = parsed(grade).words
    assert "988 more details" in shown
    assert shown.count("and 1600 more, see result.json") == 2


def test_nothing_is_loaded_from_elsewhere() -> None:
    """The page names no other resource, has no inline style; its policy refuses all but its own sheet and script."""
    found = parsed(sample.typical())
    assert found.elements["script"] == 1
    assert not {"link", "img", "iframe", "object", "form", "base"} & set(found.elements)
    assert not found.values("src") + found.values("style")
    assert all(link.startswith("#") for link in found.values("href"))
    (policy,) = [value for value in found.values("content") if "default-src" in value]
    assert re.fullmatch(
        r"default-src 'none'; img-src data:; style-src 'sha256-[\w+/]+='; script-src 'sha256-[\w+/]+='; base-uri 'none'; form-action 'none'",
        policy,
    )


def test_the_same_grade_gives_the_same_page() -> None:
    """Rendering depends on nothing but the grade."""
    assert page.render(sample.typical()) == page.render(sample.typical())


def test_flags_are_for_staff() -> None:
    """The page that staff read has a section with every flag; without flags there is none."""
    flag = Flag(kind="shortcut", subject="rnn.f", message="calls `torch.tensor`.")
    shown = parsed(msgspec.structs.replace(sample.typical(), flags=(flag,))).words
    assert "For staff" in shown
    assert "shortcut: rnn.f : calls torch.tensor ." in shown
    assert "For staff" not in parsed(sample.typical()).words
