"""From what a check did to a `CheckResult`: the one place where an exception becomes an outcome.

The rules, first that holds: a check whose requirement did not pass is not run; a stub that raises
NotImplementedError is not attempted (or blocks what needs it); a verdict is what it says; anything else is a
fault of gradmark and never the student's.
"""

from __future__ import annotations

import hashlib
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from grader import randomness
from grader.apart import Apart
from grader.brief import briefly
from grader.errors import (
    FATAL,
    Blocked,
    ChangedInput,
    Failed,
    ImportFailed,
    MissingName,
    NotAttempted,
    NotRecorded,
    Raised,
    Verdict,
)
from grader.results import CheckResult, Note, Outcome
from grader.subject import Subject

Listener = Callable[[CheckResult], None]


def generator(seed: int, check_id: str) -> np.random.Generator:
    """The random generator of one check in one run: independent of which other checks run."""
    digest = hashlib.sha256(check_id.encode()).digest()
    return randomness.generator(seed, int.from_bytes(digest[:8], "big"))


class Judge:
    """Judges the checks of one submission; `results` holds what was found, by id, in order."""

    def __init__(
        self, student: Subject, reference: Subject, seed: int, specs: Mapping[str, Any], listener: Listener,
        training: Any = None,
    ):  # fmt: skip
        self.results: dict[str, CheckResult] = {}
        self.repeatable: list[str] = []  # ids of failures that left the worker alive
        self._student = student
        self._reference = reference
        self.seed = seed
        self._specs = specs
        self._listener = listener
        self._in_place = False  # the last verdict was about an input that was changed
        self._rng = np.random.default_rng(0)  # of the check that is running
        self._advice: list[str] = []
        self._apart = Apart(student, reference, specs, self.results)
        self._training = (
            training  # what training checks are given; `take` gives what they leave for the report
        )

    def fixture(self, name: str, spec: Any) -> Any:
        """What a check gets for an argument of this name."""
        if name == "advise":
            return self._advice.append
        if name == "rng":
            self._rng = generator(self.seed, spec.id)
        return getattr(self, f"_{name}")

    def judge(self, spec: Any, body: Callable[[], None]) -> None:
        """Runs one check and records its result."""
        self._advice.clear()
        self._student.enter(f"{spec.module}.{spec.function}")
        started = time.perf_counter()
        state = self._rng.bit_generator.state
        result = self._requirement(spec)
        if result is None and self._apart.first(spec):
            deadly = _record(
                spec, Outcome.BLOCKED, "Not judged: something that it is built from ends the process."
            )
            result = self._in_itself(spec, body, state, deadly)
            result = None if result is deadly else result
        if result is None and self._apart.doubts(spec):
            result = self._doubted(spec, body, state)
        else:
            result = result or self._fairly(spec, body)
            if result.outcome in (Outcome.FAILED, Outcome.BLOCKED):
                result = self._in_itself(spec, body, state, result)
        stdout, stderr = self._student.take_output()
        details, advice = self._training.take() if self._training is not None else ((), ())
        result = msgspec.structs.replace(
            result, seconds=round(time.perf_counter() - started, 6), stdout=stdout, stderr=stderr,
            advice=tuple(dict.fromkeys([*self._advice, *advice])), details=(*result.details, *details),
        )  # fmt: skip
        self.results[spec.id] = result
        self._listener(result)

    def _doubted(self, spec: Any, body: Callable[[], None], state: Any) -> CheckResult:
        """Runs a check of what is built on wrong parts: why it fails is looked into if it does so without them, too.

        What the two come to together is told once for a function; after that it is asked without them first.
        """
        if self._apart.told(spec):
            self._in_place = (
                True  # not known yet: a mended cache must not hide what the student's own call changes
            )
            unsaid = _record(spec, Outcome.BLOCKED)
            found = self._in_itself(spec, body, state, unsaid)
            if found is not unsaid:
                return found
            self._rng.bit_generator.state = state
            self._advice.clear()
        with briefly():
            result = self._run(spec, body)
        if result.outcome not in (Outcome.FAILED, Outcome.BLOCKED):
            return result
        found = self._in_itself(spec, body, state, result)
        if found is not result or result.outcome is Outcome.BLOCKED or spec.id not in self.repeatable:
            return found
        self._rng.bit_generator.state = state
        self._advice.clear()
        with self._student.unwatched():  # as in `_fairly`
            return self._run(spec, body)

    def _fairly(self, spec: Any, body: Callable[[], None]) -> CheckResult:
        """Runs a check; what failed while calls were watched for shortcuts runs again unwatched, on the same inputs."""
        state, self._student.watched = self._rng.bit_generator.state, False
        result = self._run(spec, body)
        died = spec.id not in self.repeatable  # not from being watched, which is given up after a while
        if result.outcome is not Outcome.FAILED or not self._student.watched or died:
            return result
        self._rng.bit_generator.state = state
        self._advice.clear()
        with self._student.unwatched(), briefly():
            again = self._run(spec, body)
        return again if again.outcome is Outcome.PASSED else result  # its process may be lost by now

    def _in_itself(self, spec: Any, body: Callable[[], None], state: Any, result: CheckResult) -> CheckResult:
        """A failed check that passes without the student's own wrong parts is passed; it says what comes of them."""
        fatal = result.outcome is Outcome.FAILED and spec.id not in self.repeatable
        if fatal or not self._apart.helps(spec) or self._untouched(spec.module, spec.function):
            return result
        if self._nothing_beside(spec):
            return result
        said, in_place = list(self._advice), self._in_place

        def attempt() -> None:
            self._rng.bit_generator.state = state
            self._advice.clear()
            body()

        names: tuple[str, ...] = ()

        def search() -> None:
            nonlocal names
            names = self._apart.right_without(spec, attempt, mend=not in_place)

        trouble = self._run(spec, search)
        if names or trouble.outcome is Outcome.ERRORED:
            self.repeatable = [id for id in self.repeatable if id != spec.id]
            own = _with_own_parts(names, result) if names else ""
            return msgspec.structs.replace(trouble, own_parts=own)
        self._advice[:] = said
        return _behind_wrong(self._apart.unjudged, result) if self._apart.unjudged else result

    def _run(self, spec: Any, body: Callable[[], None]) -> CheckResult:
        self._reference.enter(f"{spec.module}.{spec.function}")
        try:
            body()
        except NotRecorded as unknown:
            return self._conclude(spec, _what_was_found(unknown))
        except Verdict as verdict:
            return self._conclude(spec, verdict)
        except Exception as error:  # noqa: BLE001 - the session boundary: our own fault, made loud for staff
            return _record(
                spec, Outcome.ERRORED, f"gradmark itself failed in this check: {type(error).__name__}: {error}",
                "This costs no points. Please report it with the text below.",
                (Note(title="Internal error", text=traceback.format_exc()[-6000:]),),
            )  # fmt: skip
        return _record(spec, Outcome.PASSED)

    def _requirement(self, spec: Any) -> CheckResult | None:
        """The result of a check that is not run since one that it requires did not pass."""
        for id in spec.requires:
            needed = self.results.get(id)
            if needed is None or needed.outcome is Outcome.PASSED:
                continue
            if needed.outcome is Outcome.ERRORED:
                return _record(
                    spec, Outcome.ERRORED, f"Not judged: gradmark failed in `{id}`, which comes first."
                )
            if needed.outcome is Outcome.NOT_ATTEMPTED and needed.function == spec.function:
                return _record(spec, Outcome.NOT_ATTEMPTED, needed.message, needed.hint)
            return self._conclude(spec, _behind(needed, spec))
        return None

    def _conclude(self, spec: Any, verdict: Verdict) -> CheckResult:
        verdict = self._attempt(spec, verdict)
        self._in_place = isinstance(verdict, ChangedInput)
        kinds = ((NotAttempted, Outcome.NOT_ATTEMPTED), (Blocked, Outcome.BLOCKED), (Verdict, Outcome.FAILED))
        outcome = next(outcome for kind, outcome in kinds if isinstance(verdict, kind))
        if isinstance(verdict, FATAL):
            self._apart.deadly.add(f"{spec.module}.{spec.function}")
        elif outcome is Outcome.FAILED and spec.id not in self.repeatable:
            self.repeatable.append(spec.id)
        return _record(spec, outcome, verdict.message, verdict.hint, verdict.details)

    def _attempt(self, spec: Any, verdict: Verdict) -> Verdict:
        """Tells work that is wrong from work that was not done, here or in what it is built from."""
        if isinstance(verdict, Raised) and verdict.kind == "NotImplementedError":
            if not verdict.where or f"{verdict.where}.".startswith(f"{spec.function}."):
                return not_attempted(spec.function)
            return _needs(spec.function, verdict.where)
        if isinstance(verdict, NotAttempted):
            return verdict
        if self._untouched(spec.module, spec.function):
            return not_attempted(spec.function)
        if isinstance(verdict, ImportFailed):
            return Blocked(verdict.message, verdict.hint, verdict.details)
        if isinstance(verdict, MissingName):
            return verdict
        for name in spec.uses:
            module, _, function = name.partition(".")
            if self._untouched(module, function):
                return _needs(spec.function, function)
        return verdict

    def _untouched(self, module: str, function: str) -> bool:
        try:
            return self._student.untouched(module, function)
        except Verdict:
            return False

    def settle(self) -> dict[str, CheckResult]:
        """The results with whole functions that were left alone marked as not attempted.

        An original stub returns zeros of a right shape, and so passes a check or two: it counts as attempted
        only when its text was touched, or when every check of it passes (the work may stand elsewhere).
        """
        settled = dict(self.results)
        groups: dict[tuple[str, str, str], list[Any]] = {}
        for spec in self._specs.values():
            groups.setdefault((spec.module, spec.function, spec.part), []).append(spec)
        for specs in groups.values():
            found = [settled[spec.id] for spec in specs if spec.id in settled]
            if self._left_alone(specs[0], found):
                given = specs[0].given
                verdict = nothing_done(specs[0].module) if given else not_attempted(specs[0].function)
                settled |= {r.id: _clear(r, verdict) for r in found if r.outcome is not Outcome.ERRORED}
        return settled

    def _left_alone(self, spec: Any, results: Sequence[CheckResult]) -> bool:
        """Whether the function that `results` are about counts as not attempted."""
        if spec.given:
            return self._idle(spec)
        if all(result.outcome is Outcome.PASSED for result in results):
            return False
        return self._untouched(spec.module, spec.function) or self._idle_part(spec)

    def _idle(self, spec: Any) -> bool:
        """Nothing in the module that was the student's to write was touched; in its part, where nothing was."""
        written = [s for s in self._specs.values() if not s.given]
        own = [s for s in written if s.module == spec.module] or [s for s in written if s.part == spec.part]
        names = dict.fromkeys((s.module, s.function) for s in own)
        if any(
            self._apart.state(".".join(name), alone=True) for name in names
        ):  # no stub passes all its checks
            return False
        return bool(own) and all(self._untouched(*name) for name in names)

    def _nothing_beside(self, spec: Any) -> bool:
        """All that it is built with was left alone: a captioner that was handed out earns nothing by itself."""
        if spec.given:
            return any(self._untouched(*name.split(".", 1)) for pair in spec.stand_ins for name in pair)
        names = {(s.module, s.function) for s in self._specs.values() if s.part == spec.part and not s.given}
        others = names - {(spec.module, spec.function)}
        return bool(others) and all(self._untouched(*names) for names in others)

    def _idle_part(self, spec: Any) -> bool:
        """The function is shared with an earlier part, and all that this part adds to it was left out.

        `CaptioningRNN.loss` serves RNN and LSTM: who skips the LSTM has nothing wrong in it.
        """
        parts = [
            s.part for s in self._specs.values() if (s.module, s.function) == (spec.module, spec.function)
        ]
        if spec.part == parts[0]:
            return False
        own = {(s.module, s.function) for s in self._specs.values() if s.part == spec.part and not s.given}
        added = own & {tuple(name.split(".", 1)) for name in spec.uses}
        return bool(added) and all(self._untouched(module, function) for module, function in added)


