"""Grades made up for tests of the reports: every outcome, every kind of detail, hostile text."""

from __future__ import annotations

import msgspec

from grader.results import (
    CheckResult,
    Element,
    Environment,
    FileRecord,
    Flag,
    Grade,
    HeatMap,
    Mismatch,
    Note,
    Outcome,
    PartScore,
    Problem,
    Traceback,
)

HOSTILE = (
    "<script>alert(1)</script>",
    "</style></title></pre></textarea><img src=x onerror=alert(1)>",
    '" onmouseover="alert(1)" x=\'',
    "`<b onclick=alert(1)>`",
    "{{ 7 * 7 }}{% raw %}",
    "javascript:alert(1)",
    "<!-- --><svg/onload=alert(1)>]]>",
    "&lt;script&gt;&#60;script&#62;",
    "\x1b[31mred\x1b[0m\x1b]8;;http://example.org\x07link\x1b]8;;\x07\x9b2J",
    "1 of \u202e01 stniop\u202c \u2066x\u2069",
    "NUL \x00 BEL \x07 BS \x08\x08 DEL \x7f",
    "caf\u0065" + "\u0301" * 500,
    "\ud800 lone surrogate \udfff",
    "[bold red]markup[/bold red] :skull: [link=http://example.org]x[/link]",
    "W" * 5_000,
    "line\r\nline\rline\u2028line\u2029line",
    "\ufeff\u200b\ufffe\uffff\U000e0041",
    "</script><script>alert(1)</script>",
    "<iframe srcdoc='<script>parent.alert(1)</script>'></iframe>",
    "<a href=javascript:alert(1)>press</a>",
    '[press](javascript:alert(1)) ![x](x" onerror="alert(1))',
    "<https://example.org/><javascript:alert(1)>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=x onerror=alert(1)&gt;'>",
    "$\\href{javascript:alert(1)}{x}$ $$\\unicode{x3c}script>alert(1)$$ $\\frac{<img src=x>}{",
    "`<img src=x onerror=alert(1)>`",
    "<base href=//example.org/><meta http-equiv=refresh content='0;url=javascript:alert(1)'>",
    "<form action=javascript:alert(1)><input autofocus onfocus=alert(1)><button>x</button></form>",
    "<details open ontoggle=alert(1)><summary>x</summary></details>",
    "<svg><animate onbegin=alert(1) attributeName=x dur=1s /><use href='data:image/svg+xml,x#x'/></svg>",
    "<style>@import '//example.org/x.css'; body { display: none }</style>",
    "data:text/html,<script>alert(1)</script>",
    "data:image/svg+xml;base64,PHN2ZyBvbmxvYWQ9ImFsZXJ0KDEpIi8+",
    "${alert(1)} #{7*7} <%= 7 * 7 %> {{constructor.constructor('alert(1)')()}}",
    "+ADw-script+AD4-alert(1)+ADw-/script+AD4-",
    "%3Cscript%3Ealert(1)%3C/script%3E \\x3cscript\\x3ealert(1)",
    "<<script>script>alert(1)<</script>/script>",
    "\uff1cscript\uff1ealert(1)\uff1c/script\uff1e",
    '=HYPERLINK("http://example.org")',
    "::error file=x::y\n# heading\n\n| a | b |\n|---|---|\n| <b>1</b> | 2 |",
    "\u0e01" + "\u0e47" * 500,
    "\n" * 1_500 + "end",
    "\u00a0" * 1_500 + "\t" * 500 + "\u3000" * 500,
    "\ufdfd" * 200 + "\U0001242b" * 100,
    "\U0001f469\u200d\U0001f469\u200d\U0001f467" * 100,
    "\u05e9\u05dc\u05d5\u05dd 1 of 10 \u0645\u0631\u062d\u0628\u0627 [5 of 6]",
)
_HASH = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


def environment(**changes: object) -> Environment:
    """An ordinary environment, with `changes`."""
    ordinary = Environment(
        gradmark="0.1.0",
        python="3.11.7",
        numpy="2.1.3",
        torch="2.6.0+cpu",
        platform="Linux x86_64",
        seed=231,
        isolation="full",
        isolation_detail=("no network", "files read-only", "own user namespace"),
        started="2024-05-21T09:30:00Z",
        seconds=0.482,
    )
    return msgspec.structs.replace(ordinary, **changes)


def check(
    name: str = "rnn_step_forward.values", outcome: Outcome = Outcome.PASSED, **changes: object
) -> CheckResult:
    """A check called `rnn_layers.<name>` worth 3 points, earned when it passed."""
    function = name.split(".")[0]
    ordinary = CheckResult(
        id=f"rnn_layers.{name}",
        title=name.split(".")[-1].replace("_", " ").capitalize(),
        part="rnn",
        function=function,
        outcome=outcome,
        points=3 if outcome is Outcome.PASSED else 0,
        max_points=3,
        seconds=0.0123,
    )
    return msgspec.structs.replace(ordinary, **changes)


