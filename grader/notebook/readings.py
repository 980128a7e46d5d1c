"""The numbers that a check cell printed, stored and executed, against the bar."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from grader.notebook.steps import Expected, Step
from grader.results import Reading

_NUMBER = r"([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|[-+]?nan|[-+]?inf)"
_OWN = re.compile(rf"^\[check\] ([\w.-]{{1,60}}): (.{{1,60}}?) = {_NUMBER} \(at most", re.MULTILINE)

_ERRORS = re.compile(
    rf"^[ \t]*([\w ]{{1,40}}error)\s*+:?\s*+{_NUMBER}", re.MULTILINE
)  # of the original notebooks

MOST_NAMES = 40  # of one cell's printed errors: each is looked for in the whole text
FINE, ABOVE, MISSING, LOOSE = "fine", "above the bar", "not printed", "not held against anyone"


@dataclass(frozen=True)
class Compared:
    """One reading, and whether stored and executed disagree about it."""

    reading: Reading
    forged: bool = False  # stored is fine, executed is not
    above: bool = False  # what counts is above the bar
    silent: bool = False  # nothing stored


def compare(step: Step, stored: str | None, executed: str | None) -> list[Compared]:
    """Every expected number of a step; `None` for a text that there is not (no cell, not executed)."""
    names = dict.fromkeys([*_names(step, stored or ""), *_names(step, executed or "")])
    found = [
        _one(step, expected, name, stored, executed)
        for name, expected in _expected(step, list(names)[:MOST_NAMES])
    ]
    if step.says:
        found.append(_said(step.says, stored, executed))
    return found


def _names(step: Step, text: str) -> Iterator[str]:
    yield from (name for who, name, _ in _OWN.findall(text) if who == step.id)
    if not _OWN.search(text):
        yield from (name.strip() for name, _ in _ERRORS.findall(text))


def _expected(step: Step, names: list[str]) -> Iterator[tuple[str, Expected]]:
    """Each expected label; "*" stands for what was printed and has no bar of its own."""
    labels = {expected.label for expected in step.expected}
    for expected in step.expected:
        if expected.label == "*":
            others = [name for name in names if name not in labels]
            yield from ((name, expected) for name in others or ["errors"])
        else:
            yield expected.label, expected


def values(step: Step, name: str, text: str) -> list[float]:
    """All numbers that `text` gives under a name."""
    own = [float(number) for who, label, number in _OWN.findall(text) if who == step.id and label == name]
    if own:
        return own
    label = re.escape(name).replace(r"\ ", r"\s++")
    return [float(number) for number in re.findall(rf"(?<!\w){label}\s*+[:=]?\s*+{_NUMBER}", text)]


def _one(step: Step, expected: Expected, name: str, stored: str | None, executed: str | None) -> Compared:
    before, now = (values(step, name, text) if text is not None else [] for text in (stored, executed))
    fine_before, fine_now = _fine(before, expected.bar), _fine(now, expected.bar)
    counts = fine_now if now else fine_before if before else None
    verdict = (
        MISSING
        if counts is None
        else FINE
        if counts
        else LOOSE + f": {expected.loose}"
        if expected.loose
        else ABOVE
    )
    reading = Reading(
        name=name, stored=_shown(before), executed=_shown(now), bar=f"{expected.bar:g}", verdict=verdict
    )
    forged = bool(before and now and fine_before and not fine_now and not expected.loose)
    return Compared(
        reading, forged, counts is False and not expected.loose, stored is not None and not before
    )


def _fine(numbers: list[float], bar: float) -> bool:
    return bool(numbers) and all(abs(number) <= bar for number in numbers)  # NaN is not


def _shown(numbers: list[float]) -> str:
    return ", ".join(f"{number:.3g}" for number in dict.fromkeys(numbers))


def _said(says: str, stored: str | None, executed: str | None) -> Compared:
    before, now = (None if text is None or not text.strip() else says in text for text in (stored, executed))
    counts = now if now is not None else before
    words = {None: "", True: "yes", False: "no"}
    verdict = MISSING if counts is None else FINE if counts else ABOVE
    reading = Reading(
        name=f"prints “{says}”", stored=words[before], executed=words[now], bar="yes", verdict=verdict
    )
    return Compared(
        reading, bool(before and now is False), counts is False, stored is not None and before is None
    )
