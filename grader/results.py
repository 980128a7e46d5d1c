"""What a run finds, as frozen records that go to JSON and back.

Everything downstream (score, report, exports) is made from these alone, so a grade can be rendered again at
any time without running anything. Text that came from a student is plain text here; each way out escapes it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import msgspec

FORMAT_VERSION = 1
MOST_POINTS = 400  # of a curve
MOST_PICTURE_BYTES = 200_000
MOST_CELLS = 16  # rows, and columns, of a heat map


class Outcome(StrEnum):
    """What became of a check; each has exactly one meaning."""

    PASSED = "passed"  # the work does what the check asks
    FAILED = "failed"  # the work was run and is wrong
    BLOCKED = "blocked"  # not judged: something else in the submission that it needs is missing or wrong
    NOT_ATTEMPTED = "not_attempted"  # left as it was handed out
    ERRORED = "errored"  # gradmark's own fault: never the student's, staff must look


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all records: immutable and compared by value. `kw_only` is not inherited: say it again."""


class Element(Record, frozen=True, kw_only=True):
    """One position of a mismatch; numbers are already text, as they may be NaN or infinite."""

    index: tuple[int, ...]
    expected: str
    actual: str
    difference: str = ""


class Mismatch(Record, frozen=True, kw_only=True, tag="mismatch"):
    """How an array differs from what it should be, worst elements first."""

    name: str  # which output: "next_h", "dWx"
    shape: tuple[int, ...]
    dtype: str
    expected_shape: tuple[int, ...]
    expected_dtype: str
    different: int = 0  # elements outside the allowance
    total: int = 0
    greatest_absolute: str = ""
    greatest_relative: str = ""
    allowance: str = ""
    worst: tuple[Element, ...] = ()


class Traceback(Record, frozen=True, kw_only=True, tag="traceback"):
    """The student's own frames of an exception, innermost last."""

    text: str


class Note(Record, frozen=True, kw_only=True, tag="note"):
    """A titled piece of plain text (preformatted)."""

    title: str
    text: str


class Curve(Record, frozen=True, kw_only=True, tag="curve"):
    """A measurement over a training run, with the bar that it has to come below or above. Finite numbers only."""

    title: str
    x: str  # what the axes show: "steps", "loss"
    y: str
    points: Annotated[tuple[tuple[float, float], ...], msgspec.Meta(max_length=MOST_POINTS)]
    bar: float
    better: str = "below"  # which side of the bar is good: "below" or "above"

    @property
    def text(self) -> str:
        """The same in words and numbers."""
        listed = "\n".join(f"{x:g}: {y:.4g}" for x, y in self.points)
        return f"{self.title}\n{self.y} has to come {self.better} {self.bar:g}. After so many {self.x}:\n{listed}"


class Picture(Record, frozen=True, kw_only=True, tag="picture"):
    """A small picture, as PNG made by gradmark itself; `title` says what it shows."""

    title: str
    png: Annotated[bytes, msgspec.Meta(max_length=MOST_PICTURE_BYTES)]
    scale: int = 1  # how many points of the screen one point of the picture takes

    @property
    def text(self) -> str:
        """The same in words."""
        return f"{self.title} (a picture: see report.html)"


Share = Annotated[float, msgspec.Meta(ge=0, le=1)]


class HeatMap(Record, frozen=True, kw_only=True, tag="heatmap"):
    """Where an array is wrong: for each cell the share of its elements that are, from 0 to 1.

    A cell stands for one element or more: `shape` is that of the array over the two axes shown.
    """

    title: str  # "Where `dWx` is wrong"
    rows: str  # what the rows are: "axis 0 (batch)"
    columns: str
    shape: tuple[int, int]
    cells: Annotated[
        tuple[Annotated[tuple[Share, ...], msgspec.Meta(max_length=MOST_CELLS)], ...],
        msgspec.Meta(max_length=MOST_CELLS),
    ]

    @property
    def text(self) -> str:
        """The same in characters: a dot is right, a hash is wrong, a plus is wrong in part."""
        signs = [["." if cell == 0 else "#" if cell == 1 else "+" for cell in row] for row in self.cells]
        drawn = "\n".join("".join(row) for row in signs)
        rows, columns = self.shape
        return (
            f"{self.title}: {rows} rows are {self.rows}, {columns} columns are {self.columns}; "
            f". right, + in part, # wrong\n{drawn}"
        )


Detail = Mismatch | Traceback | Note | Curve | Picture | HeatMap


