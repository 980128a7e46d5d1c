"""Hand-ins of the original assignment yield what is really wrong with them, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.notebook import originals
from tests.notebook.handins import examined, found, kinds


@pytest.fixture
def seen(tmp_path: Path):
    return lambda made, name: examined(tmp_path, made, name)[0]


def test_positive_pairs_of_the_wrong_shape_are_above_the_bar_and_the_rest_is_fine(seen) -> None:
    """An (N,) result gives 0.084; every other stored value is fine, also one ulp of single precision (5.7e-08)."""
    result = seen(originals.contrastive(), "Self_Supervised_Learning.ipynb")
    assert result.id == "simclr"
    above = found(result, "above the bar")
    assert [finding.step for finding in above] == ["positive_pairs"]
    assert "0.0841" in above[0].message
    others = [r.verdict for step in result.steps if step.id != "positive_pairs" for r in step.readings]
    assert others == ["fine"] * 4


def test_transformer_scores_above_the_bar_and_a_missing_last_loss(seen) -> None:
    """The scores' 0.0019 and the unprinted final loss are found; attention and positions are fine as stored."""
    result = seen(originals.transformer(), "Transformer_Captioning.ipynb")
    assert [finding.step for finding in found(result, "above the bar")] == ["transformer_scores"]
    assert [finding.step for finding in found(result, "never executed")] == ["overfit"]
    fine = {step.id: {reading.verdict for reading in step.readings} for step in result.steps}
    assert fine["attention"] == fine["positional_encoding"] == {"fine"}


@pytest.mark.parametrize("value", ["0.44938", "1.0"])
def test_numbers_of_newer_torch_versions_are_held_against_nobody(seen, value: str) -> None:
    """Attention and positions print 0.449 and 1 for right code on torch 2.7 and later: no finding."""
    made = originals.transformer()
    for cell, label in ((made["cells"][2], "self_attn_output"), (made["cells"][3], "pe_output")):
        cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": f"{label} error:  {value}\n"}]
    result = seen(made, "Transformer_Captioning.ipynb")
    assert [finding.step for finding in found(result, "above the bar")] == ["transformer_scores"]
    verdicts = {
        reading.verdict
        for step in result.steps
        if step.id == "positional_encoding"
        for reading in step.readings
    }
    assert verdicts == {next(iter(verdicts))}
    assert next(iter(verdicts)).startswith("not held against anyone: it depends on torch's dropout stream")


def test_the_minimax_table_is_right_and_its_value_wrong(seen) -> None:
    """The updates are read from the table, the value from the sentence; the empty answer is shown as empty."""
    result = seen(originals.adversarial(), "Generative_Adversarial_Networks.ipynb")
    answers = {answer.id: answer for answer in result.answers}
    assert answers["gan.4"].automatic == (
        "the updates of y: right",
        "the updates of x: right",
        "the value of min max f: wrong, 1 instead of 0",
    )
    assert "cycle" in answers["gan.5"].answer
    assert answers["gan.6"].answer == ""
    assert "discriminator" in answers["gan.6"].question


def test_colab_cells_are_named(seen) -> None:
    """The report says what Colab's cells would have done."""
    told = seen(originals.contrastive(), "Self_Supervised_Learning.ipynb").neutralised
    assert any("Google Drive" in line for line in told)
    assert any("`%cd`" in line for line in told)
    assert any("get_datasets.sh" in line for line in told)
    assert any("`pip`" in line for line in told)


def test_a_renamed_notebook_is_known_by_its_cells(seen) -> None:
    """The name of the file does not matter where the cells are those of a notebook."""
    assert seen(originals.contrastive(), "final (2).ipynb").id == "simclr"


def test_nothing_is_said_to_be_edited_where_nothing_was(seen) -> None:
    """Cells as they were handed out have no finding about an edit."""
    assert "cell edited" not in kinds(seen(originals.contrastive(), "Self_Supervised_Learning.ipynb"))
