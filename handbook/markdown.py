"""Text of the program as Markdown: tables whose cells show every character as it is."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; the cells are Markdown already."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def text(words: str) -> str:
    """Plain words in a cell: nothing in them is markup, but names between backquotes stay code."""
    parts = " ".join(words.split()).split("`")
    marked = (code(part) if i % 2 else _plain(part) for i, part in enumerate(parts))
    return "".join(marked)


def code(words: str) -> str:
    """A name or value in a cell."""
    return f"<code>{_plain(words)}</code>" if words else ""


def _plain(words: str) -> str:
    escaped = html.escape(words, quote=False)
    return "".join(f"&#{ord(sign)};" if sign in "|*_[]\\~^" else sign for sign in escaped)
