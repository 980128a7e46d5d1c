"""What is taken out of text before anybody sees it."""

from __future__ import annotations

import pytest

from reports import text
from tests.reports.sample import HOSTILE


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07after", "after"),
        ("\x1b]8;;http://example.org\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x9b2Jcleared", "cleared"),
        ("\x1bPquery\x1b\\x", "x"),
        ("a\x00b", "a␀b"),
        ("\u202egnorw", "⟨U+202E⟩gnorw"),
        ("\ud800", "⟨U+D800⟩"),
        ("one\r\ntwo\rthree", "one\ntwo\nthree"),
        ("tab\tstays, ümlaut and 漢字 too", "tab\tstays, ümlaut and 漢字 too"),
    ],
)
def test_nothing_unseen_remains(raw: str, shown: str) -> None:
    """Terminal codes go, invisible characters get names, ordinary text in any script stays."""
    assert text.clean(raw) == shown


def test_an_unfinished_terminal_code_is_harmless() -> None:
    """An escape character that starts no complete code is shown, not sent to the terminal."""
    assert "\x1b" not in text.clean("tail \x1b[12") + text.clean("\x1b")


def test_long_text_is_cut_with_a_notice_and_keeps_its_end() -> None:
    """A megabyte becomes some kilobytes, says how much is missing, and its last line is still there."""
    cut = text.block("x" * 1_000_000 + "ValueError: the reason")
    assert len(cut) < text.BLOCK_LIMIT + 100
    assert "992,022 characters cut" in cut
    assert cut.endswith("ValueError: the reason")


def test_piled_marks_are_thinned() -> None:
    """Five hundred accents on one letter can't cover the lines above; an ordinary accent stays."""
    assert len(text.clean("e" + "\u0301" * 200)) == 5
    assert text.clean("e\u0301") == "e\u0301"


@pytest.mark.parametrize("raw", HOSTILE)
def test_a_line_is_one_line(raw: str) -> None:
    """Whatever goes in, `line` gives one line that can be encoded as UTF-8."""
    assert len(text.line(raw).encode().splitlines()) == 1


def test_backticks_become_code_after_escaping() -> None:
    """A quoted name is set as code; markup inside or around it stays text."""
    assert text.prose("`h0` <b> `<i>` `open") == "<code>h0</code> &lt;b&gt; <code>&lt;i&gt;</code> `open"
