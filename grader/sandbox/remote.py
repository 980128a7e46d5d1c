"""One worker as the grader uses it: calls, and what becomes of them when student code fails or the process dies."""

from __future__ import annotations

import itertools
import secrets
import time
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType, TracebackType

import msgspec

from grader.errors import CallError, LimitExceeded, ProtocolViolation, SandboxError
from grader.results import Limits
from grader.sandbox import forms, verdicts, wire
from grader.sandbox.channel import Process
from grader.sandbox.pack import Argument, Packer, Unpacker
from grader.sandbox.parent import Parent
from grader.sandbox.source import FunctionFacts
from grader.sandbox.streams import Closed
from grader.sandbox.targets import NOTHING, Function, Method, Reply, Seen, Target, Watch, label
from grader.sandbox.text import clean_line
from grader.sandbox.watch import Allowance
from grader.scratch import Scratch
from grader.values import Handle

_ONE_PIECE = 1 << 18  # bytes of arrays that are cheaper to join than to send one by one
_generations = itertools.count(1)
_NO_KEYWORDS: Mapping[str, Argument] = MappingProxyType({})


class Worker:
    """One worker process. After `LimitExceeded` (but for a caught lack of memory), `Crashed` and
    `ProtocolViolation` it is dead: `alive` is False and a new one is needed."""

    def __init__(self, parent: Parent, process: Process, scratch: Scratch, limits: Limits) -> None:
        self.alive = True
        self.generation = next(_generations)
        self.layers = process.layers
        self.seconds_in_calls = 0.0
        self._parent = parent
        self._process = process
        self._scratch = scratch
        self._limits = limits
        self._cpu = 0.0  # when it was last looked at
        self._releasable: list[int] = []
        self._left_over = ("", "")

    def call(
        self,
        target: Target,
        args: Sequence[Argument] = (),
        kwargs: Mapping[str, Argument] = _NO_KEYWORDS,
        *,
        returns: str = "",
        seed: int | None = None,
        echo: bool = False,
        seconds: float | None = None,
        watch: Watch = NOTHING,
    ) -> Reply:
        """Calls `target` once.

        `returns` names the parts of the result; those with a `*` stay in the worker: "next_h, cache*".
        `seed` seeds the worker's generators before the call, `seconds` replaces the wall limit of one call.
        `watch` names functions: those of them that the submission's code calls meanwhile are in the reply's `seen`.
        Raises the subclasses of `CallError`.
        """
        return self._run(target, [(args, kwargs)], returns, seed, echo, seconds, watch)[0]

    def calls(
        self,
        target: Target,
        many: Sequence[tuple[Sequence[Argument], Mapping[str, Argument]]],
        *,
        returns: str = "",
        seed: int | None = None,
        watch: Watch = NOTHING,
    ) -> list[Reply]:
        """Calls `target` once per item of `many` in one round trip; the first that raises ends it.

        The limits per call hold on average over `many`.
        """
        return self._run(target, many, returns, seed, False, None, watch) if many else []

    def outline(self, module: str) -> dict[str, FunctionFacts]:
        """What a module's source shows of each function, by qualname; also of a file that does not parse."""
        request = wire.OutlineRequest(_number(), module)
        answer = self._ask(request, [], self._allowance(module, 1, None), Unpacker(self.generation))
        if not isinstance(answer, wire.Outline):
            raise self._violated("The process gave another answer than it was asked for.")
        return {name: _facts(name, facts) for name, facts in answer.functions.items()}

    def release(self, handles: Iterable[Handle]) -> None:
        """Lets go of objects; the worker hears of it with the next call."""
        self._releasable += [handle.id for handle in handles if handle.generation == self.generation]

    def take_output(self) -> tuple[str, str]:
        """Stdout and stderr since the last time: the first part, clean, with a word on how much was cut."""
        if self.alive:
            return self._process.take_output()
        output, self._left_over = self._left_over, ("", "")
        return output

    @property
    def lives(self) -> bool:
        """The process is there: nothing has ended it since it was last called."""
        return self.alive and not self._process.ended(0)

    @property
    def cpu_seconds(self) -> float:
        """CPU time of the process so far."""
        if self.alive:
            self._cpu = max(self._cpu, self._process.usage.cpu_seconds())
        return self._cpu

    @property
    def peak_bytes(self) -> int:
        """The most memory that the process had at once, what it shares with the warm parent included."""
        if self.alive:
            self._process.usage.note_peak()
        return self._process.usage.peak_bytes

    def close(self) -> None:
        """Kills the process and removes its private folder."""
        self._end()

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.close()

    def _run(
        self,
        target: Target,
        many: Sequence[tuple[Sequence[Argument], Mapping[str, Argument]]],
        returns: str,
        seed: int | None,
        echo: bool,
        seconds: float | None,
        watch: Watch,
    ) -> list[Reply]:
        packer = Packer(self.generation)
        packed = [_arguments(packer, *one) for one in many]
        request = self._request(target, packed, returns, seed, echo, watch)
        allowed = self._allowance(label(target), len(many), seconds)
        started, cpu = time.perf_counter(), self._process.usage.cpu_seconds() if self.alive else 0.0
        unpacker = Unpacker(self.generation)
        answer = self._ask(request, packer.buffers, allowed, unpacker)
        wall, cpu = time.perf_counter() - started, self._process.usage.cpu_seconds() - cpu
        self.seconds_in_calls += wall
        if isinstance(answer, wire.Problem):
            raise self._reported(answer, target)
        return self._replies(answer, unpacker, request, target, wall / len(many), cpu / len(many))

    def _request(
        self,
        target: Target,
        many: list[wire.Arguments],
        returns: str,
        seed: int | None,
        echo: bool,
        watch: Watch,
    ) -> wire.CallRequest:
        released, self._releasable = self._releasable, []
        module = "" if isinstance(target, Method) else target.module
        handle = self._own(target.handle) if isinstance(target, Method) else 0
        kind = type(target).__name__.lower()
        return wire.CallRequest(
            _number(), kind, module, target.name, handle, many, returns, seed, echo, released,  # type: ignore[arg-type]
            list(watch.names), watch.told,
        )  # fmt: skip

    def _own(self, handle: Handle) -> int:
        if handle.generation != self.generation:
            raise ValueError(f"the {handle.kind or 'object'} belongs to a worker that is gone")
        return handle.id

    def _allowance(self, name: str, count: int, seconds: float | None) -> Allowance:
        limits = self._limits
        wall = limits.call_seconds * count if seconds is None else seconds
        cpu = limits.call_cpu_seconds * count if seconds is None else max(seconds, limits.call_cpu_seconds)
        return Allowance(name, wall, cpu, limits.memory_bytes, limits.output_bytes)

    def _ask(
        self, request: wire.Request, buffers: list[bytes | memoryview], allowed: Allowance, unpacker: Unpacker
    ) -> wire.Answer:
        """One round trip. Whatever is wrong with it ends the worker and is raised."""
        if not self.alive:
            raise SandboxError(f"{allowed.label} was called in a worker that is gone.")
        header = wire.encode_request(request)
        length = sum(map(len, buffers))
        frame: list[bytes | memoryview] = [wire.prefix(header, length), header, *buffers]
        if length < _ONE_PIECE:
            frame = [b"".join(frame)]
        started = time.perf_counter()
        try:
            raw, payload = self._process.exchange(frame, allowed)
            answer: wire.Answer = wire.decode_answer(raw)
            unpacker.load(payload)
        except Closed:
            self.seconds_in_calls += time.perf_counter() - started
            raise self._died(allowed.label) from None
        except (LimitExceeded, ProtocolViolation):
            self.seconds_in_calls += time.perf_counter() - started
            self._end()
            raise
        except (msgspec.MsgspecError, RecursionError, ValueError):
            raise self._violated("The process wrote something that is not an answer.") from None
        if isinstance(answer, wire.Ready) or answer.id != request.id:
            raise self._violated("The process gave an answer to something that it was not asked.")
        return answer

    def _replies(
        self,
        answer: wire.Answer,
        unpacker: Unpacker,
        request: wire.CallRequest,
        target: Target,
        wall: float,
        cpu: float,
    ) -> list[Reply]:
        arguments = len(request.many[-1].positional) if request.echo else 0
        try:
            if not isinstance(answer, wire.Done) or len(answer.values) != len(request.many):
                raise ProtocolViolation("The process gave another number of answers than it was asked for.")
            if len(answer.echoed) != arguments:
                raise ProtocolViolation(
                    "The process gave back another number of arguments than it was given."
                )
            values = unpacker.values(answer.values)
            echoed = unpacker.values(answer.echoed)
            unpacker.finish()
        except ProtocolViolation:
            self._end()
            raise
        forms.expect(values, target, request.returns)  # well written, whatever it says: the process may go on
        warnings = tuple([clean_line(text) for text in answer.warnings[:20]])
        seen = tuple(map(_seen, answer.seen))
        return [Reply(value, echoed, wall, cpu, warnings, seen) for value in values]

    def _reported(self, problem: wire.Problem, target: Target) -> CallError:
        module = target.module if isinstance(target, Function) else ""
        return verdicts.from_problem(problem, label(target), module, target.parameters, self._limits)

    def _violated(self, message: str) -> ProtocolViolation:
        self._end()
        return ProtocolViolation(message)

    def _died(self, name: str) -> CallError:
        """The channel is closed: why, as the warm parent saw it. Raises `SandboxError` when that is gone."""
        if not self._process.ended(1.0):
            return self._violated(f"{name} closed the process's channel to the grader.")
        status = self._end()
        if status is None and not self._parent.alive:
            raise SandboxError(f"The warm parent of the workers died while {name} ran.")
        place, said = verdicts.place_of_crash(self._left_over[1])
        self._left_over = (self._left_over[0], said)
        return verdicts.from_exit(status, name, place)

    def _end(self) -> int | None:
        """Kills the process if it lives; its exit status if it ended by itself."""
        if not self.alive:
            return None
        self._cpu = self.cpu_seconds
        self._process.kill()
        status = self._parent.reaped(self._process)
        self._process.drain_quietly()
        self._left_over = self._process.take_output()
        self.alive = False
        self._process.close()
        self._scratch.cleanup()
        return status


def _facts(name: str, facts: wire.Facts) -> FunctionFacts:
    parameters = tuple(map(clean_line, facts.parameters))
    return FunctionFacts(clean_line(name), facts.line, facts.last, parameters, facts.untouched)


def _seen(seen: wire.Seen) -> Seen:
    return Seen(clean_line(seen.name), seen.line, tuple(clean_line(place, 400) for place in seen.chain))


def _arguments(packer: Packer, args: Sequence[Argument], kwargs: Mapping[str, Argument]) -> wire.Arguments:
    positional = [packer.node(value) for value in args]
    return wire.Arguments(positional, {name: packer.node(value) for name, value in kwargs.items()})


def _number() -> int:
    """The name of a request; an answer written before it can't guess it."""
    return secrets.randbits(53)
