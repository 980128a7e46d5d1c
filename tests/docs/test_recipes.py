"""The recipes for continuous integration: valid, and their commands grade a sample submission."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

from grader.session import ROOT
from handbook import commands, walk

RECIPES = ROOT / "docs" / "recipes"
pytestmark = pytest.mark.xdist_group("recipes")  # they share a grading
PARTIAL = ROOT / "tests" / "submissions" / "zips" / "partial.zip"
GRADED = "word_embedding_backward"  # one of the sample's mistakes: the whole of it takes a minute
SCHEMAS = {
    "github-workflow.yml": "vendor.github-workflows",
    "github-check.yml": "vendor.github-workflows",
    "github-windows.yml": "vendor.github-workflows",
    "gitlab-ci.yml": "vendor.gitlab-ci",
}
WITH_SOLUTION = ("github-workflow.yml", "gitlab-ci.yml")  # those that install gradmark itself


def tool(name: str) -> str:
    """A command that a package of this environment brings along."""
    places = (sysconfig.get_path("scripts"), str(Path(sys.executable).parent), os.environ.get("PATH", ""))
    found = shutil.which(name, path=os.pathsep.join(places))
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def checked(*command: str) -> subprocess.CompletedProcess[str]:
    """What a tool says."""
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize(("recipe", "schema"), SCHEMAS.items())
def test_the_recipe_is_valid(recipe: str, schema: str, tmp_path: Path) -> None:
    """The keys are those that GitHub or GitLab know; one that they don't is found."""
    command = (sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema)
    done = checked(*command, str(RECIPES / recipe))
    assert done.returncode == 0, done.stdout
    wrong = tmp_path / recipe
    wrong.write_text((RECIPES / recipe).read_text().replace("script:", "scrip:").replace("runs-on:", "runs:"))
    assert checked(*command, str(wrong)).returncode == 1


def test_the_dockerfile_passes_hadolint() -> None:
    """hadolint has nothing to say about it."""
    done = checked(tool("hadolint"), str(RECIPES / "Dockerfile"))
    assert done.returncode == 0, done.stdout


def test_the_container_runs_gradmark_without_rights() -> None:
    """It ends as a user that is not root, and its command refuses weak isolation."""
    lines = (RECIPES / "Dockerfile").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line.startswith("USER ")][-1] == "USER 10001"
    (entry,) = (line for line in lines if line.startswith("ENTRYPOINT "))
    (usual,) = (line for line in lines if line.startswith("CMD "))
    words = json.loads(entry.removeprefix("ENTRYPOINT ")) + json.loads(usual.removeprefix("CMD "))
    assert words[0] == "gradmark"
    assert "--require-isolation" in words
    commands.commands()[tuple(words[1:2])].make_context("gradmark", words[2:])


def test_the_hooks_are_valid() -> None:
    """pre-commit accepts the students' configuration and the manifest, and both run on the same files."""
    sample, manifest = RECIPES / "pre-commit-config.yaml", ROOT / ".pre-commit-hooks.yaml"
    pytest.importorskip("pre_commit")
    assert checked(sys.executable, "-m", "pre_commit", "validate-config", str(sample)).returncode == 0
    assert checked(sys.executable, "-m", "pre_commit", "validate-manifest", str(manifest)).returncode == 0
    (hook,) = yaml.safe_load(manifest.read_text())
    (repository,) = yaml.safe_load(sample.read_text())["repos"]
    (local,) = repository["hooks"]
    assert local["files"] == hook["files"]
    assert (hook["entry"], local["entry"]) == ("gradmark check", "python gradmark.py check")
    assert re.search(hook["files"], "assignment3/cs231n/rnn_layers.py")
    assert re.search(hook["files"], "cs231n/classifiers/rnn.py")
    assert not re.search(hook["files"], "assignment3/notes.py")


