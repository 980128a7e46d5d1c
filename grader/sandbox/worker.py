"""Serves calls in the forked child: reads a request, calls the student's function, answers. Runs until its
channel closes. Student code shares this process, so nothing here decides anything.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import random
import socket
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from grader.sandbox import failure, live, lockdown, repair, shortcuts, source, standins, wire

CHANNEL_LOST = 86  # exit status: the channel to the grader was closed from inside
MAX_WARNINGS = 20
ONE_PIECE = 1 << 17  # bytes of arrays that are cheaper to join than to send one by one
OURS = ("grader", "checks", "reports", "reference", "student_template", "tests")

Probes = dict[str, Any]


class Start(NamedTuple):
    """What is known before the fork: a look at every module in a child copies the memory that they lie in (15 ms)."""

    ours: tuple[str, ...]  # modules that student code must not find
    path: tuple[str, ...]  # where it finds its libraries


def start(root: str) -> Start:
    """For all workers of this process, whose imports are done. `root`: the folder with our own packages."""
    sys.path_importer_cache.clear()
    ours = (name for name in sys.modules if name.partition(".")[0] in OURS)
    return Start(tuple(ours), tuple(entry for entry in sys.path if os.path.realpath(entry) != root))


def main(
    spec: lockdown.Spec,
    fds: tuple[int, int, int],
    parent: int,
    probes: Probes,
    prepared: lockdown.Prepared,
    start: Start,
) -> None:
    """The life of a worker: lock down, announce, serve. Never returns."""
    try:
        lockdown.detach(parent)
        channel = socket.socket(fileno=lockdown.keep_only(*fds))
        send(channel, wire.encode_answer(_begin(spec, prepared, start)), [])
        Server(channel, spec.folder, probes).run()
    except OSError:
        os._exit(CHANNEL_LOST)
    finally:
        os._exit(0)


def _begin(spec: lockdown.Spec, prepared: lockdown.Prepared, start: Start) -> wire.Answer:
    try:
        layers = lockdown.apply(spec, prepared)
        adopt(spec.folder, start)
    except OSError as error:
        return wire.Problem(id=0, stage="start", kind="OSError", message=failure.text_of(error))
    return wire.Ready(layers)


def adopt(folder: str, start: Start) -> None:
    """Puts the submission first on the path and our own code out of reach."""
    sys.path[:] = [folder, *start.path]
    for name in start.ours:
        sys.modules.pop(name, None)
    sys.modules["__main__"] = type(sys)("__main__")
    repair.install(folder)
    sys.meta_path.insert(0, standins.Refuse(OURS))
    sys.meta_path.insert(0, standins.Emptied())
    sys.meta_path.append(standins.Finder())
    sys.argv[:] = [""]


_UNOBSERVED: contextlib.AbstractContextManager[None] = contextlib.nullcontext()


class Server:
    """Answers requests one after the other; keeps the objects behind handles."""

    def __init__(self, channel: socket.socket, folder: str, probes: Probes) -> None:
        self._channel = channel
        self._folder = folder
        self._probes = probes
        self._objects = live.Objects()
        self._failed: dict[str, failure.ImportTrouble] = {}
        self._observers: dict[tuple[str, ...], shortcuts.Observer] = {}

    def run(self) -> None:
        """Serves until the grader closes the channel."""
        while True:
            header, payload = _receive(self._channel)
            request = wire.decode_request(header)
            buffers: list[bytes | memoryview] = []
            if isinstance(request, wire.OutlineRequest):
                answer: wire.Answer = self._outline(request)
            else:
                answer, buffers = self._call(request, payload)
                self._objects.release(request.release)
            _flush()
            self._answer(request.id, answer, buffers)

    def _answer(self, number: int, answer: wire.Answer, buffers: list[bytes | memoryview]) -> None:
        try:
            header = wire.encode_answer(answer)
            if len(header) > wire.MAX_HEADER and isinstance(answer, wire.Done):
                header, buffers = wire.encode_answer(self._kept(answer)), []
        except Exception as error:  # noqa: BLE001 - only meddling with this process makes an answer that can't be written
            problem = wire.Problem(number, "result", failure.kind_of(error), failure.text_of(error))
            header, buffers = wire.encode_answer(problem), []
        send(self._channel, header, buffers)

    def _call(
        self, request: wire.CallRequest, payload: memoryview
    ) -> tuple[wire.Answer, list[bytes | memoryview]]:
        # Found before the student's module is imported: nothing is replaced yet.
        observer = self._observer(tuple(request.watch), request.told)
        try:
            with observer:
                function = self._resolve(request)
        except failure.Missing as missing:
            return failure.describe_missing(request.id, missing), []
        except failure.ImportTrouble as trouble:
            return failure.describe_import(request.id, trouble, self._folder), []
        except BaseException as error:  # noqa: BLE001 - a property of the student's may raise anything
            return failure.describe_call(request.id, error, self._folder, None, True), []
        return self._evaluate(request, payload, function, observer)

    def _observer(self, names: tuple[str, ...], told: bool) -> shortcuts.Observer:
        if names not in self._observers:
            self._observers[names] = shortcuts.Observer(names, self._folder)
        return self._observers[names].by(told)

    def _resolve(self, request: wire.CallRequest) -> Callable[..., Any]:
        if request.kind == "probe":
            start: Any = self._probes[request.module]
        elif request.kind == "method":
            start = self._objects.get(request.handle)
        else:
            start = self._import(request.module)
        function: Callable[..., Any] = _lookup(start, request)
        return function

    def _import(self, module: str) -> Any:
        """The student's module; one that failed is not tried again (it may take as long as at first)."""
        if module in self._failed:
            raise self._failed[module]
        try:
            return importlib.import_module(module)
        except BaseException as error:  # a student's module may raise anything, also SystemExit
            self._failed[module] = failure.ImportTrouble(module, error)
            raise self._failed[module] from error

    def _evaluate(
        self,
        request: wire.CallRequest,
        payload: memoryview,
        function: Callable[..., Any],
        observer: shortcuts.Observer,
    ) -> tuple[wire.Answer, list[bytes | memoryview]]:
        revive = live.Reviver(payload, self._objects)
        describe = live.Describer(self._objects, last=len(request.many) == 1)
        values: list[wire.Node] = []
        args: list[Any] = []
        kwargs: dict[str, Any] = {}
        with _collected() as told:
            observed = {0, os.urandom(1)[0] % len(request.many)} if request.watch and request.many else set()
            for number, arguments in enumerate(request.many):
                args = [revive.object(node) for node in arguments.positional]
                kwargs = {name: revive.object(node) for name, node in arguments.named.items()}
                _seed(request.seed)
                try:
                    with observer if number in observed else _UNOBSERVED:
                        result = function(*args, **kwargs)
                except BaseException as error:  # noqa: BLE001 - student code: SystemExit and KeyboardInterrupt too
                    fits = not isinstance(error, TypeError) or failure.fits(function, args, kwargs)
                    problem = failure.describe_call(request.id, error, self._folder, function, fits)
                    failure.release_frames(error)
                    return problem, []
                try:
                    values.append(self._result(describe, result, request.returns))
                except BaseException as error:  # noqa: BLE001 - a lazy or hostile result may raise when it is read
                    problem = failure.describe_call(request.id, error, self._folder, None, True)
                    problem.stage = "result" if problem.stage == "call" else problem.stage
                    return problem, []
            echoed = [describe.node(item) for item in args] if request.echo else []
        return wire.Done(request.id, values, echoed, told, observer.take()), describe.buffers

    def _result(self, describe: live.Describer, result: Any, returns: str) -> wire.Node:
        """The node of a result: by value, but for the items whose name in `returns` ends with a star."""
        names = [name.strip() for name in returns.split(",")]
        if len(names) == 1:
            return self._objects.keep(result) if names[0].endswith("*") else describe.node(result)
        if not isinstance(result, (tuple, list)) or len(result) != len(names):
            return describe.node(result)
        items = [
            self._objects.keep(item) if name.endswith("*") else describe.node(item, 1)
            for name, item in zip(names, result, strict=True)
        ]
        return wire.SequenceNode("list" if isinstance(result, list) else "tuple", items)

    def _kept(self, done: wire.Done) -> wire.Answer:
        """In place of an answer whose header would be too large: one with handles."""
        if done.echoed:  # arguments can't be told by a handle
            return wire.Problem(done.id, "result", "ValueError", "it has too many parts")
        kept = [self._objects.keep(None, "a result of too many parts") for _ in done.values]
        return wire.Done(done.id, list(kept), [], [])

    def _outline(self, request: wire.OutlineRequest) -> wire.Answer:
        path = os.path.join(self._folder, *request.module.split("."))
        path = path + ".py" if os.path.isfile(path + ".py") else os.path.join(path, "__init__.py")
        try:
            found = source.outline(source.read(path))
        except OSError:
            found = []
        functions = {f.qualname[:200]: f for f in found[:400]}
        return wire.Outline(request.id, {name: _facts(f) for name, f in functions.items()})


