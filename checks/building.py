"""Torch modules of a subject as checks name them: what they are built from, and when an object may serve again.

Building a module, and bringing it into double precision, takes longer than calling it. So a check's modules may have
served earlier checks, which set all their parameters anew; what is wrong is judged on new ones (`on_new_if_wrong`),
since a module that remembers its calls is wrong in one check, the one that calls it in turn, and right in the others.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakSet

from grader.errors import FATAL, CallError, Failed, ImportFailed, Raised, Verdict
from grader.values import Array, ArrayValue, Handle, Value

if TYPE_CHECKING:
    from grader.subject import Callee, Subject

PROBES = ("forward_in_place", "forward", "backward", "sampled", "prepare", "without_attention")
T = TypeVar("T")

_used: WeakSet[Subject] = WeakSet()  # whose modules may be used ones at the moment
_wrong: WeakSet[Subject] = (
    WeakSet()
)  # in which something was wrong on new ones, too: it is asked once from then on


def on_new_if_wrong(student: Subject, attempt: Callable[[], T]) -> T:
    """What `attempt` gives on modules that may have been used before; if it fails on them, on new ones."""
    if student in _wrong or student in _used:
        return attempt()
    _used.add(student)
    try:
        return attempt()
    except FATAL:
        raise
    except Verdict:
        pass
    finally:
        _used.discard(student)
    _wrong.add(student)
    given = attempt()
    _wrong.discard(student)
    return given


def tensor(array: Array) -> ArrayValue:
    """An argument that arrives in the worker as a torch tensor."""
    return ArrayValue(array, "torch")


@contextlib.contextmanager
def called(function: str) -> Iterator[None]:
    """What is raised inside a probe is told under the name of the student's function."""
    try:
        yield
    except CallError as error:
        for probe in PROBES:
            if error.message.startswith(f"{probe} "):
                error.message = function + error.message.removeprefix(probe)
                break
        raise


@dataclass(frozen=True)
class Build:
    """What a module is built from; calling it builds one in a subject, where it stays."""

    file: str  # "transformer_layers"
    name: str
    args: Sequence[Any] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    table: Array | None = None  # of the stand-ins for the parts of a captioning transformer
    made: Handle | None = None  # what was built from it already

    def __call__(self, subject: Subject, seed: int | None = None) -> Build:
        """The same, built in the subject; a file that can't be imported is told as what it is."""
        value = self._made(subject, seed)
        if not isinstance(value, Handle):
            raise Failed(f"`{self.name}(...)` did not make an object.", "Is it derived from `nn.Module`?")
        return replace(self, made=value)

    def _made(self, subject: Subject, seed: int | None) -> Value:
        try:
            return self._class(subject)(*self.args, **self.kwargs, returns="module*", random_state=seed)
        except Raised as error:
            if self.table is None or isinstance(error, ImportFailed):
                raise
        file = self._class(subject).target.module
        with called(self.name):
            return subject.probe(
                "transformer",
                "without_attention",
                file,
                self.name,
                list(self.args),
                dict(self.kwargs),
                returns="module*",
            )

    def _class(self, subject: Subject) -> Callee:
        found: Callee = getattr(getattr(subject, self.file), self.name)
        return found

    def packed(self, subject: Subject) -> list[Any]:
        """For a probe that builds the module itself: only after a check that called it, since an import may fail."""
        table = None if self.table is None else tensor(self.table)
        file = self._class(subject).target.module
        return [file, self.name, list(self.args), dict(self.kwargs), table, self.made, subject in _used]
