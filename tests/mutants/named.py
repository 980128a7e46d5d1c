"""How often the report says what is wrong: `python -m tests.mutants.named [--known 50] [--made 50]` makes NAMED.md.

Two kinds of mistakes: the known ones, which should be named, and ones made by rule (`tests.mutants.made`), of which
the numbers should show a pattern. A pattern counts when the same is said on other inputs. Each mistake is graded in
the checks of its own function; samples are drawn by a fixed seed.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from checks.mistakes import ALL, Mistake
from grader.results import CheckResult, Grade, Mismatch, Outcome, Traceback
from grader.session import Grader
from tests.mutants.harness import SEED, Mutator, mutator
from tests.mutants.made import Made, sample
from tests.mutants.parts import specs

FILE = Path(__file__).with_name("NAMED.md")
OTHER_SEED, THIRD_SEED = 977, 4242
GENERAL = ("is wrong in", "not the gradient of your own")  # what is said of any mismatch

NAMED, ALIKE, PATTERN, SAID, RAISED, SILENT, WRONG, SURVIVED = (
    "named", "named as one that answers alike", "pattern", "the check's own words", "raises, with its line",
    "no explanation", "wrong explanation", "survived",
)  # fmt: skip


@dataclass(frozen=True)
class Verdict:
    """What a report made of one mistake."""

    id: str
    kind: str
    sentence: str


def of_known(made: Mutator, mistake: Mistake) -> Verdict:
    """What is said of a known mistake in the checks of its function."""
    own = list(
        dict.fromkeys([*own_checks(mistake.function), *mistake.caught_by])
    )  # a cache shows in backward
    failed = failures(made.grade(mistake, select=select(own)))
    for check in failed:
        if check.mistake is not None and check.mistake.id != mistake.id:
            other = next(m for m in ALL if m.id == check.mistake.id)
            if not _alike(made.grader, mistake, other, [f.id for f in failed]):
                return Verdict(mistake.id, WRONG, f"{check.id}: {check.mistake.sentence}")
    names = {check.mistake.id for check in failed if check.mistake is not None}
    if names:
        return Verdict(mistake.id, NAMED if mistake.id in names else ALIKE, ", ".join(sorted(names)))
    return _unnamed(mistake.id, failed, lambda: made.grade(mistake, OTHER_SEED, select(own)))


def of_made(made: Mutator, mutant: Made) -> Verdict:
    """What is said of a mistake made by rule in the checks of its function; of its part, when those all pass."""
    id, own = name(mutant), own_checks(mutant.function)

    def grade(seed: int, only: str) -> Grade:
        return made.grade_text(mutant.file, mutant.text, seed, only)

    failed = failures(grade(SEED, select(own)))
    if not failed:
        return Verdict(id, SURVIVED, mutant.rule)
    names = [check.mistake for check in failed if check.mistake is not None]
    if names:
        return Verdict(id, NAMED, names[0].sentence)
    return _unnamed(id, failed, lambda: grade(OTHER_SEED, select(own)))


def name(mutant: Made) -> str:
    """A change in one line."""
    return f"{mutant.function}: {mutant.before} -> {mutant.after}"


def _unnamed(id: str, failed: Sequence[CheckResult], again: Callable[[], Grade]) -> Verdict:
    kinds = [(kind(check), check) for check in failed]
    if any(k == PATTERN for k, _ in kinds):
        seen = {shape(check.hint) for check in failures(again()) if kind(check) == PATTERN}
        for k, check in kinds:
            if k == PATTERN and shape(check.hint) in seen:
                return Verdict(id, PATTERN, check.hint)
    for wanted in (SAID, RAISED):
        for k, check in kinds:
            if k == wanted:
                return Verdict(id, k, check.message)
    return Verdict(id, SILENT, failed[0].message)


def kind(check: CheckResult) -> str:
    """What a failed check says beyond that it failed."""
    if any(isinstance(detail, Traceback) for detail in check.details) or " raised " in check.message:
        return RAISED
    general = any(words in check.message for words in GENERAL)
    if any(isinstance(detail, Mismatch) and detail.different for detail in check.details) or general:
        return PATTERN if check.hint and "moving one input" not in check.hint else SILENT
    return SAID


def shape(sentence: str) -> str:
    """A sentence without its numbers, which differ from input to input."""
    return re.sub(r"-?\d[\d.e+-]*", "#", sentence.removeprefix("At other sizes: ")).split(" (")[0]


def failures(grade: Grade) -> list[CheckResult]:
    return [check for check in grade.checks if check.outcome is Outcome.FAILED]


def own_checks(function: str) -> list[str]:
    """The ids of a function's own checks."""
    return [id for id, spec in specs().items() if f"{spec.module}.{spec.function}" == function]


def select(ids: Iterable[str]) -> str:
    """The expression that keeps these checks."""
    return " or ".join(ids)


def _alike(grader: Grader, one: Mistake, other: Mistake, ids: Sequence[str]) -> bool:
    assert grader._explainer is not None
    return grader._explainer.alike(one, other, ids, THIRD_SEED)


