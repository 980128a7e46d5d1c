"""Damaged and dishonest notebooks, from the file alone: each gives its finding, and none stops the others."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from grader.notebook import judge
from grader.notebook.document import MAX_CELLS, Unreadable
from grader.results import NotebookResult
from grader.session import TEMPLATE
from tests.notebook import originals
from tests.notebook.handins import (
    TABLE,
    cell_with,
    code,
    code_cells,
    document,
    edit,
    examined,
    found,
    kinds,
    of_cells,
    solved,
    stream,
    text,
)  # fmt: skip


@pytest.fixture
def seen(tmp_path: Path) -> Callable[..., NotebookResult]:
    return lambda made, name="RNN_Captioning.ipynb": examined(tmp_path, made, name)[0]


def test_an_honest_notebook_has_no_problem(seen) -> None:
    """The reference's own notebook with its outputs: every step is there, unchanged, and fine."""
    result = seen(solved())
    assert kinds(result) == []
    assert all(step.cell for step in result.steps)
    assert {reading.verdict for step in result.steps for reading in step.readings} == {"fine"}


def without(made: dict[str, Any], text: str) -> dict[str, Any]:
    made["cells"].remove(cell_with(made, text))
    return made


def cleared(made: dict[str, Any], *texts: str) -> dict[str, Any]:
    for cell in [cell_with(made, part) for part in texts] or code_cells(made):
        cell["outputs"], cell["execution_count"] = [], None
    return made


def shuffled(made: dict[str, Any]) -> dict[str, Any]:
    made["cells"].reverse()
    return made


def with_outputs(made: dict[str, Any], *outputs: dict[str, Any]) -> dict[str, Any]:
    cell_with(made, '"rnn_step_forward"')["outputs"] += outputs
    return made


def displayed(**data: Any) -> dict[str, Any]:
    return {
        "output_type": "display_data",
        "metadata": {},
        "data": {k.replace("_", "/"): v for k, v in data.items()},
    }


STEP = '"rnn_step_forward"'
DAMAGE: dict[str, tuple[Callable[[], Any], str, bool]] = {
    "deleted check cell": (lambda: without(solved(), STEP), "cell missing", True),
    "edited tolerance": (lambda: edit(solved(), f"{STEP}, at_most=1e-7", f"{STEP}, at_most=10"), "cell edited", True),
    "edited expected value": (lambda: edit(solved(), "0.58172089", "0.123"), "cell edited", True),
    "judge's call removed": (lambda: edit(solved(), "next_h=rel_error(expected_next_h, next_h)", "next_h=0.0"), "cell edited", True),
    "argument added": (lambda: edit(solved(), "h=1e-6\n", "h=1e-6, dropout=0.0\n"), "cell edited", True),
    "rel_error redefined": (lambda: add(solved(), "def rel_error(x, y):\n    return 0.0"), "judge replaced", True),
    "report assigned": (lambda: add(solved(), "report = lambda *a, **k: None"), "judge replaced", True),
    "gradient checker replaced": (lambda: add(solved(), "eval_numerical_gradient_array = None"), "judge replaced", True),
    "never executed": (lambda: cleared(solved()), "never executed", True),
    "one cell never executed": (lambda: cleared(solved(), STEP), "never executed", True),
    "outputs without numbers": (lambda: silent(solved()), "missing output", True),
    "stored error": (lambda: failed(solved()), "stored output is an error", True),
    "shuffled cells": (lambda: shuffled(solved()), "cells moved", False),
    "executed out of order": (lambda: renumbered(solved()), "executed out of order", False),
    "duplicate cell": (lambda: doubled(solved()), "duplicate cell", False),
    "output too large": (lambda: with_outputs(solved(), stream("x" * (11 << 20))), "output too large", False),
    "HTML output": (lambda: with_outputs(solved(), displayed(text_html="<script>1</script>")), "active output", False),
    "JavaScript output": (lambda: with_outputs(solved(), displayed(application_javascript="alert(1)")), "active output", False),
    "widget": (
        lambda: with_outputs(solved(), {"output_type": "display_data", "data": {"application/vnd.jupyter.widget-view+json": {"model_id": "a"}}}),
        "active output", False,
    ),
    "drawing with script": (
        lambda: with_outputs(solved(), {"output_type": "display_data", "data": {"image/svg+xml": "<svg onload='x()'/>"}}),
        "active output", False,
    ),
    "broken check cell": (lambda: edit(solved(), f"report({STEP}", f"report(({STEP}"), "cell edited", True),
}  # fmt: skip


