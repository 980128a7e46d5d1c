"""From what a worker reported, or how it ended, to the error that is raised in the grader."""

from __future__ import annotations

import re
import signal

from grader.errors import (
    CallError,
    Crashed,
    ImportFailed,
    LimitExceeded,
    MissingName,
    ProtocolViolation,
    Raised,
    WrongSignature,
)
from grader.results import Detail, Limits, Traceback
from grader.sandbox import wire
from grader.sandbox.text import clean, clean_line
from grader.sandbox.watch import amount, disk_text, files_text

CHANNEL_LOST = 86  # exit status of a worker whose channel was closed from inside; see worker.py

# A line of `faulthandler`: the innermost one in the submission is the first.
_CRASH_FRAME = re.compile(r'File "[^"\n]*[/\\](cs231n[/\\][^"\n]{1,150})", line (\d{1,7}) in (\S{1,100})')
_CRASH_HINTS: dict[int, str] = {
    signal.SIGSEGV: "Look for endless recursion in compiled code, or for ctypes: plain numpy and torch do not do this.",
}
_SIGNALS: dict[int, str] = {
    signal.SIGABRT: "aborted (SIGABRT)",
    signal.SIGSEGV: "segmentation fault (SIGSEGV)",
    getattr(signal, "SIGBUS", 7): "bus error (SIGBUS)",
    signal.SIGFPE: "arithmetic error (SIGFPE)",
    signal.SIGILL: "illegal instruction (SIGILL)",
    getattr(signal, "SIGKILL", 9): "killed (SIGKILL); the machine may have run out of memory",
}


def from_problem(
    problem: wire.Problem, label: str, module: str, parameters: str, limits: Limits
) -> CallError:
    """The error for a reported problem. All its text is the student's and is cleaned here."""
    kind, message = clean_line(problem.kind, 80), clean(problem.message, 2000)
    details = _details(problem)
    hint = clean_line(problem.hint)
    if problem.stage == "import":
        return _import_failed(problem, module, kind, message, hint, details)
    if problem.stage == "name":
        return MissingName(clean_line(problem.message), hint, details)
    if problem.stage == "memory":
        return _out_of_memory(label, message, limits.memory_bytes, details)
    if problem.stage == "limit":
        return _limit_met(problem.limit, label, limits, details)
    if problem.stage == "signature":
        return _wrong_signature(label, parameters, message, hint)
    where = clean_line(problem.where, 200)
    said = f"raised {kind}: {message}" if message else f"raised {kind}"
    if problem.stage == "result":
        said = f"gave a result that can't be read: {kind}" + (f": {message}" if message else "")
    return Raised(f"{label} {said}", hint, details, kind=kind, where=where)


def _details(problem: wire.Problem) -> tuple[Detail, ...]:
    if not problem.frames:
        return ()
    last = f"{problem.kind}: {problem.message}" if problem.message else problem.kind
    return (Traceback(text=clean(f"{problem.frames}{last}", 8000)),)


def _import_failed(
    problem: wire.Problem, module: str, kind: str, message: str, hint: str, details: tuple[Detail, ...]
) -> ImportFailed:
    file, missing = clean_line(problem.file, 200), clean_line(problem.missing, 100)
    place = f"{file or module}, line {problem.line}" if problem.line else file or module
    if missing:
        text = f"{module} can't be imported: the package {missing} is not installed here ({place})"
        hint = hint or f"If {missing} is not needed, remove its import; else ask the course staff for it."
    elif kind == "SystemExit":
        text = f"{module} can't be imported: it ends the program when it is imported ({place})"
        hint = hint or 'Move what should only run as a program below `if __name__ == "__main__":`.'
    else:
        text = f"{module} can't be imported: {kind} in {place}" + (f": {message}" if message else "")
        if kind in _OUTSIDE:
            hint = (
                hint
                or 'What reads files, asks for input or downloads belongs below `if __name__ == "__main__":`.'
            )
    return ImportFailed(
        text, hint, details, kind=kind, where=clean_line(problem.where, 200), module=module, file=file,
        line=problem.line, missing=missing,
    )  # fmt: skip


