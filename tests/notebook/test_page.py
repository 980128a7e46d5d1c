"""Inline answers and findings in the report: readable, and unable to do anything."""

from __future__ import annotations

from html.parser import HTMLParser

import msgspec
import pytest

from grader.results import Grade, InlineAnswer, NotebookFinding, NotebookResult, NotebookStep, Reading
from reports import notebooks, page, student
from tests.reports.sample import typical

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[click](javascript:alert(1))",
    "![p](data:image/svg+xml;base64,PHN2ZyBvbmxvYWQ9YWxlcnQoMSk+)",
    "<iframe src='https://example.org'></iframe>",
    '<a href="data:text/html,<script>alert(1)</script>">x</a>',
    "$\\text{<script>alert(1)</script>}$",
    "$\\href{javascript:alert(1)}{x}$",
    "<style>*{display:none}</style>",
    "<svg onload=alert(1)></svg>",
    "`</code><script>alert(1)</script>`",
    "$$" + "{" * 3000 + "$$",
    "> " * 500 + "deep",
    "[a]: <javascript:alert(1)>\n\n[a]",
    "<math><mtext><img src=x onerror=alert(1)></mtext></math>",
]


class Seen(HTMLParser):
    """The tags and attributes of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]


def harmless(made: str) -> bool:
    seen = Seen(made)
    active = {"script", "iframe", "object", "embed", "style", "svg", "form", "img", "link", "meta"} & set(
        seen.tags
    )
    bad = [
        value for name, value in seen.attributes
        if name.startswith("on") or value.lower().strip().startswith(("javascript:", "data:", "vbscript:"))
    ]  # fmt: skip
    return not active and not bad


@pytest.mark.parametrize("source", HOSTILE)
def test_a_hostile_answer_becomes_text(source: str) -> None:
    """No tag that runs, draws or fetches, no event attribute and no address with a program survives."""
    assert harmless(str(notebooks.markdown(source)))


def test_markdown_formulas_and_tables_are_shown() -> None:
    """What students write in answers is set as such: lists, tables, formulas."""
    made = str(
        notebooks.markdown("**a** and $\\frac{x_1}{2}$\n\n| y | x |\n|---|---|\n| 1 | -1 |\n\n1. one\n2. two")
    )
    assert "<strong>a</strong>" in made
    assert "<mfrac>" in made
    assert "<td>-1</td>" in made
    assert "<li>two</li>" in made


def test_a_formula_that_can_not_be_read_stays_as_it_is_written() -> None:
    """A broken formula costs nothing but its typesetting."""
    assert "\\frac{" in str(notebooks.markdown("$\\frac{$"))


@pytest.mark.parametrize(
    ("uri", "kept"),
    [
        ("data:image/png;base64,iVBORw0KGgo=", True),
        ("data:image/svg+xml;base64,PHN2Zz4=", False),
        ("https://example.org/a.png", False),
        ('data:image/png;base64,AA" onload="x', False),
    ],
)
def test_only_bitmaps_that_the_page_carries_are_pictures(uri: str, kept: bool) -> None:
    """A picture is a data URI of a bitmap and nothing else."""
    assert bool(notebooks.bitmap(uri)) is kept


def with_notebook() -> Grade:
    answer = InlineAnswer(
        id="rnn.1", title="Words", question="Which?", answer="It is **fast**. " + HOSTILE[0], rubric="Key: speed",
        pictures=("data:image/png;base64,iVBORw0KGgo=", "javascript:alert(1)"), max_points=3,
    )  # fmt: skip
    silent = InlineAnswer(id="rnn.2", title="Silence", question="Why?", max_points=1)
    step = NotebookStep(
        id="a", title="A", cell=3, state="ran", readings=(Reading(name="dx", stored="1e-9", executed="0.4"),)
    )
    finding = NotebookFinding(kind="never executed", message="<b>cell</b>", cell=4)
    made = NotebookResult(
        id="rnn",
        title="RNN",
        file="<i>RNN.ipynb",
        findings=(finding,),
        steps=(step,),
        answers=(answer, silent),
    )
    return msgspec.structs.replace(typical(), notebooks=(made,))


def test_a_page_shows_findings_numbers_and_answers() -> None:
    """Staff see question, answer, rubric, the numbers stored and executed; an empty answer is shown as empty."""
    made = page.render(with_notebook())
    for text in (
        "<strong>fast</strong>",
        "Key: speed",
        "0.4",
        "1e-9",
        "(empty)",
        "never executed",
        "&lt;b&gt;cell",
    ):
        assert text in made
    assert made.count("<img") == 1
    assert "<script>alert" not in made


def test_a_student_does_not_see_the_rubric_of_a_question() -> None:
    """What a right answer says is for staff alone."""
    made = page.render(student.of(with_notebook()))
    assert "Key: speed" not in made
    assert "<strong>fast</strong>" in made
