"""What there is to do for a class: its students' lines, and each hand-in once, however many handed it in together."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from grader.batch.handins import ClassInput, HandIn, digest, is_empty
from grader.batch.late import Lateness
from grader.batch.roster import Student, folder_names
from grader.batch.work import Work, seed_of
from grader.class_results import Attempt, Status, StudentResult
from grader.rubric import Rubric
from grader.training import context


@dataclass(frozen=True)
class Settings:
    """How a class is graded, besides by which rubric."""

    seed: int
    select: str = ""
    timeout: float | None = None
    own_seeds: bool = False
    notebooks: str = ""
    training: context.Options | None = None

    @property
    def basis(self) -> list[object]:
        """What of it changes a result, but for the seed."""
        trained = self.training and [self.training.profile, str(self.training.data), self.training.device]
        return [self.select, self.timeout, self.notebooks, *([trained] if trained else [])]


@dataclass(frozen=True)
class Planned:
    """One hand-in to be graded."""

    handin: HandIn
    work: Work
    sha256: str
    empty: bool
    fingerprint: str


@dataclass(frozen=True)
class Plan:
    """The class as it will be concluded: `students` lack only what grading finds."""

    students: tuple[StudentResult, ...]
    handins: tuple[Planned, ...]


def plan(
    found: ClassInput,
    students: Sequence[Student],
    out: Path,
    settings: Settings,
    rubric: Rubric,
    version: str,
    lateness: Mapping[str, Lateness],
) -> Plan:
    """Reads every hand-in once, for its hash. `version` is the hash of the checks and of gradmark."""
    names = folder_names(student.id for student in students)
    keys = _keys(found.handins, students, names)
    basis: list[object] = [version, limits_of(rubric), *settings.basis]
    planned = {id(h): _planned(h, keys[id(h)], out, settings, rubric, basis) for h in found.handins}
    groups = {id(h): tuple(s.id for s in students if any(m is h for m in s.handins)) for h in found.handins}
    return Plan(
        tuple(_facts(student, planned, groups, lateness.get(student.id)) for student in students),
        tuple(planned.values()),
    )


def _keys(handins: Iterable[HandIn], students: Sequence[Student], names: Mapping[str, str]) -> dict[int, str]:
    """A folder's name for each hand-in: its first student's, with the number of the attempt from the second on."""
    keys: dict[int, str] = {}
    for student in students:
        for number, handin in enumerate(student.handins, 1):
            keys.setdefault(id(handin), names[student.id] + (f"+{number}" if number > 1 else ""))
    return keys


def limits_of(rubric: Rubric) -> str:
    """What of a rubric changes how checks run, and not only what they are worth."""
    return json.dumps([msgspec.to_builtins(rubric.limits), dict(rubric.tolerances)], sort_keys=True)


def _planned(
    handin: HandIn, key: str, out: Path, settings: Settings, rubric: Rubric, basis: list[object]
) -> Planned:
    seed = seed_of(settings.seed, key) if settings.own_seeds else settings.seed
    sha256 = digest(handin.path)
    work = Work(
        key, handin.path.resolve(), out.resolve() / "submissions" / key, seed, settings.select,
        settings.timeout, rubric.text, rubric.source, settings.notebooks, settings.training,
    )  # fmt: skip
    fingerprint = hashlib.sha256(json.dumps([*basis, key, seed, sha256]).encode()).hexdigest()
    return Planned(handin, work, sha256, is_empty(handin.path), fingerprint)


def _facts(
    student: Student,
    planned: Mapping[int, Planned],
    groups: Mapping[int, tuple[str, ...]],
    lateness: Lateness | None,
) -> StudentResult:
    p, late = student.person, lateness or Lateness()
    group = max((groups[id(handin)] for handin in student.handins), key=len, default=())
    attempts = tuple(_attempt(n, planned[id(h)], late) for n, h in enumerate(student.handins, 1))
    problems = dict.fromkeys((*student.problems, *(x for h in student.handins for x in h.problems)))
    return StudentResult(
        id=student.id, name=p.name or p.label, sortable_name=p.sortable_name, email=p.email, sis_id=p.sis_id,
        login=p.login, lms_id=p.lms_id, section=p.section, group=group if len(group) > 1 else (),
        on_roster=student.on_roster, status=Status.MISSING, attempts=attempts,
        extension_days=late.extension_days, problems=tuple(problems),
    )  # fmt: skip


def _attempt(number: int, planned: Planned, late: Lateness) -> Attempt:
    handin, key = planned.handin, planned.work.key
    days = late.late_days
    return Attempt(
        key=key, number=number, file=handin.file, sha256=planned.sha256, seed=planned.work.seed,
        status=Status.MISSING, submitted="" if days is not None else late.submitted or handin.submitted,
        late=handin.late if days is None else days > 0, late_days=days or 0,
        result=f"submissions/{key}/result.json", report=f"submissions/{key}/report.html",
    )  # fmt: skip


def with_outcomes(
    students: Iterable[StudentResult], done: Mapping[str, tuple[Status, str]]
) -> list[StudentResult]:
    """The students' lines with what became of each hand-in."""

    def told(attempt: Attempt) -> Attempt:
        status, message = done[attempt.key]
        return msgspec.structs.replace(attempt, status=status, message=message)

    return [msgspec.structs.replace(s, attempts=tuple(map(told, s.attempts))) for s in students]
