"""A subject without a sandbox: the code runs in the caller's process. For benchmarks alone, never for grading."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from grader import plugin
from grader.judge import Judge
from grader.results import Limits, Outcome
from grader.sandbox import worker
from grader.sandbox.client import Argument, Method, Reply, Target, Tensor
from grader.sandbox.source import FunctionFacts
from grader.session import CHECKS, REFERENCE
from grader.subject import Subject
from grader.values import ArrayValue, Handle, MappingValue, ScalarValue, SequenceValue, Value


class InProcess(Subject):
    """The assignment in `folder`, imported here; takes the place of a `Subject` in a `Judge`."""

    def __init__(self, folder: Path) -> None:
        super().__init__(None, folder, Limits())  # type: ignore[arg-type]
        self._modules: dict[str, Any] = {}
        self._objects: dict[int, Any] = {}

    def _module(self, name: str) -> Any:
        if name.startswith("checks."):
            return importlib.import_module(name)
        if name not in self._modules:
            ours = {k: v for k, v in sys.modules.items() if k.partition(".")[0] == "cs231n"}
            for key in ours:
                del sys.modules[key]
            sys.modules |= {k: v for k, v in self._modules.items() if k.partition(".")[0] == "cs231n"}
            sys.path.insert(0, str(self.folder))
            importlib.import_module(name)
            sys.path.remove(str(self.folder))
            self._modules |= {k: v for k, v in sys.modules.items() if k.partition(".")[0] == "cs231n"}
        return self._modules[name]

    def call(
        self, target: Target, args: Sequence[Argument] = (), kwargs: Mapping[str, Argument] | None = None, *,
        returns: str = "", seed: int | None = None, echo: bool = False, seconds: float | None = None,
    ) -> Reply:  # fmt: skip
        """As `Subject.call`, at once."""
        method = isinstance(target, Method)
        function = self._objects[target.handle.id] if method else self._module(target.module)
        for name in filter(None, target.name.split(".")):
            function = getattr(function, name)
        live = [self._live(arg) for arg in args]
        worker._seed(seed)
        result = function(*live, **{k: self._live(v) for k, v in (kwargs or {}).items()})
        echoed = tuple(self._value(item) for item in live) if echo else ()
        return Reply(self._result(result, returns), echoed, 0.0, 0.0, ())

    def calls(self, target: Target, many: Sequence[Sequence[Argument]], *, returns: str = "") -> list[Reply]:
        """As `Subject.calls`."""
        return [self.call(target, args, returns=returns) for args in many]

    def outline(self, module: str) -> dict[str, FunctionFacts]:
        """Nothing is known of the source."""
        return {}

    def release(self, *values: Value) -> None:
        """Forgets the objects behind the handles."""
        self._forget(value for value in values if isinstance(value, Handle))

    def _forget(self, handles: Iterable[Handle]) -> None:
        for handle in handles:
            self._objects.pop(handle.id, None)

    def _live(self, argument: Any) -> Any:
        match argument:
            case Handle():
                return self._objects[argument.id]
            case Tensor():
                return _tensor(argument.array, argument.requires_grad)
            case ArrayValue():
                return _array(argument)
            case ScalarValue():
                return argument.data
            case SequenceValue():
                items = [self._live(item) for item in argument.items]
                return items if argument.kind == "list" else tuple(items)
            case MappingValue():
                return {key: self._live(item) for key, item in argument.items.items()}
            case np.ndarray():
                return argument.copy()
            case list() | tuple():
                return type(argument)(self._live(item) for item in argument)
            case dict():
                return {key: self._live(item) for key, item in argument.items()}
        return argument

    def _result(self, result: Any, returns: str) -> Value:
        names = [name.strip() for name in returns.split(",")]
        if len(names) == 1:
            return self._keep(result) if returns.endswith("*") else self._value(result)
        items = (
            self._keep(r) if n.endswith("*") else self._value(r) for r, n in zip(result, names, strict=True)
        )
        return SequenceValue(tuple(items))

    def _keep(self, thing: Any) -> Handle:
        self._objects[id(thing)] = thing
        return Handle(id(thing), type(thing).__name__)

    def _value(self, thing: Any) -> Value:
        if isinstance(thing, np.ndarray | np.generic):
            return ArrayValue(np.asarray(thing), "numpy" if isinstance(thing, np.ndarray) else "scalar")
        if thing is None or isinstance(thing, bool | int | float | complex | str):
            return ScalarValue(thing)
        if isinstance(thing, list | tuple):
            return SequenceValue(tuple(self._value(item) for item in thing), type(thing).__name__)
        if isinstance(thing, dict):
            return MappingValue({str(key): self._value(item) for key, item in thing.items()})
        if "torch" in sys.modules and isinstance(thing, sys.modules["torch"].Tensor):
            return ArrayValue(thing.detach().numpy().copy(), "torch", thing.requires_grad)
        return self._keep(thing)


def _tensor(array: Any, requires_grad: bool) -> Any:
    import torch

    return torch.from_numpy(np.array(array)).requires_grad_(requires_grad)


def _array(value: ArrayValue) -> Any:
    if value.origin == "torch":
        return _tensor(value.data, value.requires_grad)
    return value.data[()] if value.origin == "scalar" else value.data.copy()


def untrained(select: str) -> list[plugin.Collected]:
    """The checks that `select` keeps, without those that train a model."""
    return [check for check in plugin.collect(CHECKS, select) if "training" not in check.arguments]


def main() -> None:
    """Grades the folder named on the command line once, without any isolation, for the checks that -k keeps."""
    path, select = Path(sys.argv[1]), sys.argv[2]
    checks = untrained(select)
    with InProcess(REFERENCE) as reference, InProcess(path) as student:
        judge = Judge(student, reference, 1, {c.spec.id: c.spec for c in checks}, lambda result: None)
        plugin.run(checks, judge)
    print(sum(result.outcome is Outcome.PASSED for result in judge.results.values()), "checks passed")


if __name__ == "__main__":
    main()
