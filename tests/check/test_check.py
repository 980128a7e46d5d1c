"""`gradmark check`: what to do next, on the files as they are, without what was not begun."""

from __future__ import annotations

import importlib.util
import io
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from grader import selfcheck
from grader.cli import app
from grader.places import TEMPLATE
from grader.results import Grade, Outcome
from grader.selfcheck import Checker
from reports import self_check

STEP = "rnn_layers.rnn_step_forward"
SUBMISSIONS = Path(__file__).resolve().parents[1] / "submissions"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A student's folder, as it was handed out."""
    shutil.copytree(TEMPLATE, tmp_path / "work here")
    return tmp_path / "work here"


@pytest.fixture
def preloads(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, ...]]]:
    """What warm parents were asked to import."""
    asked: list[tuple[str, ...]] = []
    start = selfcheck.Zygote.start

    def started(preload: tuple[str, ...], probes: tuple[str, ...]) -> object:
        asked.append(preload)
        return start(preload=preload, probes=probes)

    monkeypatch.setattr(selfcheck.Zygote, "start", started)
    yield asked


def solve(folder: Path, *names: str) -> None:
    """Takes these files from the complete submission."""
    for name in names:
        shutil.copyfile(SUBMISSIONS / "complete" / name, folder / name)


def graded(folder: Path, select: str = "") -> Grade:
    with Checker(folder) as checker:
        return checker.check(checker.selected(select), seed=3, select=select)


def run(*arguments: str | Path) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["check", *map(str, arguments)])
    return result.exit_code, result.output


def test_the_handout_needs_no_process(folder: Path, preloads: list[object]) -> None:
    """Nothing is run for a folder in which nothing was begun; every function is not attempted."""
    grade = graded(folder)
    assert {check.outcome for check in grade.checks} == {Outcome.NOT_ATTEMPTED}
    assert preloads == []


def test_first_the_first_function(folder: Path) -> None:
    """The output begins with what to do next, and where; found from a subfolder, too."""
    status, said = run(folder / "cs231n" / "simclr")
    assert status == 0
    assert said.startswith("What to do next\nnot attempted  rnn_step_forward")
    line = (
        (folder / "cs231n/rnn_layers.py")
        .read_text()
        .splitlines()
        .index("def rnn_step_forward(x, prev_h, Wx, Wh, b):")
    )
    assert f"Where: cs231n/rnn_layers.py, line {line + 1}" in said
    assert "\x1b" not in said


def test_the_recurrent_part_goes_without_torch(folder: Path, preloads: list[tuple[str, ...]]) -> None:
    """Work in the RNN part alone is checked by a process that has not imported torch."""
    solve(folder, "cs231n/rnn_layers.py")
    grade = graded(folder, "rnn_step")
    assert {check.outcome for check in grade.checks} == {Outcome.PASSED}
    assert preloads == [("numpy",)]


def test_who_imports_torch_gets_it_warm(folder: Path, preloads: list[tuple[str, ...]]) -> None:
    """A student's own import of torch is done once, in the warm parent."""
    solve(folder, "cs231n/rnn_layers.py")
    file = folder / "cs231n/rnn_layers.py"
    file.write_text(f"import torch\n{file.read_text()}")
    graded(folder, "rnn_step_forward and shapes")
    assert "torch" in preloads[0]


def test_a_failure_has_its_place(folder: Path) -> None:
    """An exception is shown with the line that raised it; a file that does not parse with its message."""
    solve(folder, "cs231n/rnn_layers.py")
    file = folder / "cs231n/rnn_layers.py"
    text = file.read_text().replace("np.tanh(", "np.tahn(", 1)
    file.write_text(text)
    line = next(n for n, one in enumerate(text.splitlines(), 1) if "np.tahn(" in one)
    assert f"Where: cs231n/rnn_layers.py, line {line}" in run(folder, "-k", "rnn_step_forward")[1]


def test_a_broken_file_is_told(folder: Path) -> None:
    """A file that does not parse is told with its line, and is nobody's fault but its own."""
    file = folder / "cs231n/rnn_layers.py"
    file.write_text(file.read_text() + "\nif True\n    pass\n")
    status, said = run(folder, "-k", "rnn_step_forward")
    assert status == 0
    assert "rnn_layers.py" in said
    assert "if True" in said or "expected ':'" in said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["-k", "nothing_like_it"], "selects no check"), (["--seed", "x"], "--seed")],
)
def test_wrong_use(folder: Path, arguments: list[str], words: str) -> None:
    """Wrong usage ends with status 2 and says what to do."""
    status, said = run(folder, *arguments)
    assert status == 2
    assert words in said


