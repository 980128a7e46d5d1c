"""Driving a torch module of a subject: parameters and inputs in, outputs and gradients back as trusted values.

A whole check is one round trip to the student's worker and one to the reference's: waiting is most of the time.
Parameters are drawn here and set by name in the student's module and in the reference's, in float64 and in
evaluation mode unless a check says otherwise: nothing depends on anybody's random stream.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from checks.calls import float32, float64, trusted
from grader.compare import describe, expect_close, expect_unchanged, tolerance_of
from grader.errors import CallError, Failed, Raised, SandboxError
from grader.values import Array, ArrayValue, Handle, MappingValue, ScalarValue, SequenceValue, Value

if TYPE_CHECKING:
    from grader.subject import Callee, Subject

Params = Mapping[str, Array]
ROUNDED = "`{}` rounds float64 to float32 on the way. The assignment works in float32, so this costs nothing."
AS_BUILT = ""  # a dtype: the module's own, with float32 inputs


def tensor(array: Array) -> ArrayValue:
    """An argument that arrives in the worker as a torch tensor."""
    return ArrayValue(array, "torch")


@dataclass(frozen=True)
class Case:
    """The arguments of one call; None stays None."""

    args: Sequence[Array] = ()
    kwargs: Mapping[str, Array | None] = field(default_factory=dict)

    def packed(self, cast: Callable[[Array], Array]) -> dict[str, Any]:
        """The arguments as tensors."""
        kwargs = {k: None if v is None else tensor(cast(v)) for k, v in self.kwargs.items()}
        return {"args": [tensor(cast(v)) for v in self.args], "kwargs": kwargs}

    @property
    def arrays(self) -> dict[str, Array]:
        """The arguments by name; positional ones by number."""
        named = {k: v for k, v in self.kwargs.items() if v is not None}
        return {**{str(i): v for i, v in enumerate(self.args)}, **named}

    @property
    def named(self) -> dict[str, Array]:
        """The arguments as a sentence may call them."""
        return {f"argument {k}" if k.isdigit() else k: v for k, v in self.arrays.items()}


@dataclass(frozen=True)
class Setup:
    """How a module is set before it is run."""

    params: Params = field(default_factory=dict)
    dtype: str = "float64"
    training: bool = False
    quiet: bool = False  # every nn.Dropout in it is told to drop nothing

    @property
    def cast(self) -> Callable[[Array], Array]:
        """Brings floating-point arrays to the dtype."""
        return float32 if self.dtype in ("float32", AS_BUILT) else float64

    def packed(self) -> list[Any]:
        """The arguments of `probes.modules.prepare`."""
        params = {k: tensor(self.cast(v)) for k, v in self.params.items()}
        return [params, self.dtype, self.training, self.quiet]


@contextlib.contextmanager
def called(function: str) -> Iterator[None]:
    """What is raised inside a probe is told under the name of the student's function."""
    try:
        yield
    except CallError as error:
        for probe in ("forward_in_place", "forward", "backward", "prepare", "without_attention"):
            if error.message.startswith(f"{probe} "):
                error.message = function + error.message.removeprefix(probe)
                break
        raise


@dataclass(frozen=True)
class Build:
    """What a module is built from; calling it builds one in a subject, where it stays."""

    file: str  # "transformer_layers"
    name: str
    args: Sequence[Any] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    table: Array | None = None  # of the stand-ins for the parts of a captioning transformer

    def __call__(self, subject: Subject) -> Handle:
        """A module in the subject; a file that can't be imported is told as what it is."""
        value = self._made(subject)
        if not isinstance(value, Handle):
            raise Failed(f"`{self.name}(...)` did not make an object.", "Is it derived from `nn.Module`?")
        if self.table is not None:
            subject.probe("transformer", "stand_in", value, tensor(self.table))
        return value

    def _made(self, subject: Subject) -> Value:
        try:
            return self._class(subject)(*self.args, **self.kwargs, returns="module*")
        except Raised:
            if self.table is None:
                raise
        file = self._class(subject).target.module
        with called(self.name):
            return subject.probe(
                "transformer",
                "without_attention",
                file,
                self.name,
                list(self.args),
                dict(self.kwargs),
                returns="module*",
            )

    def _class(self, subject: Subject) -> Callee:
        found: Callee = getattr(getattr(subject, self.file), self.name)
        return found

    def packed(self, subject: Subject) -> list[Any]:
        """For a probe that builds the module itself: only after a check that called it, since an import may fail."""
        table = None if self.table is None else tensor(self.table)
        return [self._class(subject).target.module, self.name, list(self.args), dict(self.kwargs), table]