def add(made: dict[str, Any], source: str) -> dict[str, Any]:
    made["cells"].insert(3, code(source, count=None))
    return made


def silent(made: dict[str, Any]) -> dict[str, Any]:
    cell_with(made, STEP)["outputs"] = [stream("done\n")]
    return made


def failed(made: dict[str, Any]) -> dict[str, Any]:
    error = {
        "output_type": "error",
        "ename": "NameError",
        "evalue": "name 'x' is not defined",
        "traceback": [],
    }
    cell_with(made, STEP)["outputs"] = [error]
    return made


def renumbered(made: dict[str, Any]) -> dict[str, Any]:
    cell_with(made, STEP)["execution_count"] = 99
    return made


def doubled(made: dict[str, Any]) -> dict[str, Any]:
    made["cells"].append(dict(cell_with(made, STEP)))
    return made


@pytest.mark.parametrize("name", DAMAGE)
def test_each_damage_has_its_finding(seen, name: str) -> None:
    """The finding is of the right kind, and is held against the student exactly where it should be."""
    make, kind, problem = DAMAGE[name]
    result = seen(make())
    assert kind in kinds(result, problems=problem), result.findings
    others = set(kinds(result)) - {kind}
    assert not others, f"said beside it: {others}"


def test_a_changed_tolerance_is_named(seen) -> None:
    """The message says which number became which."""
    message = found(seen(DAMAGE["edited tolerance"][0]()), "cell edited")[0].message
    assert "numbers 1e-07 became 10" in message


