"""The dropout of torch up to 2.6 on x86 with MKL, in any version of torch.

The notebooks' training-mode answers were made with it. Newer versions draw their masks differently, so
correct code does not print those numbers any more.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

MODULUS = 2**31 - 1
MULTIPLIER = 1132489760  # MKL's 31-bit multiplicative congruential generator, MCG31m1


def raw_draw() -> int:
    """The next 32 bits of torch's default generator; it moves on by exactly one draw."""
    state = torch.get_rng_state()
    two_draws = torch.empty(1, dtype=torch.int64).random_(-(2**63), None)
    torch.set_rng_state(state)
    torch.empty(1, dtype=torch.int32).random_()
    return (int(two_draws) >> 32) & 0xFFFFFFFF


def uniform_stream(seed: int, n: int) -> np.ndarray:
    """n numbers in (0, 1): x <- MULTIPLIER * x mod MODULUS, from the seed on."""
    x = seed % MODULUS or 1
    numbers = np.empty(n)
    for i in range(n):
        numbers[i] = x
        x = MULTIPLIER * x % MODULUS
    return numbers / MODULUS


def old_dropout(
    x: torch.Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> torch.Tensor:
    """Replaces torch.nn.functional.dropout: element i stays if number i of the stream is < 1 - p."""
    if not training or p == 0:
        return x
    kept = uniform_stream(raw_draw(), x.numel()) < 1 - p
    return x * torch.as_tensor(kept, dtype=x.dtype).reshape(x.shape) / (1 - p)


def install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes every nn.Dropout use the old stream until the test ends."""
    monkeypatch.setattr(torch.nn.functional, "dropout", old_dropout)
