"""Where a key stands in a TOML file: the parser gives no lines."""

from __future__ import annotations

import re

_HEADER = re.compile(r"\s*\[+([^]]+)\]")
_ENTRY = re.compile(r"""\s*((?:"[^"]*"|'[^']*'|[^=#"'])+?)\s*=""")


def line_of(text: str, table: str, key: str = "") -> int:
    """The line, from 1, where `key` of `[table]` stands (where the table begins, without a key).

    When it stands nowhere by itself, the line of what it is in (an inline table, the header).
    """
    wanted = ".".join(filter(None, (table, key)))
    inside, nearest, best = "", 1, ""
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            inside = here = _bare(header.group(1))
        elif entry := _ENTRY.match(line):
            here = ".".join(filter(None, (inside, _bare(entry.group(1)))))
        else:
            continue
        if here == wanted:
            return number
        if wanted.startswith(f"{here}.") and len(here) > len(best):
            nearest, best = number, here
    return nearest


def _bare(key: str) -> str:
    return re.sub(r"[\"'\s]", "", key)
