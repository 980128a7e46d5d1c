"""The reference's answers as a file, for those who must not have the reference.

`Recording` asks the reference and notes what it answers; `Recorded` answers from the notes. What was not noted is
`NotRecorded`: no verdict about anybody's work.
"""

from __future__ import annotations

import contextlib
import io
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from grader.errors import GradmarkError, NotRecorded
from grader.questions import Questions
from grader.results import Limits
from grader.sandbox import wire
from grader.sandbox.client import Argument, Reply, Target, Zygote
from grader.sandbox.pack import Packer, Unpacker
from grader.subject import Subject
from grader.values import Handle, Value

ABOUT, ANSWERS = "about.json", "answers.msgpack"
FORM = 1
_LONG_AGO = (2020, 1, 1, 0, 0, 0)  # the same answers give the same file


class Answer(msgspec.Struct, array_like=True, frozen=True):
    """What one call gave: nodes as in an answer of a worker, the bytes of their arrays, seconds."""

    nodes: list[wire.Node]
    payload: bytes
    seconds: float = 0.0


class About(msgspec.Struct, frozen=True):
    """What the answers were given for."""

    seeds: list[int]
    form: int = FORM


@dataclass
class Fixtures:
    """The answers that were noted, by key, and the seeds of the inputs that were asked about."""

    seeds: tuple[int, ...] = ()
    answers: dict[bytes, Answer] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """A zip file; the same answers give the same bytes."""
        content = {
            ABOUT: msgspec.json.encode(About(list(self.seeds))),
            ANSWERS: msgspec.msgpack.encode(dict(sorted(self.answers.items()))),
        }
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in content.items():
                entry = zipfile.ZipInfo(name, _LONG_AGO)
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, data)
        return made.getvalue()

    @classmethod
    def load(cls, path: Path) -> Fixtures:
        """Raises `GradmarkError` for a file that can't be read."""
        try:
            with zipfile.ZipFile(path) as archive:
                about = msgspec.json.decode(archive.read(ABOUT), type=About)
                answers = msgspec.msgpack.decode(archive.read(ANSWERS), type=dict[bytes, Answer])
        except (OSError, zipfile.BadZipFile, KeyError, msgspec.MsgspecError) as error:
            hint = "Unpack the course's package again."
            raise GradmarkError(f"The expected values can't be read from {path}: {error}", hint) from error
        return cls(tuple(about.seeds), answers)


class _Asked(Subject):
    """A subject that knows the key of every call."""

    def __init__(self, zygote: Zygote, folder: Path, limits: Limits) -> None:
        super().__init__(zygote, folder, limits, name="reference", budget=False)
        self._questions = Questions()

    def enter(self, function: str) -> None:
        """A check begins."""
        self._questions.begin()

    @contextlib.contextmanager
    def aside(self) -> Iterator[None]:
        """What is called in here has no effect on what comes after."""
        before = self._questions.effects
        try:
            yield
        finally:
            self._questions.effects = before

    def call(
        self, target: Target, args: Sequence[Argument] = (), kwargs: Mapping[str, Argument] | None = None, *,
        returns: str = "", seed: int | None = None, echo: bool = False, seconds: float | None = None,
    ) -> Reply:  # fmt: skip
        """As `Subject.call`."""
        kwargs = kwargs or {}
        key = self._questions.key(target, args, kwargs, [returns, seed, echo])
        reply = self._answer(key, target, args, kwargs, returns, seed, echo)
        self._questions.answered(key, target, args, kwargs, reply)
        return reply

    def calls(self, target: Target, many: Sequence[Sequence[Argument]], *, returns: str = "") -> list[Reply]:
        """As `Subject.calls`, one by one: each answer may be asked for by itself."""
        return [self.call(target, args, returns=returns) for args in many]

    def _answer(
        self, key: bytes, target: Target, args: Sequence[Argument], kwargs: Mapping[str, Argument],
        returns: str, seed: int | None, echo: bool,
    ) -> Reply:  # fmt: skip
        raise NotImplementedError


class Recording(_Asked):
    """The reference, whose answers are noted."""

    def __init__(self, zygote: Zygote, folder: Path, limits: Limits, answers: dict[bytes, Answer]) -> None:
        super().__init__(zygote, folder, limits)
        self._answers = answers

    def _answer(
        self, key: bytes, target: Target, args: Sequence[Argument], kwargs: Mapping[str, Argument],
        returns: str, seed: int | None, echo: bool,
    ) -> Reply:  # fmt: skip
        reply = Subject.call(self, target, args, kwargs, returns=returns, seed=seed, echo=echo)
        packer = _Numbered()
        nodes = [packer.node(value) for value in (reply.value, *reply.echoed)]
        answer = Answer(nodes, b"".join(packer.buffers), round(reply.seconds, 3))
        self._answers.setdefault(key, answer)
        return reply


class Recorded(_Asked):
    """Answers as the reference did when it was asked the same. It has no worker."""

    def __init__(self, zygote: Zygote, folder: Path, limits: Limits, fixtures: Fixtures) -> None:
        super().__init__(zygote, folder, limits)
        self._fixtures = fixtures
        self._made = 0  # objects
        self._spent = 0.0

    @property
    def seconds(self) -> float:
        """What the reference took for the answers."""
        return self._spent

    def holds(self, handle: Handle) -> bool:
        """Objects are names for calls here: they stay."""
        return True

    def release(self, *values: Value) -> None:
        """Nothing is held."""

    def _answer(
        self, key: bytes, target: Target, args: Sequence[Argument], kwargs: Mapping[str, Argument],
        returns: str, seed: int | None, echo: bool,
    ) -> Reply:  # fmt: skip
        answer = self._fixtures.answers.get(key)
        if answer is None:
            raise NotRecorded
        unpacker = _Renumbering(self._made)
        unpacker.load(bytearray(answer.payload))
        value, *echoed = unpacker.values(answer.nodes)
        self._made = unpacker.made
        self._spent += answer.seconds
        return Reply(value, tuple(echoed), answer.seconds)


class _Numbered(Packer):
    """A reply's objects, numbered in their order."""

    def __init__(self) -> None:
        super().__init__(0)
        self._count = 0

    def _handle(self, handle: Handle) -> wire.Node:
        self._count += 1
        return wire.HandleNode(self._count, handle.kind)


class _Renumbering(Unpacker):
    """Gives every object a number that no other has."""

    def __init__(self, made: int) -> None:
        super().__init__(0)
        self.made = made

    def _value(self, node: wire.Node, depth: int) -> Value:
        if isinstance(node, wire.HandleNode):
            self.made += 1
            return Handle(self.made, node.kind, 0)
        return super()._value(node, depth)
