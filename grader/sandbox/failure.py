"""What went wrong in student code, as facts for the grader. Runs in the worker, beside student code.

Exceptions of students are hostile at worst (`__str__` raises, messages of gigabytes, tracebacks of a thousand
frames), so every look at them is guarded and bounded.
"""

from __future__ import annotations

import difflib
import inspect
import linecache
import os
import re
import traceback
from collections.abc import Callable
from types import CodeType, TracebackType
from typing import Any

from grader.sandbox import rules, source, wire

MAX_FRAMES = 8  # shown at either end of a traceback
MAX_PATH = 200  # characters of a file's name: code may be compiled under any

_TORCH_MEMORY = re.compile(r"can't allocate memory: you tried to allocate (\d+) bytes")
_NUMPY_MEMORY = re.compile(r"Unable to allocate ([\d.]+ \w+)")
_name_of_class = type.__dict__["__name__"].__get__  # a metaclass may define `__name__` to be anything

# What current versions refuse, and the remedy. Only where the message leaves no doubt.
_IDIOMS = (
    (
        re.compile(r"module 'numpy' has no attribute '(int|float|bool|object|complex|str|long)'"),
        r"np.\1 was removed in NumPy 1.24: write \1 (or np.\g<1>_, np.float64, np.int64)",
    ),
    (
        re.compile(r"has no attribute 'next'"),
        "PyTorch 1.13 removed .next() from loaders' iterators: write next(it)",
    ),
    (
        re.compile(r"Torch not compiled with CUDA enabled|Found no NVIDIA driver|No CUDA GPUs are available"),
        "this machine has no GPU: use the device that was passed in instead of a fixed 'cuda'",
    ),
    (re.compile(r"^EOF when reading a line$"), "nobody answers `input()` here: remove it"),
    (
        re.compile(r"np\.(\w+)_?` was removed in the NumPy 2\.0 release"),
        r"np.\1 was removed in NumPy 2.0; the message names what to use",
    ),
)


class Missing(Exception):
    """A name that a module or an object does not define."""

    def __init__(self, place: str, name: str, known: list[str]) -> None:
        close = difflib.get_close_matches(name, known, n=1, cutoff=0.75)
        super().__init__(f"{place} does not define {name}")
        self.hint = f"did you mean {close[0]}?" if close else ""


class ImportTrouble(Exception):
    """Importing `module` failed with `error`."""

    def __init__(self, module: str, error: BaseException) -> None:
        super().__init__(module)
        self.module, self.error = module, error


def describe_call(number: int, error: BaseException, folder: str, function: Any, bound: bool) -> wire.Problem:
    """The problem of a call that raised `error`; `bound` says whether the arguments fit the signature."""
    frames = student_frames(error.__traceback__, folder)
    message = text_of(error)
    asked = memory_asked(error, message)
    limit = rules.broken(error, message)
    stage: wire.Stage = "memory" if asked is not None else "limit" if limit else "call"
    if isinstance(error, TypeError) and not frames and not bound:
        stage = "signature"
    where = frames[-1] if frames else None
    return wire.Problem(
        id=number,
        stage=stage,
        kind=kind_of(error),
        message=asked if asked is not None else message,
        where=where[2] if where else "",
        frames=render(frames, folder),
        hint=signature_of(function) if stage == "signature" else idiom(error, message),
        file=relative(where[0], folder) if where else "",
        line=where[1] if where else 0,
        limit=limit,
    )


def describe_missing(number: int, error: Missing) -> wire.Problem:
    """The problem of a name that is not there."""
    return wire.Problem(id=number, stage="name", kind="AttributeError", message=str(error), hint=error.hint)


def describe_import(number: int, trouble: ImportTrouble, folder: str) -> wire.Problem:
    """The problem of an import that failed: what, in which file and line, and what it looks like."""
    error = trouble.error
    if isinstance(error, SyntaxError):
        path = str(error.filename)
        path = path if _within(path, folder) else source.with_zero_bytes(folder)
        if path:
            return _describe_syntax(number, error, path, folder)
    frames = student_frames(error.__traceback__, folder)
    file, line = (frames[-1][0], frames[-1][1]) if frames else ("", 0)
    message = text_of(error)
    return wire.Problem(
        id=number,
        stage="import",
        kind=kind_of(error),
        message=message,
        where=frames[-1][2] if frames else "",
        frames=render(frames, folder),
        hint=idiom(error, message),
        file=relative(file, folder) if file else "",
        line=max(line, 0),
        missing=_missing_package(error, folder),
    )


