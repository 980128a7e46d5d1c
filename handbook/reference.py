"""The pages of checks, tolerances and training bars, from what the program itself reads."""

from __future__ import annotations

from pathlib import Path

from grader import session
from grader.tolerance import TOLERANCES, Tolerance
from grader.training import bars
from handbook.markdown import code, table, text

CHECKS = Path(session.ROOT) / "checks"


def checks() -> str:
    """Every check with its points in gradmark's own rubric."""
    ruled = session.default_rubric()
    rows = [
        [code(check.id), str(ruled.points(check.id)), text(check.claim or check.title)]
        for check in session.expected_checks()
    ]
    said = "`gradmark list` shows the same for a rubric of your own (`--rubric FILE`)."
    return f"# Checks\n\n{len(rows)} checks with their points in gradmark's own rubric. {said}\n\n" + table(
        ("check", "points", "what it claims about correct work"), rows
    )


def tolerances() -> str:
    """Every tolerance with its reason."""
    rows = [
        [code(name), f"{each.relative:g}", text(each.reason)] for name, each in sorted(TOLERANCES.items())
    ]
    return (
        "# Tolerances\n\n" + text(Tolerance.__doc__ or "") + "\n\n"
        "A rubric's `[tolerances]` multiplies one by a factor, see [the rubric's keys](rubric.md#tolerances).\n\n"
        + table(("name", "relative", "why"), rows)
    )


def training() -> str:
    """The bars of the training checks, and how well they tell right from wrong."""
    found = bars.load(CHECKS / "training_bars.toml")
    told = [
        (CHECKS / name).read_text(encoding="utf-8").removeprefix("# ")
        for name in ("training_bars.md", "training_notes.md")
    ]
    return (
        "# Training bars\n\nWhat training has to reach, by profile (`gradmark grade --profile`). Every number is "
        "measured by the reference from the student's parameters.\nA run that misses its bar but comes near it is "
        "repeated once with another seed. Typical is what correct work reaches. A run is given up where it has not "
        "come as far as `far` at any time in the first half of its steps.\n\n"
        + "".join(_profile(name, found[name]) for name in found)
        + "".join(f"\n## {each}" for each in told)
    )


def _profile(name: str, ruled: object) -> str:
    assert isinstance(ruled, dict)
    rows = [
        [
            code(check),
            text(bar.title),
            f"{bar.better} {bar.value:g}",
            f"{bar.nearly:g}",
            f"{bar.typical:g}",
            _far(bar),
        ]
        for check, each in ruled.items()
        for bar in each
    ]
    return f"## Profile {name}\n\n{table(('check', 'measure', 'bar', 'near', 'typical', 'far'), rows)}\n"


def _far(bar: bars.Bar) -> str:
    return "" if bar.far is None else f"{bar.far:g}"
