"""What the grading of a class finds, as frozen records; `class.json` is `ClassResult`.

Nothing here depends on when, where or in which order a class was graded: a run that was disturbed and resumed ends
with the same bytes as one that was not. Times of single runs are in each `result.json`. Paths are relative to the
folder that holds `class.json`. Names, messages and paths came from outside: plain text, which each way out escapes.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from grader.results import Flag, PartScore, Problem, Record

CLASS_FORMAT_VERSION = 1
CLASS_NAME = "class.json"


class Status(StrEnum):
    """What became of a hand-in, or of a student without one."""

    GRADED = "graded"
    EMPTY = "empty"  # nothing in it that could be graded
    UNREADABLE = "unreadable"  # damaged, not an archive, no assignment to be found in it
    CRASHED = "crashed"  # gradmark's own fault: never the student's, staff must look
    MISSING = "missing"  # on the roster, and nothing was handed in


class Adjustment(Record, frozen=True, kw_only=True):
    """One step from the points earned to the points given; `points` is added (so mostly negative)."""

    kind: str  # "late", "too_late", "extra_credit_cap"
    points: int
    reason: str


class Attempt(Record, frozen=True, kw_only=True):
    """One hand-in of a student. Members of a group have the same one (same `key`)."""

    key: str  # names its folder; unique within the class
    number: int  # 1, 2, ... in the order handed in
    file: str  # as it is called in the class
    sha256: str  # of its content, as it came
    seed: int
    status: Status
    message: str = ""  # why it was not graded
    submitted: str = ""  # ISO 8601 in UTC, where it is known
    late: bool = False  # marked as late by the system that it came from
    late_days: int = (
        0  # days begun after the due date (with grace and extension); 1 where there is only a mark
    )
    result: str = ""  # path of its result.json; empty when there is none
    report: str = ""  # path of its report.html
    points: int = 0  # extra credit included
    max_points: int = 0  # without extra credit
    undecided: int = 0
    faults: int = 0  # checks that gradmark could not carry out


class StudentResult(Record, frozen=True, kw_only=True):
    """One student, with or without a hand-in."""

    id: str  # unique within the class: the student number where it is known, else what the system calls them
    name: str = ""
    sortable_name: str = ""  # "Last, First" where the roster has it
    email: str = ""
    sis_id: str = ""  # student number; leading zeros are kept
    login: str = ""
    lms_id: str = ""  # number in Canvas; anonymous id of an anonymous download
    section: str = ""
    group: tuple[str, ...] = ()  # ids of all members when the hand-in was a group's
    on_roster: bool = True  # False: handed in, but unknown to the roster that was given
    status: Status  # of the counted attempt; EMPTY, UNREADABLE or CRASHED only if no other was graded
    attempts: tuple[Attempt, ...] = ()
    counted: int = 0  # number of the attempt that counts, 0 when there is none
    extension_days: int = 0  # granted to this student
    earned: int = 0  # points of the counted attempt by the rubric
    points: int = 0  # after the policies
    max_points: int = 0  # of the assignment, without extra credit
    undecided: int = 0
    adjustments: tuple[Adjustment, ...] = ()
    parts: tuple[PartScore, ...] = ()  # of the counted attempt
    flags: tuple[Flag, ...] = ()  # of the counted attempt: for staff only
    problems: tuple[Problem, ...] = ()  # of the way it came; those of its content are in its result.json

    @property
    def attempt(self) -> Attempt | None:
        """The attempt that counts."""
        return next((attempt for attempt in self.attempts if attempt.number == self.counted), None)


class ClassRun(Record, frozen=True, kw_only=True):
    """What the results depend on besides the submissions."""

    gradmark: str
    seed: int  # of the class: every hand-in's, or what each one's own is derived from
    checks: str  # sha256 of the checks, the reference and gradmark itself
    rubric: str  # sha256 of the rubric
    selection: str = ""  # the -k expression, if any: a partial run


class ClassResult(Record, frozen=True, kw_only=True):
    """Everything known about one graded class."""

    format_version: int = CLASS_FORMAT_VERSION
    name: str
    form: str  # "folders", "gradescope", "canvas", "list"
    run: ClassRun
    max_points: int
    policies: tuple[str, ...] = ()  # in force, as sentences
    students: tuple[StudentResult, ...]
    problems: tuple[Problem, ...] = ()  # of the class as it came: what nobody could be found for, ...


def class_from_json(data: bytes) -> ClassResult:
    """The `ClassResult` in a `class.json`.

    Raises `ValueError` for anything else, also for a `format_version` that this gradmark does not know.
    """
    try:
        version = msgspec.json.decode(data, type=_Versioned).format_version
        if version != CLASS_FORMAT_VERSION:
            raise ValueError(
                f"class.json has format {version}; this gradmark reads format {CLASS_FORMAT_VERSION}"
            )
        return msgspec.json.decode(data, type=ClassResult)
    except msgspec.MsgspecError as error:
        raise ValueError(f"not the class.json of gradmark: {error}") from error


class _Versioned(Record, frozen=True, kw_only=True):
    format_version: int
