"""Text that came from student code, made safe to print: no control characters, no terminal codes, bounded."""

from __future__ import annotations

import re

# CSI, OSC and two-character escape sequences of terminals (ECMA-48).
_TERMINAL = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]{0,4096}(?:\x07|\x1b\\)|[@-Z\\^_])")
# C0 and C1 controls but tab and newline; direction overrides; lone surrogates.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def clean(text: str, limit: int = 4000) -> str:
    """`text` without terminal codes and control characters, cut to about `limit` characters."""
    cut = len(text) - limit
    text = _TERMINAL.sub("", text[:limit]).replace("\r\n", "\n").replace("\r", "\n")
    text = _CONTROL.sub("\ufffd", text)
    return f"{text} ... ({cut} more characters)" if cut > 0 else text


def clean_line(text: str, limit: int = 300) -> str:
    """Like `clean`, on one line."""
    if len(text) <= limit and text.isascii() and text.isprintable():
        return " ".join(text.split())
    return " ".join(clean(text, limit).split())
