"""What goes wrong on the first day: each with a message of its own that says what to do, and never a traceback."""

from __future__ import annotations

import ast
import ctypes
import errno
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from grader import libraries, session
from grader.cli import app
from grader.collect import collect
from grader.data import make
from grader.errors import CollectError, SandboxError
from grader.notebook import execute
from grader.sandbox import parent, spawned
from grader.sandbox.client import Zygote
from grader.session import REFERENCE, TEMPLATE
from reports import files
from tests import test_cli

ROOT = Path(__file__).resolve().parent.parent
Run = Callable[..., Any]
Stub = Callable[[str, str], None]
needs_make = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
posix = pytest.mark.skipif(os.name == "nt", reason="a POSIX shell")
run = test_cli.run  # a fixture: the command with a fake grader


def command(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """`python -m grader` in a process of its own; a variable given as "" is not set."""
    asked = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    asked = {name: value for name, value in asked.items() if value or name not in environment}
    return subprocess.run(
        (sys.executable, "-m", "grader", *arguments), cwd=cwd, env=asked, capture_output=True, timeout=240,
        encoding="utf-8", errors="replace",
    )  # fmt: skip


# The wrong folder


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A student's folder, with a notebook beside the code."""
    folder = tmp_path / "course" / "assignment3"
    shutil.copytree(REFERENCE / "cs231n", folder / "cs231n", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "RNN_Captioning.ipynb").write_text("{}")
    return folder


@pytest.mark.parametrize(
    ("named", "words"),
    [
        ("cs231n/classifiers", "only a part of the assignment"),
        ("cs231n/simclr", "only a part of the assignment"),
        ("cs231n/datasets", "holds no file of the assignment"),
        ("cs231n/rnn_layers.py", "a single Python file"),
        ("RNN_Captioning.ipynb", "a single notebook"),
    ],
)
def test_a_part_of_the_assignment_leads_to_the_whole(
    work: Path, tmp_path: Path, named: str, words: str
) -> None:
    """Whoever names a subfolder, a module or a notebook is told which folder to name."""
    (work / "cs231n" / "datasets").mkdir(exist_ok=True)
    with pytest.raises(CollectError, match=words) as caught:
        collect(work / named, TEMPLATE, tmp_path / "copy")
    assert f"The whole assignment lies in {work}: name that folder." in caught.value.hint


@pytest.mark.parametrize("named", ["course", "course/assignment3", "course/assignment3/cs231n"])
def test_a_folder_above_the_code_will_do(work: Path, tmp_path: Path, named: str) -> None:
    """The course's folder and the package itself lead to the same files."""
    made = collect(tmp_path / named, TEMPLATE, tmp_path / "copy")
    assert {f.origin for f in made.files if f.path == "cs231n/rnn_layers.py"} == {"submission"}


def test_a_folder_without_the_assignment_says_what_to_name(tmp_path: Path) -> None:
    """The message shows what was found; the hint names the folder that is needed."""
    (tmp_path / "essay.txt").write_text("x")
    with pytest.raises(
        CollectError, match=r"holds no file of the assignment \(it holds essay\.txt\)"
    ) as caught:
        collect(tmp_path, TEMPLATE, tmp_path / "copy")
    assert "that holds cs231n/ and the notebooks" in caught.value.hint


def test_a_hand_in_below_an_assignment_is_no_part_of_it(work: Path, tmp_path: Path) -> None:
    """A class's folder inside of staff's own copy: a student's empty hand-in does not lead to the staff's files."""
    (work / "handed_in" / "ada").mkdir(parents=True)
    (work / "handed_in" / "ada" / "x.txt").write_text("")
    with pytest.raises(CollectError) as caught:
        collect(work / "handed_in" / "ada", TEMPLATE, tmp_path / "copy")
    assert str(tmp_path) not in str(caught.value)


# An old Python


@pytest.mark.parametrize("start", ["grader", "grader.cli"])
def test_an_old_python_is_told_so(tmp_path: Path, start: str) -> None:
    """Under 3.8 the command says which Python it needs, without a traceback."""
    script = (
        "import sys, runpy; sys.version_info = (3, 8, 10, 'final', 0); sys.argv[1:] = ['list'];"
        f"runpy.run_module({start!r}, run_name='__main__')"
    )
    asked = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        (sys.executable, "-c", script), cwd=tmp_path, env=asked, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "Python 3.11 or newer is needed; this is Python 3.8" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", ["__init__.py", "__main__.py"])
def test_what_an_old_python_reads_first_is_plain(name: str) -> None:
    """No syntax younger than Python 3.4 (the oldest that `ast` knows), no annotations, nothing but ASCII."""
    text = (ROOT / "grader" / name).read_text(encoding="utf-8")
    tree = ast.parse(text, feature_version=(3, 4))
    assert text.isascii()
    younger = (ast.JoinedStr, ast.AnnAssign, ast.NamedExpr, ast.AsyncFunctionDef)
    assert not [node for node in ast.walk(tree) if isinstance(node, younger)]
    assert not [
        node for node in ast.walk(tree) if getattr(node, "returns", None) or getattr(node, "annotation", None)
    ]


@pytest.mark.parametrize("version", ["2.7", "3.6", "3.8", "3.10"])
def test_a_real_old_python_is_told_so(tmp_path: Path, version: str) -> None:
    """The same with an interpreter of that age, where one is installed."""
    program = shutil.which(f"python{version}")
    asked = {**os.environ, "PYTHONPATH": str(ROOT)}
    if program is None or subprocess.run((program, "-c", ""), capture_output=True).returncode:
        pytest.skip(f"no Python {version} here")
    done = subprocess.run((program, "-m", "grader"), cwd=tmp_path, env=asked, capture_output=True, text=True)
    assert f"this is Python {version}" in done.stderr
    assert "Traceback" not in done.stderr


@needs_make
@posix
def test_make_with_an_old_python_is_told_so(tmp_path: Path) -> None:
    """`make` says which Python it needs and how to name it, and makes no environment."""
    old = tmp_path / "python3.8"
    fake = "import sys; sys.version_info = (3, 8, 10); exec(sys.argv[1])"
    old.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "{fake}" "$2"\n')
    old.chmod(0o755)
    asked = ("make", "-C", str(ROOT), "install", f"PYTHON={old}", f"VENV={tmp_path / 'venv'}")
    done = subprocess.run(asked, capture_output=True, text=True)
    assert done.returncode != 0
    assert "gradmark needs Python 3.11 or newer" in done.stderr
    assert "make PYTHON=" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "venv").exists()


