"""From a path to a graded copy: list, locate, choose, read, lay over the template."""

from __future__ import annotations

import hashlib
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from grader.collect import assignment as assignments
from grader.collect import nearby
from grader.collect.archive import archive
from grader.collect.assignment import Assignment, Root
from grader.collect.layout import Layout, arrange, missing
from grader.collect.members import Contents, MemberError, folder
from grader.collect.names import clean, identifier, name_of
from grader.errors import CollectError
from grader.results import FileRecord, Problem

MAX_MODULE = 5 << 20  # bytes of one .py file
MAX_NOTEBOOK = 64 << 20
MAX_TOTAL = 200 << 20
MAX_PROBLEMS = 50


@dataclass(frozen=True)
class Submission:
    """A hand-in as it is graded: `root` holds its own copy of the assignment, `notebooks` are paths in it."""

    id: str
    root: Path
    files: tuple[FileRecord, ...]
    problems: tuple[Problem, ...]
    notebooks: tuple[Path, ...]


def collect(path: Path, template: Path, into: Path, package: str = assignments.PACKAGE) -> Submission:
    """Copies what counts of a folder or archive over the template's files into a new folder below `into`.

    `package` is the folder of the code in template and hand-in.

    Files keep their bytes; nothing in them is run or parsed. What is left out is named in `problems`.
    Raises `CollectError` when there is no assignment to be found at `path`, or it is too large or damaged.
    """
    assignment = assignments.load(template, package)
    where = clean(name_of(path))
    with _open(path, assignment) as contents:
        root = _root(path, contents, assignment, where)
        layout = arrange(contents.members, root, assignment)
        texts, damaged = _read(layout)
        offered = [root.relative(member, assignment) or member.name for member in contents.members]
    problems = [*missing(layout, offered), *damaged, *root.problems, *contents.problems, *layout.problems]
    target = into / identifier(path)
    _lay(target, {**assignment.files, **texts})
    return Submission(
        id=target.name,
        root=target,
        files=_records(assignment, texts),
        problems=_shortened(problems),
        notebooks=tuple(target / name for name in sorted(texts) if name.endswith(".ipynb")),
    )


def _root(path: Path, contents: Contents, assignment: Assignment, where: str) -> Root:
    """Where the assignment lies at `path`; whoever names a part of it is told where the whole is."""
    whole = nearby.around(path, assignment) if path.is_dir() else None
    try:
        root = assignments.find(contents.members, assignment, where)
    except CollectError as error:
        if whole and error.hint == assignments.name_it(assignment.package):
            error.hint = nearby.hint(whole, assignment)
        raise
    if root.loose and whole and path.resolve() != whole / assignment.package:
        raise CollectError(f"{where} is only a part of the assignment", nearby.hint(whole, assignment))
    return root


def _open(path: Path, assignment: Assignment) -> AbstractContextManager[Contents]:
    if path.is_dir():
        return folder(path)
    if path.is_file() and (kind := nearby.single(path)):
        message = f"{clean(path.name)} is a single {kind}, not the assignment"
        raise CollectError(message, nearby.hint(nearby.around(path, assignment), assignment))
    if path.is_file():
        return archive(path)
    what = "is neither a file nor a folder" if path.exists() else "does not exist"
    raise CollectError(f"{clean(str(path))} {what}", "Name a folder, or a .zip, .tar or .tar.gz archive.")


def _read(layout: Layout) -> tuple[dict[str, bytes], list[Problem]]:
    """The bytes of all members that count; one that can't be read costs only itself."""
    texts: dict[str, bytes] = {}
    damaged = []
    total = 0
    for name, member in layout.chosen.items():
        try:
            texts[name] = member.read(MAX_NOTEBOOK if name.endswith(".ipynb") else MAX_MODULE)
        except MemberError as error:
            message = f"{clean(name)} {error.message}; {_instead(name, layout.assignment)}"
            damaged.append(Problem(file=clean(name), message=message, hint="Hand it in again."))
        total += len(texts.get(name, b""))
        if total > MAX_TOTAL:
            raise CollectError(
                f"the submission holds more than {MAX_TOTAL >> 20} MB of code and notebooks",
                "Clear the outputs of large notebooks, and leave data and models out.",
            )
    return texts, damaged


def _instead(name: str, assignment: Assignment) -> str:
    if name in assignment.student:
        return "it counts as not attempted"
    return "the assignment's own is used" if name in assignment.files else "it was left out"


def _lay(root: Path, files: dict[str, bytes]) -> None:
    """Writes a fresh folder, readable by the unprivileged account that runs the code, whatever the umask."""
    try:
        root.mkdir(parents=True, exist_ok=True)
        if any(root.iterdir()):
            raise FileExistsError
    except FileExistsError as error:
        raise CollectError(f"{root} exists already", "Collect into a new, empty folder.") from error
    root.chmod(0o755)
    for name, data in files.items():
        target = root / name
        for parent in reversed(target.relative_to(root).parents[:-1]):
            (root / parent).mkdir(exist_ok=True)
            (root / parent).chmod(0o755)
        with target.open("xb") as file:
            file.write(data)
        target.chmod(0o644)


def _records(assignment: Assignment, texts: dict[str, bytes]) -> tuple[FileRecord, ...]:
    """What each file of the copy is and where it came from, by name."""
    records = []
    for name, data in sorted({**assignment.files, **texts}.items()):
        own = "submission" if name in assignment.files or name.endswith(".ipynb") else "extra"
        digest = hashlib.sha256(data).hexdigest()
        origin = own if name in texts else "template"
        records.append(FileRecord(path=name, sha256=digest, size=len(data), origin=origin))
    return tuple(records)


def _shortened(problems: list[Problem]) -> tuple[Problem, ...]:
    more = len(problems) - MAX_PROBLEMS
    if more <= 0:
        return tuple(problems)
    rest = Problem(file="", message=f"{more} more remarks about the submission's files are not shown")
    return (*problems[:MAX_PROBLEMS], rest)
