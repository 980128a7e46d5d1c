"""Each mistake costs once: what is built from wrong work is judged without it, and nothing gets easier by that."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from grader.results import CheckResult, Outcome
from grader.session import Grader

LAYERS = "cs231n/rnn_layers.py"
STEP = "    next_h = np.tanh(x @ Wx + prev_h @ Wh + b)  # (N, H)\n"
CALL = "prev_h, step_cache = rnn_step_forward(x[:, t], prev_h, Wx, Wh, b)"
SELECT = "rnn_layers and (rnn_step_forward or rnn_forward) and (shapes or values or edge)"
Altered = Callable[..., Path]


def of(grader: Grader, folder: Path, function: str, select: str = SELECT) -> dict[str, CheckResult]:
    """The results of one function's checks, by aspect."""
    grade = grader.grade(folder, seed=3, select=select)
    assert Outcome.ERRORED not in {check.outcome for check in grade.checks}
    return {c.id.rpartition(".")[2]: c for c in grade.checks if c.function == function}


@pytest.mark.parametrize(
    "wrong",
    [
        "    next_h = np.zeros_like(prev_h)\n",
        "    raise NotImplementedError\n",
        "    raise ValueError('no')\n",
        "    return None\n",
        "    next_h = np.sin(x @ Wx + prev_h @ Wh + b)\n",
    ],
    ids=["zeros", "not implemented", "raises", "none", "wrong"],
)
def test_a_sequence_is_right_whatever_its_step_is(grader: Grader, altered: Altered, wrong: str) -> None:
    """A right `rnn_forward` keeps its points with any step; what they do together is said once."""
    found = of(grader, altered(LAYERS, (STEP, wrong)), "rnn_forward")
    assert {check.outcome for check in found.values()} == {Outcome.PASSED}
    assert found["values"].own_parts.startswith("Your own `rnn_step_forward` is wrong")
    assert sum("Together: " in check.own_parts for check in found.values()) == 1


@pytest.mark.parametrize(
    "call",
    [
        "prev_h, step_cache = np.tanh(0.5 * x[:, t] @ Wx + prev_h @ Wh + b), ()",
        "prev_h, step_cache = np.zeros_like(h0), ()",
        "_, step_cache = rnn_step_forward(x[:, t], h0, Wx, Wh, b)",
    ],
    ids=["inlined", "zeros", "state lost"],
)
def test_a_wrong_step_excuses_nothing(grader: Grader, altered: Altered, call: str) -> None:
    """With a step that returns zeros, a sequence that is wrong too loses its points."""
    folder = altered(LAYERS, (STEP, "    next_h = np.zeros_like(prev_h)\n"), (CALL, call))
    found = of(grader, folder, "rnn_forward")
    assert found["values"].outcome is Outcome.FAILED
    assert sum(check.points for check in found.values()) == 0
    assert "elements" in found["values"].message  # told as fully as with a right step
    assert found["values"].details


@pytest.mark.parametrize(
    ("change", "call"),
    [
        (("def rnn_forward(", "step = rnn_step_forward\n\n\ndef rnn_forward("), "step(x[:, t], prev_h, Wx, Wh, b)"),
        (("def rnn_forward(x, h0, Wx, Wh, b)", "def rnn_forward(x, h0, Wx, Wh, b, step=rnn_step_forward)"),
         "step(x[:, t], prev_h=prev_h, Wx=Wx, Wh=Wh, b=b)"),
        (("def rnn_forward(", "class Cell:\n    step = staticmethod(rnn_step_forward)\n\n\ndef rnn_forward("),
         "Cell.step(x[:, t], prev_h, Wx, Wh, b)"),
    ],
    ids=["alias", "default", "class"],
)  # fmt: skip
def test_a_stand_in_is_used_by_any_name(
    grader: Grader, altered: Altered, change: tuple[str, str], call: str
) -> None:
    """The stand-in takes effect through another name, a default argument and a class."""
    folder = altered(
        LAYERS, (STEP, "    next_h = np.zeros_like(prev_h)\n"), (CALL, f"prev_h, step_cache = {call}"), change
    )
    assert of(grader, folder, "rnn_forward")["values"].own_parts


def test_a_backward_pass_is_judged_from_a_mended_cache(grader: Grader, altered: Altered) -> None:
    """A right `lstm_step_backward` keeps its points when the forward pass fills its cache with wrong gates."""
    folder = altered(LAYERS, ("sigmoid(a_i), sigmoid(a_f)", "np.tanh(a_i), sigmoid(a_f)"))
    select = "lstm_step_forward or lstm_step_backward"
    found = of(grader, folder, "lstm_step_backward", select)
    assert {check.outcome for check in found.values()} == {Outcome.PASSED}
    both = altered(LAYERS, ("df * f * (1 - f)", "df * f"))
    wrong = of(grader, both, "lstm_step_backward", select)
    assert sum(check.points for check in wrong.values()) == 0


def test_nothing_stays_behind(grader: Grader, altered: Altered) -> None:
    """After a stand-in was in place the submission and the reference are as they were: right work passes."""
    of(grader, altered(LAYERS, (STEP, "    next_h = np.zeros_like(prev_h)\n")), "rnn_forward")
    mended = altered(LAYERS, ("    next_h = np.zeros_like(prev_h)\n", STEP))
    found = of(grader, mended, "rnn_forward")
    assert {(check.outcome, check.own_parts) for check in found.values()} == {(Outcome.PASSED, "")}


def test_a_step_that_ends_the_process_is_not_called_again(grader: Grader, altered: Altered) -> None:
    """No worker is lost for it but those of its own check, which runs twice; what is built upon it keeps its points."""
    found = of(grader, altered(LAYERS, (STEP, "    import os\n    os._exit(1)\n")), "rnn_forward")
    assert {check.outcome for check in found.values()} == {Outcome.PASSED}
    assert grader.last_student is not None
    assert grader.last_student.restarts <= 2


@pytest.mark.parametrize(
    "select", ["rnn_step_backward", "rnn_step"], ids=["backward alone", "with its forward"]
)
def test_a_changed_input_is_not_hidden_by_a_mended_cache(
    grader: Grader, altered: Altered, select: str
) -> None:
    """A backward pass that writes into x fails for that, whatever of its forward pass is known to be right."""
    back = "    return dx, dprev_h, dWx, dWh, db\n"
    folder = altered(LAYERS, (back, "    cache[0][:] = dx\n" + back))
    found = of(grader, folder, "rnn_step_backward", f"rnn_layers.{select}")
    assert found["reference_gradient"].outcome is Outcome.PASSED
    assert found["inputs_unmodified"].outcome is Outcome.FAILED
    assert "changes its input `x` in place" in found["inputs_unmodified"].message