# Libraries that are missing, or do not belong together


@pytest.fixture
def stub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stub:
    """Puts a package with this text in the place of a real one, for workers (and for `command` by PYTHONPATH)."""
    folder, usual = tmp_path / "stubs", parent.environment()
    told = {**usual, "PYTHONPATH": os.pathsep.join((str(folder), usual["PYTHONPATH"]))}
    for module in (parent, spawned):
        monkeypatch.setattr(module, "environment", lambda: told)

    def make(name: str, text: str) -> None:
        (folder / name).mkdir(parents=True)
        (folder / name / "__init__.py").write_text(text)

    return make


def test_without_torch_the_command_says_how_to_get_it(
    stub: Stub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Grading ends with the package's name and the command that installs it; status 1, no crash log."""
    stub("torch", 'raise ModuleNotFoundError("No module named \'torch\'", name="torch")')
    monkeypatch.setattr(session, "PRELOAD", ("numpy", "torch"))
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["grade", str(REFERENCE), "--no-training"])
    assert done.exit_code == 1
    assert "gradmark: torch is not installed for " in done.stderr
    assert "-m pip install torch torchvision" in done.stderr
    assert not list(tmp_path.rglob("gradmark-crash*"))


def test_a_wrong_pair_of_torch_and_torchvision_is_named(stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    """torchvision's own words mean nothing to most; both versions and the one that fits are named instead."""
    stub("torchvision", 'raise RuntimeError("operator torchvision::nms does not exist")')
    monkeypatch.setattr(libraries, "version", {"torch": "2.5.1+cpu", "torchvision": "0.18.0"}.__getitem__)
    with Zygote.start(preload=("numpy", "torchvision")) as zygote, pytest.raises(SandboxError) as caught:
        zygote.worker(REFERENCE, session.default_rubric().limits)
    assert caught.value.message == "torch 2.5.1+cpu and torchvision 0.18.0 do not belong together."
    assert caught.value.hint.endswith("-m pip install torch torchvision==0.20.*")


def test_without_the_notebooks_parts_the_rest_is_graded(stub: Stub) -> None:
    """The message names the package and says that grading without notebooks does not need it."""
    stub("IPython", 'raise ModuleNotFoundError("No module named \'IPython\'", name="IPython")')
    with execute.start() as zygote, pytest.raises(SandboxError, match="IPython is not installed") as caught:
        zygote.versions  # noqa: B018 (waits until it is ready)
    assert "without --notebooks grading does not" in caught.value.message
    assert caught.value.hint.endswith("-m pip install ipython")


def test_without_a_package_of_the_command_itself(tmp_path: Path) -> None:
    """Not even the command can start then: still a message and status 2."""
    (tmp_path / "msgspec.py").write_text(
        'raise ModuleNotFoundError("No module named \'msgspec\'", name="msgspec")'
    )
    done = command("list", cwd=tmp_path, PYTHONPATH=os.pathsep.join((str(tmp_path), str(ROOT))))
    assert done.returncode == 2
    assert done.stderr.startswith("gradmark: msgspec is not installed for ")
    assert "-m pip install msgspec" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (
            "OSError: libcudart.so.12: cannot open shared object file: No such file",
            "libcudart.so.12 can't be loaded",
        ),
        ("ImportError: /x/torchvision/_C.so: undefined symbol: _ZN3c10", "do not belong together"),
        ("ImportError: /x/torch/lib/libtorch.so: undefined symbol: iJIT", "libtorch.so can't be loaded"),
        ("ModuleNotFoundError: No module named 'sklearn.cluster'", "sklearn is not installed"),
    ],
)
def test_other_words_of_broken_libraries_are_understood(said: str, words: str) -> None:
    """What the loader says becomes what to do."""
    told = libraries.explained(said)
    assert told is not None
    assert words in told[0]
    assert "pip install" in told[1]


