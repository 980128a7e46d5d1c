"""A graded class under another rubric or other lateness, from what is stored: nothing is run."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from grader import assignment, policy, session
from grader.batch import conclude, late
from grader.batch.conclude import Rescored
from grader.batch.handins import Person
from grader.batch.late import Lateness
from grader.batch.plan import limits_of
from grader.batch.store import Store, read_class
from grader.class_results import Attempt, ClassResult, StudentResult
from grader.rubric import Rubric, load

RUBRIC = "rubric.toml"


@dataclass(frozen=True)
class Change:
    """What became of one student's points, and why."""

    student: StudentResult
    before: int
    after: int
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Regraded:
    """The class as it is now."""

    result: ClassResult
    changes: tuple[Change, ...]  # students whose points changed, in the class's order
    warnings: tuple[str, ...] = ()


def regrade(folder: Path, rubric: Rubric | None = None, lateness: Path | None = None) -> Regraded:
    """Rescores the class in the output folder `folder` by `rubric` (default: the copy in it) and its policies.

    Raises `UsageError` for a folder without a class, `RubricError` for a rubric that does not fit the results.
    """
    old = read_class(folder)
    store = Store(folder)
    with store.locked():
        old = read_class(folder)
        if rubric is not None:
            session.validate(rubric, [check.spec for check in session.collected()])
        # Made for the checks of its day, perhaps not for today's.
        rubric = rubric or load(folder / RUBRIC, assignment.current().rubric)
        warnings = _warnings(folder, rubric)
        facts = _with_lateness(old.students, lateness)
        keys = [attempt.key for student in facts for attempt in student.attempts]
        scored = conclude.rescore(keys, rubric, store.grade, store.write_grade)
        maximum = max((each.summary.max_points for each in scored.values()), default=old.max_points)
        students = tuple(conclude.student(each, rubric.policy, scored, maximum) for each in facts)
        run = msgspec.structs.replace(old.run, rubric=hashlib.sha256(rubric.text.encode()).hexdigest())
        result = msgspec.structs.replace(
            old, run=run, max_points=maximum, policies=policy.sentences(rubric.policy), students=students
        )
        changes = [_change(*pair, scored) for pair in zip(old.students, students, strict=True)]
        store.conclude(result, rubric.text)
    return Regraded(result, tuple(each for each in changes if each), warnings)


def _warnings(folder: Path, rubric: Rubric) -> tuple[str, ...]:
    if limits_of(load(folder / RUBRIC, assignment.current().rubric)) == limits_of(rubric):
        return ()
    return ("This rubric has other limits or tolerances: they hold from the next `gradmark grade` on.",)


def _with_lateness(students: Sequence[StudentResult], path: Path | None) -> list[StudentResult]:
    if path is None:
        return list(students)
    said = late.read(path, [(student.id, _person(student)) for student in students])
    return [_later(student, said[student.id]) if student.id in said else student for student in students]


def _person(student: StudentResult) -> Person:
    return Person(
        name=student.name, sortable_name=student.sortable_name, email=student.email, sis_id=student.sis_id,
        login=student.login, lms_id=student.lms_id, label=student.id,
    )  # fmt: skip


def _later(student: StudentResult, said: Lateness) -> StudentResult:
    attempts = tuple(_attempt(attempt, said) for attempt in student.attempts)
    return msgspec.structs.replace(student, attempts=attempts, extension_days=said.extension_days)


def _attempt(attempt: Attempt, said: Lateness) -> Attempt:
    if said.late_days is not None:
        return msgspec.structs.replace(
            attempt, submitted="", late=said.late_days > 0, late_days=said.late_days
        )
    return msgspec.structs.replace(attempt, submitted=said.submitted or attempt.submitted)


def _change(old: StudentResult, new: StudentResult, scored: dict[str, Rescored]) -> Change | None:
    if (old.points, old.max_points, old.undecided) == (new.points, new.max_points, new.undecided):
        return None
    return Change(new, old.points, new.points, tuple(_reasons(old, new, scored)))


def _reasons(old: StudentResult, new: StudentResult, scored: dict[str, Rescored]) -> list[str]:
    said = []
    if old.counted != new.counted:
        said.append(f"attempt {new.counted} counts, before it was attempt {old.counted}")
    if new.attempt is not None:
        said += scored[new.attempt.key].changes
    before, after = (
        {step.kind: (step.points, step.reason) for step in each.adjustments} for each in (old, new)
    )
    for kind in dict.fromkeys((*before, *after)):
        if before.get(kind) != after.get(kind):
            was, now = before.get(kind, (0, ""))[0], after.get(kind, (0, ""))
            said.append(f"{kind.replace('_', ' ')}: {was} -> {now[0]} points. {now[1]}".rstrip())
    if old.max_points != new.max_points and not said:
        said.append(f"the assignment is worth {new.max_points} points, before {old.max_points}")
    return said
