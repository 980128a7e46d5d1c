"""An assignment as a value: where its reference, template, checks, rubric, mistakes and probes lie.

One comes with gradmark (`bundled`); any other is a folder with an `assignment.toml`, as `gradmark new-assignment`
makes it, named by `--assignment` or GRADMARK_ASSIGNMENT. Everything of it lies inside of its folder, which student
code can't read.
"""

from __future__ import annotations

import keyword
import os
import re
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from grader.errors import UsageError
from grader.places import ROOT
from grader.toml_lines import line_of

FILE = "assignment.toml"
VARIABLE = "GRADMARK_ASSIGNMENT"
KEYS = ("name", "package", "modules")
RESERVED = (
    "grader",
    "checks",
    "reports",
    "reference",
    "student_template",
    "tests",
)  # not there for student code
LIBRARIES = ("h5py", "matplotlib", "numpy", "pytest", "scipy", "torch", "torchvision")
_DOTTED = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")


@dataclass(frozen=True)
class Assignment:
    """What is graded, and what it is graded with."""

    name: str
    folder: Path
    package: str  # the folder that students write in, and import from
    modules: Mapping[str, str]  # by the name that checks use: "rnn" -> "cs231n.classifiers.rnn"
    reference: Path
    template: Path
    checks: Path
    rubric: Path
    mistakes: Path | None = None  # None: gradmark's own, or none at all
    probes: Mapping[str, Path] = field(default_factory=dict)  # beside gradmark's own, by full name
    notebooks: Path | None = None  # the table of its notebooks
    training: bool = False  # whether it has training courses

    @property
    def bundled(self) -> bool:
        """Whether it is the one that comes with gradmark."""
        return self.folder == ROOT

    @property
    def files(self) -> dict[str, str]:
        """The file of each module, relative to reference and template."""
        return {name: f"{module.replace('.', '/')}.py" for name, module in self.modules.items()}

    @property
    def hidden(self) -> tuple[str, ...]:
        """The folders that no student code may read, beside gradmark's own."""
        return () if self.bundled else (str(self.folder),)


@cache
def bundled() -> Assignment:
    """The assignment that comes with gradmark."""
    content = _read(ROOT / "checks" / FILE)
    return Assignment(
        content["name"], ROOT, content["package"], content["modules"], ROOT / "reference", ROOT / "student_template",
        ROOT / "checks", ROOT / "checks" / "rubric.toml", notebooks=ROOT / "checks" / "notebooks" / "notebooks.toml",
        training=True,
    )  # fmt: skip


def current() -> Assignment:
    """The assignment that GRADMARK_ASSIGNMENT names, else the bundled one. Raises `UsageError`."""
    named = os.environ.get(VARIABLE, "")
    return load(Path(named)) if named else bundled()


def choose(folder: Path | None) -> Assignment:
    """Makes the assignment in `folder` the current one, for this process and those that it starts."""
    if folder is not None:
        chosen = load(folder)
        os.environ[VARIABLE] = str(chosen.folder)
    return current()


def load(folder: Path) -> Assignment:
    """The assignment in a folder. Raises `UsageError`, with file and line, for one that is not complete."""
    folder = folder.resolve()
    if folder == ROOT:
        return bundled()
    content = _read(folder / FILE)
    _must_be_outside(folder)
    made = Assignment(
        content["name"], folder, content["package"], content["modules"], folder / "reference",
        folder / "student_template", folder / "checks", folder / "rubric.toml", _there(folder / "mistakes.py"),
        _probes(folder / "probes"),
    )  # fmt: skip
    for place in (made.reference / made.package, made.checks, made.rubric):
        if not place.exists():
            raise UsageError(f"The assignment in {folder} has no {place.relative_to(folder)}.", MAKE_ONE)
    for name, file in made.files.items():
        if not (made.reference / file).is_file():
            raise _refusal(folder / FILE, "modules", name, f"there is no reference/{file}")
    return made


MAKE_ONE = "`gradmark new-assignment DIR` makes a complete one to start from."


def _must_be_outside(folder: Path) -> None:
    """gradmark's own folders hold libraries or are shown to nobody; one inside of them could not be told apart."""
    if folder.is_relative_to(ROOT) and any(folder.is_relative_to(ROOT / name) for name in RESERVED):
        raise UsageError(
            f"{folder} lies inside of gradmark itself.", "Move the assignment to a folder of its own."
        )


def _there(path: Path) -> Path | None:
    return path if path.is_file() else None


def _probes(folder: Path) -> dict[str, Path]:
    found = {}
    for file in sorted(folder.glob("[a-z]*.py")):
        if (ROOT / "checks" / "probes" / file.name).exists():
            raise UsageError(f"{file} has the name of one of gradmark's own probes.", "Give it another name.")
        found[f"checks.probes.{file.stem}"] = file
    return found


def _read(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
        content = tomllib.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"There is no assignment in {path.parent}: {path.name} can't be read.", MAKE_ONE
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path} is not valid TOML: {error}.", "Mend the line that is named.") from error
    for key in content:
        if key not in KEYS:
            raise _refusal(path, "", key, f"{key!r} is unknown; there are {', '.join(KEYS)}")
    for key in KEYS:
        if not content.get(key):
            raise UsageError(f"{path} has no {key}.", MAKE_ONE)
    _must_make_sense(path, content)
    return content


def _must_make_sense(path: Path, content: Mapping[str, Any]) -> None:
    name, package, modules = (content[key] for key in KEYS)
    if not isinstance(name, str):
        raise _refusal(path, "", "name", "a name is text")
    if problem := package_problem(package):
        raise _refusal(path, "", "package", problem)
    if not isinstance(modules, dict):
        raise _refusal(path, "", "modules", "this must be a table, written [modules]")
    for short, module in modules.items():
        if not isinstance(module, str) or not _DOTTED.fullmatch(module) or not short.isidentifier():
            raise _refusal(path, "modules", short, f'write it as {short} = "{package}.{short}"')
        if module.partition(".")[0] != package or "." not in module:
            raise _refusal(path, "modules", short, f"{module!r} is not in the package {package!r}")


def package_problem(package: object) -> str:
    """Why students' code can't stand in a folder of this name; "" when it can."""
    if not isinstance(package, str) or not package.isidentifier() or keyword.iskeyword(package):
        return f"{package!r} is no name that Python can import"
    if package in (*RESERVED, *LIBRARIES) or package in sys.stdlib_module_names:
        return f"{package!r} is the name of something else that can be imported"
    return ""


def _refusal(path: Path, table: str, key: str, what: str) -> UsageError:
    line = line_of(path.read_text(encoding="utf-8"), table, key)
    return UsageError(f"{path}{f', line {line}' if line else ''}: {what}.", "Mend it and try again.")
