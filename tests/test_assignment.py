"""Another assignment than gradmark's own: made, loaded, graded, refused with a reason, and closed to student code."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from grader import assignment, known, new_assignment, session, template
from grader.batch import version
from grader.batch.store import read_class
from grader.cli import app
from grader.errors import GradmarkError, RubricError, UsageError
from grader.results import Grade, Outcome
from grader.rubric import load
from grader.session import Grader

ROOT = Path(__file__).resolve().parent.parent
LAYERS = "homework/layers.py"


@pytest.fixture(autouse=True)
def _no_other_assignment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The option sets the variable for good: put back after each test."""
    monkeypatch.setenv(assignment.VARIABLE, "")


@pytest.fixture
def made(tmp_path: Path) -> assignment.Assignment:
    """A new assignment, as an author starts with."""
    return new_assignment.make(tmp_path / "course work")


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def graded(of: assignment.Assignment, folder: Path, select: str = "", **options: bool) -> Grade:
    with Grader(assignment=of, **options) as grader:
        return grader.grade(folder, seed=1, select=select)


# A new one


def test_a_new_assignment_proves_itself(tmp_path: Path) -> None:
    """Its own tests pass, wherever it lies: full marks for the reference, none for the template, the mistake named."""
    done = CliRunner().invoke(app, ["new-assignment", str(tmp_path / "Prüfung 1"), "--package", "vision"])
    assert done.exit_code == 0, done.output
    asked = {**os.environ, "PYTHONPATH": str(ROOT)}
    start = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests")
    ran = subprocess.run(start, cwd=tmp_path / "Prüfung 1", env=asked, capture_output=True, text=True)
    assert "5 passed" in ran.stdout, ran.stdout
    assert "homework" not in (tmp_path / "Prüfung 1" / "README.md").read_text(encoding="utf-8")


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """A folder with anything in it, and a file, are refused; nothing is written."""
    (tmp_path / "mine.txt").write_text("x")
    for where, words in (
        (tmp_path, "is not empty: nothing was written"),
        (tmp_path / "mine.txt", "is a file"),
    ):
        done = CliRunner().invoke(app, ["new-assignment", str(where)])
        assert (done.exit_code, words in done.stderr) == (2, True)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("package", ["torch", "checks", "json", "class", "a-b", ""])
def test_a_package_that_could_not_be_imported_is_refused(tmp_path: Path, package: str) -> None:
    """Names of libraries, of gradmark's parts and of no Python module."""
    with pytest.raises(UsageError, match="--package"):
        new_assignment.make(tmp_path / "x", package)
    assert not (tmp_path / "x").exists()