def _facts(function: source.FunctionFacts) -> wire.Facts:
    parameters = [name[:80] for name in function.parameters[:40]]
    return wire.Facts(function.line, function.last, parameters, function.untouched)


def _lookup(start: Any, request: wire.CallRequest) -> Any:
    """`start.name`, where the name may be dotted or empty. Raises `Missing`."""
    thing = start
    for name in filter(None, request.name.split(".")):
        try:
            thing = getattr(thing, name)
        except AttributeError as error:
            raise failure.Missing(_place(start, request), request.name, _names(thing)) from error
    return thing


def _place(start: Any, request: wire.CallRequest) -> str:
    if request.kind == "method":
        return live.type_name(start)
    return request.module.rpartition(".")[2] + ".py"


def _names(thing: Any) -> list[str]:
    try:
        return [name for name in dir(thing) if isinstance(name, str) and not name.startswith("__")][:2000]
    except BaseException:  # noqa: BLE001 - a student's __dir__
        return []


def _seed(seed: int | None) -> None:
    """Seeds all generators that student code may draw from; None leaves them as they are."""
    if seed is None:
        return
    import numpy

    random.seed(seed)
    numpy.random.seed(seed & 0xFFFFFFFF)
    if "torch" in sys.modules:
        _seed_torch(sys.modules["torch"], seed & ((1 << 63) - 1))


