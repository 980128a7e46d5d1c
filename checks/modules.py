"""Driving a torch module of a subject: parameters and inputs in, outputs and gradients back as trusted values.

A whole check is one round trip to the student's worker and one to the reference's: waiting is most of the time.
Parameters are drawn here and set by name in the student's module and in the reference's, in float64 and in
evaluation mode unless a check says otherwise: nothing depends on anybody's random stream.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from checks.building import Build as Build
from checks.building import called, on_new_if_wrong, tensor
from checks.calls import float32, float64, trusted
from grader.compare import describe, expect_close, expect_unchanged, tolerance_of
from grader.errors import CallError, Failed, SandboxError
from grader.values import Array, ArrayValue, MappingValue, ScalarValue, SequenceValue, Value

if TYPE_CHECKING:
    from grader.subject import Subject

Params = Mapping[str, Array]
ROUNDED = "`{}` rounds float64 to float32 on the way. The assignment works in float32, so this costs nothing."
AS_BUILT = ""  # a dtype: the module's own, with float32 inputs


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
    fitting: bool = (
        True  # tensors that are made on the way have the module's dtype, unless they are given another
    )

    @property
    def cast(self) -> Callable[[Array], Array]:
        """Brings floating-point arrays to the dtype."""
        return float32 if self.dtype in ("float32", AS_BUILT) else float64

    def packed(self) -> list[Any]:
        """What `probes.modules` calls a setup."""
        params = {k: tensor(self.cast(v)) for k, v in self.params.items()}
        return [params, self.dtype, self.training, self.quiet, self.fitting]


@dataclass(frozen=True)
class Job:
    """A module, how it is set, and calls of it; `contexts` says of each call what it is, for a message."""

    module: Build
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
        module = replace(self.module, made=None)
        return replace(self, module=module, setup=setup, cases=[_rounded(case, cast) for case in self.cases])

    def packed(self, subject: Subject) -> list[Any]:
        """What `probes.modules.forward` takes for it."""
        cases = [case.packed(self.setup.cast) for case in self.cases]
        return [self.module.packed(subject), self.setup.packed(), cases]


Outputs = Sequence[tuple[Value, ...]]


def run(subject: Subject, jobs: Sequence[Job], function: str, seed: int | None = None) -> Outputs:
    """The outputs of each job's cases, all in one frame."""
    with called(function):
        value = subject.probe("modules", "forward", [job.packed(subject) for job in jobs], seed=seed)
    found = items(value, function, len(jobs))
    return tuple(items(value, function, len(job.cases)) for value, job in zip(found, jobs, strict=True))


def forward(
    subject: Subject, module: Build, setup: Setup, cases: Sequence[Case], function: str
) -> tuple[Value, ...]:
    """The output for each case, in one frame."""
    return run(subject, [Job(module, setup, cases)], function)[0]


def items(value: Value, function: str, count: int) -> tuple[Value, ...]:
    """The items, this many, of what a probe gave for a call of `function`."""
    if not isinstance(value, SequenceValue) or len(value.items) != count:
        raise Failed(f"`{function}` gave more than can be read back: {describe(value)}.")
    return value.items


def compare_forward(
    student: Subject, reference: Subject, jobs: Sequence[Job], *, function: str, name: str = "output"
) -> None:
    """The student's modules give for each case what the reference's give with the same parameters."""

    def attempt() -> None:
        actual = run(student, jobs, function)
        expect_outputs(student, reference, jobs, actual, function=function, name=name)

    on_new_if_wrong(student, attempt)


def expect_outputs(
    student: Subject, reference: Subject, jobs: Sequence[Job], actual: Outputs, *, function: str, name: str
) -> None:
    """`actual` is what the reference's modules give."""
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
                    job.module.packed(subject),
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
    subject: Subject, jobs: Sequence[Job], upstream: Sequence[Array], wanted: Sequence[str], function: str
) -> list[Mapping[str, Value]]:
    """Gradients by name of argument and parameter, for each job's only case."""
    packed = []
    for job, arrived in zip(jobs, upstream, strict=True):
        module, setup, (case,) = job.packed(subject)
        packed.append([module, setup, case, tensor(arrived)])
    with called(function):
        value = subject.probe("modules", "backward", packed, list(wanted))
    found = items(value, function, len(jobs))
    return [one.items if isinstance(one, MappingValue) else {} for one in found]


def compare_backward(
    student: Subject, reference: Subject, jobs: Sequence[Job], upstream: Sequence[Array], *,
    wanted: Sequence[str], function: str, labels: Mapping[str, str] | None = None,
) -> None:  # fmt: skip
    """Autograd through the student's modules gives the reference's gradients, for arguments and parameters."""

    def attempt() -> None:
        actual = backward(student, jobs, upstream, wanted, function)
        expected = backward(reference, [job.exact() for job in jobs], upstream, wanted, function)
        for job, arrived, mine, rights in zip(jobs, upstream, actual, expected, strict=True):
            _expect_gradients(job, arrived, mine, rights, function, labels or {})

    on_new_if_wrong(student, attempt)


def _expect_gradients(
    job: Job,
    upstream: Array,
    actual: Mapping[str, Value],
    expected: Mapping[str, Value],
    function: str,
    labels: Mapping[str, str],
) -> None:
    (case,), context = job.cases, "".join(job.contexts)
    for name, right in expected.items():
        label = f"gradient of {labels.get(name, name)}"
        got = actual.get(name, ScalarValue(None))
        if isinstance(got, ScalarValue) and got.data is None:
            raise Failed(
                f"Autograd finds no {label} through `{function}`{', ' + context if context else ''}.",
                "Compute the output from it with torch operations: no `.data`, `.detach()`, numpy or new tensors.",
            )
        expect_close(
            got, trusted(right), name=label, function=function, origin="torch", tolerance="gradient",
            context=context, axes=job.axes, given={**case.named, "the upstream gradient": upstream},
        )  # fmt: skip


def expect_arguments_unchanged(
    student: Subject,
    module: Build,
    setup: Setup,
    case: Case,
    function: str,
    labels: Mapping[str, str] | None = None,
) -> None:
    """A call leaves its arguments as they were."""

    def attempt() -> None:
        sent = module.packed(student), setup.packed(), case.packed(setup.cast)
        with called(function):
            value = student.probe("modules", "forward_in_place", *sent)
        names = [*(str(i) for i in range(len(case.args))), *case.kwargs]
        after = dict(zip(names, getattr(value, "items", ()), strict=False))
        for name, before in case.arrays.items():
            label = (labels or {}).get(name, name)
            expect_unchanged(before, after.get(name, ScalarValue(None)), name=label, function=function)

    on_new_if_wrong(student, attempt)


Shapes = dict[str, tuple[int, ...]]


def shapes_of(subject: Subject, module: Build) -> tuple[Shapes, Shapes]:
    """Names and shapes of a module's parameters and of its buffers."""
    value = subject.probe("modules", "names", module.packed(subject))
    found = value.items if isinstance(value, MappingValue) else {}
    return _shapes(found.get("parameters")), _shapes(found.get("buffers"))


def _shapes(found: Value | None) -> Shapes:
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