UNREADABLE = {
    "nothing": (b"", "it is empty"),
    "half a file": (json.dumps(solved()).encode()[:5000], "its JSON breaks off or is wrong at line 1"),
    "no JSON": (b"PK\x03\x04 not a notebook", "its JSON breaks off"),
    "other JSON": (b'{"points": 3}', "it has no cells"),
    "a list": (b"[1, 2]", "its JSON is not that of a notebook"),
    "cells that are none": (b'{"cells": 7, "nbformat": 4}', "its JSON is not that of a notebook"),
    "deep nesting": (b'{"cells": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested too deeply"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_is_no_notebook_is_told_from_one(name: str) -> None:
    """A file that can't be read has a clear message and no traceback."""
    data, message = UNREADABLE[name]
    with pytest.raises(Unreadable, match=message):
        document(data)


def test_an_unresolved_merge_is_recognised() -> None:
    """The hint names the conflict."""
    with pytest.raises(Unreadable) as caught:
        document(b'{"cells": [\n<<<<<<< HEAD\n{}\n=======\n{}\n>>>>>>> mine\n]}')
    assert "merge of git" in caught.value.hint


def test_an_unreadable_notebook_does_not_hide_the_others(tmp_path: Path) -> None:
    """One damaged file is a remark; the notebook beside it is examined, one of no step is called unknown."""
    for name, data in {
        "RNN_Captioning.ipynb": solved(),
        "diary.ipynb": of_cells(text("hello"), code("1 + 1")),
    }.items():
        (tmp_path / name).write_text(json.dumps(data))
    (tmp_path / "LSTM_Captioning.ipynb").write_bytes(b"{")
    results, remarks = judge.examine(sorted(tmp_path.glob("*.ipynb")), TABLE, TEMPLATE)
    assert [one.result.file for one in results if one.match] == ["RNN_Captioning.ipynb"]
    assert sorted(remark.kind for remark in remarks) == ["unknown notebook", "unreadable"]


def test_the_more_alike_of_two_copies_is_read(tmp_path: Path) -> None:
    """A second, poorer copy of a notebook is named and does not count."""
    (tmp_path / "RNN_Captioning.ipynb").write_text(json.dumps(without(solved(), STEP)))
    (tmp_path / "RNN_Captioning (1).ipynb").write_text(json.dumps(solved()))
    results, _ = judge.examine(sorted(tmp_path.glob("*.ipynb")), TABLE, TEMPLATE)
    mine = next(one.result for one in results if one.result.file)
    assert mine.file == "RNN_Captioning (1).ipynb"
    assert kinds(mine) == []
    assert kinds(mine, problems=False) == ["duplicate notebook"]


def as_version_3(made: dict[str, Any]) -> dict[str, Any]:
    cells = []
    for cell in made["cells"]:
        if cell["cell_type"] == "code":
            outputs = [
                {"output_type": "stream", "stream": "stdout", "text": out["text"]} for out in cell["outputs"]
            ]
            cells.append(
                {
                    "cell_type": "code",
                    "input": cell["source"],
                    "prompt_number": cell["execution_count"],
                    "outputs": outputs,
                }
            )
        else:
            cells.append({"cell_type": "markdown", "source": cell["source"]})
    return {"nbformat": 3, "nbformat_minor": 0, "metadata": {"name": ""}, "worksheets": [{"cells": cells}]}


def with_oddities(made: dict[str, Any]) -> bytes:
    for cell in made["cells"]:
        cell.pop("id", None)
        cell["metadata"] = ["not", "a", "mapping"]
    made["metadata"] = {"colab": {"provenance": [], "name": None}, "widgets": {"x": 1e308}}
    made["cells"][1]["outputs"].append({"output_type": "display_data", "data": {"text/plain": 7}})
    return b"\xef\xbb\xbf" + json.dumps(made).replace("1e+308", "NaN").encode()


@pytest.mark.parametrize(
    "change", [as_version_3, with_oddities], ids=["format 3", "Colab's metadata, NaN, a byte-order mark"]
)
def test_old_and_odd_files_are_read_as_well(seen, change) -> None:
    """What Jupyter of any year wrote is read: the same steps and numbers, no problem."""
    result = seen(data if isinstance(data := change(solved()), bytes) else json.dumps(data).encode())
    assert kinds(result) == []
    assert all(step.cell for step in result.steps)


def test_a_damaged_cell_costs_only_itself(seen) -> None:
    """A cell that is no cell is named; the rest is read."""
    made = solved()
    made["cells"][2:2] = [
        17,
        {"cell_type": "code", "source": {"a": 1}},
        {"cell_type": "diagram", "source": "x"},
    ]
    result = seen(made)
    assert kinds(result) == ["the file"]
    assert "3, 4, 5" in result.findings[0].message


def test_no_more_cells_than_anyone_writes_are_read() -> None:
    """A hundred thousand cells cost the time of two thousand."""
    made = document(of_cells(*[code("1")] * (MAX_CELLS + 5)))
    assert len(made.cells) == MAX_CELLS
    assert "only the first" in made.remarks[0]


def test_an_assert_that_was_removed_is_named(seen) -> None:
    """In a cell of the original notebooks, too."""
    made = originals.contrastive()
    cell = next(cell for cell in made["cells"] if "assert" in cell["source"])
    lines = cell["source"].split("\n")
    cell["source"] = "\n".join(line for line in lines if "assert" not in line)
    result = seen(made, "Self_Supervised_Learning.ipynb")
    assert "1 assert removed" in found(result, "cell edited")[0].message


def test_debug_output_and_comments_are_no_edit(seen) -> None:
    """A print and a comment in a check cell are nobody's business."""
    assert kinds(seen(edit(solved(), "next_h, _ =", "# mine\nprint(x.shape)\nnext_h, _ ="))) == []


ANSWERS = {
    "in its own cell": "**Your answer:**\n\nSmaller vocabulary.",
    "heading of another level": "### your Answer\nSmaller vocabulary.",
    "no heading": "Smaller vocabulary.",
    "heading in capitals": "YOUR ANSWER: Smaller vocabulary.",
}


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_is_found_whatever_became_of_its_heading(seen, name: str) -> None:
    """The text under the question is the answer, without the heading."""
    made = solved()
    made["cells"][-1]["source"] = ANSWERS[name]
    assert seen(made).answers[0].answer == "Smaller vocabulary."


def test_an_answer_in_the_cell_of_its_question_is_found(seen) -> None:
    """What the handout's question does not say is the answer."""
    made = solved()
    made["cells"][-2]["source"] = "".join(made["cells"][-2]["source"]) + "\n\nSmaller vocabulary."
    made["cells"].pop()
    answer = seen(made).answers[0]
    assert answer.answer == "Smaller vocabulary."
    assert "Smaller" not in answer.question


def test_an_answer_left_as_it_was_handed_out_is_empty(seen) -> None:
    """The handout's own words are no answer."""
    made = json.loads((TEMPLATE / "RNN_Captioning.ipynb").read_text())
    assert seen(made).answers[0].answer == ""


def test_a_picture_pasted_into_an_answer_comes_along(seen) -> None:
    """An attachment is a picture of the answer."""
    made = solved()
    made["cells"][-1]["source"] = "See ![it](attachment:a.png)"
    made["cells"][-1]["attachments"] = {"a.png": {"image/png": "iVBORw0KGgo="}}
    answer = seen(made).answers[0]
    assert answer.pictures == ("data:image/png;base64,iVBORw0KGgo=",)
    assert answer.answer == "See *(picture 1)*"