def _describe_syntax(number: int, error: SyntaxError, path: str, folder: str) -> wire.Problem:
    finding = source.explain_syntax(path)
    offending = (error.text or "").strip()[:200]
    message = str(error.msg)[:300] + (f": {offending}" if offending else "")
    return wire.Problem(
        id=number,
        stage="import",
        kind=kind_of(error),
        message=finding.message or message,
        hint=finding.hint,
        file=relative(path, folder),
        line=finding.line or error.lineno or 0,
    )


def _missing_package(error: BaseException, folder: str) -> str:
    if not isinstance(error, ModuleNotFoundError) or not isinstance(error.name, str):
        return ""
    top = error.name.partition(".")[0]
    ours = os.path.isdir(os.path.join(folder, top)) or os.path.isfile(os.path.join(folder, f"{top}.py"))
    return "" if ours else error.name[:100]


def memory_asked(error: BaseException, message: str) -> str | None:
    """How much memory was asked for when it ran out ("" if unknown); None for any other error."""
    if torch := _TORCH_MEMORY.search(message):
        return f"{int(torch[1][:15]) / 2**30:.1f} GiB"
    if isinstance(error, MemoryError):
        asked = _NUMPY_MEMORY.search(message)
        return asked[1] if asked else ""
    return None


def idiom(error: BaseException, message: str) -> str:
    """The remedy for an old idiom that current versions refuse, or for what waits for somebody, if this is one."""
    if kind_of(error) == "BdbQuit":
        return "a debugger was started: remove `breakpoint()` and `pdb.set_trace()`"
    for pattern, remedy in _IDIOMS:
        if found := pattern.search(message):
            return found.expand(remedy)
    return ""


Frame = tuple[str, int, str]  # file, line, qualname


def student_frames(trace: TracebackType | None, folder: str) -> list[Frame]:
    """The frames of a traceback that lie in `folder`, innermost last; bounded for endless recursion."""
    frames: list[Frame] = []
    while trace is not None:
        code: CodeType = trace.tb_frame.f_code
        if _within(code.co_filename, folder):
            frames.append((code.co_filename, trace.tb_lineno or 0, exactly(code.co_qualname, 200)))
        trace = trace.tb_next
    return frames


def render(frames: list[Frame], folder: str) -> str:
    """Frames as Python prints them, with paths relative to `folder` and the middle of long ones left out."""
    left_out = len(frames) - 2 * MAX_FRAMES
    if left_out <= 0:
        return "".join(_line(frame, folder) for frame in frames)
    head = "".join(_line(frame, folder) for frame in frames[:MAX_FRAMES])
    tail = "".join(_line(frame, folder) for frame in frames[-MAX_FRAMES:])
    return f"{head}  ... {left_out} more calls ...\n{tail}"


def _line(frame: Frame, folder: str) -> str:
    file, line, name = frame
    text = linecache.getline(file, line).strip()[:200]
    return f'  File "{relative(file, folder)[:MAX_PATH]}", line {line}, in {name}\n' + (
        f"    {text}\n" if text else ""
    )


def _within(path: str, folder: str) -> bool:
    return path.startswith(folder + os.sep)


def relative(path: str, folder: str) -> str:
    """`path` as seen from the submission's folder."""
    within = os.path.relpath(path, folder) if _within(path, folder) else os.path.basename(path)
    return within.replace(os.sep, "/")


def text_of(error: BaseException) -> str:
    """`str(error)`, whatever its `__str__` does; at most 2000 characters."""
    try:
        text = str(error)
    except BaseException:  # noqa: BLE001 - student code runs here: an exception whose __str__ raises
        return "(its message can't be shown: __str__ raised)"
    return exactly(text, 2000)


def kind_of(error: BaseException) -> str:
    """The name of the exception's class."""
    return exactly(_name_of_class(type(error)), 80)


def exactly(text: str, limit: int) -> str:
    """The first characters of `text` as a plain string: a subclass of `str` may answer as it likes."""
    return str.__getitem__(text, slice(limit)).encode("utf-8", "replace").decode("utf-8")


def fits(function: Callable[..., Any], args: list[Any], kwargs: dict[str, Any]) -> bool:
    """Whether the arguments fit the function's signature; True when that can't be told."""
    if not callable(function):
        return True
    try:
        inspect.signature(function).bind(*args, **kwargs)
    except TypeError:
        return False
    except BaseException:  # noqa: BLE001 - a hostile __signature__
        return True
    return True


def signature_of(function: Any) -> str:
    """How the function is defined: "rnn_forward(x, h0)", or nothing when that can't be told."""
    try:
        return exactly(f"{function.__name__}{inspect.signature(function)}", 300)
    except BaseException:  # noqa: BLE001 - a hostile __signature__ or __name__
        return ""


def release_frames(error: BaseException) -> None:
    """Lets go of the local variables of a traceback: they may hold gigabytes."""
    traceback.clear_frames(error.__traceback__)
    error.__traceback__ = None
