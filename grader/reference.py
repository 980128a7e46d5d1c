"""The reference as a subject that remembers its answers: a class that is graded with one seed asks it once.

Only calls that are given and give plain values are remembered. One that gives nothing back is made for its effect:
it is always made, and what is asked after it is remembered apart from what was asked before.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from grader.results import Limits
from grader.sandbox.client import Argument, Method, Reply, Target, Zygote, packed
from grader.subject import MODULES, Subject
from grader.values import ArrayValue, Handle, ScalarValue, within

MOST_BYTES = 4 << 20  # of remembered arrays; one seed of the whole assignment has 0.3 MB


class Reference(Subject):
    """The reference's worker, without the limits of a submission; its failures are gradmark's."""

    def __init__(
        self, zygote: Zygote, folder: Path, limits: Limits, modules: Mapping[str, str] = MODULES
    ) -> None:
        super().__init__(zygote, folder, limits, name="reference", budget=False, modules=modules)
        self._answers: dict[bytes, list[Reply]] = {}  # the one that was asked for longest ago first
        self._size = 0
        self._effects = b""  # of the calls that were made for their effect, in this submission

    def begin(self) -> None:
        """Another submission is about to be graded: it finds the reference as the one before found it."""
        self._effects = b""

    @contextlib.contextmanager
    def aside(self) -> Iterator[None]:
        """What is called in here has no effect on what comes after."""
        before = self._effects
        try:
            yield
        finally:
            self._effects = before

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
        """As `Subject.call`; what was asked before is not asked again."""
        key = self._key(target, [(args, kwargs or {})], [returns, seed, echo])
        if known := self._known(key):
            return known[0]
        reply = super().call(target, args, kwargs, returns=returns, seed=seed, echo=echo, seconds=seconds)
        self._remember(key, [reply])
        return reply

    def calls(self, target: Target, many: Sequence[Sequence[Argument]], *, returns: str = "") -> list[Reply]:
        """As `Subject.calls`; what was asked before is not asked again."""
        key = self._key(target, [(args, {}) for args in many], [returns, "many"])
        if known := self._known(key):
            return known
        replies = super().calls(target, many, returns=returns)
        self._remember(key, replies)
        return replies

    def _known(self, key: bytes) -> list[Reply] | None:
        answer = self._answers.pop(key, None)
        if answer is not None:
            self._answers[key] = answer
        return answer

    def _key(
        self,
        target: Target,
        many: Sequence[tuple[Sequence[Argument], Mapping[str, Argument]]],
        more: Sequence[str | int | bool | None],
    ) -> bytes:
        """What the call is, in few bytes; none for a call that concerns an object in the worker."""
        parts = None if isinstance(target, Method) else packed(many)
        if parts is None or isinstance(target, Method):
            return b""
        head = msgspec.json.encode([type(target).__name__, target.module, target.name, *more])
        nodes, *buffers = parts  # the nodes tell how long each buffer is
        lengths = len(head).to_bytes(8, "little") + len(nodes).to_bytes(8, "little")
        found = hashlib.blake2b(self._effects, digest_size=24)
        found.update(b"".join((lengths, head, nodes, *buffers)))
        return found.digest()

    def _remember(self, key: bytes, replies: list[Reply]) -> None:
        values = [value for reply in replies for value in (reply.value, *reply.echoed)]
        if not key or any(isinstance(value, Handle) for value in within(values)):
            return
        if all(value == ScalarValue(None) for value in values):
            self._effects = key
            return
        self._answers[key] = replies
        self._size += _bytes(replies)
        while self._size > MOST_BYTES:
            self._size -= _bytes(self._answers.pop(next(iter(self._answers))))


def _bytes(replies: Sequence[Reply]) -> int:
    values = [value for reply in replies for value in (reply.value, *reply.echoed)]
    return sum(value.data.nbytes for value in within(values) if isinstance(value, ArrayValue))
