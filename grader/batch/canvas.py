"""A Canvas bulk download: files `<name>[_LATE]_<user id>_<attachment id>_<original name>` in one folder."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from grader.batch.handins import ClassInput, HandIn, Person, entries, is_archive, stem
from grader.results import Problem

# The second number is the attachment's. An anonymous download has "anon" and a short random id.
_NAME = re.compile(
    r"(?:(?P<anon>anon)(?P<anonlate>_LATE)?_(?P<anonid>[A-Za-z0-9]{3,12})"
    r"|(?P<name>[^_]*(?:_(?!LATE_)[^_]*)*?)(?P<late>_LATE)?_(?P<user>\d+))"
    r"_(?P<attachment>\d+)_(?P<original>.+)",
    re.DOTALL,
)
_AGAIN = re.compile(r"-(\d{1,3})$")  # Canvas numbers the later hand-ins of one file name
CODE = (".py", ".ipynb")


@dataclass(frozen=True)
class Upload:
    """One file of the download."""

    path: Path
    name: str
    late: bool
    user: str
    attachment: int
    original: str

    @property
    def attempt(self) -> tuple[int, int]:
        """Sorts the uploads of one student: by Canvas's number for a repeated name, then as they were uploaded."""
        again = _AGAIN.search(_bare(self.original))
        return (int(again.group(1)) if again else 0, self.attachment)

    @property
    def plain(self) -> str:
        """The original name without Canvas's number."""
        bare = _bare(self.original)
        return _AGAIN.sub("", bare) + self.original[len(bare) :]


def _bare(name: str) -> str:
    return stem(name) if is_archive(name) else Path(name).stem


def parsed(path: Path) -> Upload | None:
    """What a file's name says; None for a name that Canvas does not give."""
    found = _NAME.fullmatch(path.name)
    if found is None:
        return None
    return Upload(
        path=path,
        name=found["anon"] or found["name"],
        late=bool(found["late"] or found["anonlate"]),
        user=found["anonid"] or found["user"],
        attachment=int(found["attachment"]),
        original=found["original"],
    )


def read(root: Path, staging: Path) -> ClassInput:
    """The class in a download's folder; loose files of one student are put together below `staging`."""
    found = ClassInput(root.resolve().name, "canvas")
    uploads: dict[str, list[Upload]] = {}
    for entry in entries(root):
        upload = parsed(entry) if entry.is_file() and not entry.is_symlink() else None
        if upload is None:
            found.note(entry.name, "has no name that Canvas gives and was not graded", "See --format.")
        else:
            uploads.setdefault(upload.user, []).append(upload)
    for user, mine in uploads.items():
        found.handins += _handins(sorted(mine, key=lambda upload: upload.attempt), staging / user)
    return found


def _handins(uploads: Sequence[Upload], staging: Path) -> list[HandIn]:
    person = (Person(label=uploads[0].name, lms_id=uploads[0].user),)
    archives = [upload for upload in uploads if is_archive(upload.original)]
    others = [upload for upload in uploads if upload not in archives]
    if not archives:
        return [_together(others, person, staging)]
    ignored = tuple(_ignored(upload) for upload in others if upload.original.endswith(CODE))
    names = {upload.plain for upload in archives}
    if len(names) > 1:
        listed = ", ".join(upload.original for upload in archives)
        ignored += (
            Problem(file=listed, message="differently named archives were read as attempts, in this order"),
        )
    return [
        HandIn(upload.path.name, upload.path, person, late=upload.late, problems=ignored) for upload in archives
    ]  # fmt: skip


def _together(uploads: Sequence[Upload], person: tuple[Person, ...], staging: Path) -> HandIn:
    """Files uploaded one by one, as a folder; of several versions of one file the last counts."""
    code = [upload for upload in uploads if upload.original.endswith(CODE)]
    problems = []
    if code:
        staging.mkdir(parents=True, exist_ok=True)
    for upload in code:
        if (staging / upload.plain).exists():
            problems.append(
                Problem(file=upload.original, message="is there in several versions; the last counts")
            )
        shutil.copyfile(upload.path, staging / upload.plain)
    if not code:
        listed = ", ".join(upload.original for upload in uploads)
        problems.append(Problem(file=listed, message="no archive and no code was handed in"))
    late = any(upload.late for upload in uploads)
    return HandIn(uploads[-1].path.name, staging, person, late=late, problems=tuple(problems))


def _ignored(upload: Upload) -> Problem:
    return Problem(
        file=upload.original, message="was handed in beside an archive; only the archive was graded"
    )
