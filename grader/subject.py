"""One handle for student and reference alike: `subject.rnn_layers.rnn_forward(x, h0, Wx, Wh, b, returns="h, cache*")`.

A `Subject` owns a worker and replaces it when it dies, so that a crash costs one check. What a submission may
use up in all (time, workers) is counted here; when it is used up, the rest of its checks is blocked.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from grader.assignment import bundled
from grader.errors import Blocked, Raised, SandboxError, Verdict
from grader.flags import Flags
from grader.imports import Imports
from grader.results import Limits, Traceback
from grader.sandbox.client import Argument, Function, Method, Probe, Reply, Target, Worker, Zygote
from grader.sandbox.source import FunctionFacts
from grader.sandbox.targets import NOTHING, Watch, label
from grader.signatures import Signatures
from grader.values import Handle, Value

MODULES: Mapping[str, str] = bundled().modules

Heard = tuple[Value, ...] | Verdict
"""What one call gave: the value with the arguments as it left them, or what it ended with."""


class Subject:
    """A submission (or the reference) that can be called; use as a context manager or `close` it.

    `signatures`: what the assignment documents, for messages; `modules`: the assignment's, by the names that checks
    use. `flags` collects what staff should see. `budget` False lifts the limits per submission: for the reference,
    which serves many, and whose failures are ours.
    """

    def __init__(
        self, zygote: Zygote, folder: Path, limits: Limits, *, name: str = "student", budget: bool = True,
        signatures: Signatures | None = None, flags: Flags | None = None, modules: Mapping[str, str] = MODULES,
    ):  # fmt: skip
        self.folder = folder
        self.name = name
        self._zygote = zygote
        self._limits = limits
        self._budget = budget
        self._signatures = signatures
        self._flags = flags
        self.modules = modules
        self._worker: Worker | None = None
        self._started = 0
        self._seconds = 0.0  # in workers that are gone
        self._cpu_seconds = 0.0
        self._peak_bytes = 0
        self._said = ("", "")  # by workers that are gone
        self.watched = False  # some call was, since this was last set
        self._unwatched = False
        self.heard: list[Heard] | None = None  # what calls gave, while somebody listens
        self._outlines: dict[str, dict[str, FunctionFacts]] = {}
        self._imports = Imports()
        self._judged = ""  # the module whose function is judged
        self.kept: dict[str, dict[Any, Any]] = {}  # what checks keep of it from one to the next
        self.mender: Subject | None = None  # whose results take the place of wrong ones in caches

    def __getattr__(self, name: str) -> _Module:
        modules = self.__dict__.get("modules", {})
        if name not in modules:
            raise AttributeError(
                f"no module of the assignment is called {name!r}; there are {', '.join(modules)}"
            )
        return _Module(self, modules[name])

    def __enter__(self) -> Subject:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.close()

    @property
    def restarts(self) -> int:
        """Workers lost so far."""
        return max(0, self._started - 1)

    @property
    def seconds(self) -> float:
        """Wall time spent inside this subject's code."""
        return self._seconds + (self._worker.seconds_in_calls if self._worker else 0.0)

    @property
    def cpu_seconds(self) -> float:
        """CPU time of this subject's workers, of their start and of the code in them."""
        return self._cpu_seconds + (self._worker.cpu_seconds if self._worker else 0.0)

    @property
    def peak_bytes(self) -> int:
        """The most memory that one of this subject's workers had, what it shares with the warm parent included."""
        return max(self._peak_bytes, self._worker.peak_bytes if self._worker else 0)

    def call(
        self,
        target: Target,
        args: Sequence[Argument] = (),
        kwargs: Mapping[str, Argument] | None = None,
        *,
        returns: str = "",
        seed: int | None = None,
        echo: bool = False,
        seconds: float | None = None,
    ) -> Reply:
        """One call. Raises the subclasses of `grader.errors.CallError`; `Blocked` when the budget is used up."""
        try:
            worker = self._ready(target)
            watch = self._watch(target)
            with self._imports.watched(target, worker, self._judged):
                reply = worker.call(
                    self._documented(target),
                    args,
                    kwargs or {},
                    returns=returns,
                    seed=seed,
                    echo=echo,
                    seconds=seconds,
                    watch=watch,
                )
        except Verdict as verdict:
            self._blame(verdict)
            raise
        self._saw(target, watch, reply)
        self._hear(reply)
        return reply

    def _hear(self, *replies: Reply) -> None:
        if self.heard is not None:
            self.heard += [(reply.value, *reply.echoed) for reply in replies]

    def enter(self, function: str) -> None:
        """From here on calls are made to judge `function` ("rnn_layers.rnn_forward")."""
        self._judged = self.modules.get(function.partition(".")[0], "")
        if self._flags is not None:
            self._flags.enter(function)

    def _watch(self, target: Target) -> Watch:
        if self._flags is None or self._unwatched:
            return NOTHING
        watch = self._flags.watch(label(target), own=isinstance(target, Function))
        self.watched = self.watched or bool(watch.names)
        return watch

    @contextlib.contextmanager
    def unwatched(self) -> Iterator[None]:
        """Meanwhile no call is watched for shortcuts."""
        self._unwatched = True
        try:
            yield
        finally:
            self._unwatched = False

    def _saw(self, target: Target, watch: Watch, reply: Reply) -> None:
        if watch.names and self._flags is not None:
            self._flags.saw(label(target), reply.seen)

    def aside(self) -> contextlib.AbstractContextManager[None]:
        """What is called meanwhile is asked besides."""
        return self.unwatched()

    def calls(self, target: Target, many: Sequence[Sequence[Argument]], *, returns: str = "") -> list[Reply]:
        """The same function on many sets of positional arguments, in one frame."""
        try:
            worker = self._ready(target)
            watch = self._watch(target)
            pairs: list[tuple[Sequence[Argument], Mapping[str, Argument]]] = [(args, {}) for args in many]
            with self._imports.watched(target, worker, self._judged):
                replies = worker.calls(self._documented(target), pairs, returns=returns, watch=watch)
        except Verdict as verdict:
            self._blame(verdict)
            raise
        if replies:
            self._saw(target, watch, replies[0])
        self._hear(*replies)
        return replies

    def probe(
        self, module: str, name: str, *args: Argument, returns: str = "", seed: int | None = None
    ) -> Value:
        """A function of our own `checks.probes.<module>`, run beside the student's objects in the worker."""
        return self.call(Probe(f"checks.probes.{module}", name), args, returns=returns, seed=seed).value

    def method(
        self, handle: Handle, name: str, *args: Argument, returns: str = "", **kwargs: Argument
    ) -> Value:
        """`handle.name(*args, **kwargs)` in the worker; an empty name calls the object itself."""
        return self.call(Method(handle, name), args, kwargs, returns=returns).value

    def outline(self, module: str) -> dict[str, FunctionFacts]:
        """What the module's text says about each function (advisory): its parameters, whether it is untouched."""
        if module not in self._outlines:
            self._outlines[module] = {}  # a file that ends the process when it is read is read once
            self._outlines[module] = self._ready(None).outline(self.modules.get(module, module))
        return self._outlines[module]

    def untouched(self, module: str, function: str) -> bool:
        """The function is there and its region is still as it was handed out."""
        facts = self.outline(module).get(function)
        return facts is not None and facts.untouched

    def release(self, *values: Value) -> None:
        """Lets the worker forget the handles among `values`."""
        if self._worker is not None and self._worker.alive:
            self._worker.release([value for value in values if isinstance(value, Handle)])

    def holds(self, handle: Handle) -> bool:
        """Whether the object behind a handle is still there: it goes with its worker."""
        return (
            self._worker is not None and self._worker.alive and self._worker.generation == handle.generation
        )

    def take_output(self) -> tuple[str, str]:
        """What the submission printed (stdout, stderr) since the last time."""
        now = self._worker.take_output() if self._worker is not None else ("", "")
        said, self._said = (self._said[0] + now[0], self._said[1] + now[1]), ("", "")
        return said

    @property
    def worker(self) -> Worker | None:
        """Its process, if it lives."""
        return self._worker if self._worker is not None and self._worker.alive else None

    def lend(self, worker: Worker | None) -> None:
        """Goes on in a worker that another subject left."""
        self._worker, self._started = worker, self._started + (worker is not None)

    def leave(self) -> Worker | None:
        """The worker, which is the caller's from now on, if it lives. The subject can't be used afterwards."""
        self.kept.clear()
        worker, self._worker = self._worker, None
        return worker if worker is not None and worker.alive else None

    def close(self) -> None:
        """Ends the worker. The subject can't be used afterwards."""
        self.kept.clear()
        self._retire()

    def _blame(self, verdict: Verdict) -> None:
        """What goes wrong in the reference is gradmark's fault, never the student's: raises `SandboxError`."""
        if self.heard is not None:
            self.heard += [copy.copy(verdict)]  # checks add to a message which case it was
        if not self._budget:
            raise SandboxError(f"The reference failed: {verdict.message}", verdict.hint) from verdict
        if self._flags is not None:
            self._flags.incident(verdict)
        self._add_signature(verdict)

    def _documented(self, target: Target) -> Target:
        """The target with its documented parameters, for the message when it does not take them."""
        if self._signatures is None or isinstance(target, Probe):
            return target
        if isinstance(target, Function):
            return Function(target.module, target.name, self._signatures.of(target.module, target.name))
        name = target.name or "forward"  # calling a torch module
        return Method(target.handle, target.name, self._signatures.anywhere(f"{target.handle.kind}.{name}"))

    def _add_signature(self, verdict: Verdict) -> None:
        """Says which parameters are documented when a call inside torch or a probe did not fit the submission's."""
        own_frames = any(isinstance(detail, Traceback) for detail in verdict.details)
        if self._signatures is None or own_frames or not isinstance(verdict, Raised) or verdict.hint:
            return
        name, parameters = self._signatures.for_misfit(verdict.message)
        if verdict.kind == "TypeError" and parameters:
            verdict.hint = f"The documented parameters are `{name}({parameters})`."

    def _ready(self, target: Target | None) -> Worker:
        if isinstance(target, Method) and self._worker is not None and not self._worker.alive:
            raise Blocked(
                "The object made earlier in this check was lost when its process was stopped.",
                "See the first failed call of this check.",
            )
        if self._worker is None or not self._worker.alive:
            self._replace()
        if self._budget:
            self._must_be_within_budget()
        assert self._worker is not None
        return self._worker

    def _must_be_within_budget(self) -> None:
        if self.seconds > self._limits.submission_seconds:
            used = f"{self._limits.submission_seconds:g} s"
        elif self.cpu_seconds > self._limits.cpu_budget:
            used = f"{self._limits.cpu_budget:g} s of computing time"
        else:
            return
        raise Blocked(
            f"The submission has used up its {used}; the remaining checks were not run.",
            "Look for the slow or endless calls among the failed checks.",
        )

    def _replace(self) -> None:
        if self._budget and self._started > self._limits.restarts:
            raise Blocked(
                f"The submission's process was lost {self._started} times; the remaining checks were not run.",
                "Mend the calls that crash or never end first: they are among the failed checks.",
            )
        self._retire()
        self._worker = self._zygote.worker(self.folder, self._limits)
        self._started += 1

    def _retire(self) -> None:
        if self._worker is not None:
            self._seconds += self._worker.seconds_in_calls
            self._cpu_seconds += self._worker.cpu_seconds
            self._peak_bytes = self.peak_bytes
            self._said = self.take_output()
            self._worker.close()
            self._worker = None