_OUTSIDE = frozenset([  # what a file raises that needs more than itself to be imported
    "ConnectionError", "EOFError", "FileNotFoundError", "HTTPError", "IsADirectoryError", "NotADirectoryError",
    "OSError", "PermissionError", "TimeoutError", "URLError", "gaierror",
])  # fmt: skip


def _out_of_memory(label: str, asked: str, allowed: int, details: tuple[Detail, ...]) -> LimitExceeded:
    wanted = f" (it asked for {asked} at once)" if asked else ""
    return LimitExceeded(
        f"{label} used more than {amount(allowed)} of memory{wanted}.",
        "Look for an array with too many or the wrong dimensions.",
        limit="memory",
        details=details,
    )


_NO_FILES = "Graded functions need no files: remove what saves arrays, pictures or models."
_NO_PROCESSES = "Set num_workers=0 in a DataLoader; do without multiprocessing, subprocess and os.system."


def _limit_met(limit: wire.Limit, label: str, limits: Limits, details: tuple[Detail, ...]) -> LimitExceeded:
    what, hint = {
        "disk": (disk_text(limits.disk_bytes), _NO_FILES),
        "files": (files_text(limits.disk_files), _NO_FILES),
        "file size": (f"wrote a file of more than {amount(limits.file_bytes)}", _NO_FILES),
        "open files": (
            f"had more than {limits.open_files} files open",
            "Close them: with open(...) as file.",
        ),
        "threads": ("could not start another thread", "Each thread takes memory of the limit: start fewer."),
        "processes": ("tried to start a process, which is not allowed here", _NO_PROCESSES),
        "network": ("tried to use the network, which is not allowed here", "Work with the files handed out."),
        "": ("met a limit", ""),
    }[limit]
    return LimitExceeded(f"{label} {what}.", hint, limit=limit, details=details)


def _wrong_signature(label: str, parameters: str, message: str, definition: str) -> WrongSignature:
    documented = f" ({parameters})" if parameters else ""
    return WrongSignature(
        f"{label} does not accept the documented parameters{documented}: {message}",
        f"It is defined as {definition}." if definition else "",
        kind="TypeError",
    )


def place_of_crash(stderr: str) -> tuple[str, str]:
    """Where the interpreter says that it was when it died ("inner (cs231n/task.py, line 5)"), and the rest of stderr.

    Student code can print the same: then the message is as wrong as it wants it to be, the verdict is not.
    """
    said, _, dump = stderr.rpartition("Fatal Python error: ")
    frame = _CRASH_FRAME.search(dump)
    if not frame:
        return "", stderr
    file = frame[1].replace("\\", "/")
    return clean_line(f"{frame[3]} ({file}, line {frame[2]})", 200), said


def from_exit(status: int | None, label: str, place: str = "") -> CallError:
    """The error for a process that ended without an answer; `status` as `waitpid` has it."""
    if status is None:
        return Crashed(f"The process died in {label}.")
    if number := status & 0x7F:
        if number == getattr(signal, "SIGXCPU", 0):
            message = f"{label} used up the computing time of its process and was stopped."
            return LimitExceeded(message, limit="cpu")
        how = _SIGNALS.get(number, f"signal {number}")
        where = f", in {place}" if place else ""
        return Crashed(f"The process died in {label}: {how}{where}.", _CRASH_HINTS.get(number, ""))
    code = status >> 8
    if code == CHANNEL_LOST:
        return ProtocolViolation(f"{label} closed the process's channel to the grader.")
    return Crashed(
        f"The process died in {label}: ended by os._exit, exit status {code}.",
        "Code that is graded must return; it may not end the interpreter.",
    )