def _seed_torch(torch: Any, seed: int) -> None:
    """`torch.manual_seed` asks every kind of device at each call (0.4 ms): only those in use are asked here."""
    torch.default_generator.manual_seed(seed)
    for device in (torch.cuda, torch.mps, torch.xpu):
        if getattr(device, "is_initialized", device.is_available)():
            device.manual_seed(seed)


@contextlib.contextmanager
def _collected() -> Iterator[list[str]]:
    """Collects the text of the first warnings, each place once, instead of printing them."""
    told: list[str] = []

    def note(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
        if len(told) < MAX_WARNINGS:
            told.append(f"{failure.exactly(category.__name__, 80)}: {failure.exactly(str(message), 500)}")

    with warnings.catch_warnings():
        warnings.showwarning = note
        yield told


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(BaseException):  # a student's stream may raise anything
            stream.flush()


def _receive(channel: socket.socket) -> tuple[memoryview, memoryview]:
    """Header and payload of the next frame. Ends the process when the grader has closed the channel."""
    _, header_length, payload_length = wire.PREFIX.unpack(_exactly(channel, wire.PREFIX.size))
    rest = memoryview(_exactly(channel, header_length + payload_length))
    return rest[:header_length], rest[header_length:]


def _exactly(channel: socket.socket, length: int) -> bytearray:
    data = bytearray(length)
    view = memoryview(data)
    while view:
        count = channel.recv_into(view)
        if count == 0:
            os._exit(0)
        view = view[count:]
    return data


def send(channel: socket.socket, header: bytes, buffers: list[bytes | memoryview]) -> None:
    """One `sendmsg` for the beginning, so that the grader wakes up once."""
    length = sum(map(len, buffers))
    start = wire.prefix(header, length) + header
    if length < ONE_PIECE:
        channel.sendall(b"".join((start, *buffers)))
        return
    sent = channel.sendmsg([start, *buffers[:60]])
    for buffer in (memoryview(start), *buffers):
        if sent < len(buffer):
            channel.sendall(buffer[sent:])
        sent = max(sent - len(buffer), 0)
