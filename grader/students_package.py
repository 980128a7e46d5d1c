"""The package that a course hands out: template, notebooks, data, and the public checks with the reference's answers.

No reference, no known mistakes, no hidden checks: only the files that checking needs are copied, found by following
imports; the answers are those to the public checks' questions, for a few seeds. Grading draws other inputs.
"""

from __future__ import annotations

import ast
import importlib.metadata
import json
import re
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np

from grader import needed, selfcheck
from grader.errors import GradmarkError, UsageError
from grader.places import CHECKS, FIXTURES, PROBES, REFERENCE, ROOT, SEED_BITS, TEMPLATE
from grader.plugin import Collected
from grader.recorded import Fixtures, Recording
from grader.results import Limits, Outcome
from grader.rubric import Rubric
from grader.sandbox.client import Zygote
from grader.subject import Subject
from grader.template import stale

FOLDER = "gradmark_check"  # below the package's folder: our own part of it
TRAINING = "training"  # in the names of modules that train
ROOTS = (
    "grader.card",
    "grader.cli_check",
    "grader.sandbox.zygote",
    "grader.sandbox.plain",
    "grader.sandbox.connected",
    "grader.sandbox.attempts",
)
REQUIRED = (
    "h5py", "jinja2", "latex2mathml", "landlockpy", "markdown-it-py", "matplotlib", "mdit-plugins",
    "mdit-py-plugins", "msgspec", "nbformat", "nh3", "numpy", "pillow", "psutil", "pytest", "rich", "seccompy",
    "torch", "torchvision", "tqdm", "typer", "watchfiles",
)  # fmt: skip
SAME = ("hypothesis",)  # another version draws other examples than those whose answers were noted

Tell = Callable[[str], None]


