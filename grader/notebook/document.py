"""Reading a notebook that anyone may have written: every version of the format, damaged cells, outputs of any size.

Nothing is validated as a whole: a cell that can't be read costs only itself, metadata is not looked at, and of
outputs only a bounded part is ever decoded (a picture of 60 MB stays bytes that nobody copies).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from grader.errors import GradmarkError
from grader.sandbox.text import clean

MAX_FILE = 64 << 20  # bytes; `grader.collect` takes no larger one
MAX_CELLS = 2000
MAX_SOURCE = 200_000  # characters of one cell
MAX_TEXT = 40_000  # characters kept of the text of one cell's outputs
MAX_OUTPUTS = 500  # decoded per cell
MAX_PICTURE = 400 << 10  # bytes of base64
PICTURES = ("image/png", "image/jpeg", "image/gif")
ACTIVE = ("text/html", "application/javascript", "image/svg+xml")


class Unreadable(GradmarkError):
    """The file is not a notebook; `message` says why."""


@dataclass(frozen=True)
class Cell:
    """One cell: `index` from 1; `count` its execution count; `text` what its outputs printed."""

    index: int
    kind: str  # "code", "markdown", "raw", "damaged"
    source: str
    count: int | None = None
    text: str = ""
    error: str = ""  # "NameError: name 'x' is not defined"
    pictures: tuple[str, ...] = ()  # data URIs
    attachments: tuple[tuple[str, str], ...] = ()  # name, data URI
    outputs: int = 0
    output_bytes: int = 0
    active: tuple[str, ...] = ()  # kinds of output that could run in a browser


@dataclass(frozen=True)
class Document:
    """A notebook's cells in order, and what is odd about the file."""

    name: str
    cells: tuple[Cell, ...]
    remarks: tuple[str, ...] = ()


Text = str | list[str]


class _Output(msgspec.Struct):
    output_type: str = ""
    text: Text = ""
    data: dict[str, msgspec.Raw] = {}
    ename: str = ""
    evalue: str = ""
    png: msgspec.Raw = msgspec.Raw()  # of format 3, as are the next three
    jpeg: msgspec.Raw = msgspec.Raw()
    html: msgspec.Raw = msgspec.Raw()
    javascript: msgspec.Raw = msgspec.Raw()


class _Cell(msgspec.Struct):
    cell_type: str = ""
    source: Text = ""
    input: Text = ""  # of format 3, as is the next
    prompt_number: Any = None
    execution_count: Any = None
    level: int = 1
    outputs: list[msgspec.Raw] = []
    attachments: dict[str, msgspec.Raw] = {}


class _Sheet(msgspec.Struct):
    cells: list[msgspec.Raw] = []


class _File(msgspec.Struct):
    cells: list[msgspec.Raw] | None = None
    worksheets: list[_Sheet] | None = None
    nbformat: Any = None


def read(path: Path) -> Document:
    """The notebook in a file. Raises `Unreadable`."""
    try:
        if path.stat().st_size > MAX_FILE:
            raise Unreadable(f"{path.name} is larger than {MAX_FILE >> 20} MB.", "Clear its outputs.")
        return parse(path.read_bytes(), path.name)
    except OSError as error:
        raise Unreadable(f"{path.name} can't be read: {error.strerror}.") from error


def parse(data: bytes, name: str) -> Document:
    """The notebook in `data`, of any version of the format. Raises `Unreadable`."""
    file = _file(data.removeprefix(b"\xef\xbb\xbf"), name)
    remarks = []
    raw = file.cells
    if raw is None:
        raw = [cell for sheet in file.worksheets or [] for cell in sheet.cells]
        if file.worksheets is None:
            raise Unreadable(f"{name} is JSON, but it has no cells.", "Hand in the notebook itself.")
    if file.nbformat != 4:
        shown = file.nbformat if isinstance(file.nbformat, int) else "unknown"
        remarks.append(f"the notebook is of format {shown}, not 4; it was read all the same")
    if len(raw) > MAX_CELLS:
        remarks.append(f"it has {len(raw)} cells; only the first {MAX_CELLS} were read")
    cells = tuple(_cell(number, item) for number, item in enumerate(raw[:MAX_CELLS], 1))
    damaged = [cell.index for cell in cells if cell.kind == "damaged"]
    if damaged:
        remarks.append(f"cells that can't be read: {', '.join(map(str, damaged[:20]))}")
    return Document(name, cells, tuple(remarks))


def _file(data: bytes, name: str) -> _File:
    try:
        return msgspec.json.decode(data, type=_File)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        pass
    text = data.decode("utf-8", "replace")
    try:  # NaN in an output, half a surrogate pair: json reads what msgspec refuses
        plain = json.loads(text)
        again = (
            json.dumps(plain).replace("NaN", "null").replace("-Infinity", "null").replace("Infinity", "null")
        )
        return msgspec.json.decode(again.encode("utf-8", "replace"), type=_File)
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"{name} is not a notebook: {_reason(text, error)}.", _hint(text)) from error


