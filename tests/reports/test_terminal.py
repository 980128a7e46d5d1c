"""A grade in the terminal."""

from __future__ import annotations

import io
import re

import msgspec
import pytest
from rich.console import Console

from grader.results import Flag
from reports import terminal
from tests.reports import sample

# What rich itself uses: colours and weights.
STYLE = re.compile(r"\x1b\[[\d;]*m")


def shown(grade: sample.Grade, **options: object) -> str:
    """What `summary` prints on a console with `options`."""
    out = io.StringIO()
    terminal.summary(grade, Console(file=out, **{"width": 100, **options}))
    return out.getvalue()


def test_the_summary_tells_the_essentials() -> None:
    """Parts, functions, outcomes in words, first messages, hints, problems, faults and the score."""
    said = shown(sample.typical())
    for words in (
        "Vanilla RNN captioning",
        "LSTM captioning (extra credit)",
        "1 / 3    3 / 9",
        "is twice what it should be",
        "Try: Look for a factor of 2",
        "Hand-in: cs231n/classifiers/rnn.py: The file is missing.",
        "Grader fault",
        "rnn_layers.rnn_forward.values  The reference worker died twice.",
        "Score: 24 of 36 points, 3 of them extra credit, 2 undecided",
    ):
        assert words in said, words


def test_no_colour_without_a_terminal() -> None:
    """Into a file or pipe goes plain text."""
    assert "\x1b" not in shown(sample.typical())


def test_no_colour_is_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    """NO_COLOR leaves weights at most, no colours, on a terminal as well."""
    coloured = shown(sample.typical(), force_terminal=True)
    monkeypatch.setenv("NO_COLOR", "1")
    plain = shown(sample.typical(), force_terminal=True)
    assert "\x1b[31m" in coloured
    assert not re.findall(r"\x1b\[[\d;]*3\dm", plain)


@pytest.mark.parametrize("raw", sample.HOSTILE)
def test_student_text_sends_nothing_to_the_terminal(raw: str) -> None:
    """Neither terminal codes nor rich's own markup in student text take effect."""
    said = STYLE.sub("", shown(sample.hostile(raw), force_terminal=True))
    assert not re.findall("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e\u2066]", said)


def test_markup_is_shown_as_it_is() -> None:
    """Square brackets and emoji names of a student are not rich markup."""
    assert "[bold red]markup[/bold red] :skull:" in shown(
        sample.hostile("[bold red]markup[/bold red] :skull:")
    )


@pytest.mark.parametrize("grade", [sample.empty(), sample.perfect(), sample.untouched()])
def test_every_grade_can_be_summarised(grade: sample.Grade) -> None:
    """A grade without checks or parts still ends with its score."""
    assert f"Score: {grade.points} of {grade.max_points} points" in shown(grade)


def test_flags_are_shown_to_whoever_grades() -> None:
    """One line each, at most ten, with word of how many more there are."""
    flags = (Flag(kind="shortcut", subject="rnn.f", message="calls `torch.tensor`."),) * 12
    said = shown(msgspec.structs.replace(sample.typical(), flags=flags))
    assert said.count("For staff: shortcut: rnn.f: calls `torch.tensor`.") == 10
    assert "and 2 more flags, see the report." in said