@pytest.mark.parametrize(
    "said", ["ModuleNotFoundError: No module named 'grader.xyz'", "ValueError: torch", ""]
)
def test_our_own_faults_stay_faults(said: str) -> None:
    """A module of gradmark that is missing is no library that could be installed."""
    assert libraries.explained(said) is None


# Folders that can't be written


@pytest.fixture
def locked() -> Iterator[Path]:
    """A folder that nobody but root may write, which everybody can reach."""
    folder = Path(tempfile.mkdtemp(prefix="gradmark-test-"))
    folder.chmod(0o555)
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


def _without_privilege() -> None:
    """Root writes anywhere: from the next exec on, modes hold for it too (CAP_DAC_OVERRIDE is dropped)."""
    if os.geteuid() == 0:
        ctypes.CDLL(None).prctl(24, 1, 0, 0, 0)


@posix
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere root writes anywhere")
@pytest.mark.parametrize("out", [(), ("--out", "reports/ada")])
def test_a_read_only_folder_is_named_before_any_work(locked: Path, out: tuple[str, ...]) -> None:
    """As current folder with the default --out, and below it: status 2 and what to do."""
    asked = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    start = (sys.executable, "-m", "grader", "grade", str(REFERENCE), "--no-training", *out)
    done = subprocess.run(
        start, cwd=locked, env=asked, preexec_fn=_without_privilege, capture_output=True, text=True
    )
    assert done.returncode == 2, done.stderr
    assert f"can't be written to {out[1] if out else 'gradmark-report'}: Permission denied." in done.stderr
    assert "--out" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "The disk is full: /scratch/x."),
        (errno.EDQUOT, "The disk quota is used up: /scratch/x."),
        (errno.EROFS, "The file system is read-only: /scratch/x."),
        (errno.EACCES, "Not allowed: /scratch/x."),
        (errno.EMFILE, "Too many files are open: /scratch/x."),
    ],
)
def test_trouble_of_the_machine_is_no_internal_error(
    run: Run, tmp_path: Path, number: int, words: str
) -> None:
    """A full disk in the middle of a run is said to be one, with a remedy, and leaves no crash log."""
    full = OSError(number, os.strerror(number), "/scratch/x")
    done = run("grade", "x", "--out", str(tmp_path / "out"), outcome=full)
    assert done.exit_code == 1
    assert f"gradmark: {words}" in done.stderr
    assert "internal error" not in done.stderr
    assert not list(tmp_path.rglob("gradmark-crash*"))


