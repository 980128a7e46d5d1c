"""What can be called in a worker, and what a call gives."""

from __future__ import annotations

from dataclasses import dataclass

from grader.values import Handle, Value


@dataclass(frozen=True)
class Function:
    """A function or class of a student's module; `name` may be dotted. `parameters` is for messages only."""

    module: str
    name: str
    parameters: str = ""


@dataclass(frozen=True)
class Method:
    """A method of an object behind a handle; the empty name calls the object itself."""

    handle: Handle
    name: str
    parameters: str = ""


@dataclass(frozen=True)
class Probe:
    """A function of our own worker-side helpers, named to `Zygote.start`."""

    module: str
    name: str
    parameters: str = ""


Target = Function | Method | Probe


@dataclass(frozen=True)
class Watch:
    """Which functions' calls are noted during a call; who tells of them: the interpreter, or (`told`) torch.

    Each is blind where the other sees: to what a builtin such as `map` calls, to the making of a module. Both at
    once cost four times as much as one.
    """

    names: tuple[str, ...] = ()
    told: bool = False


NOTHING = Watch()


@dataclass(frozen=True)
class Seen:
    """A call of a watched function, as the worker told: a hint, no proof."""

    name: str
    line: int
    chain: tuple[str, ...]  # the nearest function of the submission, then its callers: "cs231n.rnn:step"


@dataclass(frozen=True)
class Reply:
    """What a call gave. `echoed`: the positional arguments as the call left them; times in seconds."""

    value: Value
    echoed: tuple[Value, ...] = ()
    seconds: float = 0.0
    cpu: float = 0.0
    warnings: tuple[str, ...] = ()
    seen: tuple[Seen, ...] = ()


def label(target: Target) -> str:
    """The called function's name for messages: "rnn_forward", "CaptioningRNN.loss"."""
    if isinstance(target, Method):
        kind = target.handle.kind or "object"
        return f"{kind}.{target.name}" if target.name else kind
    return target.name
