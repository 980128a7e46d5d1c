"""The report names the right function and the right mistake; NAMED.md keeps the figures, and they may not fall."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from checks.mistakes import ALL
from grader.results import CheckResult, Mismatch, Note, Outcome, Traceback
from grader.session import Grader
from tests.mutants import made as ruled
from tests.mutants import named
from tests.mutants.harness import Mutator, mutator

SHOWN = (
    "lstm_step_forward.order_ifgo", "temporal_affine_backward.float32", "ls_generator_loss.not_reduced",
    "MultiHeadAttention.forward.heads_summed",
)  # fmt: skip


@pytest.fixture(scope="module")
def made() -> Iterator[Mutator]:
    """A grader that explains, and a copy of the reference to make mistakes in."""
    with Grader(explain=True) as grader, mutator(grader) as started:
        yield started


def verdicts(kind: str) -> list[named.Verdict]:
    """What NAMED.md says of the known mistakes, or of those made by rule."""
    found = named.stored(named.FILE.read_text("utf-8"))
    return [verdict for key, verdict in found.items() if key.startswith(f"{kind} ")]


def test_the_figures_are_those_of_the_rows_and_do_not_fall() -> None:
    """Of the known mistakes 90 % are explained, 1 % wrongly at most; of others with wrong numbers 60 % show a pattern."""
    known, others = verdicts("known"), verdicts("made")
    assert named.FILE.read_text("utf-8") == named.render(known, others)
    assert len(known) >= 25
    assert len(others) >= 30
    assert named.explained(known) >= 0.9 * len(known)
    assert sum(v.kind == named.WRONG for v in known) <= 0.01 * len(known)
    silent, told = (
        sum(v.kind in kinds for v in others) for kinds in ((named.SILENT,), (named.PATTERN, named.SAID))
    )
    assert told >= 0.6 * (silent + told)


@pytest.mark.parametrize("id", SHOWN)
def test_a_known_mistake_is_named(made: Mutator, id: str) -> None:
    """One mistake of each part, graded now, is named."""
    mistake = next(m for m in ALL if m.id == id)
    assert named.of_known(made, mistake).kind in (named.NAMED, named.ALIKE)


@pytest.mark.parametrize(
    ("function", "before", "after", "wanted"),
    [
        ("rnn_layers.word_embedding_backward", "np.add.at(dW, x, dout)", "pass", named.PATTERN),
        ("rnn_layers.rnn_forward", "hs.append(prev_h)", "pass", named.RAISED),
    ],
)
def test_a_mistake_made_by_rule_is_told(
    made: Mutator, function: str, before: str, after: str, wanted: str
) -> None:
    """Zeros are told as a pattern, an exception with its line."""
    mutant = next(m for m in ruled.of(function) if (m.before, m.after) == (before, after))
    assert named.of_made(made, mutant).kind == wanted


def test_rules_change_every_function_and_draw_the_same_each_time() -> None:
    """Nearly every student function can be changed in several ways, no change leaves the text as it was."""
    texts = {function: [m.text for m in ruled.of(function)] for function in ruled.functions()[:6]}
    assert len(ruled.functions()) >= 30
    assert all(len(set(found)) >= 0.9 * len(found) for found in texts.values())
    assert sum(map(len, texts.values())) > 50


def _check(message: str, hint: str = "", *details: Mismatch | Traceback | Note) -> CheckResult:
    return CheckResult(
        id="a.b.c", title="", part="", function="b", outcome=Outcome.FAILED, message=message, hint=hint,
        details=details,
    )  # fmt: skip


def test_kinds_of_what_a_check_says() -> None:
    """Numbers with a sentence are a pattern, without one silent; other messages are the check's own."""
    numbers = Mismatch(
        name="h", shape=(2,), dtype="f8", expected_shape=(2,), expected_dtype="f8", different=1
    )
    assert named.kind(_check("`h` is wrong in 1 of 2", "It is all zeros.", numbers)) == named.PATTERN
    assert named.kind(_check("`h` is wrong in 1 of 2", "", numbers)) == named.SILENT
    assert named.kind(_check("raised", "", Traceback(text="line"))) == named.RAISED
    assert named.kind(_check("The last layer is missing.")) == named.SAID
    assert named.shape("`h` is 0.5 times the expected array (1/N is 0.5 here).") == named.shape(
        "At other sizes: `h` is 0.25 times the expected array (1/N is 0.25 here)."
    )
