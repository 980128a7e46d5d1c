"""Gradescope's autograder: the zip, and its runner in a folder laid out as the container's is."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from grader import autograder, cli, session
from grader.results import CheckResult, Outcome
from tests.submissions.build import files_of

METADATA = {
    "id": 1, "created_at": "2024-05-21T23:10:00.123456-07:00", "submission_method": "upload",
    "users": [{"email": "ana\x1b[31m@uni.edu", "id": 7, "name": "<b>Ana</b>"}],
    "assignment": {"title": "A3", "total_points": "20.0", "due_date": "2024-05-20T23:59:00-07:00"},
    "previous_submissions": [],
}  # fmt: skip
SELECT = "rnn_step_forward and (values or shapes)"


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The zip as the command makes it, restricted to a few checks."""
    target = tmp_path_factory.mktemp("zip") / "autograder.zip"
    made = CliRunner().invoke(cli.app, ["gradescope-zip", str(target), "-k", SELECT, "--timeout", "100"])
    assert made.exit_code == 0, made.output
    return target


def laid_out(root: Path, packed: Path, submission: dict[str, bytes], metadata: bytes | None = None) -> Path:
    """`root` as /autograder is when a submission comes in."""
    with zipfile.ZipFile(packed) as opened:
        opened.extractall(root / "source")
    (root / "results").mkdir()
    for name, data in submission.items():
        path = root / "submission" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    if metadata is not None:
        (root / "submission_metadata.json").write_bytes(metadata)
    (root / "source" / "run_autograder").rename(root / "run_autograder")
    return root


def started(root: Path) -> subprocess.CompletedProcess[str]:
    """What Gradescope does, with this Python in place of the container's."""
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(root),
        "AUTOGRADER_ROOT": str(root),
        "GRADMARK_PYTHON": sys.executable,
    }
    return subprocess.run(
        ["bash", root / "run_autograder"],
        env=env,
        cwd="/",
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )


def test_the_zip_is_laid_out_as_gradescope_wants(packed: Path) -> None:
    """Both scripts stand at the top and can be run; gradmark and its rubric are in it, caches and tests are not."""
    with zipfile.ZipFile(packed) as opened:
        names = opened.namelist()
        modes = {
            name: opened.getinfo(name).external_attr >> 16 & 0o777 for name in ("setup.sh", "run_autograder")
        }
        scripts = {name: opened.read(name) for name in modes}
        needed = opened.read("requirements.txt").decode()
    assert set(modes.values()) == {0o755}
    assert {
        "gradmark/grader/cli.py",
        "gradmark/checks/rubric.toml",
        "gradmark/reports/templates/style.css",
    } <= set(names)
    assert not [name for name in names if "__pycache__" in name or name.startswith("gradmark/tests")]
    assert "h5py" in needed
    assert "torch" not in needed
    for script in scripts.values():
        assert script.startswith(b"#!/usr/bin/env bash\n")
        assert subprocess.run(["bash", "-n"], input=script, check=False).returncode == 0


def test_the_same_gradmark_gives_the_same_zip(packed: Path, tmp_path: Path) -> None:
    """Nothing in the zip depends on when it was made."""
    CliRunner().invoke(cli.app, ["gradescope-zip", str(tmp_path / "b.zip"), "-k", SELECT, "--timeout", "100"])
    assert (tmp_path / "b.zip").read_bytes() == packed.read_bytes()


def test_what_the_zip_was_made_for_is_in_its_runner(tmp_path: Path) -> None:
    """Selection, rubric, time limit and training go into the script, quoted for the shell; a bad rubric is refused."""
    rubric, target = tmp_path / "course.toml", tmp_path / "a.zip"
    rubric.write_text('extends = "default"\n')
    words = ["gradescope-zip", str(target), "--rubric", str(rubric), "-k", "rnn and not values", "--training"]
    assert CliRunner().invoke(cli.app, words).exit_code == 0
    with zipfile.ZipFile(target) as opened:
        assert opened.read("rubric.toml") == rubric.read_bytes()
        script = opened.read("run_autograder").decode()
    assert "gradescope-run \"$ROOT\" -k 'rnn and not values' --training --rubric source/rubric.toml" in script
    rubric.write_text("[points]\n")
    assert CliRunner().invoke(cli.app, words).exit_code == 2


