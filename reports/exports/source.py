"""What there is to export: a graded submission, or a graded class with its submissions, read from the output folder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from grader.class_results import CLASS_NAME, ClassResult, Status, StudentResult, class_from_json
from grader.errors import UsageError
from grader.results import Grade, grade_from_json
from reports.files import RESULT_NAME


@dataclass(frozen=True)
class Entry:
    """One graded hand-in, and whose it is (several students in a group, nobody known for a single submission)."""

    key: str
    grade: Grade
    students: tuple[StudentResult, ...] = ()


@dataclass(frozen=True)
class Source:
    """`gradmark grade`'s output: `result` is the class, None for a single submission."""

    folder: Path
    file: Path
    result: ClassResult | None = None

    def entries(self, every_attempt: bool = False) -> Iterator[Entry]:
        """The hand-ins that count, or all of them, one at a time: a class need not fit into memory."""
        if self.result is None:
            grade = _grade(self.file)
            yield Entry(grade.submission, grade)
            return
        whose: dict[str, tuple[str, list[StudentResult]]] = {}
        for student in self.result.students:
            for attempt in student.attempts:
                if attempt.result and (every_attempt or attempt.number == student.counted):
                    whose.setdefault(attempt.key, (attempt.result, []))[1].append(student)
        for key, (path, students) in whose.items():
            yield Entry(key, _grade(self.folder / path), tuple(students))


def read(path: Path) -> Source:
    """The output at `path`: a folder with class.json or result.json, or one of these files.

    Raises `UsageError` when there is neither, or it is of another version of gradmark.
    """
    names = [path / CLASS_NAME, path / RESULT_NAME] if path.is_dir() else [path]
    file = next((name for name in names if name.is_file()), None)
    if file is None:
        raise UsageError(
            f"{path} holds neither {CLASS_NAME} nor {RESULT_NAME}.",
            "Name the --out folder of `gradmark grade`.",
        )
    if file.name != CLASS_NAME:
        return Source(file.parent, file)
    try:
        return Source(file.parent, file, class_from_json(_bytes(file)))
    except ValueError as error:
        raise UsageError(f"{file}: {error}.", "Grade the class again with this gradmark.") from error


def class_of(source: Source) -> ClassResult:
    """The class. Raises `UsageError` for a single submission."""
    if source.result is None:
        raise UsageError(
            f"{source.file} is one submission, and this export is of a class.",
            f"Name a folder with a {CLASS_NAME}.",
        )
    return source.result


def settled(student: StudentResult) -> str:
    """Why this student's points are not final; empty when they are: what gradmark failed at costs nobody points."""
    if student.status is Status.MISSING:
        return "nothing was handed in"
    if student.status is Status.CRASHED:
        return "gradmark failed at the submission: it must be looked at by hand"
    if student.undecided:
        return (
            f"{student.undecided} points are undecided, by a fault of gradmark: grade again or decide by hand"
        )
    return ""


def _grade(file: Path) -> Grade:
    try:
        return grade_from_json(_bytes(file))
    except ValueError as error:
        raise UsageError(f"{file}: {error}.", "Name a result that this gradmark wrote.") from error


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise UsageError(
            f"{file} can't be read: {error.strerror}.", "Run `gradmark grade` on it again."
        ) from error
