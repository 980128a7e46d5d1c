"""Which files of a submission count: the assignment's own, extra modules inside its package, notebooks."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from grader.collect.assignment import Assignment, Root
from grader.collect.members import Member
from grader.collect.names import clean, fold, visible
from grader.results import Problem

LIBRARIES = {"h5py", "hypothesis", "matplotlib", "numpy", "pytest", "scipy", "torch", "torchvision"}
STARTUP = {"sitecustomize", "usercustomize", "conftest"}

# Part of the original assignment in some year, and of no use to the grader.
HANDED_OUT = {
    "__init__.py",
    "collectSubmission.sh",
    "collect_submission.ipynb",
    "gradmark.py",  # of a student's package
    "makepdf.py",
    "requirements.txt",
}
GIVEN_MODULES = {"cs231n/net_visualization_pytorch.py"}  # 2021 and 2023

DATA = {".csv", ".h5", ".json", ".key", ".npy", ".npz", ".pickle", ".pkl", ".pt"}
PICTURES = {".bmp", ".gif", ".jpeg", ".jpg", ".png", ".svg", ".webp"}
TEXT = {".html", ".log", ".md", ".pdf", ".pyx", ".sh", ".txt", ".yaml", ".yml"}
QUIET = DATA | PICTURES | TEXT
COMPILED = {".dll", ".dylib", ".pyc", ".pyd", ".pyo", ".so"}
PACKED = {".7z", ".bz2", ".egg", ".gz", ".jar", ".rar", ".tar", ".tgz", ".whl", ".xz", ".zip"}

LEFT_OUT = "was left out"


@dataclass
class Layout:
    """The members that count by their name in the assignment, and what was said about the rest."""

    assignment: Assignment
    chosen: dict[str, Member] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    taken: dict[str, str] = field(default_factory=dict)  # folded names of files and folders in the copy

    def note(self, name: str, message: str, hint: str = "") -> None:
        shown = clean(name)
        self.problems.append(
            Problem(file=shown, message=visible(message.replace(name, shown)), hint=visible(hint))
        )

    def leave_out(self, name: str, reason: str, hint: str = "") -> None:
        self.note(name, f"{name} {reason} and {LEFT_OUT}", hint)


def arrange(members: list[Member], root: Root, assignment: Assignment) -> Layout:
    """Sorts the members into those that are graded and those that are left out, each with its reason."""
    layout = Layout(assignment)
    for name in assignment.files:
        _take_name(layout, name)
    outside: list[str] = []
    for member in members:
        place = root.relative(member, assignment)
        if place is None:
            outside.append(member.name)
        else:
            _place(layout, place, member)
    _note_outside(layout, outside)
    return layout


def _place(layout: Layout, name: str, member: Member) -> None:
    suffix = PurePosixPath(name).suffix.lower()
    if name in layout.chosen:
        layout.note(name, f"{name} is there more than once; the last one counts", "Hand in each file once.")
        layout.chosen[name] = member
    elif name in layout.assignment.files:
        if suffix in {".py", ".ipynb"}:  # data stays the template's own
            layout.chosen[name] = member
    elif name in HANDED_OUT:
        pass
    elif suffix == ".ipynb":
        _place_notebook(layout, name, member)
    elif suffix == ".py":
        _place_module(layout, name, member)
    elif suffix not in QUIET:
        layout.leave_out(name, *_kind(suffix))


def _place_notebook(layout: Layout, name: str, member: Member) -> None:
    package = layout.assignment.package
    if "/" in name:
        layout.leave_out(
            name, f"is not beside {package}/", f"Notebooks belong in the folder that holds {package}/."
        )
    elif other := _clash(layout, name):
        layout.leave_out(name, f"differs from {other} only in upper and lower case")
    else:
        layout.chosen[name] = member
        _take_name(layout, name)


def _place_module(layout: Layout, name: str, member: Member) -> None:
    """A module of the student's own: welcome inside the package, unless it takes another's place."""
    path = PurePosixPath(name)
    package = layout.assignment.package
    names = {path.stem, *path.parts[:-1]}
    if names & STARTUP:
        layout.leave_out(name, "has a name that Python or pytest runs by itself", "Give it another name.")
    elif library := sorted(names & LIBRARIES):
        layout.leave_out(name, f"would stand in for the library {library[0]}", "Give it another name.")
    elif path.parts[0] != package:
        module = path.stem
        hint = f"Move it into {package}/ and import it from there (`from {package} import {module}`)."
        layout.leave_out(name, f"lies outside {package}/", hint)
    elif not all(part.isidentifier() for part in (*path.parts[:-1], path.stem)):
        layout.leave_out(name, "has a name that Python can't import", "Give it another name.")
    elif other := _clash(layout, name):
        layout.leave_out(
            name, f"differs from {other} only in upper and lower case", "Give it its proper name."
        )
    elif hidden := _hidden(layout, path):
        hint = "Python would import the one in place of the other: rename it."
        layout.leave_out(name, f"has the name of {hidden} beside it", hint)
    else:
        _add_module(layout, name, member)


def _add_module(layout: Layout, name: str, member: Member) -> None:
    layout.chosen[name] = member
    _take_name(layout, name)
    if name not in GIVEN_MODULES and PurePosixPath(name).name != "__init__.py":
        layout.note(name, f"extra module {name}: used as it is")


def _kind(suffix: str) -> tuple[str, str]:
    """Why a file that is no module is left out, and what to do."""
    if suffix in COMPILED:
        return "is compiled code", "Only Python source is graded."
    if suffix in PACKED:
        return (
            "is an archive inside the submission",
            "Hand in the files themselves; archives inside are not opened.",
        )
    if suffix == ".pth":
        return "is of a kind that Python can run at its start", ""
    return "is not part of the assignment", ""


def _take_name(layout: Layout, name: str) -> None:
    for path in (PurePosixPath(name), *PurePosixPath(name).parents):
        layout.taken.setdefault(fold(path.as_posix()), path.as_posix())


def _clash(layout: Layout, name: str) -> str:
    """A file or folder of the copy that some systems would take for this one or for a folder above it."""
    for path in (PurePosixPath(name), *PurePosixPath(name).parents):
        other = layout.taken.get(fold(path.as_posix()), path.as_posix())
        if other != path.as_posix():
            return other
    return ""


def _hidden(layout: Layout, path: PurePosixPath) -> str:
    """A package beside a new module of the same name, or a module beside a new package."""
    folders = [folder.as_posix() for folder in path.parents if len(folder.parts) > 1]
    rivals = [path.with_suffix("").as_posix(), *(f"{folder}.py" for folder in folders)]
    return next((rival for rival in rivals if layout.taken.get(fold(rival)) == rival), "")


def _note_outside(layout: Layout, names: list[str]) -> None:
    code = [clean(name) for name in names if PurePosixPath(name).suffix not in QUIET]
    if code:
        more = f" and {len(code) - 5} more" if len(code) > 5 else ""
        message = f"left out, because outside the assignment's folder: {', '.join(code[:5])}{more}"
        layout.problems.append(Problem(file=code[0], message=message))


def missing(layout: Layout, offered: list[str]) -> list[Problem]:
    """One problem per student's file that did not come; `offered` are all names in the submission."""
    found = []
    for name in sorted(layout.assignment.student - set(layout.chosen)):
        message = f"{name} is not in the submission; it counts as not attempted"
        found.append(Problem(file=name, message=message, hint=_lookalike(name, offered, layout)))
    return found


def _lookalike(name: str, offered: list[str], layout: Layout) -> str:
    """A hint at a file that may be the missing one under a wrong name or in a wrong folder."""
    wanted = PurePosixPath(name)
    known = {PurePosixPath(other).name for other in layout.assignment.files} - {wanted.name}
    free = [PurePosixPath(other) for other in offered if other not in layout.assignment.files]
    python = [path for path in free if path.suffix.lower() == ".py" and path.name not in known]
    alike = [path for path in python if _similar(path.stem, wanted.stem)]
    if not alike:
        return f"If it was written, it belongs at {name}."
    best = max(alike, key=lambda path: (path.stem == wanted.stem, _ratio(path.stem, wanted.stem)))
    return f"{clean(best.as_posix())} looks like it: its name must be {name}."


def _similar(stem: str, wanted: str) -> bool:
    a, b = sorted((fold(stem), fold(wanted)), key=len)
    return (len(a) >= 3 and b.startswith(a)) or _ratio(a, b) >= 0.8


def _ratio(a: str, b: str) -> float:
    return difflib.SequenceMatcher(None, fold(a), fold(b)).ratio()
