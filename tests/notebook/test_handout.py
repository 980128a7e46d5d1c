"""The handout's notebooks are the reference's without answers: the same bytes from the same text."""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
import pytest

from grader.errors import TemplateError
from grader.handout import EMPTY_ANSWER, notebook
from grader.session import REFERENCE, TEMPLATE

SOURCES = sorted((REFERENCE / "notebooks").glob("*.py"))


def test_there_are_the_five_notebooks_of_the_assignment() -> None:
    """By the assignment's own names."""
    assert [path.stem for path in SOURCES] == [
        "Generative_Adversarial_Networks", "LSTM_Captioning", "RNN_Captioning", "Self_Supervised_Learning",
        "Transformer_Captioning",
    ]  # fmt: skip


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_a_handout_is_valid_and_holds_no_answer(path: Path) -> None:
    """It opens in Jupyter, has no outputs, and differs from the solved one in its answers alone."""
    made = (TEMPLATE / f"{path.stem}.ipynb").read_bytes()
    assert made == notebook(path.read_text(), path.name)
    nbformat.validate(nbformat.reads(made.decode(), as_version=4))
    ours, solved = (
        json.loads(made)["cells"],
        json.loads(notebook(path.read_text(), path.name, solved=True))["cells"],
    )
    changed = [(a, b) for a, b in zip(ours, solved, strict=True) if a != b]
    assert len(changed) == path.read_text().count('tags=["answer"]')
    assert all("".join(empty["source"]) == EMPTY_ANSWER for empty, _ in changed)
    assert not any(cell.get("outputs") for cell in ours)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_each_check_cell_names_its_step_once(path: Path) -> None:
    """A step's id is given to one cell of a notebook, so that its line can be told from others."""
    from grader.notebook.document import parse
    from grader.notebook.steps import _own_steps

    steps = [
        step
        for step in _own_steps(parse((TEMPLATE / f"{path.stem}.ipynb").read_bytes(), path.name), {})
        if step.checks
    ]
    assert len(steps) >= 3
    assert len({step.id for step in steps}) == len(steps)


def test_a_text_without_code_is_refused() -> None:
    """A notebook in another format would be handed out empty."""
    with pytest.raises(TemplateError, match="no code cell"):
        notebook("# %% [markdown]\n# Hello", "notebooks/A.py")
