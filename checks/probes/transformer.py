"""Stand-ins for the parts of a captioning transformer, so that its forward pass can be judged by itself.

They have the shapes of the real parts and compute something else: a blend of the words that the mask leaves open
and of the memory. They run in the student's worker and in the reference's alike.
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any


def without_layers(file: str, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """A captioning transformer whose layers get stand-ins anyway, made without any where that goes: they take long."""
    names = vars(importlib.import_module(file))
    if "TransformerDecoderLayer" in names:
        try:
            with _replaced(names, "TransformerDecoderLayer"):
                return names[name](*args, **kwargs)
        except Exception:  # noqa: BLE001 - whatever a student's constructor raises that looks into its layers
            pass
    return without_attention(file, name, args, kwargs)


def without_attention(file: str, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """A captioning transformer whose layers get stand-ins anyway, made also where its own attention can't be made."""
    names = vars(importlib.import_module(file))
    try:
        return names[name](*args, **kwargs)
    except Exception:  # noqa: BLE001 - whatever a student's constructor raises
        with _replaced(names, "MultiHeadAttention"):
            return names[name](*args, **kwargs)


@contextlib.contextmanager
def _replaced(names: dict[str, Any], name: str) -> Iterator[None]:
    """Meanwhile a class of the student's is an empty module, made from anything."""
    import torch

    class Empty(torch.nn.Module):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__()

    own = {name: names[name]} if name in names else {}
    names[name] = Empty
    try:
        yield
    finally:
        names.pop(name)
        names.update(own)


def stand_in(model: Any, table: Any) -> None:
    """Replaces the positional encoding and the decoder's layers; `table` (1, L, W) scales words by their position."""
    import torch

    class Places(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("pe", table)

        def forward(self, x: Any) -> Any:
            _, T, _ = x.shape
            places: Any = self.pe
            return x * places[:, :T]

    class Blend(torch.nn.Module):
        def forward(self, tgt: Any, memory: Any, tgt_mask: Any = None) -> Any:
            (_, T, _), (_, _, _) = tgt.shape, memory.shape
            seen = torch.tanh(memory).mean(
                dim=1, keepdim=True
            )  # (N, 1, W): the same for a vector repeated M times
            words = _shares(torch, tgt_mask, T, tgt) @ torch.tanh(tgt)  # (N, T, W)
            return words + words * seen + 0.5 * seen

    model.positional_encoding = Places()
    model.transformer.layers = torch.nn.ModuleList([Blend()])


def _shares(torch: Any, mask: Any, T: int, like: Any) -> Any:
    """Of what is open in each row of the mask, equal shares: (T, T), or (N, T, T) from (N, 1, T, T)."""
    if mask is None:
        mask = torch.ones(T, T)
    if mask.dim() == 4:
        mask = mask[:, 0]
    open_ = (mask != 0).to(like.dtype)
    return open_ / open_.sum(dim=-1, keepdim=True)