def test_what_students_copy_checks_their_work(repository: Path) -> None:
    """The hook's command and the workflow's run in the students' package: both say what to do next."""
    folder = repository / "assignment3"
    shutil.copy(ROOT / "gradmark.py", folder)
    hook = yaml.safe_load((RECIPES / "pre-commit-config.yaml").read_text())["repos"][0]["hooks"][0]
    flow = yaml.safe_load((RECIPES / "github-check.yml").read_text())
    (workflow,) = (s["run"] for s in flow["jobs"]["check"]["steps"] if "gradmark.py" in s.get("run", ""))
    summary = repository / "checked.md"
    given = {**flow["env"], "GITHUB_STEP_SUMMARY": str(summary)}
    narrow = f" check -k {GRADED}"
    lines = [line.replace(" check", narrow, 1) for line in (hook["entry"], workflow)]
    assert all(narrow in line for line in lines)
    (hooked,) = ran(iter(lines[:1]), folder, given)
    (flowed,) = ran(iter(lines[1:]), repository, given)
    for said in (hooked, flowed, summary.read_text(encoding="utf-8")):
        assert said.startswith("What to do next\nfailed")


def done_before(line: str, folder: Path) -> bool:
    """Whether this grading was run here already, for another recipe that grades with the same words."""
    noted = folder / "graded.txt"
    before = noted.read_text().splitlines() if noted.exists() else []
    noted.write_text("\n".join([*before, line]))
    return line in before


def ran(lines: Iterator[str], folder: Path, given: dict[str, str]) -> Iterator[str]:
    """Runs the commands of a recipe, those that install left out, each as the system would; what each printed."""
    narrow = walk.narrowed(GRADED)
    for line in lines:
        if line.startswith("pip install") or (
            line.startswith("gradmark grade") and done_before(line, folder)
        ):
            continue
        done = subprocess.run(
            ("bash", "-e", "-o", "pipefail", "-c", narrow(line)), cwd=folder, capture_output=True, text=True,
            env={**walk.environment(), **given}, timeout=280, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        yield done.stdout


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A student's repository with the sample submission in `assignment3`."""
    folder = tmp_path_factory.mktemp("repository")
    shutil.unpack_archive(PARTIAL, folder / "assignment3")
    return folder


def test_the_github_workflow_grades(repository: Path) -> None:
    """Its steps grade, annotate the mistake in the student's file, write the summary, and leave the artefact."""
    flow = yaml.safe_load((RECIPES / "github-workflow.yml").read_text())
    (job,) = flow["jobs"].values()
    lines = (line for step in job["steps"] for line in step.get("run", "").splitlines())
    given = {**flow["env"], "GITHUB_STEP_SUMMARY": str(repository / "summary.md")}
    annotations = list(ran(lines, repository, given))[-1]
    assert annotations.startswith("::error file=assignment3/cs231n/rnn_layers.py,")
    assert "</code>: 0 of 10 points</h2>" in (repository / "summary.md").read_text(encoding="utf-8")
    (kept,) = (step["with"]["path"] for step in job["steps"] if "upload-artifact" in step.get("uses", ""))
    assert (repository / kept / "report.html").is_file()
    assert flow["permissions"] == {"contents": "read"}


def test_the_gitlab_pipeline_grades(repository: Path) -> None:
    """Its script grades and writes the JUnit report that it names, with the failed checks in it."""
    flow = yaml.safe_load((RECIPES / "gitlab-ci.yml").read_text())
    job = flow["grade"]
    list(ran(iter([*job["before_script"], *job["script"]]), repository, flow["variables"]))
    report = ElementTree.parse(repository / job["artifacts"]["reports"]["junit"]).getroot()
    assert report.findall(".//failure")
    assert all((repository / path).is_dir() for path in job["artifacts"]["paths"])


@pytest.mark.parametrize("recipe", WITH_SOLUTION)
def test_students_see_no_hidden_check(recipe: str) -> None:
    """Every grading in a recipe is `--for-student`: its output and artefacts are theirs to read."""
    grading = re.findall(r"gradmark grade .*", (RECIPES / recipe).read_text(encoding="utf-8"))
    assert grading
    assert all("--for-student" in line for line in grading)
    assert "--staff" not in (RECIPES / recipe).read_text(encoding="utf-8")
