"""What torch is asked to do meanwhile: noted step by step, or left out where nobody looks at the result."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

_DRAW = (
    "uniform_",
    "normal_",
    "kaiming_uniform_",
    "kaiming_normal_",
)  # what begins weights comes down to these
_SHAPES = ("size", "dim", "numel", "view", "reshape", "flatten", "unflatten", "contiguous")


@contextmanager
def undrawn(most: int) -> Iterator[None]:
    """Meanwhile tensors of more elements stay as they were allocated when random numbers should fill them."""
    import torch

    def draw(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if getattr(func, "__name__", "") in _DRAW:
            tensor = kwargs.get("tensor", args[0] if args else None)
            if isinstance(tensor, torch.Tensor) and tensor.numel() > most:
                return tensor
        return func(*args, **kwargs)

    with _listener()(draw):
        yield


@contextmanager
def steps(named: Mapping[int, str]) -> Iterator[list[str]]:
    """Functions that are called meanwhile, each with the tensors it took and with fractions: "leaky_relu 0.01 x".

    Tensors have their names, by id; what was computed is "x", and what comes from elsewhere "?". What only looks at a
    tensor or shapes it is left out.
    """
    import torch

    names, alive, found = dict(named), list[Any](), list[str]()

    def note(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        given = [*args, *kwargs.values()]
        result = func(*args, **kwargs)
        name = getattr(func, "__name__", repr(func))
        shaping = name in _SHAPES or func == torch.Tensor.shape.__get__  # type: ignore[attr-defined, unused-ignore]
        if not shaping or any(isinstance(value, torch.dtype | torch.Tensor) for value in given[1:]):
            told = [
                repr(value) if isinstance(value, float) else names.get(id(value), "?")
                for value in given
                if isinstance(value, float | torch.Tensor)
            ]
            found.append(" ".join([name.rstrip("_"), *sorted(told)]))
        if isinstance(result, torch.Tensor):
            names.setdefault(id(result), "x")
            alive.append(result)  # while it is, no other has its id
        return result

    with _listener()(note):
        yield found


@cache
def _listener() -> Any:
    """A mode of torch that hands every call to a function; torch comes late here."""
    from torch.overrides import TorchFunctionMode

    class Listener(TorchFunctionMode):
        def __init__(self, hear: Any) -> None:
            super().__init__()
            self._hear = hear

        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            return self._hear(func, args, kwargs or {})

    return Listener
