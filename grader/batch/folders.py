"""A folder of submissions, each a folder or an archive; and a CSV list of where each student's is."""

from __future__ import annotations

from pathlib import Path

from grader.batch import tables
from grader.batch.handins import ClassInput, HandIn, Person, attempts_in, entries, is_archive, stem, utc
from grader.errors import UsageError
from grader.results import Problem


def read(root: Path) -> ClassInput:
    """The class in a folder whose entries are called after the students."""
    found = ClassInput(root.resolve().name, "folders")
    for entry in entries(root):
        if entry.is_symlink():
            found.note(
                entry.name, "is a symbolic link and was not graded", "Put the submission itself there."
            )
        elif entry.is_dir() or is_archive(entry.name):
            person = (Person(label=stem(entry.name) if entry.is_file() else entry.name),)
            paths = attempts_in(entry) if entry.is_dir() else [entry]
            found.handins += [HandIn(path.relative_to(root).as_posix(), path, person) for path in paths]
        else:
            found.note(entry.name, "is neither a folder nor an archive and was not graded")
    return found


def read_list(path: Path) -> ClassInput:
    """The class in a CSV file: a row for each student with the path of the hand-in, relative to the file.

    A row without a path is a student who handed in nothing. Raises `UsageError` without a column of paths.
    """
    found = ClassInput(path.resolve().stem, "list")
    for row in tables.read(path, "path"):
        person = tables.person(row)
        where = f"{path.name}, line {row['line']}"
        if not person.id and not row.get("path"):
            found.note(where, "names neither a student nor a path")
            continue
        person = person if person.id else Person(label=stem(Path(row["path"]).name))
        found.listed.append(person)
        if row.get("path"):
            found.handins += _listed(path, row, person, where)
    return found


def _listed(path: Path, row: tables.Row, person: Person, where: str) -> list[HandIn]:
    target = path.parent / row["path"]
    submitted = utc(row.get("submitted", ""))
    if row.get("submitted") and not submitted:
        raise UsageError(
            f"{where}: the time {row['submitted']!r} can't be read.", "Write it as 2024-05-21T23:59:00-07:00."
        )
    problems = () if target.exists() else (Problem(file=row["path"], message=f"does not exist ({where})"),)
    late = row.get("late", "").casefold() in {"1", "true", "yes", "late", "x"}
    paths = attempts_in(target) if target.is_dir() else [target]
    return [HandIn(_shown(each, path.parent), each, (person,), submitted, late, problems) for each in paths]


def _shown(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