Module = Handle | Build


def _sent(subject: Subject, module: Module) -> Any:
    return module.packed(subject) if isinstance(module, Build) else module


@dataclass(frozen=True)
class Job:
    """A module, how it is set, and calls of it; `contexts` says of each call what it is, for a message."""

    module: Module
    setup: Setup
    cases: Sequence[Case]
    contexts: Sequence[str] = ()
    axes: Mapping[str, int] = field(default_factory=dict)
    tolerance: str = "value"

    def exact(self) -> Job:
        """The same in float64, with the numbers that the student's dtype leaves of it."""
        cast = self.setup.cast
        params = {k: float64(cast(v)) for k, v in self.setup.params.items()}
        setup = Setup(params, "float64", self.setup.training, self.setup.quiet)
        return Job(self.module, setup, [_rounded(case, cast) for case in self.cases])


def run(subject: Subject, jobs: Sequence[Job], function: str) -> tuple[tuple[Value, ...], ...]:
    """The outputs of each job's cases, all in one frame."""
    packed = [
        [_sent(subject, j.module), j.setup.packed(), [c.packed(j.setup.cast) for c in j.cases]] for j in jobs
    ]
    found = _items(_forward(subject, packed, function, None), function, len(jobs))
    return tuple(_items(value, function, len(job.cases)) for value, job in zip(found, jobs, strict=True))


def forward(
    subject: Subject,
    module: Module,
    setup: Setup,
    cases: Sequence[Case],
    function: str,
    seed: int | None = None,
) -> tuple[Value, ...]:
    """The output for each case, in one frame."""
    packed = [[_sent(subject, module), setup.packed(), [case.packed(setup.cast) for case in cases]]]
    (found,) = _items(_forward(subject, packed, function, seed), function, 1)
    return _items(found, function, len(cases))


def _forward(subject: Subject, packed: list[Any], function: str, seed: int | None) -> Value:
    with called(function):
        return subject.probe("modules", "forward", packed, seed=seed)


def _items(value: Value, function: str, count: int) -> tuple[Value, ...]:
    if not isinstance(value, SequenceValue) or len(value.items) != count:
        raise Failed(f"`{function}` gave more than can be read back: {describe(value)}.")
    return value.items


def compare_forward(
    student: Subject, reference: Subject, jobs: Sequence[Job], *, function: str, name: str = "output"
) -> None:
    """The student's modules give for each case what the reference's give with the same parameters."""
    actual = run(student, jobs, function)
    expected = run(reference, [job.exact() for job in jobs], function)
    for job, gotten, rights in zip(jobs, actual, expected, strict=True):
        contexts = job.contexts or [""] * len(job.cases)
        for got, right, context, case in zip(gotten, rights, contexts, job.cases, strict=True):
            try:
                expect_close(
                    got, trusted(right), name=name, function=function, origin="torch", tolerance=job.tolerance,
                    context=context, axes=job.axes, given={**case.named, **job.setup.params},
                )  # fmt: skip
            except Failed as failed:
                if job.tolerance == "value" and ". " not in failed.hint:
                    failed.hint = f"{failed.hint} {first_departure(student, reference, job, case)}".strip()
                raise


def advise_double(
    student: Subject, reference: Subject, jobs: Sequence[Job], advise: Callable[[str], None], *, function: str
) -> None:
    """Says of results that are float32 whatever the inputs are; it costs nothing, as the assignment trains in float32.

    The handout itself prepares results with `torch.empty((N, S, E))`: who fills that, element by element, is right.
    """
    try:
        compare_forward(student, reference, jobs, function=function)
    except Failed:
        advise(ROUNDED.format(function))


def first_departure(student: Subject, reference: Subject, job: Job, case: Case) -> str:
    """The first value on its way through the module's named parts that is not the reference's; empty if none is.

    What the student's module does not have, or in another shape, is passed over: it may be built in another way.
    """
    try:
        mine, right = (
            _traced(
                subject.probe(
                    "modules",
                    "trace",
                    _sent(subject, job.module),
                    job.setup.packed(),
                    case.packed(job.setup.cast),
                )
            )
            for subject in (student, reference)
        )
    except (CallError, SandboxError):
        return ""
    for key, expected in right.items():
        part, what, _ = key
        actual = mine.get(key)
        if actual is None or actual.shape != expected.shape:
            continue
        allowance = tolerance_of("value").allowance(expected)
        if not np.all(np.abs(actual - expected) <= allowance):
            return f"On the way, what `{part}` {what} is the first value that departs from the reference."
    return ""


