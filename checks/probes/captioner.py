"""Driving a captioning model that lives in the worker."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


def dtype(name: str) -> Any:
    """The numpy type of this name, as a model's constructor wants it."""
    return getattr(np, name)


def set_params(model: Any, params: dict[str, Any]) -> None:
    """Replaces the values of `model.params`, key by key."""
    for name, value in params.items():
        model.params[name] = value


def get_params(model: Any) -> dict[str, Any]:
    """`model.params` as it is now."""
    return dict(model.params)


def losses(model: Any, points: Sequence[dict[str, Any]], features: Any, captions: Any) -> list[Any]:
    """The first result of `model.loss` for each set of parameters."""
    found = []
    for params in points:
        set_params(model, params)
        found.append(model.loss(features, captions)[0])
    return found
