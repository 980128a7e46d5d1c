"""A model that is wrong on the way: the first value inside it that departs from the reference is named."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from grader.results import Outcome
from grader.session import REFERENCE, Grader


@pytest.mark.parametrize(
    ("file", "old", "new", "select", "words"),
    [
        (
            "cs231n/classifiers/transformer.py", "return self.output(hidden)", "return self.output(hidden**3)",
            "CaptioningTransformer.forward.values", "what `output` is given is the first value",
        ),
        (
            "cs231n/transformer_layers.py", "self.proj(", "self.proj(1.5 * ",
            "MultiHeadAttention.forward.values", "what `proj` is given is the first value",
        ),
        (
            "cs231n/transformer_layers.py", "self.key(key)", "self.query(key)",
            "MultiHeadAttention.forward.values", "is the first value that departs",
        ),
    ],
)  # fmt: skip
def test_the_first_wrong_value_inside_a_model_is_named(
    grader: Grader, tmp_path: Path, file: str, old: str, new: str, select: str, words: str
) -> None:
    """The failed check says which part of the model was given, or gave, the first value that departs."""
    folder = tmp_path / "handin"
    shutil.copytree(REFERENCE / "cs231n", folder / "cs231n", ignore=shutil.ignore_patterns("__pycache__"))
    text = (REFERENCE / file).read_text()
    assert text.count(old) == 1
    (folder / file).write_text(text.replace(old, new))
    (found,) = [c for c in grader.grade(folder, seed=5, select=select).checks if c.id.endswith(select)]
    assert found.outcome is Outcome.FAILED
    assert words in found.hint, found.hint
