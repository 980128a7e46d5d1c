"""What changed between two gradings of a submission, check by check, and what can have made the difference.

Made from two results alone. A reason is only given where a record shows it: another file, another seed, another
rubric, another version. A change without any is said to be without any: then the answer itself is not steady.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from pathlib import PurePosixPath

import msgspec

from grader.results import CheckResult, Environment, FileRecord, Flag, Grade, Outcome, Record

DIFF_FORMAT_VERSION = 1
MOST_FILES = 3  # named as a reason of one change
MOST_REASONS = 4
UNSTEADY = (
    "nothing that is recorded changed: the work (or the machine) answers differently from one run to the next"
)


class Kind(StrEnum):
    """Which way a check went, by its points; without points, by its outcome."""

    WORSE = "worse"
    FAULT = "fault"  # gradmark could not carry it out, before or now
    OTHER = "other"  # as many points, another outcome or mistake
    BETTER = "better"
    NEW = "new"
    GONE = "gone"


class Change(Record, frozen=True, kw_only=True):
    """One fact that differs; an empty side was not there."""

    what: str
    before: str = ""
    after: str = ""

    @property
    def text(self) -> str:
        """In words: "seed 1 -> 2"."""
        if self.before and self.after:
            return f"{self.what} {self.before} -> {self.after}"
        return f"{self.what} {self.after or self.before}{'' if self.after else ' (before)'}".strip()


class CheckChange(Record, frozen=True, kw_only=True):
    """One check that went another way; a side is None where the check was not run."""

    id: str
    title: str
    function: str
    kind: Kind
    before: Outcome | None
    after: Outcome | None
    points_before: int = 0
    points_after: int = 0
    max_before: int = 0
    max_after: int = 0
    message: str = ""  # what it says now, or said last
    explanation: str = ""
    why: tuple[str, ...] = ()


class GradeDiff(Record, frozen=True, kw_only=True):
    """Two gradings of a submission, side by side: what is the same in both is only counted."""

    format_version: int = DIFF_FORMAT_VERSION
    before: str  # names of the submissions
    after: str
    points_before: int
    points_after: int
    max_before: int
    max_after: int
    circumstances: tuple[Change, ...] = ()  # seed, versions, limits, rubric
    files: tuple[Change, ...] = ()  # hashes, shortened
    checks: tuple[CheckChange, ...] = ()  # worse first
    same: int = 0  # checks that ended as before
    flags: tuple[Flag, ...] = ()  # new ones
    flags_gone: tuple[Flag, ...] = ()
    answers: tuple[Change, ...] = ()  # points of inline answers

    @property
    def changed(self) -> bool:
        """Whether points, a check, a flag or an answer differ; another seed alone is no change."""
        points = (self.points_before, self.max_before) != (self.points_after, self.max_after)
        return bool(points or self.checks or self.flags or self.flags_gone or self.answers)


def compare(old: Grade, new: Grade, also: Sequence[Change] = ()) -> GradeDiff:
    """What changed from `old` to `new`; `also`: circumstances known from elsewhere (a class's rubric)."""
    files = tuple(_files(old.files, new.files))
    around = (*_circumstances(old, new), *also)
    changes = [change for change in _checks(old.checks, new.checks, around, files) if change is not None]
    order = list(Kind)
    return GradeDiff(
        before=old.submission, after=new.submission, points_before=old.points, points_after=new.points,
        max_before=old.max_points, max_after=new.max_points, circumstances=around, files=files,
        checks=tuple(sorted(changes, key=lambda change: order.index(change.kind))),
        same=len({c.id for c in old.checks} | {c.id for c in new.checks}) - len(changes),
        flags=tuple(flag for flag in new.flags if flag not in old.flags),
        flags_gone=tuple(flag for flag in old.flags if flag not in new.flags),
        answers=tuple(_answers(old, new)),
    )  # fmt: skip


def _checks(
    old: Iterable[CheckResult], new: Iterable[CheckResult], around: Sequence[Change], files: Sequence[Change]
) -> Iterator[CheckChange | None]:
    """A change for each check of either grading, None where there is none; in the order of the new one."""
    before, after = ({check.id: check for check in checks} for checks in (old, new))
    for name in dict.fromkeys((*after, *before)):
        one, two = before.get(name), after.get(name)
        if one is None or two is None or _differs(one, two):
            yield _change(one, two, around, files)
        else:
            yield None


def _differs(old: CheckResult, new: CheckResult) -> bool:
    """By outcome, points or known mistake: a message holds numbers that are others for every seed."""
    mistakes = [check.mistake.id if check.mistake else "" for check in (old, new)]
    facts = [(check.outcome, check.points, check.max_points) for check in (old, new)]
    return facts[0] != facts[1] or mistakes[0] != mistakes[1]


def _change(
    old: CheckResult | None, new: CheckResult | None, around: Sequence[Change], files: Sequence[Change]
) -> CheckChange:
    last = new or old
    assert last is not None
    return CheckChange(
        id=last.id, title=last.title, function=last.function, kind=_kind(old, new),
        before=old.outcome if old else None, after=new.outcome if new else None,
        points_before=old.points if old else 0, points_after=new.points if new else 0,
        max_before=old.max_points if old else 0, max_after=new.max_points if new else 0,
        message=last.message, explanation=last.explanation, why=tuple(_why(old, new, around, files)),
    )  # fmt: skip


def _kind(old: CheckResult | None, new: CheckResult | None) -> Kind:
    if old is None or new is None:
        return Kind.NEW if old is None else Kind.GONE
    if Outcome.ERRORED in (old.outcome, new.outcome) and old.outcome is not new.outcome:
        return Kind.FAULT
    passed = [check.outcome is Outcome.PASSED for check in (old, new)]
    earned = [(check.points, ok) for check, ok in zip((old, new), passed, strict=True)]
    if earned[0] == earned[1]:
        return Kind.OTHER
    return Kind.WORSE if earned[1] < earned[0] else Kind.BETTER


def _why(
    old: CheckResult | None, new: CheckResult | None, around: Sequence[Change], files: Sequence[Change]
) -> Iterator[str]:
    """What the records show that can be behind it, the likeliest first."""
    if old is None or new is None:
        gone = [change.text for change in around if change.what in ("-k", "gradmark", "checks")]
        yield from gone or ["the two gradings ran different checks"]
        return
    if old.max_points != new.max_points:
        yield f"the rubric gives it {new.max_points} points, before {old.max_points}"
    if old.outcome is new.outcome and old.mistake == new.mistake:
        return
    if Outcome.ERRORED in (old.outcome, new.outcome):
        yield f"gradmark's own fault {'before' if old.outcome is Outcome.ERRORED else 'now'}, not the work's"
        return
    reasons = [*_edited(new.id, files), *(change.text for change in around if change.what != "points")]
    yield from reasons[:MOST_REASONS] or [UNSTEADY]
    if len(reasons) > MOST_REASONS:
        yield f"or one of {len(reasons) - MOST_REASONS} other differences"


def _edited(check: str, files: Sequence[Change]) -> Iterator[str]:
    """The changed files of the check's own module, or else the first few of all: of code, if any."""
    module = check.partition(".")[0]
    own = [change for change in files if PurePosixPath(change.what).stem == module]
    code = [change for change in files if change.what.endswith(".py")]
    listed = own or code or list(files)
    yield from (f"{change.what} {_became(change)}" for change in listed[:MOST_FILES])
    if len(listed) > MOST_FILES:
        yield f"{len(listed) - MOST_FILES} more files changed"


def _became(change: Change) -> str:
    return "changed" if change.before and change.after else "was added" if change.after else "was removed"


def _files(old: Iterable[FileRecord], new: Iterable[FileRecord]) -> Iterator[Change]:
    before, after = ({file.path: file for file in files} for files in (old, new))
    for path in sorted({*before, *after}):
        sides = [side.get(path) for side in (before, after)]
        hashes = [file.sha256[:12] if file else "" for file in sides]
        if (sides[0] and sides[0].sha256) != (sides[1] and sides[1].sha256):
            yield Change(what=path, before=hashes[0], after=hashes[1])


def _circumstances(old: Grade, new: Grade) -> Iterator[Change]:
    before, after = _facts(old.environment), _facts(new.environment)
    for what in before:
        if before[what] != after[what]:
            yield Change(what=what, before=before[what], after=after[what])
    if old.max_points != new.max_points:
        yield Change(what="points", before=str(old.max_points), after=str(new.max_points))


def _facts(environment: Environment) -> dict[str, str]:
    """What an outcome depends on besides the work."""
    limits = msgspec.to_builtins(environment.limits)
    return {
        "seed": str(environment.seed),
        "-k": environment.selection,
        **{name: getattr(environment, name) for name in ("gradmark", "python", "numpy", "torch", "platform")},
        "isolation": environment.isolation,
        **{f"limit {name}": "none" if value is None else f"{value:g}" for name, value in limits.items()},
    }


def _answers(old: Grade, new: Grade) -> Iterator[Change]:
    before, after = _answered(old), _answered(new)
    for name in dict.fromkeys((*before, *after)):
        if before.get(name, "") != after.get(name, ""):
            yield Change(what=name, before=before.get(name, ""), after=after.get(name, ""))


def _answered(grade: Grade) -> dict[str, str]:
    given = (answer for notebook in grade.notebooks for answer in notebook.answers)
    return {answer.id: f"{answer.points:g}" for answer in given if answer.points is not None}