def test_a_class_is_graded_by_another_assignment(made: assignment.Assignment, tmp_path: Path) -> None:
    """The processes that grade a class use the same one; its files are what a resumed run compares."""
    for name, source in (("ada", made.reference), ("bob", made.template)):
        shutil.copytree(source, tmp_path / "class" / name)
    asked = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = ("grade", "class", "--assignment", made.folder.name, "--out", "out", "--jobs", "1")
    start = (sys.executable, "-m", "grader", *command)
    done = subprocess.run(start, cwd=tmp_path, env=asked, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert {s.id: s.points for s in read_class(tmp_path / "out").students} == {"ada": 18, "bob": 0}


# What it consists of


def test_the_bundled_one_is_the_default() -> None:
    """It is the one that gradmark always had."""
    here = assignment.current()
    assert here is assignment.bundled()
    assert (here.reference, here.template, here.checks) == (
        session.REFERENCE,
        session.TEMPLATE,
        session.CHECKS,
    )
    assert here.package == "cs231n"
    assert all((here.reference / file).is_file() for file in here.files.values())


def test_the_variable_names_another(made: assignment.Assignment, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the option does, for every command."""
    monkeypatch.setenv(assignment.VARIABLE, str(made.folder))
    assert assignment.current() == made
    done = CliRunner().invoke(app, ["list", "-k", "zero_input"])
    assert "layers.affine_forward.zero_inpu" in done.stdout
    assert "1 checks, 1 points" in done.stdout


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('name = "My assignment"', "", "has no name"),
        ('name = "My assignment"', "name = 3", "line 3: a name is text"),
        ('package = "homework"', 'package = "numpy"', "line 4: 'numpy' is the name of something else"),
        (
            'package = "homework"',
            'package = "home-work"',
            "line 4: 'home-work' is no name that Python can import",
        ),
        (
            'package = "homework"',
            'package = "other"',
            "line 7: 'homework.layers' is not in the package 'other'",
        ),
        (
            'layers = "homework.layers"',
            'layers = "homework.gone"',
            "line 7: there is no reference/homework/gone.py",
        ),
        (
            'layers = "homework.layers"',
            'layers = "../../x"',
            'line 7: write it as layers = "homework.layers"',
        ),
        ('layers = "homework.layers"', "", "has no modules"),
        ('name = "My assignment"', 'nmae = "x"', "line 3: 'nmae' is unknown"),
        ("[modules]", "[modules", "is not valid TOML"),
    ],
)
def test_a_wrong_assignment_is_refused_with_its_line(
    made: assignment.Assignment, old: str, new: str, words: str
) -> None:
    """The file and the line are named, before anything runs."""
    edit(made.folder / "assignment.toml", old, new)
    with pytest.raises(UsageError, match="assignment.toml") as caught:
        assignment.load(made.folder)
    assert words in caught.value.message


def test_a_folder_that_is_no_assignment_leads_to_the_command(tmp_path: Path) -> None:
    """The hint says how to make one."""
    done = CliRunner().invoke(app, ["list", "--assignment", str(tmp_path)])
    assert done.exit_code == 2
    assert f"There is no assignment in {tmp_path}" in done.stderr
    assert "gradmark new-assignment" in done.stderr


def test_an_assignment_without_checks_is_refused(made: assignment.Assignment) -> None:
    """The part that is missing is named."""
    shutil.rmtree(made.checks)
    with pytest.raises(UsageError, match="has no checks"):
        assignment.load(made.folder)


def test_check_files_of_one_name_do_not_mix(made: assignment.Assignment, tmp_path: Path) -> None:
    """Two assignments in one process, each with a `check_layers.py`, and a file beside it that both import."""
    other = new_assignment.make(tmp_path / "other")
    for of, text in ((made, "first"), (other, "second")):
        (of.checks / "beside.py").write_text(f"TITLE = {text!r}\n")
        edit(
            of.checks / "check_layers.py",
            "from grader.compare",
            "from beside import TITLE\nfrom grader.compare",
        )
        edit(of.checks / "check_layers.py", '"gives the bias for an input of zeros"', "TITLE")
    titles = [session.expected_checks("zero_input", of)[0].title for of in (made, other, made)]
    assert titles == ["first", "second", "first"]
    assert "beside" not in sys.modules


def test_a_mistakes_file_that_breaks_is_named(made: assignment.Assignment) -> None:
    """An author's slip is told with its file."""
    assert made.mistakes is not None
    made.mistakes.write_text("MISTAKES = 1 / 0\n")
    with pytest.raises(GradmarkError, match=r"mistakes\.py can't be read: ZeroDivisionError"):
        known.of(made)


def test_a_rubric_of_a_course_extends_the_assignments_own(
    made: assignment.Assignment, tmp_path: Path
) -> None:
    """ "default" is the rubric of the assignment; that one itself can't extend anything."""
    course = tmp_path / "course.toml"
    course.write_text('extends = "default"\n[points]\n"*.zero_input" = 7\n')
    rubric = load(course, made.rubric)
    assert (rubric.points("layers.affine_forward.zero_input"), rubric.points("x.values")) == (7, 4)
    made.rubric.write_text('extends = "default"\n')
    with pytest.raises(RubricError, match="can't extend itself"):
        session.default_rubric(made)


def test_each_file_of_it_counts_when_a_class_is_resumed(
    made: assignment.Assignment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another check, reference, mistake or probe can change a result; the rubric is compared by itself."""
    monkeypatch.setenv(assignment.VARIABLE, str(made.folder))
    seen = [version.sources()]
    (made.folder / "probes").mkdir()
    (made.folder / "probes" / "norms.py").write_text("")
    for name in ("checks/check_layers.py", f"reference/{LAYERS}", "mistakes.py", "probes/norms.py"):
        with (made.folder / name).open("a") as file:
            file.write("\n# changed\n")
        seen.append(version.sources())
    assert len(set(seen)) == len(seen)
    edit(made.rubric, '"*" = 1', '"*" = 2')
    assert version.sources() == seen[-1]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("grade", "REFERENCE", "--notebooks"), "has no notebooks to examine"),
        (
            ("grade", "REFERENCE", "--format", "folders", "--cluster", "tcp://x:1"),
            "A cluster grades gradmark's own",
        ),
        (("gradescope-zip", "x.zip"), "holds gradmark's own assignment only"),
    ],
)
def test_what_only_the_bundled_one_can_is_refused(
    made: assignment.Assignment, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], words: str
) -> None:
    """Before anything runs: it must not be done for the wrong assignment."""
    monkeypatch.setenv(assignment.VARIABLE, str(made.folder))
    monkeypatch.chdir(made.folder)
    done = CliRunner().invoke(app, [str(made.reference) if a == "REFERENCE" else a for a in arguments])
    assert done.exit_code == 2, done.output
    assert words in done.stderr


# Student code and the assignment's folder


PROBE = """
import sys

SECRET = "the probe's own text"


def norm(array):
    return float((array**2).sum() ** 0.5)
"""
CHECK = '''

@check("layers.affine_forward.probed", "through a probe", part="layers")
def check_affine_forward_probed(student, reference, rng):
    """A probe of the assignment's own runs in the worker."""
    value = student.probe("norms", "norm", np.array([3.0, 4.0]))
    assert value.data == 5.0, value
    student.layers.affine_forward(np.ones((1, 1)), np.ones((1, 1)), np.ones(1))
'''
THIEF = """
import os, sys

def affine_forward(x, w, b):
    seen = []
    for top in {tops!r}:
        for name in ("assignment.toml", "reference/homework/layers.py", "checks/check_layers.py", "probes/norms.py"):
            try:
                seen.append(open(os.path.join(top, name)).read()[:20])
            except OSError:
                pass
    seen += [m for m in sys.modules if m.startswith("checks")]
    raise ValueError("seen: %r" % (seen,))
"""


@pytest.fixture(params=["elsewhere", "among the libraries"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """Where an assignment may lie: in a folder like any other, and in one that workers may read."""
    if request.param == "elsewhere":
        yield tmp_path / "course"
        return
    folder = Path(sys.prefix) / "lib" / f"gradmark-test-{secrets.token_hex(4)}"
    try:
        folder.mkdir()
    except OSError:
        pytest.skip("the libraries' folder can't be written")
    yield folder
    shutil.rmtree(folder)


def test_student_code_can_not_read_the_assignment(place: Path, tmp_path: Path) -> None:
    """Neither reference nor checks nor probes, wherever the folder lies; its probes run all the same."""
    made = new_assignment.make(place)
    (place / "probes").mkdir()
    (place / "probes" / "norms.py").write_text(PROBE)
    with (made.checks / "check_layers.py").open("a") as file:
        file.write(CHECK)
    made = assignment.load(place)
    thief = tmp_path / "thief" / LAYERS
    thief.parent.mkdir(parents=True)
    thief.write_text(THIEF.format(tops=[str(place), str(place.resolve())]))
    with Grader(assignment=made) as grader:
        if grader.isolation not in ("strict", "full"):
            pytest.skip("no isolation here")
        honest = grader.grade(made.reference, seed=1, select="probed")
        caught = grader.grade(tmp_path / "thief", seed=1, select="probed")
    assert [check.outcome for check in honest.checks] == [Outcome.PASSED], honest.checks
    assert "seen: []" in caught.checks[0].message, caught.checks[0].message


def test_a_probe_that_breaks_is_named(made: assignment.Assignment) -> None:
    """With its file and what Python says, before anything is graded."""
    (made.folder / "probes").mkdir()
    (made.folder / "probes" / "norms.py").write_text("import nothing_of_the_kind\n")
    with pytest.raises(GradmarkError, match=r"norms\.py can't be imported: ModuleNotFoundError"):
        Grader(assignment=assignment.load(made.folder))


def test_a_probe_does_not_take_the_place_of_gradmarks_own(made: assignment.Assignment) -> None:
    """The standard checks use those: a file of the same name is refused."""
    (made.folder / "probes").mkdir()
    (made.folder / "probes" / "layers.py").write_text("")
    with pytest.raises(UsageError, match="name of one of gradmark's own probes"):
        assignment.load(made.folder)


def test_the_layout_follows_the_package(made: assignment.Assignment, tmp_path: Path) -> None:
    """Loose files, extra modules and files outside are judged by this package's name, not by cs231n."""
    folder = tmp_path / "hand-in"
    (folder / "homework").mkdir(parents=True)
    shutil.copyfile(made.reference / LAYERS, folder / LAYERS)
    (folder / "homework" / "mine.py").write_text("")
    (folder / "stray.py").write_text("")
    grade = graded(made, folder, "shapes")
    said = [problem.message for problem in grade.problems]
    assert "extra module homework/mine.py: used as it is" in said
    assert any("stray.py lies outside homework/" in message for message in said)
    assert {file.path for file in grade.files} == {LAYERS, "homework/mine.py"}


def test_the_template_command_makes_and_checks_it(made: assignment.Assignment) -> None:
    """After a change of the reference the check names the file; the command makes it again."""
    edit(made.reference / LAYERS, "An affine map: out", "An affine map, out")
    where = ("--assignment", str(made.folder))
    stale = CliRunner().invoke(app, ["template", "--check", *where])
    assert (stale.exit_code, f"{LAYERS}: differs at line" in stale.stderr) == (1, True)
    assert CliRunner().invoke(app, ["template", *where]).exit_code == 0
    assert template.stale(made.reference, made.template) == []
    assert CliRunner().invoke(app, ["template", "--check", *where]).exit_code == 0
