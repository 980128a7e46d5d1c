"""Every error that gradmark raises on purpose, in one tree.

`message` says what happened and where, `hint` what to do about it. `GradmarkError` itself is for the
user of the command; below it, `Verdict` ends one check with an outcome, and is about the student's work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from grader.results import Detail


class GradmarkError(Exception):
    """Something that the user can read and act upon."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message


class UsageError(GradmarkError):
    """The command was given something it can't work with (exit status 2)."""


class CollectError(UsageError):
    """The submission can't be read at all: not there, not an archive, empty, hostile."""


class RubricError(UsageError):
    """`rubric.toml` has a wrong name, a negative number or no sense."""


class TemplateError(UsageError):
    """The marked regions of the reference are nested, unclosed or stray."""


class SandboxError(GradmarkError):
    """gradmark's own machinery failed (no worker could be started, the warm parent died): never the student's fault."""


class Verdict(GradmarkError):
    """Ends a check with an outcome; see the subclasses. `details` go to the report as they are."""

    def __init__(self, message: str, hint: str = "", details: tuple[Detail, ...] = ()) -> None:
        super().__init__(message, hint)
        self.details = details


class Failed(Verdict):
    """The student's work was run and is wrong, or broke a limit."""


class ChangedInput(Failed):
    """A function, or one before it, wrote into what it was given. A mended cache hides that: it holds copies."""


class Blocked(Verdict):
    """The student's work can't be judged because something else it needs is missing or wrong."""


class NotRecorded(Blocked):
    """A student's package does not hold the expected values that are needed here: no verdict about the work."""

    def __init__(self) -> None:
        super().__init__(
            "Not judged here: the expected values for this are not in your package.",
            "The course's grader judges it. Mend what fails elsewhere first.",
        )


class NotAttempted(Verdict):
    """The student left this part as it was handed out."""


class CallError(Failed):
    """A call into the submission did not give a value; the subclasses say why."""


class Raised(CallError):
    """The student's code raised; `kind` is the exception's class name, `frames` the student's frames."""

    def __init__(
        self,
        message: str,
        hint: str = "",
        details: tuple[Detail, ...] = (),
        *,
        kind: str = "",
        where: str = "",
    ) -> None:
        super().__init__(message, hint, details)
        self.kind = kind
        self.where = where


class ImportFailed(Raised):
    """A student's module can't be imported; `missing` names a package that is not installed.

    `file` is relative to the submission.
    """

    def __init__(
        self,
        message: str,
        hint: str = "",
        details: tuple[Detail, ...] = (),
        *,
        kind: str = "",
        where: str = "",
        module: str = "",
        file: str = "",
        line: int = 0,
        missing: str = "",
    ) -> None:
        super().__init__(message, hint, details, kind=kind, where=where)
        self.module, self.file, self.line = module, file, line
        self.missing = missing


class WrongSignature(Raised):
    """The function does not take the documented parameters; nothing inside it ran."""


class MissingName(CallError):
    """A module, class or object does not define the name that the assignment gives it."""


class LimitExceeded(CallError):
    """A limit was met: `limit` is 'time', 'cpu', 'memory', 'output', ..."""

    def __init__(
        self, message: str, hint: str = "", *, limit: str = "", details: tuple[Detail, ...] = ()
    ) -> None:
        super().__init__(message, hint, details)
        self.limit = limit


class Crashed(CallError):
    """The worker's process died in the middle of a call (`os.abort`, a segmentation fault, `os._exit`)."""


class ProtocolViolation(CallError):
    """The worker sent something that is not a reply: only meddling with the worker does that."""


FATAL = (LimitExceeded, Crashed, ProtocolViolation)
"""Verdicts that mostly cost a worker: what ended in one is not repeated to learn more."""
