"""A Gradescope bulk export: `submission_metadata.yml` and one folder `submission_<id>` for each hand-in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from grader.batch.handins import ClassInput, HandIn, Person, attempts_in, entries, utc
from grader.errors import CollectError

METADATA = "submission_metadata.yml"

# Every scalar stays the text that it is: a student number keeps its leading zeros, quoted or not. Plain
# containers are all that this loader can make.
_Loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


def read(root: Path) -> ClassInput:
    """The class in an export's folder. Raises `CollectError` for metadata that can't be read."""
    metadata = _metadata(root / METADATA)
    found = ClassInput(root.resolve().name, "gradescope")
    folders = {entry.name: entry for entry in entries(root) if entry.name != METADATA}
    for name, fields in metadata.items():
        found.handins += _handins(found, root, name, fields)
        folders.pop(name, None)
    for name, entry in folders.items():
        if entry.is_dir():
            found.note(name, f"{METADATA} says nothing of {name}: nobody is known to have handed it in")
            found.handins += _of(root, name, (Person(label=name),), "")
        else:
            found.note(name, "is no submission's folder and was not graded")
    return found


def _metadata(path: Path) -> dict[str, Any]:
    try:
        content = yaml.load(path.read_bytes(), Loader=_Loader)
    except OSError as error:
        raise CollectError(f"{path} can't be read: {error.strerror}", "Export the class again.") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        said = " ".join(str(error).split())[:200]
        raise CollectError(f"{path} is not valid YAML: {said}", "Export the class again.") from error
    if not isinstance(content, dict) or not all(isinstance(fields, dict) for fields in content.values()):
        raise CollectError(f"{path} does not list submissions by their folders", "Export the class again.")
    return {str(name): fields for name, fields in content.items()}


def _handins(found: ClassInput, root: Path, name: str, fields: dict[str, Any]) -> list[HandIn]:
    submitters = fields.get(":submitters:") or fields.get(":submitters") or []
    people = tuple(_person(each) for each in submitters if isinstance(each, dict))
    if not people:
        found.note(name, f"{METADATA} names no submitter of {name}")
    submitted = utc(text := _text(fields.get(":created_at")))
    if text and not submitted:
        found.note(name, f"the time {text!r} can't be read")
    if Path(name).name != name or name in {".", ".."}:
        raise CollectError(f"{METADATA} names a folder outside of the export: {name!r}", "Export it again.")
    return _of(root, name, people or (Person(label=name),), submitted)


def _of(root: Path, name: str, people: tuple[Person, ...], submitted: str) -> list[HandIn]:
    path = root / name
    paths = attempts_in(path) if path.is_dir() and not path.is_symlink() else [path]
    return [HandIn(each.relative_to(root).as_posix(), each, people, submitted) for each in paths]


def _person(fields: dict[str, Any]) -> Person:
    name, sid, email = (_text(fields.get(key)) for key in (":name", ":sid", ":email"))
    return Person(name=name, sis_id=sid, email=email)


def _text(value: Any) -> str:
    """A scalar, or nothing: YAML's null comes as its text."""
    return value if isinstance(value, str) and value not in {"null", "~"} else ""
