"""The card in a notebook: names are found, the report's pieces are shown, and nothing ends in a traceback."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from IPython.core.formatters import DisplayFormatter

from grader import card
from grader.card import Card, Told, check
from grader.places import ROOT, TEMPLATE
from reports import card as page_card
from tests.reports import sample

COMPLETE = ROOT / "tests" / "submissions" / "complete" / "cs231n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A student's folder whose rnn_step_forward is wrong."""
    folder = tmp_path_factory.mktemp("work")
    shutil.copytree(TEMPLATE, folder, dirs_exist_ok=True)
    text = (COMPLETE / "rnn_layers.py").read_text()
    (folder / "cs231n" / "rnn_layers.py").write_text(text.replace("np.tanh(", "np.sin(", 1))
    yield folder
    for checker in card._checkers.values():
        checker.close()
    card._checkers.clear()


def test_a_function(folder: Path) -> None:
    """A function's card shows its failure as the report does, and where to look; in HTML and as text."""
    shown = check("rnn_step_forward", folder, seed=3)
    assert isinstance(shown, Card)
    assert {one.function for one in shown.grade.checks} == {"rnn_step_forward"}
    html = DisplayFormatter().format(shown)[0]["text/html"]
    assert "<code>next_h</code> from <code>rnn_step_forward</code> is wrong" in html
    assert "cs231n/rnn_layers.py, line " in html
    assert str(folder) in html
    assert "failed  rnn_step_forward" in repr(shown)
    assert "\x1b" not in repr(shown)


@pytest.mark.parametrize(
    ("what", "functions"),
    [
        ("rnn_layers.affine_forward.values", {"affine_forward"}),
        ("rnn_layers.affine_backward", {"affine_backward"}),
        ("temporal_affine", {"temporal_affine_forward", "temporal_affine_backward"}),
    ],
)
def test_names(folder: Path, what: str, functions: set[str]) -> None:
    """A check's id, a name with its module, and an expression do as well; a function is not another one's beginning."""
    shown = check(what, folder)
    assert isinstance(shown, Card)
    assert {one.function for one in shown.grade.checks} == functions


def test_a_file_as_it_is_saved(folder: Path) -> None:
    """Each call runs what is on disk by then."""
    file = folder / "cs231n" / "rnn_layers.py"
    before = file.read_text()
    file.write_text(before + "\nif True\n")
    try:
        broken = check("affine_forward", folder)
    finally:
        file.write_text(before)
    assert "can't be read  cs231n/rnn_layers.py" in repr(broken)
    assert isinstance(broken, Card)
    assert "can't be read" in broken._repr_html_()
    assert "Nothing left to do" in repr(check("affine_forward", folder))


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("rnn_step_forwrd", "'rnn_step_forward'"),
        ("and and", "can't be understood"),
        ("xyzzy", "selects no check"),
    ],
)
def test_wrong_names(folder: Path, what: str, words: str) -> None:
    """A wrong name is told, with names that are like it."""
    told = check(what, folder)
    assert isinstance(told, Told)
    assert words in repr(told)
    assert "Traceback" not in repr(told)


def test_a_wrong_folder(tmp_path: Path) -> None:
    """So is a folder without the assignment."""
    assert "cs231n" in repr(check("rnn_step_forward", tmp_path))


def test_the_style_stays_in_the_card() -> None:
    """What the style sheet says of the page is said of the card; every rule stands inside of it."""
    style = page_card.style()
    assert style.startswith(".gradmark-card {")
    assert style.count("{") == style.count("}")
    for top in (":root", "html {", "body {"):
        assert top not in style
    depth = 0
    for character in style[:-1]:
        depth += (character == "{") - (character == "}")
        assert depth > 0 or character not in "}"


def test_hostile_texts_are_escaped() -> None:
    """What student code wrote is shown as text."""
    html = page_card.html(
        sample.hostile("</style><script>alert(1)</script>"), folder="<b>x</b>", where="<script>1</script>"
    )
    assert "<script" not in html
    assert "<b>x" not in html


def test_one_import_and_one_call(folder: Path) -> None:
    """`from gradmark import check` at a prompt in a subfolder; the processes end with it, without a word."""
    code = "from gradmark import check\nprint(check('affine_forward'))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder / "cs231n", capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.stdout.startswith("Nothing left to do")
    assert done.stderr == ""
