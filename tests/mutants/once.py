"""What a mistake costs beside the points of its own function: `python -m tests.mutants.once [part ...]` makes ONCE.md.

One mistake at a time is made in otherwise right work. Each costs once: what is built from the wrong function, and right
in itself, earns its points.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from checks.mistakes import Mistake
from grader.results import Grade
from tests.mutants.parts import specs


@dataclass(frozen=True)
class Cost:
    """The points that one mistake costs."""

    own: int  # of its own function
    elsewhere: Mapping[str, int]  # by function
    apart: int  # checks that passed without the wrong function


def cost(mistake: Mistake, grade: Grade) -> Cost:
    """What the mistake cost in a grade of the reference with it."""
    lost: dict[str, int] = {}
    for check in grade.checks:
        function = f"{specs()[check.id].module}.{check.function}"
        lost[function] = lost.get(function, 0) + check.max_points - check.points
    own = lost.pop(mistake.function, 0)
    return Cost(own, {k: v for k, v in lost.items() if v}, sum(bool(c.own_parts) for c in grade.checks))