def _traced(value: Value) -> dict[tuple[str, str, int], Array]:
    """Arrays by part, by whether it is given or gives them, and by how often it was before."""
    found: dict[tuple[str, str, int], Array] = {}
    for event in map(_parts, _parts(value)):
        match event:
            case (ScalarValue(part), ScalarValue(what), ArrayValue(data)):
                count = sum(key[:2] == (part, what) for key in found)
                found[str(part), str(what), count] = data
    return found


def _rounded(case: Case, cast: Callable[[Array], Array]) -> Case:
    kwargs = {k: None if v is None else float64(cast(v)) for k, v in case.kwargs.items()}
    return Case([float64(cast(v)) for v in case.args], kwargs)


def backward(
    subject: Subject,
    module: Module,
    setup: Setup,
    case: Case,
    upstream: Array,
    wanted: Sequence[str],
    function: str,
) -> dict[str, Value]:
    """Gradients by name of argument and parameter."""
    with called(function):
        value = subject.probe(
            "modules",
            "backward",
            _sent(subject, module),
            setup.packed(),
            case.packed(setup.cast),
            tensor(upstream),
            list(wanted),
        )
    return value.items if isinstance(value, MappingValue) else {}


def compare_backward(
    student: Subject, reference: Subject, module: Build, setup: Setup, case: Case, upstream: Array, *,
    wanted: Sequence[str], function: str, context: str = "", axes: Mapping[str, int] | None = None,
    labels: Mapping[str, str] | None = None,
) -> None:  # fmt: skip
    """Autograd through the student's module gives the reference's gradients, for arguments and parameters."""
    actual = backward(student, module, setup, case, upstream, wanted, function)
    expected = backward(reference, module, setup, case, upstream, wanted, function)
    for name, right in expected.items():
        label = f"gradient of {(labels or {}).get(name, name)}"
        got = actual.get(name, ScalarValue(None))
        if isinstance(got, ScalarValue) and got.data is None:
            raise Failed(
                f"Autograd finds no {label} through `{function}`{', ' + context if context else ''}.",
                "Compute the output from it with torch operations: no `.data`, `.detach()`, numpy or new tensors.",
            )
        expect_close(
            got, trusted(right), name=label, function=function, origin="torch",
            tolerance="gradient", context=context, axes=axes, given={**case.named, "the upstream gradient": upstream},
        )  # fmt: skip


def expect_arguments_unchanged(
    student: Subject,
    module: Module,
    setup: Setup,
    case: Case,
    function: str,
    labels: Mapping[str, str] | None = None,
) -> None:
    """A call leaves its arguments as they were."""
    with called(function):
        value = student.probe(
            "modules", "forward_in_place", _sent(student, module), setup.packed(), case.packed(setup.cast)
        )
    names = [*(str(i) for i in range(len(case.args))), *case.kwargs]
    after = dict(zip(names, getattr(value, "items", ()), strict=False))
    for name, before in case.arrays.items():
        label = (labels or {}).get(name, name)
        expect_unchanged(before, after.get(name, ScalarValue(None)), name=label, function=function)


def shapes_of(subject: Subject, module: Module, kind: str) -> dict[str, tuple[int, ...]]:
    """Names and shapes of a module's "parameters" or "buffers"."""
    value = subject.probe("modules", "names", _sent(subject, module))
    found = value.items.get(kind) if isinstance(value, MappingValue) else None
    if not isinstance(found, MappingValue):
        return {}
    return {
        name: tuple(
            i.data if isinstance(i, ScalarValue) and isinstance(i.data, int) else -1 for i in _parts(v)
        )
        for name, v in found.items.items()
    }


def _parts(value: Value) -> tuple[Value, ...]:
    return value.items if isinstance(value, SequenceValue) else ()


def six_sigma(count: int, probability: float) -> float:
    """How far a binomial count may stray from its mean: exceeded less than once in a hundred million."""
    return float(6 * np.sqrt(count * probability * (1 - probability)))
