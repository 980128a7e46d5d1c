"""What a mistake costs beside the points of its own function: `python -m tests.mutants.once [part ...]` makes ONCE.md.

One known mistake at a time is made in otherwise right work. It should cost once: what is built from the wrong function
and is right in itself earns its points. Mistakes that cost more are listed with the reason.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from checks.mistakes import ALL, Mistake
from grader.results import Grade
from grader.session import Grader
from tests.mutants.harness import mutator
from tests.mutants.parts import PARTS, specs

TABLE = Path(__file__).with_name("ONCE.md")
HEAD = """\
# Each mistake costs once

Made by `make once`; `tests/mutants/test_mistakes.py` holds it to be true. One known mistake is made in otherwise right
work, and the whole part graded. "Points" are the function's own; "once" counts the mistakes that cost points of that
function alone, "more" those that cost points elsewhere too: they are listed below, with the reason.

| function | points | mistakes made | once | more |
|---|---|---|---|---|
"""
MORE = "\n# Mistakes that cost points elsewhere\n\n| function | mistake | points elsewhere | why |\n|---|---|---|---|\n"

Costs = Mapping[str, int]  # points lost elsewhere, by function: "rnn_layers.rnn_backward"
GIVEN = "handed out complete: it carries no points itself, so the mistake costs where it shows"
CACHE = "what is wrong is in the cache, and only the backward pass reads that"
NO_CACHE = "its cache can't be mended: only the function itself knows what belongs where"


def elsewhere(mistake: Mistake, grade: Grade) -> dict[str, int]:
    """The points that the reference with this mistake lost in other functions."""
    lost: Counter[str] = Counter()
    for check in grade.checks:
        lost[_function(specs()[check.id])] += check.max_points - check.points
    return {name: points for name, points in lost.items() if points and name != mistake.function}


def reason(mistake: Mistake, costs: Costs) -> str:
    """Why a mistake costs elsewhere; empty where there is no good reason."""
    if mistake.function not in _points() or not _points()[mistake.function]:
        return GIVEN
    backward = mistake.function.replace("_forward", "_backward")
    if backward == mistake.function or set(costs) != {backward}:
        return ""
    own = any(specs()[id].function == mistake.function.partition(".")[2] for id in mistake.caught_by)
    return NO_CACHE if own else CACHE


def _function(spec: object) -> str:
    return f"{spec.module}.{spec.function}"  # type: ignore[attr-defined]


def _points() -> Counter[str]:
    """The points of each function."""
    from grader.session import default_rubric

    rubric, found = default_rubric(), Counter[str]()
    for id, spec in specs().items():
        found[_function(spec)] += rubric.points(id)
    return found


def render(costs: Mapping[str, Costs]) -> str:
    """The table, from what each mistake that was made cost elsewhere, by `key`."""
    made: dict[str, list[Mistake]] = {}
    for mistake in ALL:
        if key(mistake) in costs:
            made.setdefault(mistake.function, []).append(mistake)
    points, lines, more = _points(), "", ""
    for function, mistakes in made.items():
        costly = [m for m in mistakes if costs[key(m)]]
        once = len(mistakes) - len(costly)
        lines += f"| `{function}` | {points[function]} | {len(mistakes)} | {once} | {len(costly)} |\n"
        more += "".join(row(m, costs[key(m)]) for m in costly)
    return HEAD + lines + MORE + more


def row(mistake: Mistake, costs: Costs) -> str:
    """One line of the list of mistakes that cost more."""
    lost = ", ".join(f"`{name}` {points}" for name, points in costs.items())
    name = mistake.id.rpartition(".")[2]
    return f"| `{mistake.function}` | {name} | {lost} | {reason(mistake, costs)} |\n"


def key(mistake: Mistake) -> str:
    """A mistake's name among all: ids repeat in different modules."""
    return f"{mistake.function}.{mistake.id.rpartition('.')[2]}"


def stored(text: str) -> dict[str, dict[str, int]]:
    """The mistakes that cost more and what they cost elsewhere, from the table in `text`."""
    found = {}
    for line in text.partition(MORE)[2].splitlines():
        function, name, lost, _ = line.strip("| ").split(" | ")
        pieces = (piece.rpartition(" ") for piece in lost.split(", "))
        found[f"{function.strip('`')}.{name}"] = {of.strip("`"): int(points) for of, _, points in pieces}
    return found


def counted(text: str) -> dict[str, tuple[int, int, int, int]]:
    """By function its points, and how many mistakes were made, cost once, and cost more."""
    found = {}
    for line in text.partition(MORE)[0].removeprefix(HEAD).splitlines():
        function, *numbers = line.strip("| ").split(" | ")
        points, made, alone, more = map(int, numbers)
        found[function.strip("`")] = (points, made, alone, more)
    return found


def main(arguments: Sequence[str]) -> int:
    names = [part.name for part in PARTS]
    parts: Iterable[str] = arguments or names
    costs: dict[str, Costs] = {}
    with Grader() as grader, mutator(grader) as made:
        for mistake in ALL:
            part = next(part for part in PARTS if mistake.module in part.modules)
            if part.name in parts:
                costs[key(mistake)] = elsewhere(mistake, made.grade(mistake))
    TABLE.write_text(render(costs), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
