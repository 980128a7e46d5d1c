"""A mistake that no longer fits the reference is refused, and says why."""

from __future__ import annotations

import ast
from dataclasses import replace

import pytest

from checks.mistakes import ALL, Mistake, MistakeError, apply
from grader.session import REFERENCE

MISTAKE = next(m for m in ALL if m.id == "rnn_step_forward.bias_missing")


def test_only_the_function_changes() -> None:
    """The mutated file defines the same names, and only the mistake's function has another text."""
    before = (REFERENCE / "cs231n" / "rnn_layers.py").read_text("utf-8")
    old, new = (
        {node.name: ast.dump(node) for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)}
        for text in (before, apply(MISTAKE, REFERENCE))
    )
    assert list(old) == list(new)
    assert [name for name in old if old[name] != new[name]] == ["rnn_step_forward"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"old": "no such text"}, "0 times, not once"),
        ({"old": "next_h"}, "times, not once"),
        ({"new": "(("}, "is not Python"),
        ({"function": "rnn_layers.gone"}, "has no `rnn_layers.gone`"),
        ({"function": "rnn.CaptioningRNN"}, "has no `rnn.CaptioningRNN`"),
    ],
)
def test_mistake_that_does_not_fit_is_refused(changes: dict[str, str], message: str) -> None:
    """A text that is missing, not unique, not Python, or in no function is an error that names the mistake."""
    with pytest.raises(MistakeError, match=r"rnn_step_forward\.bias_missing") as caught:
        apply(replace(MISTAKE, **changes), REFERENCE)
    assert message in caught.value.message


def test_docstring_does_not_count() -> None:
    """A text that the docstring holds too is found in the code alone."""
    mistake: Mistake = next(m for m in ALL if m.id == "lstm_step_forward.forget_missing")
    documented = ast.get_docstring(
        _function(mistake, (REFERENCE / "cs231n" / "rnn_layers.py").read_text("utf-8"))
    )
    assert mistake.old in (documented or "")
    assert mistake.new in ast.unparse(_function(mistake, apply(mistake, REFERENCE)))


def test_ids_are_unique_and_texts_differ() -> None:
    """No two mistakes share an id, and each changes something and says what."""
    assert len({m.id for m in ALL}) == len(ALL)
    assert all(m.old != m.new and m.sentence and m.hint and m.caught_by for m in ALL)


def _function(mistake: Mistake, text: str) -> ast.FunctionDef:
    name = mistake.function.rpartition(".")[2]
    return next(n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.FunctionDef) and n.name == name)