def _what_was_found(unknown: NotRecorded) -> Verdict:
    """The failure about which more was to be learnt when an answer was missing; without one, that it was missing."""
    before = unknown.__context__
    while before is not None and not isinstance(before, Failed):
        before = before.__context__
    return before or unknown


def _record(
    spec: Any, outcome: Outcome, message: str = "", hint: str = "", details: tuple[Any, ...] = ()
) -> CheckResult:
    return CheckResult(
        id=spec.id, title=spec.title, part=spec.part, function=spec.function, outcome=outcome,
        message=message, hint=hint, details=details,
    )  # fmt: skip


def _with_own_parts(names: Sequence[str], result: CheckResult) -> str:
    """What a check that passed without some wrong functions came to with them."""
    parts = " and ".join(f"`{name}`" for name in names)
    wrong = (
        f"Your own {parts} {'is' if len(names) == 1 else 'are'} wrong or missing: this was judged without."
    )
    told = result.message and not result.message.startswith("Not judged")
    return f"{wrong} Together: {result.message}" if told else wrong


def _behind_wrong(names: Sequence[str], result: CheckResult) -> CheckResult:
    """A check that may be right in itself, where nobody knows what it should give without the wrong functions."""
    if result.outcome is not Outcome.FAILED:
        return result
    parts = " and ".join(f"`{name}`" for name in names)
    verb = "does" if len(names) == 1 else "do"
    message = (
        f"Not judged here: {parts} {verb} not pass yet, which this is built from. Together: {result.message}"
    )
    return msgspec.structs.replace(
        result, outcome=Outcome.BLOCKED, message=message, hint=f"Mend {parts} first."
    )