HEAD = """\
# How often the report says what is wrong

Made by `python -m tests.mutants.named`. "Pattern" is a sentence that the numbers support on two sets of inputs.

## Figures

"""
TITLES = {"known": "Known mistakes", "made": "Mistakes made by rule"}
COLUMNS = "| mistake | what the report makes of it | sentence |\n|---|---|---|\n"

Verdicts = dict[str, Verdict]


def stored(text: str) -> dict[str, Verdict]:
    """The verdicts in a NAMED.md, by the section's key and the mistake's id."""
    found: dict[str, Verdict] = {}
    section = ""
    for line in text.splitlines():
        if line.startswith("## "):
            section = next((key for key, title in TITLES.items() if line == f"## {title}"), "")
        elif section and line.startswith("| ") and not line.startswith("| mistake |"):
            id, kind, sentence = (cell.strip() for cell in line.strip("|").split(" | "))
            found[f"{section} {id}"] = Verdict(id, kind, sentence)
    return found


def render(known: Sequence[Verdict], made: Sequence[Verdict]) -> str:
    """The whole file."""
    parts = [HEAD + "\n".join(f"- {line}" for line in figures(known, made)) + "\n"]
    for key, verdicts in (("known", known), ("made", made)):
        rows = "".join(f"| {_cell(v.id)} | {v.kind} | {_cell(v.sentence)} |\n" for v in verdicts)
        parts.append(f"## {TITLES[key]}\n\n{COLUMNS}{rows}")
    return "\n".join(parts)


def figures(known: Sequence[Verdict], made: Sequence[Verdict]) -> list[str]:
    """The shares in words."""
    of_known, of_made = (Counter(v.kind for v in verdicts) for verdicts in (known, made))
    caught = len(made) - of_made[SURVIVED]
    valued = of_made[PATTERN] + of_made[SILENT]
    return [
        f"Known mistakes graded: {len(known)} of {len(ALL)}.",
        f"Named: {of_known[NAMED]}, or one that can't be told apart from it: {of_known[ALIKE]}. "
        f"Not named, and a pattern: {of_known[PATTERN]}; told in the check's own words: {of_known[SAID]}. "
        f"Together {_share(explained(known), len(known))}.",
        f"Wrong explanations: {of_known[WRONG]} ({_share(of_known[WRONG], len(known))}).",
        f"Mistakes made by rule: {len(made)}, of which {caught} are caught; {of_made[NAMED]} are known ones.",
        f"Of the others, {of_made[RAISED]} raise an exception, shown with its line, and {of_made[SAID]} are told in the "
        f"check's own words; {valued} give wrong numbers, of which {_share(of_made[PATTERN], valued)} get a pattern.",
        f"Of the others without the exceptions {_share(of_made[PATTERN] + of_made[SAID], valued + of_made[SAID])} "
        "get a true sentence.",
    ]


def explained(verdicts: Iterable[Verdict]) -> int:
    """How many have their own sentence, that of an equal mistake, or a pattern."""
    return sum(v.kind in (NAMED, ALIKE, PATTERN, SAID) for v in verdicts)


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "none"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "/")


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description="Grades more mistakes, and writes NAMED.md anew.")
    parser.add_argument("--known", type=int, default=0, help="how many known mistakes more")
    parser.add_argument("--made", type=int, default=0, help="how many of those made by rule more")
    parser.add_argument("--anew", action="store_true", help="forget what the file says")
    options = parser.parse_args(arguments)
    before = stored(FILE.read_text("utf-8")) if FILE.exists() and not options.anew else {}
    known = [v for key, v in before.items() if key.startswith("known ")]
    ruled = [v for key, v in before.items() if key.startswith("made ")]
    more_known = [m for m in _shuffled() if f"known {m.id}" not in before][: options.known]
    more_made = [m for m in sample(10_000) if f"made {_cell(name(m))}" not in before][: options.made]
    with Grader(explain=True) as grader, mutator(grader) as made:
        for verdicts, verdict in _graded(made, more_known, known, more_made, ruled):
            verdicts.append(verdict)
            print(verdict.id, verdict.kind, verdict.sentence, sep=" | ", flush=True)
            FILE.write_text(render(known, ruled), encoding="utf-8")  # at once: the whole takes an hour
    print(*figures(known, ruled), sep="\n")
    return 0


def _graded(
    made: Mutator,
    mistakes: Iterable[Mistake],
    known: list[Verdict],
    mutants: Iterable[Made],
    ruled: list[Verdict],
) -> Iterator[tuple[list[Verdict], Verdict]]:
    """Each verdict with the list that it belongs to."""
    for mistake in mistakes:
        yield known, of_known(made, mistake)
    for mutant in mutants:
        yield ruled, of_made(made, mutant)


def _shuffled() -> list[Mistake]:
    mistakes = list(ALL)
    random.Random(0).shuffle(mistakes)
    return mistakes


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
