"""The training checks of one submission: which checks they are, their own worker and limits, and what is said after."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from grader import plugin
from grader.errors import UsageError
from grader.judge import Judge
from grader.results import CheckResult, Limits, Note, Outcome
from grader.sandbox.client import Zygote
from grader.subject import Subject
from grader.training.bars import load
from grader.training.context import Options, Training, prepare
from grader.training.settings import PROFILES

BARS = Path(__file__).resolve().parents[2] / "checks" / "training_bars.toml"
ARGUMENT = "training"  # a check that asks for it is a training check
SUBMISSION = 40  # times what one run may take of computing time: the clock for all of them
SIGN_OF_LIFE = (
    "Training worked although {failed} failed: a training threshold is a sign of life, not a proof. "
    "Several real mistakes train as well as correct work."
)


def prepared(options: Options | None, checks: Sequence[plugin.Collected]) -> Training | None:
    """The state of the training checks, or None when nothing is to be trained. Raises `UsageError`."""
    if options is None or not any(ARGUMENT in check.arguments for check in checks):
        return None
    return prepare(options, load(BARS))


def split(
    checks: Sequence[plugin.Collected], training: Training | None
) -> tuple[list[plugin.Collected], list[plugin.Collected]]:
    """The checks that train nothing, and those that do (none without `training`).

    Raises `UsageError` when there is nothing left to run.
    """
    courses = [check for check in checks if ARGUMENT in check.arguments]
    others = [check for check in checks if ARGUMENT not in check.arguments]
    if training is None and not others:
        raise UsageError("Only training checks are selected, and training is switched off.", "Leave it on.")
    return others, courses if training is not None else []


def judge(
    zygote: Zygote, folder: Path, limits: Limits, reference: Subject, seed: int,
    checks: Sequence[plugin.Collected], training: Training, listener: Callable[[CheckResult], None],
) -> dict[str, CheckResult]:  # fmt: skip
    """Runs the training checks in a worker of their own, with the time limits of the profile."""
    specs = {check.spec.id: check.spec for check in checks}
    with Subject(zygote, folder, _limits(limits, training), name="student") as student:
        judge = Judge(student, reference, seed, specs, listener, training)
        plugin.run(checks, judge)
        training.cpu_seconds, training.peak_bytes = student.cpu_seconds, student.peak_bytes
        return _with_costs(judge.settle(), training)


def _with_costs(results: dict[str, CheckResult], training: Training) -> dict[str, CheckResult]:
    """The results, the last of which says what all of the training took."""
    if not results or training.cpu_seconds == 0:
        return results
    last = list(results.values())[-1]
    text = (
        f"Computing time of the submission's process: {training.cpu_seconds:.0f} s\n"
        f"Most memory it had at once: {training.peak_bytes / (1 << 20):.0f} MB, of which much is shared libraries"
    )
    note = Note(title="What all training checks together took", text=text)
    return {**results, last.id: msgspec.structs.replace(last, details=(*last.details, note))}


def longest(options: Options | None) -> float:
    """How long all training checks of a submission may take, by the clock."""
    profile = PROFILES.get(options.profile) if options is not None else None
    return SUBMISSION * profile.seconds if profile is not None else 0.0


def _limits(limits: Limits, training: Training) -> Limits:
    """One call is some training steps; all runs together may take what each of them may."""
    most = training.profile.seconds
    return msgspec.structs.replace(
        limits, call_seconds=5 * most, call_cpu_seconds=most, submission_seconds=SUBMISSION * most,
        submission_cpu_seconds=8 * most,
    )  # fmt: skip


def annotated(specs: Mapping[str, Any], results: Mapping[str, CheckResult]) -> dict[str, CheckResult]:
    """The results, where a training check that passed although a check of what it is built from failed says so."""
    found = dict(results)
    for id, result in results.items():
        if result.outcome is not Outcome.PASSED or not id.startswith(f"{ARGUMENT}."):
            continue
        failed = [
            other.id for other in results.values()
            if other.outcome is Outcome.FAILED and _name(specs[other.id]) in specs[id].uses
        ]  # fmt: skip
        if failed:
            said = SIGN_OF_LIFE.format(failed=_listed(failed))
            found[id] = msgspec.structs.replace(result, advice=(*result.advice, said))
    return found


def _name(spec: Any) -> str:
    return f"{spec.module}.{spec.function}"


def _listed(ids: Sequence[str]) -> str:
    shown = ", ".join(f"`{id}`" for id in ids[:3])
    return f"{shown} and {len(ids) - 3} more checks" if len(ids) > 3 else shown