def _reason(text: str, error: Exception) -> str:
    if not text.strip():
        return "it is empty"
    if isinstance(error, json.JSONDecodeError):
        return f"its JSON breaks off or is wrong at line {error.lineno}"
    if isinstance(error, RecursionError):
        return "its JSON is nested too deeply"
    return "its JSON is not that of a notebook"


def _hint(text: str) -> str:
    if "<<<<<<<" in text and ">>>>>>>" in text:
        return "It looks like an unresolved merge of git: resolve it and hand it in again."
    return "Open it in Jupyter; if it opens there, save it and hand it in again."


def _cell(index: int, raw: msgspec.Raw) -> Cell:
    try:
        cell = msgspec.json.decode(raw, type=_Cell)
    except (msgspec.MsgspecError, RecursionError):
        return Cell(index, "damaged", "")
    source = clean(_joined(cell.source) or _joined(cell.input), MAX_SOURCE)
    if cell.cell_type == "heading":  # of format 3
        return Cell(index, "markdown", f"{'#' * min(max(cell.level, 1), 6)} {source}")
    if cell.cell_type != "code":
        kind = cell.cell_type if cell.cell_type in ("markdown", "raw") else "damaged"
        return Cell(index, kind, source, attachments=_attachments(cell))
    number = cell.prompt_number if cell.execution_count is None else cell.execution_count
    count = number if isinstance(number, int) and not isinstance(number, bool) else None
    return _with_outputs(Cell(index, "code", source, count), cell.outputs)


def _with_outputs(cell: Cell, raw: list[msgspec.Raw]) -> Cell:
    texts: list[str] = []
    pictures: list[str] = []
    active: list[str] = []
    error = ""
    for item in raw[:MAX_OUTPUTS]:
        try:
            output = msgspec.json.decode(item, type=_Output)
        except (msgspec.MsgspecError, RecursionError):
            continue
        texts.append(_text_of(output))
        pictures += _pictures(output)
        active += [
            mime for mime in (*ACTIVE, "application/vnd.jupyter.widget-view+json") if mime in output.data
        ]
        active += ["text/html"] * bool(bytes(output.html)) + ["application/javascript"] * bool(
            bytes(output.javascript)
        )
        if output.output_type in ("error", "pyerr"):
            error = clean(f"{output.ename}: {output.evalue}", 500)
    size = sum(len(memoryview(item)) for item in raw)
    return replace(
        cell, text=_bounded("".join(texts)), error=error, pictures=tuple(pictures[:8]), outputs=len(raw),
        output_bytes=size, active=tuple(dict.fromkeys(active)),
    )  # fmt: skip


def _text_of(output: _Output) -> str:
    text = _joined(output.text)
    if not text and "text/plain" in output.data:
        text = _decoded_text(output.data["text/plain"]) + "\n"
    return text


def _decoded_text(raw: msgspec.Raw) -> str:
    try:
        return _joined(msgspec.json.decode(raw, type=Text))
    except (msgspec.MsgspecError, RecursionError):
        return ""


def _pictures(output: _Output) -> list[str]:
    found = {"image/png": output.png, "image/jpeg": output.jpeg}
    found = {mime: raw for mime, raw in found.items() if bytes(raw)} | output.data
    return [uri for mime in PICTURES if mime in found and (uri := _data_uri(mime, found[mime]))]


def _data_uri(mime: str, raw: msgspec.Raw) -> str:
    """A picture as a data URI, or "" for one that is too large or no base64."""
    if len(memoryview(raw)) > MAX_PICTURE:
        return ""
    content = "".join(_decoded_text(raw).split())
    plain = all(c.isascii() and (c.isalnum() or c in "+/=") for c in content)
    return f"data:{mime};base64,{content}" if content and plain else ""


def _attachments(cell: _Cell) -> tuple[tuple[str, str], ...]:
    """Pictures that were pasted into a text cell, by the name that the text uses."""
    found = []
    for name, raw in list(cell.attachments.items())[:8]:
        try:
            kinds = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
        except (msgspec.MsgspecError, RecursionError):
            continue
        found += [(name, uri) for mime in PICTURES if mime in kinds and (uri := _data_uri(mime, kinds[mime]))]
    return tuple(found)


def _joined(text: Text) -> str:
    return text if isinstance(text, str) else "".join(text)


def _bounded(text: str) -> str:
    """The beginning and the end: a result stands at the end as often as at the beginning."""
    if len(text) <= MAX_TEXT:
        return clean(text, MAX_TEXT)
    half = MAX_TEXT // 2
    cut = len(text) - 2 * half
    return f"{clean(text[:half], half)}\n... ({cut} characters are not shown)\n{clean(text[-half:], half)}"
