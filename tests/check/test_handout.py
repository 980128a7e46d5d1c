"""The student's package: it holds no solution, and judges as the reference does wherever it judges."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import msgspec
import pytest

from grader import students_package
from grader.errors import UsageError
from grader.places import REFERENCE, ROOT
from grader.recorded import Fixtures
from grader.rubric import load
from grader.template import stale
from tests.check import leaks

SELECT = "rnn_step or affine"
HIDDEN = "rnn_layers.affine_forward.example"


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package of some checks, with one check hidden by the course."""
    folder = tmp_path_factory.mktemp("course")
    rubric = folder / "course.toml"
    rubric.write_text(f'extends = "default"\n[visibility]\n"{HIDDEN}" = "hidden"\n')
    target = folder / "a package"
    students_package.build(target, load(rubric), seeds=1, select=SELECT, data=False, tell=lambda said: None)
    return target


@pytest.fixture
def work(package: Path, tmp_path: Path) -> Path:
    """A student's copy of the package with the reference's code as the student's."""
    shutil.copytree(package, tmp_path / "my work")
    shutil.copytree(
        REFERENCE / "cs231n", tmp_path / "my work" / "cs231n", dirs_exist_ok=True,
        ignore=shutil.ignore_patterns("__pycache__"),
    )  # fmt: skip
    return tmp_path / "my work"


def checked(folder: Path, *arguments: str) -> tuple[int, str]:
    """Runs the package's own command where this checkout can't be imported."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    code = f"import sys; sys.path[:] = [p for p in sys.path if p != {str(ROOT)!r}]; import runpy; "
    code += "runpy.run_path(sys.argv.pop(1), run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, str(folder / "gradmark.py"), "check", str(folder), *arguments],
        capture_output=True, text=True, check=False, cwd=folder, env=environment,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def change(folder: Path, old: str, new: str, file: str = "cs231n/rnn_layers.py") -> None:
    text = (folder / file).read_text()
    assert old in text
    (folder / file).write_text(text.replace(old, new))


def test_no_line_of_a_solution(package: Path) -> None:
    """No line of a solution region, no known mistake, no answer of a notebook is in any file, or in an archive there."""
    assert leaks.leaks(package, leaks.solution_lines()) == []
    assert leaks.leaks(package, leaks.mistake_texts()) == []


def test_the_search_finds_what_leaks(package: Path, tmp_path: Path) -> None:
    """The search itself works: the reference, put into an archive in a copy of the package, is found."""
    shutil.copytree(package, tmp_path / "leaking")
    with zipfile.ZipFile(tmp_path / "leaking" / "more.zip", "w") as archive:
        archive.write(REFERENCE / "cs231n" / "rnn_layers.py", "rnn_layers.py")
        archive.write(ROOT / "checks" / "mistakes" / "rnn.py", "notes.txt")
    assert leaks.leaks(tmp_path / "leaking", leaks.solution_lines())
    assert leaks.leaks(tmp_path / "leaking", leaks.mistake_texts())


def test_only_what_checking_needs(package: Path) -> None:
    """No reference, mistakes, training bars, notebooks' keys, grading of classes; the template is the handout's."""
    names = [name for name, _ in leaks.contents(package)]
    unwanted = re.compile(r"reference/|mistakes|training|notebooks\.toml|explain|session|batch|\.pyc$|pickle")
    assert [name for name in names if unwanted.search(name)] == []
    assert stale(REFERENCE, package / "gradmark_check" / "student_template") == []


def test_hidden_checks_are_absent(package: Path) -> None:
    """Neither the id of a hidden check nor answers to it are there; nor anything of checks that were not recorded."""
    for name, data in leaks.contents(package):
        assert HIDDEN.encode() not in data, name
    rubric = (package / "gradmark_check/checks/rubric.toml").read_text()
    assert "rnn_layers.affine_forward.values" in rubric
    assert "training" not in rubric


def test_the_answers_are_plain_data(package: Path) -> None:
    """The fixtures are read as typed messages; they name seeds that grading will hardly draw, and no check."""
    path = package / "gradmark_check" / "fixtures.zip"
    fixtures = Fixtures.load(path)
    assert len(fixtures.seeds) == 1
    assert fixtures.answers
    assert Fixtures.load(path).to_bytes() == fixtures.to_bytes() == path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        assert b"rnn_layers." not in archive.read("answers.msgpack").replace(b"cs231n.rnn_layers", b"")
        msgspec.msgpack.decode(archive.read("answers.msgpack"))


def test_right_work_passes(work: Path) -> None:
    """Without the reference all public checks of the right solution pass; from a subfolder, in a path with a space."""
    status, said = checked(work)
    assert status == 0, said
    assert said.startswith("Nothing left to do"), said
    assert "reference" not in said


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        ("cs231n/rnn_layers.py", "np.tanh(", "np.sin(", "next_h"),
        ("cs231n/rnn_layers.py", "next_h = np.tanh(", "raise ValueError('oh')\n    next_h = np.tanh(", "oh"),
    ],
)
def test_wrong_work_fails(work: Path, file: str, old: str, new: str, words: str) -> None:
    """A mistake fails with its message as the course's grader tells it; nothing is a fault of gradmark."""
    change(work, old, new, file)
    status, said = checked(work)
    assert status == 0, said
    assert "failed  rnn_step_forward" in said
    assert words in said
    assert "fault" not in said.lower()


def test_a_seed_without_answers(work: Path) -> None:
    """Another seed than those recorded is refused with the list of those that are there."""
    status, said = checked(work, "--seed", "1")
    assert status == 2
    seeds = Fixtures.load(work / "gradmark_check" / "fixtures.zip").seeds
    assert str(seeds[0]) in said


def test_the_handed_out_folder_is_new(tmp_path: Path) -> None:
    """A folder with something in it is left alone."""
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match="not empty"):
        students_package.build(tmp_path, load(ROOT / "checks" / "rubric.toml"))
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_hidden_functions_are_cut_out(tmp_path: Path) -> None:
    """The function of a hidden check goes, whether its id is written out or made up in the file."""
    text = '@check("a.b.values", "x")\ndef check_one():\n    pass\n\n\n@check(f"{NAME}.fine", "x")\ndef two():\n    pass\n'
    rubric = load(ROOT / "checks" / "rubric.toml")
    assert students_package.without_hidden(text, rubric) == text
    (tmp_path / "course.toml").write_text('extends = "default"\n[visibility]\n"a.b.values" = "hidden"\n')
    hiding = load(tmp_path / "course.toml")
    assert "check_one" not in students_package.without_hidden(text, hiding)
    assert "two" in students_package.without_hidden(text, hiding)


def test_requirements_pin_what_draws(package: Path) -> None:
    """Another version of hypothesis would draw other examples: the package asks for the same."""
    lines = (package / "requirements.txt").read_text().split()
    assert [line for line in lines if line.startswith("hypothesis==")]


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_the_whole_assignment(tmp_path: Path) -> None:
    """A package of all checks lets the complete submission and one in another style pass everything."""
    students_package.build(
        tmp_path / "all", load(ROOT / "checks" / "rubric.toml"), seeds=1, data=False, tell=lambda said: None
    )
    assert leaks.leaks(tmp_path / "all", leaks.solution_lines() | leaks.mistake_texts()) == []
    for name in ("complete", "styles/functional"):
        shutil.copytree(
            ROOT / "tests/submissions" / name / "cs231n", tmp_path / "all/cs231n", dirs_exist_ok=True
        )
        status, said = checked(tmp_path / "all")
        assert status == 0, said
        assert said.startswith("Nothing left to do"), said
