"""A student's package on a system like Windows: no fork, Unix sockets, poll, signals, nor the modules around them.

What this can't show is said in `docs/student.md`: it was never run on Windows itself. The recipe for the repository's
own workflow (`docs/recipes/github-windows.yml`) runs the whole package there.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from grader import students_package
from grader.places import REFERENCE, ROOT
from grader.rubric import load

pytest.importorskip("psutil")
LIKE = Path(__file__).with_name("windows_like.py")
LAYERS = "cs231n/rnn_layers.py"
RIGHT = "next_h = np.tanh(x @ Wx + prev_h @ Wh + b)"
LIMIT = re.compile("^call_seconds = .*$", re.MULTILINE)


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package of one function's checks, with a short limit for a call."""
    target = tmp_path_factory.mktemp("course") / "a package"
    students_package.build(
        target, load(ROOT / "checks" / "rubric.toml"), seeds=1, select="rnn_step_forward", data=False,
        tell=lambda said: None,
    )  # fmt: skip
    tools = target / "gradmark_check"
    shutil.copyfile(LIKE, tools / "sitecustomize.py")
    rubric = tools / "checks" / "rubric.toml"
    text = rubric.read_text(encoding="utf-8")
    assert LIMIT.search(text)
    rubric.write_text(LIMIT.sub("call_seconds = 3.0", text), encoding="utf-8")
    return target


@pytest.fixture
def work(package: Path, tmp_path: Path) -> Path:
    """A student's copy of it."""
    return Path(shutil.copytree(package, tmp_path / "my work"))


def write(folder: Path, line: str, newline: str = "\r\n") -> None:
    """The function with this line in it, in a file with Windows' line ends."""
    solved = (REFERENCE / LAYERS).read_text(encoding="utf-8")
    old = next(one for one in solved.splitlines() if one.strip().startswith("next_h = np.tanh("))
    text = (folder / LAYERS).read_text(encoding="utf-8")
    stub = text[text.index("def rnn_step_forward(") :]
    end = stub.index("\ndef ", 1)
    own = solved[solved.index("def rnn_step_forward(") :]
    own = own[: own.index("\ndef ", 1)].replace(old, "\n".join(f"    {part}" for part in line.split("\n")))
    (folder / LAYERS).write_bytes(text.replace(stub[:end], own).replace("\n", newline).encode())


def checked(folder: Path, *arguments: str) -> str:
    """What `python gradmark.py check` says where this checkout can't be imported, on a page of cp1252."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    environment |= {
        "PYTHONPATH": str(folder / "gradmark_check"), "PYTHONIOENCODING": "cp1252", "PYTHONWARNDEFAULTENCODING": "1",
    }  # fmt: skip
    code = f"import sys; sys.path[:] = [p for p in sys.path if p != {str(ROOT)!r}]; import runpy; "
    code += "runpy.run_path(sys.argv.pop(1), run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, str(folder / "gradmark.py"), "check", str(folder), *arguments],
        capture_output=True, encoding="cp1252", check=False, cwd=folder, env=environment, timeout=250,
    )  # fmt: skip
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert "Traceback" not in said, said
    assert "fault" not in said.lower(), said
    return said


def test_it_is_like_windows(work: Path) -> None:
    """The tests below would fail if gradmark used what is not there: it is not there."""
    code = "import os, socket, sys; print(hasattr(os, 'fork'), hasattr(socket, 'AF_UNIX'), sys.platform); import fcntl"
    environment = {**os.environ, "PYTHONPATH": str(work / "gradmark_check")}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment
    )
    assert done.stdout == "False False win32\n", done.stderr
    assert "No module named 'fcntl'" in done.stderr


def test_a_stub(work: Path) -> None:
    """What is left as handed out is not attempted, also with Windows' line ends."""
    text = (work / LAYERS).read_bytes()
    (work / LAYERS).write_bytes(text.replace(b"\n", b"\r\n"))
    assert "not attempted  rnn_step_forward" in checked(work)


def test_right_work(work: Path) -> None:
    """Everything passes; the level of isolation is named."""
    write(work, f"print('caf\u00e9 \u2192')\n{RIGHT}")
    said = checked(work)
    assert said.startswith("Nothing left to do"), said
    assert "level process" in said


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("next_h = np.tanh(x @ Wx + prev_h @ Wh)", "`b` is missing"),
        ("raise ValueError('oh')", "raised ValueError: oh"),
        ("while True: pass", "rnn_step_forward was still running after 3 s and was stopped"),
        ("import os; os.abort()", "aborted (SIGABRT), in rnn_step_forward (cs231n/rnn_layers.py"),
        ("import os; os._exit(3)", "ended by os._exit, exit status 3"),
        ("import subprocess; subprocess.run(['x'])", "tried to start a process"),
    ],
)
def test_wrong_work(work: Path, line: str, words: str) -> None:
    """A mistake, an exception, a loop that never ends, a crash: each is told as anywhere else."""
    write(work, f"{line}\n{RIGHT}" if "next_h" not in line else line)
    said = checked(work, "-k", "example or values")
    assert words in " ".join(said.split()), said
