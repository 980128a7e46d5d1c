"""The pages for authors are true: their blocks are taken from the text and run, in a new assignment."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from grader import assignment, known, new_assignment, session, template
from grader.cli import app
from grader.results import CheckResult, Grade, Outcome
from grader.rubric import load
from grader.session import Grader
from grader.training import bars

PAGES = Path(__file__).resolve().parent.parent / "docs" / "author"
LAYER, MORE = PAGES / "adding-a-layer.md", PAGES / "checks-and-mistakes.md"
BLOCK = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)
AUTHORS_OWN = (
    "checks/",
    "mistakes.py",
    "rubric.toml",
    "assignment.toml",
)  # without the reference's functions
MOST_LINES = 40


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, the file that its title names, and its text."""

    language: str
    file: str
    text: str


def blocks(page: Path) -> list[Block]:
    return [Block(*found.groups("")) for found in BLOCK.finditer(page.read_text(encoding="utf-8"))]


def commands(page: Path) -> list[list[str]]:
    """The lines of the page's shell blocks, as words."""
    texts = [block.text for block in blocks(page) if block.language == "sh"]
    return [shlex.split(line) for text in texts for line in text.splitlines()]


def follow(page: Path, folder: Path) -> None:
    """Adds each block to the end of the file that it names, which is new where it was not there."""
    for block in blocks(page):
        if block.file:
            path = folder / block.file
            path.parent.mkdir(exist_ok=True)
            before = path.read_text(encoding="utf-8") if path.exists() else ""
            path.write_text(
                f"{before}\n\n{block.text}" if block.language == "python" and before else before + block.text
            )


@pytest.fixture(scope="module")
def grader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Grader]:
    """An author who has followed the page, with the commands that it names."""
    folder = tmp_path_factory.mktemp("author") / "normalisation"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder.parent)
        patch.setenv(assignment.VARIABLE, "")
        asked = [words for words in commands(LAYER) if words[0] == "gradmark"]
        assert CliRunner().invoke(app, asked[0][1:]).exit_code == 0
        follow(LAYER, folder)
        for words in asked[1:]:
            if words[1] != "grade":
                done = CliRunner().invoke(app, words[1:])
                assert done.exit_code == 0, done.output
        patch.setenv(assignment.VARIABLE, "")
        with Grader(assignment=assignment.load(folder), explain=True) as started:
            yield started


def failed(grade: Grade) -> list[CheckResult]:
    return [check for check in grade.checks if check.outcome is Outcome.FAILED]


@pytest.mark.parametrize("seed", range(5))
def test_the_worked_example_gives_the_reference_full_marks(grader: Grader, seed: int) -> None:
    """All checks of both layers pass, with any inputs."""
    grade = grader.grade(grader.assignment.reference, seed=seed)
    assert [(check.id, check.message) for check in grade.checks if check.outcome is not Outcome.PASSED] == []
    assert grade.points == grade.max_points == 18 + 19
    assert sum(check.function.startswith("batchnorm") for check in grade.checks) == 13


def test_the_worked_example_gives_the_template_nothing(grader: Grader) -> None:
    """The handout that the page's command made holds no solution."""
    of = grader.assignment
    assert template.stale(of.reference, of.template) == []
    grade = grader.grade(of.template, seed=1)
    assert grade.points == 0
    assert not failed(grade)
    assert not grade.faults


def test_the_worked_examples_mistake_is_caught_and_named(grader: Grader, tmp_path: Path) -> None:
    """The student reads the sentence of the page; what is right in itself keeps its points."""
    mistake = known.of(grader.assignment)[0][-1]
    grade = grader.grade(known.made(grader.assignment, mistake, tmp_path / "work"), seed=1)
    found = {check.id: check.mistake for check in failed(grade)}
    told = found["batchnorm.batchnorm_backward.reference_gradient"]
    assert told is not None
    assert told.sentence == "mean and variance are taken for constants"
    assert {id.split(".")[1] for id in found} == {"batchnorm_backward"}


def test_another_mistake_is_failed_by_the_extra_check_alone(grader: Grader, tmp_path: Path) -> None:
    """Who normalises with the batch in test mode, too, fails the check that the page adds."""
    import dataclasses

    mistake = dataclasses.replace(
        known.of(grader.assignment)[0][-1],
        function="batchnorm.batchnorm_forward",
        old='if mode == "train":',
        new="if True:",
    )
    grade = grader.grade(known.made(grader.assignment, mistake, tmp_path / "work"), seed=1)
    assert [check.id for check in failed(grade)] == ["batchnorm.batchnorm_forward.test_mode"]


def test_the_worked_example_is_short() -> None:
    """Declaration, check, mistake and points together stay under 40 lines, and the page gives their number."""
    own = [block.text for block in blocks(LAYER) if block.file.startswith(AUTHORS_OWN)]
    lines = [line for text in own for line in text.splitlines() if line.strip()]
    assert len(lines) < MOST_LINES
    assert f"are {len(lines)} lines." in LAYER.read_text(encoding="utf-8")


def test_the_second_pages_blocks_grade(tmp_path: Path) -> None:
    """Its checks pass for the reference, its mistakes are caught and named, its course's rubric holds."""
    made = new_assignment.make(tmp_path / "course")
    follow(MORE, made.folder)
    made = assignment.load(made.folder)
    mistakes, _ = known.of(made)
    with Grader(
        assignment=made, explain=True, rubric=load(made.folder / "course.toml", made.rubric)
    ) as grader:
        grade = grader.grade(made.reference, seed=3)
        assert [(c.id, c.message) for c in grade.checks if c.outcome is not Outcome.PASSED] == []
        assert grade.points == grade.max_points == 18 + 2 + 1
        for mistake in mistakes[-2:]:
            found = failed(grader.grade(known.made(made, mistake, tmp_path / mistake.id), seed=3))
            assert set(mistake.caught_by) <= {check.id for check in found}
            assert mistake.id in {check.mistake.id for check in found if check.mistake}
        random = made.reference.parent / "random" / "homework"
        random.mkdir(parents=True)
        text = (made.reference / "homework" / "layers.py").read_text()
        (random / "layers.py").write_text(text.replace("x @ w + b", "x @ w + b + 1e-13 * np.random.rand()"))
        missed = failed(grader.grade(random.parent, seed=3))
        assert "layers.affine_forward.deterministic" in [check.id for check in missed]


def test_the_threshold_on_the_second_page_is_one(tmp_path: Path) -> None:
    """The block is what gradmark reads, and names a metric that there is."""
    (text,) = (block.text for block in blocks(MORE) if block.file == "training_bars.toml")
    (tmp_path / "bars.toml").write_text(text)
    (found,) = bars.load(tmp_path / "bars.toml")["cpu"]["rnn"]
    usual = {bar.metric: bar for bar in bars.load(session.CHECKS / "training_bars.toml")["cpu"]["rnn"]}
    assert (found.value, found.nearly, found.better) == (0.8, 1.6, usual["loss"].better)


@pytest.mark.parametrize("page", [LAYER, MORE], ids=lambda page: page.stem)
def test_links_between_the_pages_lead_somewhere(page: Path) -> None:
    """Relative links, to pages that are there."""
    links = re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8"))
    assert links
    assert [link for link in links if not (page.parent / link).exists()] == []
