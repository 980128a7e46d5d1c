"""The tables of mistakes and the checks that each fails: `python -m tests.mutants.table [--new] [part ...]` makes them.

A table is Markdown to read, and at the same time the store that the tests compare with: one file per part. With
--new only what the table lacks is graded: new mistakes, and new checks. Without, everything is (some minutes).
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path

from checks.mistakes import EQUIVALENT, Mistake
from checks.mistakes.declare import FILES
from grader.session import Grader
from tests.mutants.harness import Mutator, failed, mutator
from tests.mutants.parts import PARTS, Part, specs

TABLES = Path(__file__).with_name("tables")

HEAD = """\
# Which check fails for which mistake: the part `{part}`

Made by `make mutants`; `tests/mutants/test_mistakes.py` holds it to be true. Names without a module are checks of
the function itself; the others are of what is built from it. Blocked checks are not listed.
"""
COUNTS = "# How many mistakes fail each check\n\n| check | mistakes |\n|---|---|\n"

Results = Mapping[str, Sequence[str]]  # the failed checks by the mistake's id


def path(part: Part) -> Path:
    """The file of a part's table."""
    return TABLES / f"{part.name}.md"


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


def results(part: Part, text: str) -> dict[str, list[str]]:
    """What the table in `text` says that each mistake of the part fails; nothing, where it has no row."""
    stored, modules = rows(text), tuple(f"{module}." for module in FILES)
    found: dict[str, list[str]] = {}
    for mistake in part.mistakes:
        names = stored.get(mistake.id, "").rpartition(" | ")[2].split("`")[1::2]  # the last column
        found[mistake.id] = [n if n.startswith(modules) else f"{mistake.function}.{n}" for n in names]
    return found


def render(part: Part, failures: Results) -> str:
    """The whole table, from the failed checks of every mistake of the part."""
    pieces = [HEAD.format(part=part.name)]
    for function, own in groupby(part.mistakes, key=lambda mistake: mistake.function):
        lines = "\n".join(row(mistake, failures[mistake.id]) for mistake in own)
        pieces.append(f"## {function}\n\n| mistake | what is wrong | fails |\n|---|---|---|\n{lines}\n")
    pieces.append(_equivalents(part))
    count = Counter(check for checks in failures.values() for check in checks)
    counts = "".join(f"| `{id}` | {count[id]} |\n" for id in specs(part.select))
    return "\n".join([*pieces, COUNTS + counts])


def _equivalents(part: Part) -> str:
    """The table of variations of the part that no check may fail for, with the reasons."""
    own = (m for m in EQUIVALENT if m.module in part.modules)
    lines = "".join(f"| {m.id} | {m.sentence} | {m.hint} |\n" for m in own)
    return f"# What looks like a mistake and is none\n\n| variation | what looks wrong | why it is right |\n|---|---|---|\n{lines}"


def counted(text: str) -> set[str]:
    """The checks that the table in `text` was made with."""
    return {line.split("`")[1] for line in text.rpartition(COUNTS)[2].splitlines() if line.startswith("| `")}


def graded(part: Part, made: Mutator) -> dict[str, list[str]]:
    """What every mistake of the part fails now."""
    return {mistake.id: failed(made.grade(mistake)) for mistake in part.mistakes}


def completed(part: Part, made: Mutator, text: str) -> dict[str, list[str]]:
    """What the table in `text` says, with new mistakes graded, and the others in new checks alone."""
    known, stored = specs(part.select), results(part, text)
    new = known.keys() - counted(text)
    for mistake in part.mistakes:
        if mistake.id not in rows(text):
            stored[mistake.id] = failed(made.grade(mistake))
        elif new:
            stored[mistake.id] += failed(made.grade(mistake, select=" or ".join(new)))
    return {id: [check for check in known if check in found] for id, found in stored.items()}


def main(arguments: Sequence[str]) -> int:
    names = [name for name in arguments if name != "--new"]
    unknown = set(names) - {part.name for part in PARTS}
    if unknown:
        print(f"No such part: {', '.join(sorted(unknown))}. There are {', '.join(p.name for p in PARTS)}.")
        return 2
    TABLES.mkdir(exist_ok=True)
    with Grader() as grader, mutator(grader) as made:
        for part in PARTS:
            if part.name in names or not names:
                file, new = path(part), "--new" in arguments and path(part).exists()
                found = completed(part, made, file.read_text("utf-8")) if new else graded(part, made)
                file.write_text(render(part, found), encoding="utf-8")
                print(f"{file}: {len(found)} mistakes, {len(specs(part.select))} checks", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
