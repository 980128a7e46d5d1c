"""Inline answers: found whatever became of their headings, and a table of numbers judged by itself."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from grader.notebook.document import Cell
from grader.notebook.match import Match
from grader.notebook.steps import Question, squeezed, words
from grader.results import InlineAnswer

MAX_ANSWER = 12_000  # characters
MAX_PICTURES = 4
_HEADING = re.compile(
    r"^[\s>#*_`~-]*+(?:your|my|the)?\s*+answers?\b\s*+(?:here|\d+)?\s*+[:.)]?[\s*_`~]*", re.IGNORECASE
)
_QUESTION = re.compile(r"inline\s+question", re.IGNORECASE)
_EMPTY = re.compile(
    r"^[\s*_(\[]*+(?:write|type|fill|your answer|enter|answer|todo|tbd|…|\.{3})[\w\s]*(?:here|in)?[\s*_).\]:]*$",
    re.IGNORECASE,
)


Drawn = Mapping[int, tuple[str, ...]]  # pictures that a cell drew here, by its position


def collect(match: Match, drawn: Drawn = MappingProxyType({})) -> tuple[InlineAnswer, ...]:
    """One answer per question of the notebook, empty where there is none.

    Where the answer is a picture and none is stored, it is the one that was drawn here.
    """
    places = _places(match)
    return tuple(_answer(match, question, places, drawn) for question in match.script.questions)


def _places(match: Match) -> dict[str, int]:
    """Question id -> position (from 0) of the cell that asks it: the text cell that shares most of its words."""
    cells = match.document.cells
    texts = [
        (place, words(cell.source))
        for place, cell in enumerate(cells)
        if cell.kind == "markdown" and cell.source
    ]
    pairs = []
    for question in match.script.questions:
        for place, have in texts:
            asked = bool(_QUESTION.search(cells[place].source))
            share = len(question.words & have) / max(len(question.words), 1)
            if share >= (0.3 if asked else 0.6):
                pairs.append((-(share + 0.2 * asked), place, question.id))
    found: dict[str, int] = {}
    for _, place, name in sorted(pairs):
        if name not in found and place not in found.values():
            found[name] = place
    return found


def _answer(match: Match, question: Question, places: dict[str, int], pictures: Drawn) -> InlineAnswer:
    cells, place = match.document.cells, places.get(question.id)
    if place is None:
        return _made(question, question.text, "", ())
    asked, inside = _split(cells[place].source, question)
    following = _following(match, place, set(places.values()))
    texts = [inside, *(_without_heading(cell.source) for cell in following if cell.kind == "markdown")]
    answer = "\n\n".join(text.strip() for text in texts if text.strip() and not _EMPTY.match(text.strip()))
    answer, pasted = _attached(answer, [cells[place], *following])
    near = cells[place + 1 : place + 4] if question.picture else following
    shown = [uri for cell in near if cell.kind == "code" for uri in cell.pictures]
    if question.picture and not shown:
        shown = [uri for cell in near[:2] for uri in pictures.get(cell.index, ())]
    return _made(question, question.text or asked, answer, (*pasted, *shown))


def _made(question: Question, asked: str, answer: str, pictures: tuple[str, ...]) -> InlineAnswer:
    automatic = minimax(answer) if question.table == "minimax" and answer else ()
    return InlineAnswer(
        id=question.id, title=question.title, question=asked[:MAX_ANSWER], answer=answer[:MAX_ANSWER],
        pictures=pictures[:MAX_PICTURES], automatic=automatic, rubric=question.rubric, max_points=question.points,
    )  # fmt: skip


def _split(source: str, question: Question) -> tuple[str, str]:
    """Question and answer of one cell: at a heading, else by what the question is known to say."""
    lines = source.split("\n")
    for number, line in enumerate(lines):
        if number and _HEADING.match(line) and re.search(r"answer", line, re.IGNORECASE) and len(line) < 2000:
            rest = _HEADING.sub("", line, count=1)
            return "\n".join(lines[:number]).strip(), "\n".join([rest, *lines[number + 1 :]]).strip()
    if not question.text:
        return source, ""
    known = {squeezed(line) for line in question.text.split("\n")}
    return question.text, "\n".join(line for line in lines if line.strip() and squeezed(line) not in known)


def _following(match: Match, place: int, questions: set[int]) -> list[Cell]:
    """The cells below a question up to the next thing that was handed out."""
    found: list[Cell] = []
    steps = {cell.index for cell in match.cells.values()}
    for later, cell in enumerate(match.document.cells[place + 1 :], place + 1):
        if later in questions or cell.index in steps or len(found) >= 12:
            break
        if cell.kind == "markdown" and _provided(match, cell):
            break
        found.append(cell)
    return found


def _provided(match: Match, cell: Cell) -> bool:
    """Whether a text cell was handed out: known word for word, or a heading that starts another section."""
    if squeezed(cell.source) in match.script.provided:
        return True
    first = cell.source.lstrip().split("\n")[0]
    return bool(re.match(r"#{1,4}\s", first)) and not _HEADING.match(first) and not match.script.own


def _without_heading(source: str) -> str:
    return _HEADING.sub("", source, count=1)


def _attached(answer: str, cells: Sequence[Cell]) -> tuple[str, tuple[str, ...]]:
    """Pictures that were pasted into the text: a word in their place, and the pictures."""
    pictures = []
    for cell in cells:
        for name, uri in cell.attachments:
            if f"(attachment:{name})" in answer:
                pictures.append(uri)
                mark = f"*(picture {len(pictures)})*"
                answer = re.sub(rf"!\[[^\[\]\n]{{0,300}}\]\(attachment:{re.escape(name)}\)", mark, answer)
    return answer, tuple(pictures)


_PAIRS = {"y": (2, 1, -1, -2, -1, 1), "x": (-1, -2, -1, 1, 2, 1)}
_VALUE = re.compile(
    r"(?:evaluat\w*\s+to|(?:min[\w\s\\{}-]{0,16}max|minimax)[^.;\n]{0,60}?(?:\bis\b|=|equals)|(?:value|optimum)\s+(?:is|of|=))"
    r"\s*[\s$*_:=]*(-?\d+(?:\.\d+)?|zero|one|infinity|\\infty)",
    re.IGNORECASE,
)


def minimax(answer: str) -> tuple[str, ...]:
    """What the table of alternating updates of f(x, y) = xy holds, and the value that is claimed for min max f."""
    rows = [
        tuple(int(number.replace(" ", "")) for number in found)
        for found in map(_numbers, _rows(answer))
        if len(found) >= 6
    ]
    said = []
    for name, right in _PAIRS.items():
        fits = any(row[-6:] == right or row[:6] == right for row in rows)
        said.append(
            f"the updates of {name}: {'right' if fits else 'not found as ' + ', '.join(map(str, right))}"
        )
    values = [text.lower() for text in _VALUE.findall(answer)]
    claimed = {"zero": "0", "one": "1"}.get(values[-1], values[-1]) if values else ""
    if not claimed:
        said.append("the value of min max f: none was found; please look")
    else:
        said.append(
            "the value of min max f: right (0)"
            if float_of(claimed) == 0
            else f"the value of min max f: wrong, {claimed} instead of 0"
        )
    return tuple(said)


def float_of(text: str) -> float:
    """A number, or NaN for what is none."""
    try:
        return float(text)
    except ValueError:
        return float("nan")


def _rows(answer: str) -> list[str]:
    """Lines of a table; and its columns, for a table that was turned."""
    lines = answer[:MAX_ANSWER].split("\n")
    cells = [
        [cell.strip() for cell in line.strip().strip("|").split("|")]
        for line in lines
        if line.count("|") >= 1
    ]
    columns = list(zip(*(row for row in cells if len(row) == len(cells[0])), strict=False)) if cells else []
    return lines + ["|".join(column) for column in columns]


def _numbers(line: str) -> list[str]:
    """The whole numbers of a line, without the indices of variables (`y_0`, `x_{12}`, `$y_t$`)."""
    plain = re.sub(r"[A-Za-z]\w*\s*_\s*\{?\w*\}?|[A-Za-z]\w*", " ", line.replace("−", "-").replace("\\", " "))
    return re.findall(r"-?\s?\d+", plain.replace("- ", "-"))