def test_a_folder_without_the_assignment(tmp_path: Path) -> None:
    """A wrong folder is told as such."""
    status, said = run(tmp_path)
    assert status == 2
    assert "cs231n" in said


def test_the_page(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """--open writes the student's page, with commands that students have, and shows it."""
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", lambda address: opened.append(address) or True)
    solve(folder, "cs231n/rnn_layers.py")
    file = folder / "cs231n/rnn_layers.py"
    file.write_text(file.read_text().replace("np.tanh(", "np.sin(", 1))
    assert run(folder, "-k", "rnn_step_forward", "--open")[0] == 0
    page = folder / "gradmark-report" / "student.html"
    assert opened == [page.as_uri()]
    assert "gradmark check -k" in page.read_text()
    assert "gradmark grade" not in page.read_text()


@pytest.fixture
def hidden(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], None]:
    """Makes checks hidden in the rubric."""

    def hide(pattern: str) -> None:
        rubric = tmp_path / "rubric.toml"
        rubric.write_text(f'extends = "default"\n[visibility]\n"{pattern}" = "hidden"\n')
        monkeypatch.setattr(selfcheck, "DEFAULT", rubric)

    return hide


def test_hidden_checks_are_not_run(folder: Path, hidden: Callable[[str], None]) -> None:
    """What the rubric hides from students is not in their check."""
    hidden("*.values")
    ids = [check.id for check in graded(folder).checks]
    assert ids
    assert not [id for id in ids if id.endswith(".values")]


def test_what_is_built_from_a_wrong_function(folder: Path) -> None:
    """Without torch nothing stands in for a wrong function: what is built from it is not judged, and says so."""
    solve(folder, "cs231n/rnn_layers.py")
    file = folder / "cs231n/rnn_layers.py"
    file.write_text(file.read_text().replace("np.tanh(", "np.sin(", 1))
    found = {check.id: check for check in graded(folder, "rnn_step or rnn_forward").checks}
    assert found[f"{STEP}.values"].outcome is Outcome.FAILED
    behind = found["rnn_layers.rnn_forward.values"]
    assert behind.outcome is Outcome.BLOCKED
    assert "`rnn_step_forward`" in behind.message
    assert Outcome.ERRORED not in {check.outcome for check in found.values()}


def test_without_torch(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where torch is not installed the RNN part is checked all the same, and the others say what to install."""
    solve(folder, "cs231n/rnn_layers.py", "cs231n/gan_pytorch.py")
    find = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if "torch" in name else find(name))
    found = {check.id: check for check in graded(folder, "affine_forward or sample_noise").checks}
    assert found["rnn_layers.affine_forward.values"].outcome is Outcome.PASSED
    noise = found["gan_pytorch.sample_noise.shapes"]
    assert noise.outcome is Outcome.BLOCKED
    assert "pip install torch torchvision" in noise.hint
    step = self_check.next_step(graded(folder, "sample_noise"))
    assert step is not None
    assert step.check.hint == noise.hint


def test_without_forks(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a warm parent can't fork (macOS) each worker is an interpreter of its own, with the same results."""
    monkeypatch.setattr("grader.sandbox.spawned.FORKS", False)
    solve(folder, "cs231n/rnn_layers.py")
    grade = graded(folder, "affine_forward")
    assert {check.outcome for check in grade.checks} == {Outcome.PASSED}
    assert grade.environment.isolation == "process"


def test_colours(folder: Path) -> None:
    """NO_COLOR holds on a terminal, too; there, without it, outcomes have colours."""
    grade = graded(folder, "affine_forward")
    for environment, coloured in (({"NO_COLOR": "1"}, False), ({}, True)):
        said = io.StringIO()
        out = Console(file=said, force_terminal=True, _environ={"TERM": "xterm-256color", **environment})
        self_check.show(grade, out)
        assert ("\x1b[3" in said.getvalue() or "\x1b[9" in said.getvalue()) is coloured