class _Module:
    """`subject.rnn_layers`: attribute access gives its functions and classes."""

    def __init__(self, subject: Subject, module: str) -> None:
        self._subject = subject
        self._module = module

    def __getattr__(self, name: str) -> Callee:
        return Callee(self._subject, Function(self._module, name))


class Callee:
    """A function or class of a subject, to be called with arrays; see `Worker.call` for `returns`."""

    def __init__(self, subject: Subject, target: Function) -> None:
        self._subject = subject
        self.target = target

    def __call__(
        self, *args: Argument, returns: str = "", random_state: int | None = None, **kwargs: Argument
    ) -> Value:
        """The value that the call returns; `random_state` seeds the worker's random generators before it."""
        return self._subject.call(self.target, args, kwargs, returns=returns, seed=random_state).value

    def echo(self, *args: Argument, returns: str = "", **kwargs: Argument) -> tuple[Value, tuple[Value, ...]]:
        """The value, and the positional arguments as they are after the call."""
        reply = self._subject.call(self.target, args, kwargs, returns=returns, echo=True)
        return reply.value, reply.echoed

    def batch(self, many: Sequence[Sequence[Argument]], *, returns: str = "") -> list[Value]:
        """The values of many calls, made in one go; handles among them are the caller's to release."""
        return [reply.value for reply in self._subject.calls(self.target, many, returns=returns)]
