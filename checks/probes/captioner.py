"""Driving a captioning model that lives in the worker."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any

import numpy as np


def dtype(name: str) -> Any:
    """The numpy type of this name, as a model's constructor wants it."""
    return getattr(np, name)


def results(cell: str, method: str, cases: Sequence[dict[str, Any]]) -> list[Any]:
    """What `method` of a fresh model with given parameters returns, for each case."""
    model_class = importlib.import_module("cs231n.classifiers.rnn").CaptioningRNN
    found = []
    for case in cases:
        model = model_class(case["vocabulary"], **case["sizes"], cell_type=cell, dtype=dtype(case["dtype"]))
        set_params(model, case["params"])
        found.append(getattr(model, method)(*case["arguments"]))
    return found


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
