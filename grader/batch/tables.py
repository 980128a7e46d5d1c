"""CSV tables of students, read by what their headers mean: rosters, lists of submissions, late days."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from grader.batch.handins import Person
from grader.errors import UsageError

MAX_TABLE = 50 << 20  # bytes; a roster of a whole university is smaller

HEADERS = {
    "sis_id": ("sid", "sis user id", "student id", "student_id", "student number", "sis_id", "matriculation number"),
    "lms_id": ("canvas id", "canvas user id", "lms_id", "anonymous id", "user id", "user_id"),
    "login": ("sis login id", "login", "login id", "username", "user name"),
    "email": ("email", "e-mail", "email address", "mail"),
    "name": ("name", "full name", "student name"),
    "first": ("first name", "given name", "first"),
    "last": ("last name", "surname", "family name", "last"),
    "section": ("section", "sections"),
    "role": ("role",),
    "path": ("path", "file", "folder", "directory", "submission", "repo", "repository", "git"),
    "submitted": ("submitted", "submitted at", "submission time", "timestamp", "submitted_at"),
    "late": ("late",),
    "late_days": ("late days", "late_days", "days late"),
    "extension_days": ("extension days", "extension_days", "extension"),
}  # fmt: skip
MEANING = {header: field for field, headers in HEADERS.items() for header in headers}
CANVAS = {"student": "sortable_name", "id": "lms_id"}  # what these two mean in Canvas's gradebook
PLAIN = {"student": "sis_id", "id": "sis_id"}  # and anywhere else

Row = dict[str, str]


def read(path: Path, *needed: str) -> list[Row]:
    """The rows of a CSV file, each by what its columns mean; `line` is where it stands.

    Raises `UsageError`, with the file's name, when it can't be read or has none of a `needed` column's headers.
    """
    lines = csv.reader(io.StringIO(_text(path), newline=""), delimiter=_delimiter(path))
    try:
        table = [(lines.line_num, row) for row in lines if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise UsageError(f"{path}, line {lines.line_num}: {error}.", "Save it again as CSV.") from error
    if not table:
        raise UsageError(f"{path} is empty.", "A first line with the names of the columns is needed.")
    fields = _fields([cell.strip().casefold() for cell in table[0][1]])
    for name in needed:
        if name not in fields:
            known = ", ".join(HEADERS[name])
            raise UsageError(
                f"{path} has no column for the {name}.", f"Give it one of these headers: {known}."
            )
    rows = [
        {"line": str(number), **{f: c.strip() for f, c in zip(fields, cells, strict=False) if f}}
        for number, cells in table[1:]
    ]
    return [row for row in rows if not _no_student(row)]


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_TABLE:
            raise UsageError(f"{path} is larger than {MAX_TABLE >> 20} MB.", "Name a CSV file of students.")
        return path.read_bytes().decode("utf-8-sig").replace("\0", "")
    except OSError as error:
        raise UsageError(f"{path} can't be read: {error.strerror}.", "Name a CSV file.") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8.", "Save it as CSV in UTF-8.") from error


def _delimiter(path: Path) -> str:
    """The delimiter of the header line: Excel writes semicolons where the comma is the decimal sign."""
    first = _text(path).lstrip().partition("\n")[0]
    return max(",;\t", key=first.count)


def _fields(headers: list[str]) -> list[str]:
    """What each column means; an empty string for one that is of no interest, and for a repeated one."""
    special = CANVAS if {"student", "id"} <= set(headers) else PLAIN
    meanings = [special.get(header) or MEANING.get(header, "") for header in headers]
    return [name if name not in meanings[:i] else "" for i, name in enumerate(meanings)]


def _no_student(row: Row) -> bool:
    """Canvas's rows of maxima and settings, and people who are not students in Gradescope's roster."""
    first = row.get("sortable_name", "")
    if "Points Possible" in first or first in {"Manual Posting", "Muted"}:
        return True
    return row.get("role", "student").casefold() not in {"student", ""}


def person(row: Row) -> Person:
    """The student of a row."""
    first, last = row.get("first", ""), row.get("last", "")
    sortable = row.get("sortable_name", "") or (f"{last}, {first}" if first and last else "")
    name = row.get("name", "") or f"{first} {last}".strip() or _unsorted(sortable)
    return Person(
        name=name, sortable_name=sortable, email=row.get("email", ""), sis_id=row.get("sis_id", ""),
        login=row.get("login", ""), lms_id=row.get("lms_id", ""), section=row.get("section", ""),
    )  # fmt: skip


def _unsorted(sortable: str) -> str:
    last, comma, first = sortable.partition(", ")
    return f"{first} {last}" if comma else sortable
