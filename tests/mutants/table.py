"""The table of mistakes and the checks that each fails: `python -m tests.mutants.table` writes it anew."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path

from checks.mistakes import Mistake
from grader.session import Grader
from tests.mutants.harness import MISTAKES, SELECT, failed
from tests.mutants.parts import part_of, specs

TABLE = Path(__file__).with_name("TABLE.md")

HEAD = """\
# Which check fails for which mistake

Made by `python -m tests.mutants.table`; `tests/mutants/test_rnn_mutants.py` holds it to be true. Names without a
module are checks of the function itself; the others are of what is built from it. Blocked checks are not listed.
"""


def row(mistake: Mistake, checks: Iterable[str]) -> str:
    """One line of the table."""
    own = f"{mistake.function}."
    names = ", ".join(f"`{name.removeprefix(own)}`" for name in checks)
    return f"| {mistake.id.rpartition('.')[2]} | {mistake.sentence} | {names} |"


def rows(text: str) -> dict[str, str]:
    """The lines of the table in `text`, by the mistake's id."""
    found: dict[str, str] = {}
    function = ""
    for line in text.splitlines():
        if line.startswith("#"):
            function = line[3:].partition(".")[2] if line.startswith("## ") else ""
        elif line.startswith("| ") and function and not line.startswith("| mistake"):
            found[f"{function}.{line.split(' | ')[0][2:]}"] = line
    return found


def render(results: Mapping[str, Sequence[str]]) -> str:
    """The whole table, from the failed checks of every mistake."""
    parts = [HEAD]
    for function, own in groupby(MISTAKES, key=lambda mistake: mistake.function):
        lines = "\n".join(row(mistake, results[mistake.id]) for mistake in own)
        parts.append(f"## {function}\n\n| mistake | what is wrong | fails |\n|---|---|---|\n{lines}\n")
    return "\n".join([*parts, _by_check(results)])


def _by_check(results: Mapping[str, Sequence[str]]) -> str:
    count = Counter(check for checks in results.values() for check in checks)
    lines = "\n".join(f"| `{id}` | {count[id]} |" for id in specs(SELECT))
    return f"# How many mistakes fail each check\n\n| check | mistakes |\n|---|---|\n{lines}\n"


def main() -> None:
    with Grader() as grader, part_of(grader, SELECT) as made:
        TABLE.write_text(render({m.id: failed(made.grade(m)) for m in MISTAKES}), encoding="utf-8")
    print(f"{TABLE}: {len(MISTAKES)} mistakes, {len(specs(SELECT))} checks", file=sys.stderr)


if __name__ == "__main__":
    main()
