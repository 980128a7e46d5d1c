"""What changed between two gradings of a class: student by student, and check by check over all of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from grader.class_results import ClassResult, Status, StudentResult
from grader.errors import UsageError
from grader.results import Grade, Record
from reports import diff
from reports.diff import Change, GradeDiff, Kind
from reports.exports.source import Source, read


class CheckTally(Record, frozen=True, kw_only=True):
    """For how many students one check went which way."""

    id: str
    worse: int = 0
    better: int = 0
    other: int = 0


class StudentDiff(Record, frozen=True, kw_only=True):
    """One student in both gradings; a status is None where the class did not have them."""

    id: str
    name: str = ""
    before: Status | None
    after: Status | None
    points_before: int = 0
    points_after: int = 0
    reasons: tuple[str, ...] = ()  # of changes that no check explains: lateness, another attempt
    work: GradeDiff | None = None  # None where a side has no result

    @property
    def changed(self) -> bool:
        """Whether anything that matters differs."""
        sides = (self.before, self.points_before) != (self.after, self.points_after)
        return sides or bool(self.reasons) or (self.work is not None and self.work.changed)


class ClassDiff(Record, frozen=True, kw_only=True):
    """Two gradings of a class; students without a change are only counted."""

    format_version: int = diff.DIFF_FORMAT_VERSION
    before: str
    after: str
    circumstances: tuple[Change, ...] = ()
    students: tuple[StudentDiff, ...] = ()
    same: int = 0
    checks: tuple[CheckTally, ...] = ()  # those with most students worse first


def between(old: Source, new: Source) -> GradeDiff | ClassDiff:
    """What changed. Raises `UsageError` for a class beside a single submission, or a result that can't be read."""
    if (old.result is None) != (new.result is None):
        one, other = (
            "a class" if source.result else "a single submission" for source in (old, new)
        )  # fmt: skip
        raise UsageError(
            f"{old.file} is {one}, {new.file} is {other}.", "Name two gradings of the same kind."
        )
    if old.result is None or new.result is None:
        return diff.compare(_single(old), _single(new))
    return _classes(old, new, old.result, new.result)


def _single(source: Source) -> Grade:
    return next(source.entries()).grade


def _classes(old: Source, new: Source, before: ClassResult, after: ClassResult) -> ClassDiff:
    around = tuple(_circumstances(before, after))
    students = tuple(_students(old, new, before, after, around))
    changed = tuple(student for student in students if student.changed)
    return ClassDiff(
        before=before.name, after=after.name, circumstances=around, students=changed,
        same=len(students) - len(changed), checks=_tallies(changed),
    )  # fmt: skip


def _circumstances(old: ClassResult, new: ClassResult) -> Iterator[Change]:
    hashes = {"rubric": "another rubric", "checks": "other checks, reference or gradmark"}
    for what, said in hashes.items():
        if getattr(old.run, what) != getattr(new.run, what):
            yield Change(what=what, after=f"({said})")
    for what in ("seed", "gradmark", "selection"):
        before, after = str(getattr(old.run, what)), str(getattr(new.run, what))
        if before != after:
            yield Change(what="-k" if what == "selection" else what, before=before, after=after)
    if old.policies != new.policies:
        yield Change(what="policies", before=" ".join(old.policies), after=" ".join(new.policies))


def _students(
    old: Source, new: Source, before: ClassResult, after: ClassResult, around: Sequence[Change]
) -> Iterator[StudentDiff]:
    earlier, later = ({student.id: student for student in each.students} for each in (before, after))
    # What single results don't hold; the rest would be said twice.
    also = [change for change in around if change.what in ("rubric", "checks")]
    for name in dict.fromkeys((*later, *earlier)):
        one, two = earlier.get(name), later.get(name)
        known = two or one
        assert known is not None
        yield StudentDiff(
            id=name, name=known.name, before=one.status if one else None, after=two.status if two else None,
            points_before=one.points if one else 0, points_after=two.points if two else 0,
            reasons=tuple(_reasons(one, two)) if one and two else (), work=_work(old, new, one, two, also),
        )  # fmt: skip


def _work(
    old: Source, new: Source, one: StudentResult | None, two: StudentResult | None, also: Sequence[Change]
) -> GradeDiff | None:
    first, second = _grade(old, one), _grade(new, two)
    return None if first is None or second is None else diff.compare(first, second, also)


def _grade(source: Source, student: StudentResult | None) -> Grade | None:
    attempt = student.attempt if student else None
    if attempt is None or not attempt.result:
        return None
    return _single(read(source.folder / attempt.result))


def _reasons(old: StudentResult, new: StudentResult) -> Iterator[str]:
    if old.counted != new.counted:
        yield f"attempt {new.counted} counts, before it was attempt {old.counted}"
    before, after = ({step.kind: step for step in each.adjustments} for each in (old, new))
    for kind in dict.fromkeys((*before, *after)):
        if before.get(kind) != after.get(kind):
            points = [side[kind].points if kind in side else 0 for side in (before, after)]
            reason = after[kind].reason if kind in after else ""
            yield f"{kind.replace('_', ' ')}: {points[0]} -> {points[1]} points. {reason}".rstrip()


def _tallies(students: Sequence[StudentDiff]) -> tuple[CheckTally, ...]:
    counts: dict[str, dict[str, int]] = {}
    for change in (change for student in students if student.work for change in student.work.checks):
        side = {Kind.WORSE: "worse", Kind.BETTER: "better"}.get(change.kind, "other")
        mine = counts.setdefault(change.id, {"worse": 0, "better": 0, "other": 0})
        mine[side] += 1
    tallies = [CheckTally(id=name, **sides) for name, sides in counts.items()]
    return tuple(sorted(tallies, key=lambda each: (-each.worse, -each.better, -each.other, each.id)))
