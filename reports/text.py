"""Text of unknown origin made fit to be read: no terminal codes, nothing invisible, nothing endless.

Escaping for HTML is not done here but by the template's autoescape; this is what escaping leaves untouched:
a right-to-left override that turns "1 of 10" around, a NUL, a megabyte without a line end.
"""

from __future__ import annotations

import re
import unicodedata

from markupsafe import Markup, escape

LINE_LIMIT = 300  # names, titles, numbers
PROSE_LIMIT = 2_000  # messages and hints
BLOCK_LIMIT = 8_000  # captured output, tracebacks

_TERMINAL_CODE = re.compile(
    r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)"  # operating system command: titles, links
    r"|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # colours, cursor movements
    r"|\x1b[PX^_][^\x1b]*\x1b\\"  # device control strings
    r"|\x1b[ -/]*[0-~]"
)
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters other than tab and line feed
    "\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"  # direction marks and overrides, widthless spaces
    "\ufeff\ufff9-\ufffb\ufffe\uffff\ud800-\udfff\U000e0000-\U000e007f]"
)
_MOST_MARKS = 4  # on one letter: no script needs more, and a hundred cover the lines above
_BLANK_LINES = re.compile(r"\n\s*\n\s*\n")
_QUOTED = re.compile(r"`([^`\n]+)`")


def clean(text: str, limit: int = LINE_LIMIT) -> str:
    """`text` without terminal codes, invisible characters shown by name, at most about `limit` characters.

    What is cut from the middle is announced in its place.
    """
    if len(text) <= limit and text.isascii() and text.isprintable():
        return text  # nearly every text
    text = _shortened(text, limit).replace("\r\n", "\n")
    text = _TERMINAL_CODE.sub("", text).replace("\r", "\n")
    return _UNSEEN.sub(_named, _thinned(text))


def line(text: str, limit: int = LINE_LIMIT) -> str:
    """`text` cleaned and on one line."""
    return " ".join(clean(text, limit).split())


def block(text: str, limit: int = BLOCK_LIMIT) -> str:
    """Preformatted text: cleaned, line ends kept, none at the end."""
    return clean(text, limit).rstrip()


def prose(text: str) -> Markup:
    """A message as HTML: cleaned, escaped, then `quoted names` in backticks set as code."""
    shown = _BLANK_LINES.sub(
        "\n\n", clean(text, PROSE_LIMIT)
    )  # a thousand of them would be a page of nothing
    return Markup(_QUOTED.sub(r"<code>\1</code>", str(escape(shown))))


def _thinned(text: str) -> str:
    """`text` with at most `_MOST_MARKS` marks (accents, vowel signs) on one letter."""
    if text.isascii():
        return text
    kept, piled = [], 0
    for character in text:
        piled = piled + 1 if unicodedata.category(character) in ("Mn", "Me") else 0
        kept += [character] if piled <= _MOST_MARKS else []
    return "".join(kept)


def _shortened(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    tail = limit // 4  # an error's last lines say most, so the end is kept as well
    head = limit - tail
    return f"{text[:head]}\n[... {len(text) - limit:,} characters cut ...]\n{text[-tail:]}"


def _named(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < 0x20:
        return chr(0x2400 + code)  # the pictures that Unicode has for these
    return f"⟨U+{code:04X}⟩"
