"""Driving a captioning model that lives in the worker."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from checks.probes.bundles import Bundle, opened

Case = dict[str, Any]
"""A model's vocabulary, sizes, dtype and parameters, the arguments of a call, and those of calls before it.

They come in bundles.
"""


def dtype(name: str) -> Any:
    """The numpy type of this name, as a model's constructor wants it."""
    return getattr(np, name)


def results(cell: str, method: str, cases: Bundle) -> list[Any]:
    """What `method` of a fresh model with given parameters returns, for each case."""
    found = []
    for case in opened(cases):
        model = _made(cell, case)
        for earlier in case["before"]:
            getattr(model, method)(*earlier)
        found.append(getattr(model, method)(*case["arguments"]))
    return found


def slopes(cell: str, cases: Bundle, offsets: Sequence[float]) -> list[Any]:
    """What `loss` returns, and the loss alone at each offset along the direction of the case."""
    found = []
    for case in opened(cases):
        model, params, along = _made(cell, case), case["params"], case["along"]
        moved = [{k: v + t * along[k] for k, v in params.items()} for t in offsets]
        given = _copied(model.loss(*_copied(case["arguments"])))
        found.append([given, losses(model, moved, *case["arguments"])])
    return found


def left(cell: str, method: str, bundle: Bundle, again: int) -> list[Any]:
    """What the arguments and the parameters hold after a call, and what so many further calls return."""
    case = opened(bundle)
    model = _made(cell, case)
    getattr(model, method)(*case["arguments"])
    held = _copied([case["arguments"], dict(model.params)])
    return [*held, [_copied(getattr(model, method)(*case["arguments"])) for _ in range(again)]]


def initial(cell: str, vocabulary: dict[str, int], sizes: dict[str, int]) -> dict[str, Any]:
    """The parameters of a new model."""
    return dict(_class()(vocabulary, **sizes, cell_type=cell).params)


def set_params(model: Any, params: dict[str, Any]) -> None:
    """Replaces the values of `model.params`, key by key."""
    for name, value in params.items():
        model.params[name] = value


def get_params(model: Any) -> dict[str, Any]:
    """`model.params` as it is now."""
    return dict(model.params)


def losses(model: Any, points: Sequence[dict[str, Any]], features: Any, captions: Any) -> list[Any]:
    """The first result of `model.loss` for each set of parameters, on fresh copies of the inputs."""
    found = []
    for params in points:
        set_params(model, params)
        found.append(model.loss(*_copied([features, captions]))[0])
    return found


def _class() -> Any:
    return importlib.import_module("cs231n.classifiers.rnn").CaptioningRNN


def _made(cell: str, case: Case) -> Any:
    model = _class()(case["vocabulary"], **case["sizes"], cell_type=cell, dtype=dtype(case["dtype"]))
    set_params(model, case["params"])
    return model


def _copied(thing: Any) -> Any:
    """What a later call can't change any more."""
    if isinstance(thing, np.ndarray):
        return thing.copy()
    if isinstance(thing, dict):
        return {key: _copied(value) for key, value in thing.items()}
    if type(thing) in (list, tuple):
        return type(thing)([_copied(item) for item in thing])
    return thing
