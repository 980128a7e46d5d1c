"""What a student may see of a grade: hidden checks only as points among others, and no flags.

Made from the records, before anything is rendered: what is not in the grade can't be found in a page's source.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import partial

import msgspec

from grader.results import CheckResult, Grade, NotebookResult

HIDDEN = "hidden"  # a visibility
ANOTHER = "another check"  # stands for the id of a hidden one


def of(grade: Grade) -> Grade:
    """`grade` without hidden checks and flags; the points of parts and total still count them.

    Public checks may name a hidden one as the reason why they were not judged: its id is replaced.
    """
    hidden = [check.id for check in grade.checks if check.visibility == HIDDEN]
    shown = tuple(check for check in grade.checks if check.visibility != HIDDEN)
    notebooks = tuple(map(_without_key, grade.notebooks))
    return msgspec.structs.replace(grade, checks=_without_names(shown, hidden), flags=(), notebooks=notebooks)


def _without_key(notebook: NotebookResult) -> NotebookResult:
    """The rubric of an inline question says what the answer is."""
    answers = tuple(msgspec.structs.replace(answer, rubric="", automatic=()) for answer in notebook.answers)
    return msgspec.structs.replace(notebook, answers=answers)


def _without_names(checks: tuple[CheckResult, ...], hidden: Iterable[str]) -> tuple[CheckResult, ...]:
    names = "|".join(map(re.escape, hidden))
    if not names:
        return checks
    # whole ids: one may be the beginning of another
    replace = partial(re.compile(rf"`?(?<![\w.])(?:{names})(?!\w|\.\w)`?").sub, ANOTHER)
    return tuple(
        msgspec.structs.replace(
            check,
            message=replace(check.message),
            hint=replace(check.hint),
            advice=tuple(map(replace, check.advice)),
            own_parts=replace(check.own_parts),
        )
        for check in checks
    )
