"""The runs of a calibration, one a line of a file, and what they say about the bars: a table for people.

With no failure in n runs the true rate may still be about 3 / n; the table gives the exact bound (Clopper-Pearson,
one-sided, 95 %).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from grader.errors import UsageError
from grader.results import Outcome

CHECKS = {  # course -> check
    "rnn": "training.rnn.overfit",
    "lstm": "training.lstm.overfit",
    "transformer": "training.transformer.overfit",
    "vanilla": "training.gan.digits",
    "ls": "training.lsgan.digits",
    "dc": "training.dcgan.digits",
    "simclr": "training.simclr.representation",
}
RIGHT = "reference"
DOUBT = 0.05  # a bound holds with this probability left over


class Trial(msgspec.Struct, frozen=True):
    """One training check of one variation with one seed."""

    profile: str
    course: str
    variation: str  # "reference", the folder of another solution, or a mistake's id
    right: bool  # correct work
    seen: bool  # a mistake that the bars have to see
    seed: int
    outcome: str
    steps: float  # until the bars were met, or all
    last: dict[str, float]  # by metric, at the end
    half: dict[str, float]  # by metric, the best at the measurements of the first half of the steps
    cpu_seconds: float  # of the submission's process
    peak_mb: float
    message: str = ""
    made_on: str = ""  # the machine


def read(path: Path) -> list[Trial]:
    """The runs noted in a file; a last line that was cut off is left out. Raises `UsageError` for other files."""
    if not path.exists():
        return []
    lines = path.read_bytes().splitlines(keepends=True)
    try:
        return [msgspec.json.decode(line, type=Trial) for line in lines if line.endswith(b"\n")]
    except msgspec.MsgspecError as error:
        raise UsageError(f"{path} holds something else than runs: {error}.", "Name another file.") from error


def report(trials: Sequence[Trial]) -> Iterator[str]:
    """All of it as Markdown, by profile: how sure the bars are by check, then what each variation reached."""
    yield "# How well the training bars tell right from wrong"
    yield ""
    yield "Made by `gradmark calibrate --table`; notes by hand are in `training_notes.md`."
    for profile in dict.fromkeys(trial.profile for trial in trials):
        own = [trial for trial in trials if trial.profile == profile]
        yield ""
        yield f"## The profile {profile}"
        yield ""
        yield from _preface(own)
        yield ""
        yield from summary(own)
        yield ""
        yield from table(own)


def _preface(trials: Sequence[Trial]) -> Iterator[str]:
    right = [trial for trial in trials if trial.right]
    wrong = [trial for trial in trials if not trial.right and trial.seen]
    mistakes = len({trial.variation for trial in wrong})
    machines = "; ".join(dict.fromkeys(trial.made_on for trial in trials))
    yield f"Whole training checks, one thread each, on: {machines}."
    yield f"{len(right)} runs of correct work: {_passed(right)} passed."
    yield f"{len(wrong)} runs of {mistakes} mistakes: {_passed(wrong)} passed."
    yield "The bars were chosen from other runs than these. The bounds on the true rates hold with 95 %, if all runs"
    yield "are independent; solutions that compute the same make nearly the same run of a seed, so for right work"
    yield f"the reference's own runs say most: none failed of 20 leaves up to {at_most(0, 20):.0%}."


def summary(trials: Sequence[Trial]) -> Iterator[str]:
    """For each check how often correct work failed and mistakes passed, and how often that may be at most."""
    yield "| check | correct runs | failed | true rate at most | runs of mistakes | passed | true rate at most |"
    yield "|---|---|---|---|---|---|---|"
    for course in CHECKS:
        right = [t for t in trials if t.course == course and t.right]
        wrong = [t for t in trials if t.course == course and not t.right and t.seen]
        if right or wrong:
            failed, passed = len(right) - _passed(right), _passed(wrong)
            yield (
                f"| {course} | {len(right)} | {failed} | {_percent(failed, len(right))} "
                f"| {len(wrong)} | {passed} | {_percent(passed, len(wrong))} |"
            )


def _percent(hits: int, runs: int) -> str:
    return f"{at_most(hits, runs):.1%}"


def at_most(hits: int, runs: int) -> float:
    """The highest rate at which so few hits in so many runs are not yet rarer than `DOUBT`."""
    if hits >= runs:
        return 1.0
    low, high = hits / runs, 1.0
    while high - low > 1e-6:
        rate = (low + high) / 2
        few = sum(math.comb(runs, k) * rate**k * (1 - rate) ** (runs - k) for k in range(hits + 1))
        low, high = (rate, high) if few > DOUBT else (low, rate)
    return high


def table(trials: Sequence[Trial]) -> Iterator[str]:
    """A row for each course and variation: how many passed, and the range of what they reached."""
    yield "| check | variation | runs | passed | steps | at the end | best in the first half | CPU s | MB, most |"
    yield "|---|---|---|---|---|---|---|---|---|"
    groups: dict[tuple[str, str], list[Trial]] = {}
    for trial in trials:
        groups.setdefault((trial.course, trial.variation), []).append(trial)
    for course in CHECKS:
        own = [group for (name, _), group in groups.items() if name == course]
        for group in sorted(own, key=lambda group: not group[0].right):
            yield _row(course, group)


def _row(course: str, group: Sequence[Trial]) -> str:
    variation = group[0].variation + ("" if group[0].right or group[0].seen else " (not seen)")
    last, half = _ranges([t.last for t in group]), _ranges([t.half for t in group])
    steps = _range([t.steps for t in group])
    cpu = _range([t.cpu_seconds for t in group], ".0f")
    peak = max(t.peak_mb for t in group)
    return (
        f"| {course} | {variation} | {len(group)} | {_passed(group)} | {steps} | {last} | {half} | {cpu} "
        f"| {peak:.0f} |"
    )


def _passed(trials: Iterable[Trial]) -> int:
    return sum(trial.outcome == Outcome.PASSED for trial in trials)


def _ranges(found: Sequence[Mapping[str, float]]) -> str:
    metrics = dict.fromkeys(metric for values in found for metric in values)
    parts = [f"{metric} {_range([f[metric] for f in found if metric in f])}" for metric in metrics]
    return "; ".join(parts) or "nothing that can be measured"


def _range(values: Sequence[float], form: str = ".3g") -> str:
    low, high = format(min(values), form), format(max(values), form)
    return low if low == high else f"{low} to {high}"
