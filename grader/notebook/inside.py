"""Runs a notebook's cells in a locked-down worker: an IPython shell without kernel, sockets or history.

Imported by the warm parent, used beside student code: nothing here decides anything, and all that it tells is
bounded again by whoever asked. What Colab's cells do is done without; what a run needs on a machine without a
second process (loaders without workers) or without much time (the fast profile) is set here, by configuration.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import sys
from typing import Any

import numpy as np
from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from grader.notebook import setting

HEAD, TAIL = 20_000, 20_000  # characters of a cell's text that are kept from its beginning and its end
MAX_RICH = 40  # displayed things per cell
MAX_TEXT = 16_000
MAX_PICTURE = 400 << 10  # characters of base64
MAX_RICH_TOTAL = 2 << 20
KEPT = ("text/plain", "image/png", "image/jpeg")
_loads, _dumps, _frombuffer = json.loads, json.dumps, np.frombuffer
_shell: Any = None
_record: Record


class Record:
    """What one cell displays, in order and bounded."""

    def __init__(self) -> None:
        self.outputs: list[dict[str, Any]] = []
        self.dropped: dict[str, int] = {}
        self.told: list[str] = []
        self._room = HEAD
        self._rich = 0
        self._bytes = 0
        self._tail = ""
        self._cut = 0

    def text(self, stream: str, text: str) -> None:
        if self._room > 0:
            part, text = text[: self._room], text[self._room :]
            self._room -= len(part)
            if self.outputs and self.outputs[-1].get("stream") == stream:
                self.outputs[-1]["text"] += part
            else:
                self.outputs.append({"stream": stream, "text": part})
        if text:
            joined = self._tail + text
            self._cut += max(len(joined) - TAIL, 0)
            self._tail = joined[-TAIL:]

    def rich(self, data: dict[str, Any], result: bool) -> None:
        kept = {mime: _shown(mime, data[mime]) for mime in KEPT if mime in data}
        kept = {mime: text for mime, text in kept.items() if text}
        for mime in set(data) - set(kept):
            self.dropped[str(mime)[:80]] = self.dropped.get(str(mime)[:80], 0) + 1
        self._rich += 1
        self._bytes += sum(map(len, kept.values()))
        if kept and self._rich <= MAX_RICH and self._bytes <= MAX_RICH_TOTAL:
            self.outputs.append({"data": kept, "result": result})
        elif kept:
            self.dropped["more than fits"] = self.dropped.get("more than fits", 0) + 1

    def close(self) -> list[dict[str, Any]]:
        if self._tail:
            cut = f"\n... ({self._cut} characters are not shown)\n" if self._cut else ""
            self.outputs.append({"stream": "stdout", "text": cut + self._tail})
        return self.outputs


def _shown(mime: str, value: Any) -> str:
    if isinstance(value, bytes):
        import base64

        value = base64.b64encode(value).decode() if len(value) <= MAX_PICTURE else ""
    if type(value) is not str:
        return ""
    if mime == "text/plain":
        return value[:MAX_TEXT]
    return value if len(value) <= MAX_PICTURE else ""


class Stream(io.TextIOBase):
    """Standard output or error: recorded, and passed on to the pipe for the case that the process dies."""

    def __init__(self, name: str, real: Any) -> None:
        self._name, self._real = name, real
        self.buffer = real.buffer

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return "utf-8"

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        _record.text(self._name, str(text))
        self._real.write(text)
        return len(text)

    def flush(self) -> None:
        self._real.flush()

    def fileno(self) -> int:
        return int(self._real.fileno())

    def writable(self) -> bool:
        return True


class _Hook(DisplayHook):
    """The value of a cell's last expression."""

    def write_output_prompt(self) -> None:
        """No prompt."""

    def write_format_data(self, format_dict: dict[str, Any], md_dict: Any = None) -> None:
        _record.rich(format_dict, True)

    def log_output(self, format_dict: dict[str, Any]) -> None:
        """No log."""

    def finish_displayhook(self) -> None:
        sys.stdout.flush()


class _Publisher(DisplayPublisher):
    """What `display` shows."""

    def publish(self, data: Any, metadata: Any = None, *_: Any, **__: Any) -> None:
        _record.rich(data, False)

    def clear_output(self, wait: bool = False) -> None:
        """Everything stays."""


def begin(settings: str) -> bool:
    """Makes the shell in a copy of the submission (first on the path); call it before the first cell.

    settings (JSON): "fast", "batches" (of a loader, per round), "seed".
    """
    global _shell, _record
    _record = Record()
    wanted = _loads(settings)
    copy = os.path.join(os.getcwd(), "notebook")
    shutil.copytree(sys.path[0], copy, copy_function=os.symlink, symlinks=True)
    os.chdir(copy)
    os.environ["IPYTHONDIR"] = os.path.join(os.path.dirname(copy), "ipython")
    setting.answer_files()
    sys.stdout, sys.stderr = Stream("stdout", sys.__stdout__), Stream("stderr", sys.__stderr__)
    _shell = _new_shell()
    setting.without_colab(_tell)
    setting.pictures_at_hand(copy)
    setting.without_processes(wanted.get("batches") or 0)
    if wanted.get("fast"):
        os.environ["CS231N_FAST"] = "1"
        setting.small_networks()
    return True


def _new_shell() -> Any:
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    config.InteractiveShell.cache_size = 0
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance(config=config, displayhook_class=_Hook, display_pub_class=_Publisher)
    shell._showtraceback = _note_error  # type: ignore[method-assign, assignment]
    sys.modules["__main__"] = shell.user_module
    shell.enable_gui = lambda *_: None  # type: ignore[method-assign]
    shell.run_line_magic("matplotlib", "inline")
    setting.without_shell(shell, _tell)
    return shell


_error: dict[str, Any] = {}


def _note_error(kind: Any, value: Any, lines: list[str]) -> None:
    _error["traceback"] = "\n".join(map(str, lines))[-8000:]


def run_cell(source: Any, position: int) -> Any:
    """Runs one cell: its outputs and what it raised, as JSON in an array of bytes."""
    global _record
    _record = Record()
    _error.clear()
    _shell.execution_count = position  # so that a traceback names the cell by its place
    result = _shell.run_cell(bytes(source).decode("utf-8", "replace"), store_history=False)
    error = result.error_before_exec or result.error_in_exec
    told: dict[str, Any] = {"outputs": _record.close(), "dropped": _record.dropped, "told": _record.told[:20]}
    if error is not None:
        told["error"] = {
            "kind": type(error).__name__[:80],
            "message": _text_of(error)[:2000],
            "name": str(getattr(error, "name", "") or "")[:80],
            "traceback": _error.get("traceback", ""),
        }
    return _frombuffer(_dumps(told).encode("utf-8", "replace"), np.uint8)


def _text_of(error: BaseException) -> str:
    try:
        return str(error)
    except BaseException:  # noqa: BLE001 - a student's exception may raise when it is shown
        return "(its message can't be shown)"


def _tell(what: str) -> None:
    _record.told.append(what)