def test_a_disk_that_fills_up_while_the_report_is_written(
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The folder is named, and nothing half-written is left."""

    def full(path: Path, content: bytes) -> None:
        path.write_bytes(content[:10])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    monkeypatch.setattr(files, "_write_synced", full)
    done = run("grade", "x", "--out", str(tmp_path / "out"))
    assert f"The report can't be written to {tmp_path / 'out'}: No space left on device." in done.stderr
    assert not list((tmp_path / "out").iterdir())


def test_without_a_temporary_folder(run: Run) -> None:
    """`tempfile` has an exception of its own for that."""
    nowhere = FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/tmp']")
    done = run("grade", "x", outcome=nowhere)
    assert "TMPDIR" in done.stderr
    assert "internal error" not in done.stderr


# Names and surroundings


@pytest.mark.parametrize("name", ["Prüfung №1/assign ment3", 'it\'s "quoted"/$HOME `x`'])
def test_any_name_of_a_folder_will_do(tmp_path: Path, name: str) -> None:
    """Spaces, quotes and letters of any alphabet, without HOME and LANG, in the locale C: a grading like any other."""
    folder = tmp_path / name
    shutil.copytree(REFERENCE / "cs231n", folder / "cs231n", ignore=shutil.ignore_patterns("__pycache__"))
    selection = ("-k", "word_embedding_forward", "--no-training")
    bare = {"HOME": "", "LANG": "", "LC_ALL": "C", "PYTHONUTF8": ""}
    done = command("grade", name, *selection, "--out", f"{name} öut", cwd=tmp_path, **bare)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    written = sorted(path.name for path in (tmp_path / f"{name} öut").iterdir())
    assert written == ["report.html", "result.json", "student.html"]


@pytest.mark.parametrize(
    "environment",
    [
        {"PYTHONIOENCODING": "ascii"},
        {"LC_ALL": "POSIX", "PYTHONUTF8": "0"},
        {"HOME": "", "LANG": ""},
        {"TERM": "dumb"},
    ],
)
def test_a_poor_environment_still_gets_its_output(tmp_path: Path, environment: dict[str, str]) -> None:
    """Characters that can't be shown are replaced; nothing is an error."""
    done = command("list", "-k", "word_embedding_forward", cwd=tmp_path, COLUMNS="150", **environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert "word_embedding_forward.values" in done.stdout


@posix
@pytest.mark.parametrize("asked", ["list", "list --json", "grade --help"])
def test_a_reader_that_leaves_early_is_no_error(tmp_path: Path, asked: str) -> None:
    """`gradmark list | head -1` prints a line and nothing else."""
    line = f'"{sys.executable}" -m grader {asked} | head -1'
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(line, shell=True, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.stderr == ""
    assert len(done.stdout.splitlines()) == 1


@pytest.mark.parametrize("columns", ["1", "12", "20", "-5", "wide"])
def test_a_narrow_terminal_loses_nothing(tmp_path: Path, columns: str) -> None:
    """However few columns: names are folded, not cut."""
    done = command("list", "-k", "word_embedding_forward.values", cwd=tmp_path, COLUMNS=columns)
    assert (done.returncode, done.stderr) == (0, "")
    assert "\u2026" not in done.stdout
    assert "1checks,3points" in "".join(done.stdout.split())


def test_a_user_without_a_home_has_the_built_in_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As in a container with a number for a user: no HOME and no entry that names one."""

    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(make, "_made_whole", lambda folder: folder)
    assert make.cached().is_relative_to(tmp_path)