def mismatch(name: str = "dWx") -> Mismatch:
    """A gradient that is off in most of its elements."""
    worst = (
        Element(index=(0, 2), expected="0.41235", actual="0.82470", difference="0.41235"),
        Element(index=(3, 1), expected="-1.20000", actual="-2.40000", difference="-1.20000"),
        Element(index=(2, 2), expected="0.5", actual="nan", difference="nan"),
    )
    return Mismatch(
        name=name,
        shape=(4, 5),
        dtype="float64",
        expected_shape=(4, 5),
        expected_dtype="float64",
        different=18,
        total=20,
        greatest_absolute="1.2",
        greatest_relative="1.0",
        allowance="1e-07 + 1e-07 of the expected value",
        worst=worst,
    )


def wrong_shape() -> Mismatch:
    """A bias gradient that was not summed over the batch."""
    return Mismatch(name="db", shape=(4, 5), dtype="float32", expected_shape=(5,), expected_dtype="float64")


def heat_map() -> HeatMap:
    """A gradient that is wrong in two cells and in part of a third."""
    return HeatMap(
        title="Where `dWx` is wrong",
        rows="axis 0 (batch)",
        columns="axis 1 (time step)",
        shape=(2, 6),
        cells=((1.0, 0.0, 0.5), (0.0, 0.0, 1.0)),
    )


def failures() -> tuple[CheckResult, ...]:
    """Failed checks with each kind of detail."""
    frames = (
        'File "cs231n/rnn_layers.py", line 93, in rnn_backward\n'
        "    dh0 += dprev_h @ Wh.T\n"
        "ValueError: shapes (4,5) and (6,6) do not match"
    )
    return (
        check(
            "rnn_step_backward.gradient",
            Outcome.FAILED,
            title="Gradients agree with the reference",
            message="`dWx` is twice what it should be in 18 of 20 elements.",
            hint="Look for a factor of 2 in the derivative of `tanh`: it is `1 - next_h**2`.",
            details=(mismatch(), wrong_shape()),
            stdout="dWx (4, 5)\nstep 0 of 10\n",
        ),
        check(
            "rnn_step_backward.shapes",
            Outcome.FAILED,
            message="`db` has shape (4, 5).",
            details=(wrong_shape(),),
        ),
        check(
            "rnn_backward.gradient",
            Outcome.FAILED,
            title="Gradients agree with the reference",
            message="`rnn_backward` raised ValueError: shapes (4,5) and (6,6) do not match.",
            hint="`dprev_h` has the shape of `h0`, (N, H).",
            details=(
                Traceback(text=frames),
                Note(title="The call", text="rnn_backward(dh: float64 (2, 10, 5), cache)"),
            ),
            stderr="RuntimeWarning: overflow encountered in exp\n",
            max_points=4,
        ),
    )


def typical() -> Grade:
    """A partial solution: all outcomes, all details, problems, files, a fault and extra credit."""
    checks = (
        *(
            check(f"rnn_step_forward.{aspect}")
            for aspect in ("worked_example", "shapes", "values", "batch_of_one")
        ),
        check(
            "rnn_step_forward.inputs_unmodified", advice=("`prev_h` comes back as a view; a copy is safer.",)
        ),
        check("rnn_step_backward.worked_example"),
        *failures(),
        check(
            "rnn_forward.values", Outcome.ERRORED, message="The reference worker died twice.", max_points=2
        ),
        check("rnn_forward.shapes"),
        check(
            "word_embedding_forward.values",
            Outcome.NOT_ATTEMPTED,
            message="`word_embedding_forward` is untouched.",
        ),
        check("word_embedding_forward.repeated_words", Outcome.NOT_ATTEMPTED, max_points=0),
        check(
            "loss.gradient",
            Outcome.BLOCKED,
            function="CaptioningRNN.loss",
            message="Needs `word_embedding_forward`.",
        ),
        check("lstm_step_forward.values", part="lstm"),
        check("lstm_step_backward.gradient", Outcome.NOT_ATTEMPTED, part="lstm"),
    )
    return Grade(
        submission="a3_code_submission-jordan.zip",
        points=24,
        max_points=36,
        undecided=2,
        parts=(
            PartScore(id="rnn", title="Vanilla RNN captioning", points=21, max_points=36, undecided=2),
            PartScore(id="lstm", title="LSTM captioning", points=3, max_points=6, extra_credit=True),
        ),
        checks=checks,
        problems=(
            Problem(
                file="cs231n/classifiers/rnn.py",
                message="The file is missing.",
                hint="Hand in all of `cs231n/`.",
            ),
            Problem(file="__MACOSX/._rnn_layers.py", message="Ignored: made by macOS."),
        ),
        files=(
            FileRecord(path="cs231n/rnn_layers.py", sha256=_HASH, size=18_231, origin="submission"),
            FileRecord(path="cs231n/optim.py", sha256=_HASH, size=4_000, origin="template"),
        ),
        environment=environment(),
    )