class KnownMistake(Record, frozen=True, kw_only=True):
    """A mistake that explains a failure: on two sets of inputs the submission answers as the reference with it."""

    id: str  # "rnn_step_forward.bias_missing"
    function: str  # where it is made: "rnn_layers.rnn_step_forward"
    sentence: str  # "the bias b is not added"
    hint: str


class CheckResult(Record, frozen=True, kw_only=True):
    """One check of one submission. `points` is an integer between 0 and `max_points`."""

    id: str  # "rnn_layers.rnn_step_forward.values"
    title: str
    part: str  # key of the rubric's part: "rnn"
    function: str  # "rnn_step_forward"
    outcome: Outcome
    points: int = 0
    max_points: int = 0
    message: str = ""  # what happened
    hint: str = ""  # what to try
    advice: tuple[str, ...] = ()  # worth saying, costs nothing
    own_parts: str = ""  # of a check that passed without a wrong part of the student's: what it does with it
    details: tuple[Detail, ...] = ()
    stdout: str = ""
    stderr: str = ""
    seconds: float = 0.0
    mistake: KnownMistake | None = None
    visibility: str = "public"  # "hidden": for staff only, absent from what a student gets

    @property
    def explanation(self) -> str:
        """The known mistake behind the failure in a sentence; empty when none is known."""
        if self.mistake is None:
            return ""
        function = self.mistake.function.partition(".")[2]
        where = "" if function == self.function else f" in `{function}`"
        return (
            f"The likely mistake{where}: {self.mistake.sentence}. "
            "Your results are those of a solution with just this mistake."
        )

    @property
    def remedy(self) -> str:
        """What to try."""
        return self.mistake.hint if self.mistake is not None else self.hint


class Flag(Record, frozen=True, kw_only=True):
    """Something that staff should look at: it costs nothing by itself and no student sees it."""

    kind: str  # "shortcut", "isolation", "notebook"
    subject: str  # what it is about: "rnn_layers.rnn_forward", a notebook's name
    message: str


class Reading(Record, frozen=True, kw_only=True):
    """One number that a notebook's check cell prints; numbers are text, as they may be NaN or missing ("")."""

    name: str  # "next_h error"
    stored: str = ""  # in the hand-in
    executed: str = ""  # here
    bar: str = ""  # the greatest value that is fine
    verdict: str = ""  # "fine", "above the bar", "depends on a random stream", ...


class NotebookFinding(Record, frozen=True, kw_only=True):
    """Something about one cell; `problem` False is a remark that is held against nobody."""

    kind: str  # "never executed", "stored and executed differ", "cell edited", ...
    message: str
    hint: str = ""
    cell: int = 0  # position in the hand-in, from 1; 0: of the notebook as a whole
    step: str = ""
    problem: bool = True


class NotebookStep(Record, frozen=True, kw_only=True):
    """One step of the assignment's notebook and the cell that does it (0: there is none)."""

    id: str
    title: str
    cell: int = 0
    state: str = ""  # "ran", "failed", "not run", "missing", ...
    seconds: float = 0.0
    readings: tuple[Reading, ...] = ()


class InlineAnswer(Record, frozen=True, kw_only=True):
    """A question of a notebook with the student's answer (Markdown); staff enter `points` and `comment`."""

    id: str  # "rnn.1"
    title: str
    question: str
    answer: str = ""
    pictures: tuple[str, ...] = ()  # data URIs of bitmaps
    automatic: tuple[str, ...] = ()  # what a table-valued answer was found to be
    rubric: str = ""
    points: float | None = None
    max_points: float = 0
    comment: str = ""


class NotebookResult(Record, frozen=True, kw_only=True):
    """One of the assignment's notebooks as it was handed in, and as it ran here."""

    id: str  # "rnn"
    title: str
    file: str = ""  # name in the hand-in; empty: none was handed in
    executed_file: str = ""  # the executed copy, beside the report
    profile: str = ""  # "fast", "full"; empty: not executed
    seconds: float = 0.0
    steps: tuple[NotebookStep, ...] = ()
    findings: tuple[NotebookFinding, ...] = ()
    answers: tuple[InlineAnswer, ...] = ()
    neutralised: tuple[str, ...] = ()  # what Colab cells would have done


class FileRecord(Record, frozen=True, kw_only=True):
    """One file of the submission as it was graded."""

    path: str
    sha256: str
    size: int
    origin: str  # "submission" | "template" | "extra"


