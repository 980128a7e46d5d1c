"""What staff should look at in one submission: forbidden shortcuts that it takes, and what isolation stopped.

A flag costs nothing. What the worker says of its own calls is a hint that hostile code can suppress; what a
submission was stopped for is seen from outside.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Sequence

from grader.errors import Crashed, LimitExceeded, ProtocolViolation, Raised, Verdict
from grader.results import FileRecord, Flag
from grader.sandbox.targets import NOTHING, Seen, Watch

MOST_NAMED = 4  # callees of one function, files: longer lists are cut
MOST_INCIDENTS = 20
MOST_WATCHED = 3  # different callees in the checks of one function: its class, its call, a probe
LATER = 64  # one of so many further calls is watched: who takes the shortcut only later is seen by chance
STOPPED = ("memory", "output", "disk", "files", "processes", "threads")  # limits; too slow is no incident
REFUSED = ("PermissionError", "BlockingIOError")

Forbidden = Callable[[str], tuple[str, ...]]


class Flags:
    """Collects what staff should see of one submission.

    forbidden: function ("rnn_layers.rnn_forward") -> names that it should not call; modules: short name -> module.
    """

    def __init__(self, forbidden: Forbidden, modules: Iterable[tuple[str, str]]) -> None:
        self._forbidden = forbidden
        self._short = {module: short for short, module in modules}
        self._function = ""
        self._watched: dict[str, dict[str, int]] = {}  # function -> callee -> times
        self._own: dict[
            tuple[tuple[str, ...], str], int
        ] = {}  # what is sought, callee -> times, for all functions
        self._calls: dict[str, dict[str, str]] = {}  # function -> callee -> where
        self._incidents: dict[tuple[str, str], None] = {}

    def enter(self, function: str) -> None:
        """From here on `function` is judged."""
        self._function = function

    def watch(self, called: str, own: bool = False) -> Watch:
        """What to watch for in the next call of `called`: in the first two for each function, later at random.

        A function or class of the submission's `own` does not count anew for each function that is judged by it:
        building a model is the dearest call to watch, and every check of its methods begins with it.
        """
        names = self._forbidden(self._function)
        before = self._watched.setdefault(self._function, {})
        if not names or (called not in before and len(before) >= MOST_WATCHED):
            return NOTHING
        times = max(before.get(called, 0), self._own.get((names, called), 0) if own else 0)
        if times < 2:
            return Watch(names, told=times == 1)
        return Watch(names, told=secrets.randbelow(2) == 1) if secrets.randbelow(LATER) == 0 else NOTHING

    def saw(self, called: str, seen: Sequence[Seen]) -> None:
        """Notes what a watched call of `called`, which has given a value, has shown."""
        before = self._watched.setdefault(self._function, {})
        before[called] = before.get(called, 0) + 1
        key = (self._forbidden(self._function), called)
        self._own[key] = self._own.get(key, 0) + 1
        for one in seen:
            function, place = self._charged(one)
            if self._forbidden(function) == self._forbidden(self._function):
                self._calls.setdefault(function, {}).setdefault(one.name, place)

    def _charged(self, seen: Seen) -> tuple[str, str]:
        """The nearest function of the assignment's own files, and the place of the call for a reader.

        Files that a student added are looked through: they do the work of whoever calls them.
        """
        places = [place.partition(":")[::2] for place in seen.chain]
        named = [f"{self._short[module]}.{name}" for module, name in places if module in self._short]
        where = (
            f"{places[0][0].replace('.', '/')}.py, line {seen.line}" if places else "in a thread of its own"
        )
        return (named[0] if named else self._function), where

    def incident(self, verdict: Verdict) -> None:
        """Notes that the submission was stopped or refused something, if `verdict` says so."""
        if _is_incident(verdict) and len(self._incidents) < MOST_INCIDENTS:
            self._incidents[self._function, verdict.message] = None

    def all(self, files: Iterable[FileRecord] = ()) -> tuple[Flag, ...]:
        """What was found; `files` are those that were graded."""
        return (*map(self._shortcut, self._calls), *self._stopped(), *_extra(files))

    def _shortcut(self, function: str) -> Flag:
        calls = self._calls[function]
        said = [f"`{name}` ({place})" for name, place in list(calls.items())[:MOST_NAMED]]
        more = f" and {len(calls) - len(said)} more" if len(calls) > len(said) else ""
        message = f"calls {', '.join(said)}{more}, which the rubric forbids it. Please look at the code."
        return Flag(kind="shortcut", subject=function, message=message)

    def _stopped(self) -> tuple[Flag, ...]:
        return tuple(
            Flag(kind="isolation", subject=function, message=message) for function, message in self._incidents
        )


def _is_incident(verdict: Verdict) -> bool:
    if isinstance(verdict, LimitExceeded):
        return verdict.limit in STOPPED
    if isinstance(verdict, Raised):
        return verdict.kind in REFUSED
    return isinstance(verdict, ProtocolViolation | Crashed)


def _extra(files: Iterable[FileRecord]) -> tuple[Flag, ...]:
    extra = [file.path for file in files if file.origin == "extra" and file.path.endswith(".py")]
    if not extra:
        return ()
    more = f" and {len(extra) - MOST_NAMED} more" if len(extra) > MOST_NAMED else ""
    named = ", ".join(f"`{path}`" for path in extra[:MOST_NAMED])
    message = f"These files are none of the assignment's: {named}{more}. The submission can import them."
    return (Flag(kind="isolation", subject="extra modules", message=message),)