def build(
    target: Path, rubric: Rubric, *, seeds: int = 3, select: str = "", data: bool = True, tell: Tell = print
) -> None:
    """Makes the package in a new folder `target`: whole, or not at all.

    rubric: points, limits and what is hidden; seeds: how many sets of inputs; select: pytest's -k; data: small data
    sets for the notebooks. Raises `UsageError` for a folder that holds something.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise UsageError(f"{target} is not empty.", "Name a new folder.")
    if stale(REFERENCE, TEMPLATE):
        raise GradmarkError("The template is not that of the reference.", "Run `gradmark template` first.")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".gradmark-", dir=target.parent) as scratch:
        made = Path(scratch) / "package"
        shutil.copytree(TEMPLATE, made, ignore=_IGNORED)
        _add_checks(made / FOLDER, rubric, seeds, select, tell)
        _add_loose_files(made)
        if data:
            tell("Making small data sets")
            _add_data(made)
        made.chmod(0o755)
        if target.exists():
            target.rmdir()
        made.rename(target)


def _add_checks(folder: Path, rubric: Rubric, seeds: int, select: str, tell: Tell) -> None:
    found = Fixtures()

    def ask(zygote: Zygote, limits: Limits, torch: bool) -> Subject:
        return Recording(zygote, REFERENCE, limits, found.answers)

    with selfcheck.Checker(REFERENCE, ask, rubric) as checker:
        checks = checker.selected(select)
        _copy_tools(folder, rubric, checks)
        found.seeds = _record(checker, checks, seeds, tell)
    (folder / FIXTURES.name).write_bytes(found.to_bytes())


_IGNORED = shutil.ignore_patterns("__pycache__", ".*")


def _record(
    checker: selfcheck.Checker, checks: Sequence[Collected], count: int, tell: Tell
) -> tuple[int, ...]:
    """Lets the reference pass the checks with `count` seeds; what it is asked is noted meanwhile."""
    seeds = tuple(sorted(secrets.randbits(SEED_BITS) for _ in range(count)))
    for number, seed in enumerate(seeds, 1):
        tell(f"Recording what the reference answers: seed {number} of {count}")
        grade = checker.check(checks, seed=seed)
        wrong = [check for check in grade.checks if check.outcome is not Outcome.PASSED]
        if wrong:
            told = "\n".join(f"{check.id}: {check.message}" for check in wrong[:5])
            raise GradmarkError(f"The reference does not pass its own checks:\n{told}", "Mend that first.")
    return seeds


def _copy_tools(folder: Path, rubric: Rubric, checks: Sequence[Collected]) -> None:
    """The files that `gradmark check` needs, without what is hidden."""
    names = [f"checks.{file.stem}" for file in sorted(CHECKS.glob("check_*.py")) if TRAINING not in file.stem]
    names += [name for name in PROBES if TRAINING not in name]
    for file in sorted(needed.files(ROOT, [*ROOTS, *names])):
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        text = (ROOT / file).read_text(encoding="utf-8")
        hidden = file.parts[0] == "checks" and file.name.startswith("check_")
        (folder / file).write_text(without_hidden(text, rubric) if hidden else text, encoding="utf-8")
    for name in ("pytest.ini", "assignment.toml"):
        shutil.copyfile(CHECKS / name, folder / "checks" / name)
    shutil.copytree(ROOT / "reports" / "templates", folder / "reports" / "templates", ignore=_IGNORED)
    shutil.copytree(TEMPLATE, folder / TEMPLATE.name, ignore=_IGNORED)
    (folder / "checks" / "rubric.toml").write_text(_rubric(rubric, checks), encoding="utf-8")


def without_hidden(text: str, rubric: Rubric) -> str:
    """A check file without the functions of checks that the rubric hides."""
    lines = text.splitlines(keepends=True)
    for node in reversed(ast.parse(text).body):
        if isinstance(node, ast.FunctionDef) and any(_hidden(id, rubric) for id in _ids(node)):
            first = min([node.lineno, *(part.lineno for part in node.decorator_list)])
            del lines[first - 1 : node.end_lineno]
    return "".join(lines)


def _hidden(id: str, rubric: Rubric) -> bool:
    """`id` may hold `*` for what is only known when the file runs."""
    if "*" not in id:
        return rubric.visibility(id) == selfcheck.HIDDEN
    return any(
        fnmatchcase(rule.pattern, id) and rule.value == selfcheck.HIDDEN for rule in rubric.visibility_rules
    )


def _ids(node: ast.FunctionDef) -> Iterator[str]:
    for call in node.decorator_list:
        if isinstance(call, ast.Call) and call.args and ast.unparse(call.func) == "check":
            argument = call.args[0]
            if isinstance(argument, ast.Constant):
                yield str(argument.value)
            elif isinstance(argument, ast.JoinedStr):
                parts = (p.value if isinstance(p, ast.Constant) else "*" for p in argument.values)
                yield "".join(map(str, parts))


def _rubric(rubric: Rubric, checks: Iterable[Collected]) -> str:
    """Points and limits of these checks, and of no other."""
    checks = list(checks)
    lines = ["# What the public checks are worth."]
    for id, part in rubric.parts.items():
        if any(check.spec.part == id for check in checks):
            lines += ["", f"[parts.{id}]", f"title = {json.dumps(part.title, ensure_ascii=False)}"]
            lines += ["extra_credit = true"] if part.extra_credit else []
    lines += ["", "[points]"]
    lines += [f"{json.dumps(check.spec.id)} = {rubric.points(check.spec.id)}" for check in checks]
    limits = {name: getattr(rubric.limits, name) for name in rubric.limits.__struct_fields__}
    lines += ["", "[limits]", *(f"{k} = {v!r}" for k, v in limits.items() if v is not None)]
    lines += ["", "[tolerances]", *(f"{k} = {v!r}" for k, v in rubric.tolerances.items())]
    return "\n".join(lines) + "\n"


def _add_loose_files(made: Path) -> None:
    shutil.copyfile(ROOT / "gradmark.py", made / "gradmark.py")
    (made / "requirements.txt").write_text("\n".join(requirements()) + "\n", encoding="utf-8")
    (made / "CHECK.md").write_text(_READ_ME, encoding="utf-8")


def requirements() -> list[str]:
    """What a student has to install, as pip wants it."""
    wanted = {re.split(r"[^\w.-]", each, maxsplit=1)[0].lower(): each for each in needed.packages(ROOT)}
    listed = [wanted[name] for name in REQUIRED if name in wanted]
    return sorted([*listed, *(f"{name}=={importlib.metadata.version(name)}" for name in SAME)])


def _add_data(folder: Path) -> None:
    from grader.data import make  # brings h5py and PIL along
    from grader.data.folder import CAPTIONS, DIGITS

    for data, write in ((CAPTIONS, make.write_captions), (DIGITS, make.write_digits)):
        place = folder / next(place for place in data.places if place.startswith("cs231n/"))
        place.mkdir(parents=True)
        write(place, np.random.default_rng([make.SEED, len(place.name)]))


_READ_ME = """\
# Checking your own work

    python -m pip install -r requirements.txt      # once
    python gradmark.py check                       # what to do next
    python gradmark.py check -k rnn_step           # some checks only
    python gradmark.py check --watch               # again whenever you save a file
    python gradmark.py check --open                # as a page in the browser

In a notebook: `from gradmark import check`, then `check("rnn_step_forward")`. It runs the files as they are saved.

The numbers come from a few fixed sets of inputs; your course grades with others. A check that says "Not judged here"
can't be judged with these: the course's grader does it. On macOS and Windows your code runs with your own rights.
`gradmark.py` and `gradmark_check/` need not be handed in.
"""