class Problem(Record, frozen=True, kw_only=True):
    """Something about the hand-in itself that its reader should know: a missing, ignored or refused file."""

    file: str
    message: str
    hint: str = ""


class Limits(Record, frozen=True, kw_only=True):
    """What one call and one submission may use. Seconds and bytes."""

    call_seconds: float = 40.0  # wall time of one call: eight times the computing time, for busy machines
    call_cpu_seconds: float = 5.0  # computing time of one call, of all its threads
    submission_seconds: float = 300.0  # all calls of one submission together
    submission_cpu_seconds: float | None = (
        None  # computing time of all calls; else as many as `submission_seconds`
    )
    memory_bytes: int = 2 << 30  # on top of what the warm parent had
    output_bytes: int = 64 << 20  # printed in one call; only the first `kept_output_bytes` are kept
    kept_output_bytes: int = 64 << 10  # of what is printed, the beginning that is kept
    file_bytes: int = 64 << 20  # the largest file
    disk_bytes: int = 256 << 20  # all files of a worker together
    disk_files: int = 10_000  # how many files a worker may have
    open_files: int = 256  # at once
    restarts: int = 10  # workers lost before the rest of the submission is given up

    @property
    def cpu_budget(self) -> float:
        """Seconds of computing time for all calls of one submission together."""
        return self.submission_seconds if self.submission_cpu_seconds is None else self.submission_cpu_seconds


class Environment(Record, frozen=True, kw_only=True):
    """Where and how a grade came about."""

    gradmark: str
    python: str
    numpy: str
    torch: str
    platform: str
    seed: int
    isolation: str  # name of the level that was in force
    isolation_detail: tuple[str, ...] = ()
    limits: Limits = Limits()
    started: str = ""  # ISO 8601, UTC
    seconds: float = 0.0
    selection: str = ""  # the -k expression, if any: a partial run


class PartScore(Record, frozen=True, kw_only=True):
    """The points of one part of the rubric."""

    id: str
    title: str
    points: int
    max_points: int
    undecided: int = 0  # points of checks that gradmark could not carry out: neither earned nor lost
    extra_credit: bool = False


class Grade(Record, frozen=True, kw_only=True):
    """Everything known about one graded submission; `result.json` is this record."""

    format_version: int = FORMAT_VERSION
    submission: str
    points: int  # of all parts, extra credit included
    max_points: int  # without extra credit
    undecided: int = 0  # extra credit included, as in `points`
    parts: tuple[PartScore, ...]
    checks: tuple[CheckResult, ...]
    problems: tuple[Problem, ...] = ()
    flags: tuple[Flag, ...] = ()
    notebooks: tuple[NotebookResult, ...] = ()
    files: tuple[FileRecord, ...] = ()
    environment: Environment

    @property
    def faults(self) -> tuple[CheckResult, ...]:
        """The checks that gradmark itself could not carry out."""
        return tuple(check for check in self.checks if check.outcome is Outcome.ERRORED)


def to_json(record: Record) -> bytes:
    """A record as indented JSON (UTF-8, no NaN, ends with a newline).

    Half a surrogate pair, which UTF-8 can't hold but a student's text can, becomes a question mark.
    """
    try:
        encoded = msgspec.json.encode(record)
    except UnicodeEncodeError:
        encoded = msgspec.json.encode(_encodable(msgspec.to_builtins(record)))
    return msgspec.json.format(encoded, indent=2) + b"\n"


def _encodable(value: Any) -> Any:
    """`value` (of dicts, lists and scalars) with strings that UTF-8 can hold."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, dict):
        return {_encodable(key): _encodable(item) for key, item in value.items()}
    return [_encodable(item) for item in value] if isinstance(value, list | tuple) else value


def grade_from_json(data: bytes) -> Grade:
    """The `Grade` in a `result.json`.

    Raises `ValueError` for anything else, also for a `format_version` that this gradmark does not know.
    """
    try:
        version = msgspec.json.decode(data, type=_Versioned).format_version
        if version != FORMAT_VERSION:
            raise ValueError(f"result.json has format {version}; this gradmark reads format {FORMAT_VERSION}")
        return msgspec.json.decode(data, type=Grade)
    except msgspec.MsgspecError as error:
        raise ValueError(f"not a gradmark result: {error}") from error


class _Versioned(Record, frozen=True, kw_only=True):
    format_version: int


def schema() -> dict[str, Any]:
    """The JSON Schema of `result.json`."""
    return msgspec.json.schema(Grade)