def test_every_requirement_of_the_code_is_listed(packed: Path) -> None:
    """What gradmark's own modules import is in the zip, in requirements.txt, or comes with Python."""
    known = {
        "yaml": "pyyaml",
        "PIL": "pillow",
        "sklearn": "scikit-learn",
        "IPython": "ipython",
        "markupsafe": "jinja2",
        "markdown_it": "markdown-it-py",
    }
    with zipfile.ZipFile(packed) as opened:
        needed = {
            line.split(">")[0].split("<")[0].split(";")[0].strip()
            for line in opened.read("requirements.txt").decode().splitlines()
        }
        trees = [
            ast.parse(opened.read(name))
            for name in opened.namelist()
            if name.startswith(("gradmark/grader/cli", "gradmark/grader/session", "gradmark/reports/"))
            and name.endswith(".py")
        ]
    imported = {
        node.module.split(".")[0]
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module
    }
    imported -= {*sys.stdlib_module_names, "grader", "checks", "reports"}
    found = {known.get(name, name).replace("_", "-") for name in imported}
    assert found <= {name.replace("_", "-") for name in needed}


def test_the_runner_grades_in_the_folder(packed: Path, tmp_path: Path) -> None:
    """The script from the zip, run on a hand-in, leaves whole results; what instructors need is on its output."""
    layers = files_of("complete")["cs231n/rnn_layers.py"]
    root = laid_out(tmp_path, packed, {"cs231n/rnn_layers.py": layers}, json.dumps(METADATA).encode())
    done = started(root)
    assert done.returncode == 0, done.stderr
    found = json.loads((root / "results" / "results.json").read_bytes())
    assert found["extra_data"]["partial"] is False
    assert found["tests"]
    assert {test["status"] for test in found["tests"]} == {"passed"}
    assert found["score"] == sum(test.get("score", 0) for test in found["tests"]) > 0
    assert "set to 20.0 points in Gradescope" in done.stdout
    assert "ana@uni.edu" in done.stdout


class Told:
    """In place of the real `Grader`: tells of two checks, looks at the file after each, then ends as asked."""

    isolation, isolation_detail = "full", ()
    seen: list[dict[str, object]] = []  # noqa: RUF012
    results = Path()
    ends: BaseException = KeyboardInterrupt()

    def __init__(self, **_: object) -> None:
        self.rubric = session.default_rubric()

    def __enter__(self) -> Told:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def grade(self, path: Path, *, progress: session.Listener, **_: object) -> object:
        """Two results, then the end."""
        self._look()
        checks = session.expected_checks("rnn_step_forward")[:2]
        for number, check in enumerate(checks, 1):
            result = CheckResult(
                id=check.id,
                title=check.title,
                part=check.part,
                function=check.function,
                outcome=Outcome.PASSED,
            )
            progress(session.Progress(number, 9, check.id, result))
            self._look()
        raise self.ends

    def _look(self) -> None:
        self.seen.append(json.loads((self.results / "results.json").read_bytes()))


def test_results_are_true_at_every_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the first check the file says that nothing is known, after each what is; a run cut off leaves that."""
    (tmp_path / "submission").mkdir()
    (tmp_path / "submission" / "a.py").write_text("x = 1\n")
    monkeypatch.setattr(Told, "seen", [])
    monkeypatch.setattr(Told, "results", tmp_path / "results")
    monkeypatch.setattr(session, "Grader", Told)
    with pytest.raises(KeyboardInterrupt):
        autograder.run(tmp_path, autograder.Options())
    last = json.loads((tmp_path / "results" / "results.json").read_bytes())
    assert [len(each["tests"]) for each in [*Told.seen, last]] == [0, 1, 2, 2]
    assert all("no fault of your work" in each["output"] for each in [*Told.seen, last])
    assert "2 of 9 checks are done" in last["output"]


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, "Nothing was handed in"),
        ({"a.zip": b"x", "b.zip": b"y", "notes.pdf": b"%PDF"}, "Several archives"),
        ({"empty.py": b""}, "Nothing was handed in"),
    ],
)
def test_what_cant_be_graded_says_why(tmp_path: Path, files: dict[str, bytes], said: str) -> None:
    """No hand-in, an empty one, two archives: no points, and the student reads what to do."""
    for name, data in files.items():
        (tmp_path / "submission").mkdir(exist_ok=True)
        (tmp_path / "submission" / name).write_bytes(data)
    autograder.run(tmp_path, autograder.Options())
    found = json.loads((tmp_path / "results" / "results.json").read_bytes())
    assert said in found["output"]
    assert found["score"] == 0


@pytest.mark.parametrize(
    "metadata", [b"", b"{", b"[]", b'{"users": 5, "assignment": []}', b'{"users": [3, {}]}', b"[" * 9_999]
)
def test_broken_metadata_costs_nobody_anything(tmp_path: Path, metadata: bytes) -> None:
    """Metadata is of use for remarks alone: whatever it holds, grading goes on."""
    (tmp_path / "submission_metadata.json").write_bytes(metadata)
    assert autograder.run(tmp_path, autograder.Options())


def test_outside_of_a_container_the_command_says_so(tmp_path: Path) -> None:
    """A folder that is not there is the caller's mistake."""
    done = CliRunner().invoke(cli.app, ["gradescope-run", str(tmp_path / "none")])
    assert done.exit_code == 2
    assert "There is no folder" in done.output
