"""Names the mistake behind a failed check: a known one, when the submission answers as the reference with it would.

A known mistake is a small variation of the reference. The failed check is repeated with the varied reference in the
student's place; when all that it answers equals all that the submission answered, on two sets of inputs, the mistake's
sentence explains the failure. The second set is that of another check that failed, if the mistake fails it, too: it
is asked anyway. Nothing here changes an outcome or a point.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Protocol

import msgspec

from grader.answers import AGAIN, CLOSER, Answers, Decided, agrees
from grader.brief import briefly
from grader.errors import SandboxError, Verdict
from grader.judge import generator
from grader.plugin import Collected
from grader.reference import Reference
from grader.replay import Replays, Variations
from grader.results import CheckResult, KnownMistake, Limits, Outcome
from grader.sandbox.client import Zygote
from grader.subject import Heard, Subject

MOST_REPLAYS = 150  # per submission, some ms each: counted, not timed, so that every run says the same
ENOUGH = 2  # checks of its function in which a mistake was tried in vain: the rest would say the same
MOST_BYTES = 32 << 20  # of answers kept for the next submissions with the same seed
SECOND = 0x5EC0  # what the seed of the second set of inputs differs by


class Mistake(Protocol):
    """What is needed of a known mistake (see `checks.mistakes.declare.Mistake`)."""

    @property
    def id(self) -> str: ...
    @property
    def function(self) -> str: ...
    @property
    def sentence(self) -> str: ...
    @property
    def hint(self) -> str: ...
    @property
    def caught_by(self) -> tuple[str, ...]: ...


Vary = Callable[[Any, Path], tuple[str, str]]
"""Path and text of the file that a mistake changes, given the mistake and the folder of the reference."""


class Explainer:
    """Explains failed checks of one submission after the other; keeps what known mistakes answered.

    checks: all that may have failed; mistakes: the known ones; vary: makes a mistake's file.
    """

    def __init__(
        self, zygote: Zygote, reference: Reference, limits: Limits, checks: Iterable[Collected],
        mistakes: Iterable[Mistake], vary: Vary,
    ) -> None:  # fmt: skip
        self._zygote = zygote
        self._reference = reference
        self._limits = msgspec.structs.replace(
            limits, call_seconds=40.0, call_cpu_seconds=5.0, submission_seconds=60.0
        )
        self._checks = {check.spec.id: check for check in checks}
        self._vary = vary
        self._by_function: dict[str, list[Mistake]] = {}
        for mistake in mistakes:
            self._by_function.setdefault(mistake.function, []).append(mistake)
        self._kept: OrderedDict[tuple[str, str, int], tuple[Answers, int]] = OrderedDict()  # with their bytes
        self._bytes = 0
        self._replays = 0
        self._in_vain: Counter[str] = Counter()  # in how many checks of its function each was tried in vain
        self._asked: dict[str, Answers] = {}  # of this submission, by check
        self._texts: dict[str, tuple[str, str]] = {}
        self._varied = Variations(zygote, reference, self._limits)

    def close(self) -> None:
        """Ends the process that plays the mistakes."""
        self._varied.remove()

    def explain(
        self, student: Subject, results: Mapping[str, CheckResult], repeatable: Iterable[str], seed: int
    ) -> dict[str, CheckResult]:
        """The results of a submission, those of explained failures with `mistake` set.

        student: goes on in its process; repeatable: ids of failures that left the worker alive; seed: of the inputs
        with which they failed.
        """
        self._replays = 0
        self._in_vain.clear()
        self._asked.clear()
        explained, found = dict(results), list[Mistake]()
        failed = [id for id in repeatable if results[id].outcome is Outcome.FAILED]
        with closing(Replays(self._zygote, student.folder, self._limits, student.modules, student)) as work:
            for number, id in enumerate(failed):
                others = [self._checks[other] for other in failed[number + 1 :]]
                mistake = self._search(self._checks[id], work, seed, found, results, others)
                if mistake is not None:
                    known = KnownMistake(
                        id=mistake.id, function=mistake.function, sentence=mistake.sentence, hint=mistake.hint
                    )
                    explained[id] = msgspec.structs.replace(explained[id], mistake=known)
                    found = [mistake, *(other for other in found if other is not mistake)]
        return explained

    def alike(self, one: Mistake, other: Mistake, ids: Iterable[str], seed: int) -> bool:
        """Whether two mistakes can't be told apart by these checks: then a submission with one has the other, too."""
        for id in ids:
            check = self._checks[id]
            answers = self._ask_varied(check, one, seed, right=self._right(check, seed))
            if not answers.fit(self._ask_varied(check, other, seed, like=answers)):
                return False
        return True

    def _search(
        self, check: Collected, work: Replays, seed: int, found: Sequence[Mistake],
        results: Mapping[str, CheckResult], others: Sequence[Collected],
    ) -> Mistake | None:  # fmt: skip
        """The mistake that explains a failure. On other inputs, too; those in `found` did that in another check.

        others: the checks that failed and are looked at later.
        """
        candidates = self._candidates(check, found, results)
        answers = self._answers(check, work, seed) if candidates else Answers()
        if self._all_right(check, seed, answers):
            return None  # what the check found wrong is not among the answers: an object, a file, a stream
        again: Answers | None = None
        for mistake in candidates:
            if not self._answers_like(mistake, check, seed, answers):
                self._in_vain[mistake.id] += mistake.function == _function(check)
                continue
            if mistake in found or self._explains_another(mistake, others, work, seed):
                return mistake
            if again is None:
                again = self._ask(check, work, seed ^ SECOND, AGAIN)
            if self._answers_like(mistake, check, seed ^ SECOND, again):
                return mistake
        return None

    def _explains_another(
        self, mistake: Mistake, others: Sequence[Collected], work: Replays, seed: int
    ) -> bool:
        """Whether a further check of its function failed as it fails with this mistake."""
        for check in others:
            if _function(check) == mistake.function and check.spec.id in mistake.caught_by:
                answers = self._answers(check, work, seed)
                right = self._all_right(check, seed, answers)
                return not right and self._answers_like(mistake, check, seed, answers)
        return False

    def _answers(self, check: Collected, work: Replays, seed: int) -> Answers:
        """What the submission answers in a check; asked once."""
        id = check.spec.id
        if id not in self._asked:
            self._asked[id] = self._ask(check, work, seed)
        return self._asked[id]

    def _all_right(self, check: Collected, seed: int, answers: Answers) -> bool:
        return all(agrees(answer, self._right(check, seed), i) for i, answer in enumerate(answers))

    def _candidates(
        self, check: Collected, found: Sequence[Mistake], results: Mapping[str, CheckResult]
    ) -> list[Mistake]:
        """Mistakes found in this submission already, then those of the function: what this check catches first.

        Not those that a check would have caught which passed, nor those that were tried in vain; of the others first
        those that more checks catch.
        """
        own = self._by_function.get(_function(check), [])
        possible = [
            mistake for mistake in own
            if self._in_vain[mistake.id] < ENOUGH and not any(_acquits(results.get(id)) for id in mistake.caught_by)
        ]  # fmt: skip
        caught = sorted(possible, key=lambda m: (check.spec.id not in m.caught_by, -len(m.caught_by)))
        near = [mistake for mistake in found if mistake.function.partition(".")[0] in _modules(check)]
        return [*near, *(mistake for mistake in caught if mistake not in near)]

    def _right(self, check: Collected, seed: int) -> Answers:
        """What the reference answers without a mistake."""
        key = ("", check.spec.id, seed)
        right = self._take(key)
        if right is None:
            right = self._ask_varied(check, None, seed)
        self._keep(key, right)
        return right

    def _answers_like(self, mistake: Mistake, check: Collected, seed: int, answers: Answers) -> bool:
        """Whether the reference with this mistake gives these answers in a check; asked only as far as they agree."""
        self._replays += 1
        if self._replays > MOST_REPLAYS:  # also what is known by now: else it hung on who was graded before
            return False
        key = (mistake.id, check.spec.id, seed)
        known = self._take(key)
        if known is None or answers.fit(known) is None:
            known = self._ask_varied(check, mistake, seed, like=answers)
            known.share(self._right(check, seed))
        self._keep(key, known, self._right(check, seed))
        return answers.fit(known) is True

    def _take(self, key: tuple[str, str, int]) -> Answers | None:
        answers, size = self._kept.pop(key, (None, 0))
        self._bytes -= size
        return answers

    def _keep(self, key: tuple[str, str, int], answers: Answers, right: Sequence[Heard] = ()) -> None:
        self._kept[key] = answers, answers.bytes_beside(right)
        self._bytes += self._kept[key][1]
        while self._bytes > MOST_BYTES:
            self._take(next(iter(self._kept)))

    def _ask(self, check: Collected, work: Replays, seed: int, closer: int = CLOSER) -> Answers:
        """What the submission answers in a check, and `closer` answers after the first wrong one."""
        heard = Answers(right=self._right(check, seed), closer=closer)
        with suppress(Verdict, SandboxError), work.anew() as subject:
            self._hear(check, subject, seed, heard)
        return heard  # without a process there is no answer

    def _ask_varied(
        self,
        check: Collected,
        mistake: Mistake | None,
        seed: int,
        right: Answers | None = None,
        like: Answers | None = None,
    ) -> Answers:
        """What the reference answers with this mistake (or none), as far as `right` and `like` ask for it."""
        heard = Answers(right, like)
        with suppress(Verdict, SandboxError), self._varied.anew(*self._text(mistake)) as subject:
            self._hear(check, subject, seed, heard)
        return heard

    def _hear(self, check: Collected, subject: Subject, seed: int, heard: Answers) -> None:
        self._reference.begin()
        subject.heard = heard
        given = {
            "student": subject, "reference": self._reference, "rng": generator(seed, check.spec.id),
            "advise": lambda text: None,
        }  # fmt: skip
        with suppress(Verdict, SandboxError, Decided), briefly():
            check.body(**{name: given[name] for name in check.arguments})

    def _text(self, mistake: Mistake | None) -> tuple[str, str]:
        """The file that a mistake changes, and its text; without a mistake any file as it is."""
        if mistake is None:
            file = next(iter(self._reference.modules.values())).replace(".", "/") + ".py"
            return file, (self._reference.folder / file).read_text("utf-8")
        if mistake.id not in self._texts:
            self._texts[mistake.id] = self._vary(mistake, self._reference.folder)
        return self._texts[mistake.id]


def _function(check: Collected) -> str:
    return f"{check.spec.module}.{check.spec.function}"


def _acquits(result: CheckResult | None) -> bool:
    return result is not None and result.outcome is Outcome.PASSED and not result.own_parts


def _modules(check: Collected) -> set[str]:
    """The module of what is checked, and of all that this is built from."""
    names = (*check.spec.uses, *(name for pair in check.spec.stand_ins for name in pair))
    return {check.spec.module, *(name.partition(".")[0] for name in names)}
