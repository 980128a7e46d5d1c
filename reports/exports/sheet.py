"""CSV: a cell of any text that no spreadsheet takes for a formula, and tables in which single cells are replaced."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from grader.errors import UsageError
from reports import text

MOST_BYTES = 50 << 20
MOST_CELL = 2_000  # characters; a spreadsheet's own limit is 32,767

_NUMBER = re.compile(r"[+-]?\d+(?:[.,]\d+)?", re.ASCII)
# What begins a formula, also in full width: at the cell's start, or where a reader that splits at ; sees one.
_FORMULA = re.compile(r"(^|[;\t|])([\s\"']*)(?=[=+\-@＝＋－＠])")


def defused(value: object) -> str:
    """`value` as a cell: on one line, nothing unseen in it, and no formula. Numbers stay numbers."""
    cell = text.line(str(value), MOST_CELL)
    return cell if _NUMBER.fullmatch(cell) else _FORMULA.sub(r"\1'\2", cell)


def table(rows: Iterable[Sequence[object]]) -> bytes:
    """Rows of any values as CSV (UTF-8 with a mark, without which Excel misreads names; every cell quoted)."""
    out = io.StringIO(newline="")
    csv.writer(out, quoting=csv.QUOTE_ALL).writerows([defused(cell) for cell in row] for row in rows)
    return out.getvalue().encode("utf-8-sig")


class Sheet:
    """Somebody else's CSV table, in which single cells are replaced: every other byte stays as it is.

    `rows` are the cells as a CSV reader gives them. Raises `UsageError` for what can't be read as CSV.
    """

    def __init__(self, content: bytes, name: str) -> None:
        self._name = name
        self._text = self._decoded(content)
        body = self._text.removeprefix("\ufeff")
        self._offset = len(self._text) - len(body)
        self.delimiter = max(",;\t", key=lambda each: len(_first(body, each)))
        self.rows = _parsed(body, self.delimiter, name)
        self._spans = _spans(body, self.delimiter)
        if [len(row) or 1 for row in self.rows] != [len(row) for row in self._spans] or not self.rows:
            raise UsageError(
                f"{name} can't be read as a table of comma-separated values.", "Export it again."
            )
        self._changes: dict[tuple[int, int], str] = {}

    def _decoded(self, content: bytes) -> str:
        try:
            return content.decode("utf-8")
        except UnicodeDecodeError as error:
            raise UsageError(
                f"{self._name} is not UTF-8.", "Export it again, or save it as UTF-8."
            ) from error

    def fill(self, row: int, column: int, cell: str) -> None:
        """Puts `cell` in its place."""
        self._changes[row, column] = cell

    def content(self) -> bytes:
        """The table with what was filled in."""
        pieces, at = [], 0
        for (row, column), cell in sorted(self._changes.items()):
            spans = self._spans[row]
            start, end = spans[min(column, len(spans) - 1)]
            missing = self.delimiter * max(0, column - len(spans) + 1)  # a row that ends before its column
            start = max(end if missing else start, at - self._offset)
            pieces += [self._text[at : start + self._offset], missing, self._quoted(cell)]
            at = end + self._offset
        made = "".join([*pieces, self._text[at:]])
        self._verify(made)
        return made.encode("utf-8")

    def _quoted(self, cell: str) -> str:
        plain = not re.search(r'["\r\n,;\t]', cell)
        return cell if plain else '"' + cell.replace('"', '""') + '"'

    def _verify(self, made: str) -> None:
        """What is filled in reads back, and nothing else has changed."""
        after = _parsed(made.removeprefix("\ufeff"), self.delimiter, self._name)
        for number, (old, new) in enumerate(zip(self.rows, after, strict=True)):
            for column in range(max(len(old), len(new))):
                was = old[column] if column < len(old) else ""
                assert new[column] == self._changes.get((number, column), was), (
                    f"{self._name}, row {number + 1}"
                )


def read(path: Path) -> Sheet:
    """The table at `path`. Raises `UsageError` when it can't be read."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise UsageError(f"{path} is larger than {MOST_BYTES >> 20} MB.", "Name a CSV file.")
        return Sheet(path.read_bytes(), str(path))
    except OSError as error:
        raise UsageError(
            f"{path} can't be read: {error.strerror}.", "Name the CSV file of your system."
        ) from error


def _first(body: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader(io.StringIO(body, newline=""), delimiter=delimiter), [])
    except csv.Error:
        return []


def _parsed(body: str, delimiter: str, name: str) -> list[list[str]]:
    lines = csv.reader(io.StringIO(body, newline=""), delimiter=delimiter)
    try:
        return list(lines)
    except csv.Error as error:
        raise UsageError(f"{name}, line {lines.line_num}: {error}.", "Export it again.") from error


def _spans(body: str, delimiter: str) -> list[list[tuple[int, int]]]:
    """Where every cell stands, quotes included, row by row."""
    cell = re.compile(rf'"(?:[^"]|"")*+"?[^{delimiter}\r\n]*|[^{delimiter}\r\n]*')
    rows: list[list[tuple[int, int]]] = []
    row: list[tuple[int, int]] = []
    at = 0
    while at < len(body) or row:
        found = cell.match(body, at)
        assert found is not None  # it matches nothing, too
        row.append(found.span())
        at = found.end()
        if body.startswith(delimiter, at):
            at += 1
            continue
        rows.append(row)
        row = []
        at += 2 if body.startswith("\r\n", at) else 1
    return rows
