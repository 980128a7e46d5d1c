"""The assignment's notebooks as steps: what each cell is for, how it is recognised, which numbers it prints.

Two families: our own notebooks, read from the handout itself, and the original ones of 2021 to 2024, known by facts
alone (the names, numbers and labels of their cells, in `checks/notebooks/notebooks.toml`).
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from grader.errors import UsageError
from grader.handout import EMPTY_ANSWER
from grader.notebook import code
from grader.notebook.document import Document, parse


@dataclass(frozen=True)
class Expected:
    """A number that a check cell prints under `label` ("*": under any), and the greatest value that is fine."""

    label: str
    bar: float
    loose: str = ""  # why it is not held against anyone, if so


@dataclass(frozen=True)
class Step:
    """A provided code cell. `strict`: all of its features are known, so that an edit can be seen."""

    id: str
    title: str
    features: code.Features
    expected: tuple[Expected, ...] = ()
    says: str = ""  # a text that it prints when all is well
    strict: bool = True
    optional: bool = False  # not in every year's notebook

    @property
    def checks(self) -> bool:
        """Whether the cell judges something."""
        return bool(self.expected or self.says)


@dataclass(frozen=True)
class Question:
    """An inline question. `words` recognise it; `text` is known for our own only."""

    id: str
    title: str
    words: frozenset[str]
    text: str = ""
    rubric: str = ""
    points: float = 0
    table: str = ""  # name of an automatic check of the answer
    picture: bool = False  # the answer is a cell's picture


@dataclass(frozen=True)
class Script:
    """One notebook of one family."""

    id: str
    title: str
    file: str
    own: bool
    steps: tuple[Step, ...]
    questions: tuple[Question, ...]
    provided: frozenset[str] = frozenset()  # the text cells of our own notebook, words only

    @property
    def protected(self) -> frozenset[str]:
        """Names that only the cells of the notebook itself may define: the judges' tools."""
        return frozenset({"rel_error", "report", "eval_numerical_gradient", "eval_numerical_gradient_array"})


def load(table: Path, handout: Path) -> tuple[tuple[Script, ...], ...]:
    """All notebooks; for each the own one (if the handout has it) and the original one."""
    return _load(table, handout)


@cache
def _load(table: Path, handout: Path) -> tuple[tuple[Script, ...], ...]:
    try:
        facts = tomllib.loads(table.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{table} can't be read: {error}.") from error
    return tuple(_family(name, entry, handout) for name, entry in facts.items())


def _family(name: str, entry: Mapping[str, Any], handout: Path) -> tuple[Script, ...]:
    questions = tuple(
        _question(name, number, raw) for number, raw in enumerate(entry.get("questions", ()), 1)
    )
    original = tuple(_original(raw) for raw in entry.get("original", ()))
    asked = tuple(
        question
        for question, raw in zip(questions, entry.get("questions", ()), strict=True)
        if not raw.get("own")
    )
    scripts = [Script(name, entry["title"], entry["file"], False, original, asked)]
    path = handout / entry["file"]
    if path.is_file():
        document = parse(path.read_bytes(), path.name)
        scripts.insert(0, _own(name, entry, document, questions))
    return tuple(scripts)


def _question(name: str, number: int, raw: Mapping[str, Any]) -> Question:
    return Question(
        f"{name}.{number}", raw["title"], frozenset(raw["words"].split()), rubric=raw.get("rubric", ""),
        points=raw.get("points", 0), table=raw.get("table", ""), picture=raw.get("picture", False),
    )  # fmt: skip


def _original(raw: Mapping[str, Any]) -> Step:
    """A step from the table; `features` is a list as in "call rel_error*3; number 231"."""
    features: code.Features = Counter()
    for part in filter(None, (part.strip() for part in raw["features"].split(";"))):
        feature, _, times = part.partition("*")
        features[feature] += int(times or 1)
    loose = raw.get("loose", "")
    expected = tuple(Expected(label, bar, loose) for label, bar in raw.get("bars", {}).items())
    return Step(
        raw["id"], raw["title"], features, expected, raw.get("says", ""),
        raw.get("strict", False), raw.get("optional", False),
    )  # fmt: skip


def _own(name: str, entry: Mapping[str, Any], document: Document, questions: tuple[Question, ...]) -> Script:
    steps = tuple(_own_steps(document, entry.get("loose", {})))
    texts = [cell.source for cell in document.cells if cell.kind == "markdown"]
    asked = [text for text in texts if re.search(r"inline question", text, re.IGNORECASE)]
    known = tuple(
        Question(**{**question.__dict__, "text": text, "words": words(text)})
        for question, text in zip(questions, asked, strict=False)
    )
    provided = frozenset(squeezed(text) for text in texts if text != EMPTY_ANSWER)
    return Script(name, entry["title"], entry["file"], True, steps, known + questions[len(known) :], provided)


def _own_steps(document: Document, loose: Mapping[str, str]) -> Iterator[Step]:
    title = "Start"
    for cell in document.cells:
        if cell.kind == "markdown":
            headings = re.findall(r"^#{1,6}\s+(.+)$", cell.source, re.MULTILINE)
            title = headings[-1].strip() if headings else title
        elif cell.kind == "code":
            expected = tuple(_reported(cell.source, loose))
            step = _step_name(cell.source) or f"cell-{cell.index}"
            yield Step(step, title, code.features(cell.source), expected)


def _calls(source: str) -> Iterator[ast.Call]:
    for node in ast.walk(code.tree(source) or ast.Module([], [])):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "report":
            yield node


def _step_name(source: str) -> str:
    names = [
        call.args[0].value for call in _calls(source) if call.args and isinstance(call.args[0], ast.Constant)
    ]
    return str(names[0]) if names else ""


def _reported(source: str, loose: Mapping[str, str]) -> Iterator[Expected]:
    """What the `report` calls of a cell print, with their bars."""
    for call in _calls(source):
        given = {keyword.arg or "*": keyword.value for keyword in call.keywords}
        bars = given.pop("at_most", None)
        reason = loose.get(_step_name(source), "")
        if isinstance(bars, ast.Call):  # dict(a=1, b=2)
            each = {str(keyword.arg): keyword.value for keyword in bars.keywords}
            yield from (Expected(name, _number(each[name]), reason) for name in given if name in each)
        elif bars is not None:
            yield from (Expected(name, _number(bars), reason) for name in given)


def _number(node: ast.expr) -> float:
    return float(ast.literal_eval(node))


def words(text: str) -> frozenset[str]:
    """The words of a text that tell it from others: four letters or more."""
    return frozenset(word for word in re.findall(r"[a-z]{4,}", text.lower()))


def squeezed(text: str) -> str:
    """A text without layout, for comparing."""
    return "".join(text.split()).lower()
