"""Whether a torch module keeps the dtype that it works in: float32 works, and float64 is not cut to float32.

The handout prepares results with `torch.empty((N, S, E))`, which is float32 unless the default dtype says otherwise. So
a module in double precision is judged with float64 for the default, where only an explicit cast leaves float32 behind;
what it does without that is worth a word and costs nothing, as the assignment works in float32.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from checks.building import on_new_if_wrong
from checks.modules import ROUNDED, Job, Outputs, expect_outputs, run
from grader.errors import FATAL, Failed, Verdict
from grader.values import ArrayValue

if TYPE_CHECKING:
    from grader.subject import Subject


def expect_kept(
    student: Subject, reference: Subject, single: Sequence[Job], double: Sequence[Job],
    advise: Callable[[str], None], *, function: str, name: str = "output",
) -> Outputs:  # fmt: skip
    """The jobs of `single` give the right values, those of `double` results in float64; what `single` gave."""

    def attempt() -> Outputs:
        first, second, third = _outputs(
            student, [single, double, [_unfitting(job) for job in double]], function
        )
        assert first is not None
        expect_outputs(student, reference, single, first, function=function, name=name)
        for found in second or ():
            _expect_double(found, function, name)
        for actual in (second, third):
            try:
                if actual is None:
                    raise Failed("It raised.")
                expect_outputs(student, reference, double, actual, function=function, name=name)
            except Failed:
                advise(ROUNDED.format(function))
        return first

    return on_new_if_wrong(student, attempt)


def _unfitting(job: Job) -> Job:
    return replace(job, setup=replace(job.setup, fitting=False))


def _outputs(student: Subject, groups: Sequence[Sequence[Job]], function: str) -> list[Outputs | None]:
    """What each group of jobs gives, in one frame; if that fails, by itself. Raises what the first one raises."""
    try:
        found = run(student, [job for group in groups for job in group], function)
    except FATAL:
        raise
    except Verdict:
        first, *others = groups
        return [run(student, first, function), *(_given(student, group, function) for group in others)]
    ends = np.cumsum([len(group) for group in groups])
    return [found[end - len(group) : end] for group, end in zip(groups, ends, strict=True)]


def _given(student: Subject, jobs: Sequence[Job], function: str) -> Outputs | None:
    try:
        return run(student, jobs, function)
    except FATAL:
        raise
    except Verdict:
        return None


def _expect_double(outputs: Sequence[object], function: str, name: str) -> None:
    for value in outputs:
        if isinstance(value, ArrayValue) and value.data.dtype.kind == "f" and value.data.dtype.itemsize < 8:
            raise Failed(
                f"`{name}` from `{function}` is {value.data.dtype} where the module and its inputs are float64: "
                "digits are cut off.",
                "A result has the dtype of what it is computed from: which step casts it (`.float()`, `dtype=...`)?",
            )