def _clear(result: CheckResult, verdict: NotAttempted) -> CheckResult:
    return msgspec.structs.replace(
        result,
        outcome=Outcome.NOT_ATTEMPTED,
        message=verdict.message,
        hint=verdict.hint,
        details=(),
        advice=(),
        own_parts="",
    )


def nothing_done(module: str) -> NotAttempted:
    """About what a module came with."""
    return NotAttempted(
        f"Nothing in `{module}` was attempted yet, so what it came with is not judged either."
    )


def not_attempted(function: str) -> NotAttempted:
    """About a function that was left as it was handed out."""
    return NotAttempted(
        f"`{function}` is not implemented yet.", "Write it between the markers of its region."
    )


def _needs(function: str, other: str) -> Blocked:
    return Blocked(f"`{function}` needs `{other}`, which is not implemented yet.", f"Write `{other}` first.")


def _behind(needed: CheckResult, spec: Any) -> Verdict:
    if needed.function == spec.function:
        return Blocked(
            f"Not judged until `{needed.id}` passes.", "Mend that first: this check builds upon it."
        )
    state = (
        "is not implemented yet"
        if needed.outcome is Outcome.NOT_ATTEMPTED
        else f"does not pass `{needed.id}`"
    )
    return Blocked(f"Not judged: `{needed.function}` {state}.", f"Mend `{needed.function}` first.")
