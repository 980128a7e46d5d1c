"""A small classifier of digits, fitted in the reference's worker: its weights are the grader's measure of pictures."""

from __future__ import annotations

from typing import Any

HIDDEN, STEPS, BATCH, RATE, DECAY = 64, 500, 128, 2e-3, 1e-3


def fit(images: Any, labels: Any) -> list[Any]:
    """W1, b1, W2, b2 of 784 -> 64 -> ReLU -> 10, from images (N, 784) in [-1, 1] and their digits."""
    import torch
    from torch.nn import functional

    model = torch.nn.Sequential(torch.nn.Linear(784, HIDDEN), torch.nn.ReLU(), torch.nn.Linear(HIDDEN, 10))
    solver = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=DECAY)
    for _ in range(STEPS):
        batch = torch.randint(len(images), (BATCH,))
        noisy = images[batch] + 0.3 * torch.randn(
            BATCH, 784
        )  # so that it looks at strokes, not at single points
        loss = functional.cross_entropy(model(noisy), labels[batch])
        solver.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        solver.step()
    return [p.detach().T.contiguous() if p.dim() == 2 else p.detach() for p in model.parameters()]
