"""The page of the rubric's keys: each with its meaning and default, from the structures that read it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from grader import rubric as reading
from grader import session
from grader.policy import FIELDS, Policy
from grader.results import Limits
from grader.tolerance import TOLERANCES
from handbook.fields import meanings
from handbook.markdown import code, table, text

TOLD = {
    "extends": "The first line of a rubric that holds only what differs. Its lines go before all of gradmark's own.",
    "parts": "The parts that are scored by themselves, `[parts.NAME]`. Every check belongs to one.",
    "points": "What a check is worth, a whole number from 0 up. The key is a check's id or a pattern; an exact id beats "
    "every pattern, and among patterns the one with the most literal characters wins. All ids: [checks](checks.md).",
    "limits": "What one call and one submission may use.",
    "tolerances": "A factor above 0 on a [tolerance](tolerances.md): 2 allows twice as much.",
    "visibility": 'Who may see a check: `"public"`, or `"hidden"` for staff alone. The key is an id or a pattern.',
    "policy": "What the course makes of points. Without it lateness costs nothing and the last attempt counts.",
    "shortcuts": "What a function should not call, a list of full names (a function, class, module or package, or a "
    "pattern). Whoever calls one is flagged for staff and loses nothing. The key is a function or a pattern.",
}


def page() -> str:
    """The page, as Markdown. Raises `RuntimeError` for a key that nobody has described."""
    told = [*reading.TABLES, reading.EXTENDS]
    if set(told) != set(TOLD):
        raise RuntimeError(f"handbook/rubric.py describes {sorted(TOLD)}, the rubric has {sorted(told)}")
    made = {"parts": _parts, "limits": _limits, "tolerances": _tolerances, "policy": _policy}
    sections = [
        f"## {name}\n\n{TOLD[name]}\n\n{made[name]() if name in made else _example(name)}\n" for name in TOLD
    ]
    return (
        "# The rubric's keys\n\nThe defaults are those of gradmark's own rubric, `checks/rubric.toml`. How to write "
        "one of your own: [points and policies](../rubric.md).\n\n" + "\n".join(sections)
    )


def described(record: type[Any], names: Iterable[str]) -> list[tuple[str, str]]:
    """Fields with their meaning. Raises `RuntimeError` when one has no comment beside it."""
    found = meanings(record)
    if silent := [name for name in names if not found.get(name)]:
        raise RuntimeError(f"{record.__module__}.{record.__name__}: no comment says what {silent} mean")
    return [(name, found[name]) for name in names]


def _parts() -> str:
    ruled = session.default_rubric()
    keys = [[code(name), text(said)] for name, said in described(reading.Part, reading.PART_FIELDS)]
    rows = [[code(p.id), text(p.title), "yes" if p.extra_credit else ""] for p in ruled.parts.values()]
    return table(("key", "meaning"), keys) + "\n" + table(("part", "title", "extra credit"), rows)


def _limits() -> str:
    ruled = session.default_rubric().limits
    rows = [
        [code(name), code(_shown(getattr(ruled, name))), text(said)]
        for name, said in described(Limits, Limits.__struct_fields__)
    ]
    return table(("key", "default", "meaning"), rows)


def _policy() -> str:
    usual = Policy()
    rows = [
        [code(name), code(_shown(getattr(usual, name))), text(said)]
        for name, said in described(Policy, FIELDS)
    ]
    return table(("key", "default", "meaning"), rows)


def _tolerances() -> str:
    return table(("key", "default"), [[code(name), code("1")] for name in TOLERANCES])


def _example(name: str) -> str:
    lines = {
        "extends": 'extends = "default"',
        "points": '[points]\n"rnn_layers.*.inputs_unmodified" = 0\n"rnn.CaptioningRNN.sample.values" = 8',
        "visibility": '[visibility]\ndefault = "public"  # what holds for checks that no line matches\n"*.edge_cases" = "hidden"',
        "shortcuts": '[shortcuts]\n"rnn_layers.*" = ["torch"]\n"rnn_layers.sigmoid" = []  # allows everything',
    }
    return f"```toml\n{lines[name]}\n```\n"


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return f'"{value}"' if value else ""
    if isinstance(value, tuple):
        return str(list(value))
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
