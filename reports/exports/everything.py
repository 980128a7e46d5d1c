"""One JSON document of everything: the gradebook and every result. For staff and their own programs."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from grader.results import Record, to_json
from reports.exports.source import Source

FORMAT = b'{"format_version":1,"class":'


def render(source: Source) -> Iterator[bytes]:
    """The document, piece by piece: `{"format_version": 1, "class": ... or null, "results": [...]}`.

    An element of `results` has `key` (the hand-in's folder), `students` (ids of those whose it is) and `result`.
    """
    yield FORMAT + (_compact(source.result) if source.result else b"null") + b',"results":['
    for number, entry in enumerate(source.entries(every_attempt=True)):
        head = {"key": entry.key, "students": [student.id for student in entry.students]}
        line = msgspec.json.encode(head)[:-1] + b',"result":' + _compact(entry.grade) + b"}"
        yield (b",\n" if number else b"\n") + line
    yield b"\n]}\n"


def _compact(record: Record) -> bytes:
    return msgspec.json.format(to_json(record), indent=-1)