SECRET = "secret"  # in everything that a hidden check says


def with_hidden(passed: bool = False) -> Grade:
    """A public check that passed, one that waits for a hidden one, hidden ones, and a flag."""
    hidden = [
        check(
            f"rnn_backward.{SECRET}", Outcome.PASSED if passed else Outcome.FAILED, function=f"f_{SECRET}",
            title=f"T {SECRET}", message=f"Message {SECRET}", hint=f"Hint {SECRET}", advice=(f"Advice {SECRET}",),
            details=(Note(title=f"Note {SECRET}", text=f"Text {SECRET}"), mismatch(f"d{SECRET}")),
            stdout=f"printed {SECRET}", stderr=f"warned {SECRET}", visibility="hidden", max_points=5,
            points=5 if passed else 0,
        ),
        check(f"rnn_backward.{SECRET}_2", Outcome.ERRORED, visibility="hidden", max_points=2, message=SECRET),
    ]  # fmt: skip
    waiting = check(
        "rnn_backward.values",
        Outcome.BLOCKED,
        message=f"Not judged until `{hidden[0].id}` passes.",
        hint=f"Mend {hidden[1].id} first, then {hidden[0].id}.",
        advice=(f"See `{hidden[0].id}`.",),
    )
    checks = (check("rnn_forward.values"), *((waiting,) if not passed else ()), *hidden)
    points, most = sum(c.points for c in checks), sum(c.max_points for c in checks)
    part = PartScore(id="rnn", title="Vanilla RNN captioning", points=points, max_points=most, undecided=2)
    flag = Flag(kind="shortcut", subject=f"rnn.{SECRET}", message=f"Flag {SECRET}")
    return Grade(
        submission="jordan", points=points, max_points=most, undecided=2, parts=(part,), checks=checks, flags=(flag,),
        environment=environment(),
    )  # fmt: skip


def perfect() -> Grade:
    """Full marks."""
    checks = tuple(
        check(f"{name}.values") for name in ("rnn_step_forward", "rnn_step_backward", "rnn_forward")
    )
    part = PartScore(id="rnn", title="Vanilla RNN captioning", points=9, max_points=9)
    return Grade(
        submission="jordan", points=9, max_points=9, parts=(part,), checks=checks, environment=environment()
    )


def untouched() -> Grade:
    """The template as it was handed out."""
    checks = tuple(
        check(f"{name}.values", Outcome.NOT_ATTEMPTED) for name in ("rnn_step_forward", "rnn_step_backward")
    )
    part = PartScore(id="rnn", title="Vanilla RNN captioning", points=0, max_points=6)
    return Grade(
        submission="template", points=0, max_points=6, parts=(part,), checks=checks, environment=environment()
    )


def empty() -> Grade:
    """Nothing was run at all."""
    return Grade(submission="", points=0, max_points=0, parts=(), checks=(), environment=environment())


def hostile(text: str) -> Grade:
    """`text` in every place where a string can stand."""
    part = PartScore(id=text, title=text, points=0, max_points=10)
    element = Element(index=(0,), expected=text, actual=text, difference=text)
    array = Mismatch(
        name=text,
        shape=(1,),
        dtype=text,
        expected_shape=(2,),
        expected_dtype=text + ".",
        different=1,
        total=1,
        greatest_absolute=text,
        greatest_relative=text,
        allowance=text,
        worst=(element,),
    )
    checks = tuple(
        _hostile_check(text, outcome, (array, Traceback(text=text), Note(title=text, text=text)))
        for outcome in Outcome
    )
    return Grade(
        submission=text,
        points=0,
        max_points=10,
        parts=(part,),
        checks=checks,
        problems=(Problem(file=text, message=text, hint=text),),
        flags=(Flag(kind=text, subject=text, message=text),),
        files=(FileRecord(path=text, sha256=text, size=1, origin=text),),
        environment=environment(
            gradmark=text,
            python=text,
            numpy=text,
            torch=text,
            platform=text,
            isolation=text,
            isolation_detail=(text,),
            started=text,
            selection=text,
        ),
    )


def _hostile_check(
    text: str, outcome: Outcome, details: tuple[Mismatch | Traceback | Note, ...]
) -> CheckResult:
    return CheckResult(
        id=f"{text}.{outcome}",
        title=text,
        part=text,
        function=f"{text}{outcome}",
        outcome=outcome,
        max_points=2,
        message=text,
        hint=text,
        advice=(text,),
        details=details,
        stdout=text,
        stderr=text,
    )
