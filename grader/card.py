"""`check("rnn_step_forward")` in a notebook or at a Python prompt: the same checks, shown as a card.

A `Checker` stays warm between calls. What runs is what is saved in the folder: not what the notebook has imported.
"""

from __future__ import annotations

import atexit
import difflib
import io
from collections.abc import Iterable
from pathlib import Path

from rich.console import Console

from grader import own_folder
from grader.cli_check import AGAIN
from grader.errors import GradmarkError, UsageError
from grader.plugin import Collected
from grader.results import Grade, Problem
from grader.selfcheck import Checker
from grader.subject import MODULES
from reports import card, self_check
from reports.text import PROSE_LIMIT, clean

MOST_SUGGESTED = 3
WIDTH = 100


class Card:
    """What some checks gave; shows itself in a notebook and at a prompt."""

    def __init__(self, grade: Grade, folder: Path, where: str, broken: Iterable[Problem]) -> None:
        self.grade, self.folder, self.where, self.broken = grade, folder, where, tuple(broken)

    def _repr_html_(self) -> str:
        return card.html(
            self.grade, folder=str(self.folder), where=self.where, broken=self.broken, again=AGAIN
        )

    def __repr__(self) -> str:
        said = io.StringIO()
        out = Console(file=said, width=WIDTH, color_system=None, force_terminal=False, force_jupyter=False)
        self_check.show(self.grade, out, self.where, self.broken)
        return said.getvalue().rstrip()


class Told:
    """Why nothing was checked: no traceback, since the caller can mend it."""

    def __init__(self, error: GradmarkError) -> None:
        self.message = clean(str(error), PROSE_LIMIT)

    def __repr__(self) -> str:
        return self.message


def check(what: str = "", folder: str | Path = ".", *, seed: int | None = None) -> Card | Told:
    """Checks what is saved in the folder of the notebook (or in `folder`), and shows how it does.

    what: a function ("rnn_step_forward"), a check's id, or words as for pytest's -k; everything, when empty.
    seed: draws the same inputs again.
    """
    try:
        checker = _warm(own_folder.find(Path(folder)))
        checks = chosen(checker, what)
        try:
            grade = checker.check(checks, seed=seed, select=what)
        finally:
            checker.clear()
    except GradmarkError as error:
        return Told(error)
    atexit.unregister(_close)  # anew, so that it comes before what warm parents have registered
    atexit.register(_close)
    step = self_check.next_step(grade)
    module = MODULES.get(checker.modules.get(step.check.id, ""), "") if step else ""
    where = own_folder.place(checker.folder, module, step.check) if step and module else ""
    return Card(grade, checker.folder, where, checker.broken)


_checkers: dict[Path, Checker] = {}


def _warm(folder: Path) -> Checker:
    if folder not in _checkers:
        _checkers[folder] = Checker(folder)
    return _checkers[folder]


def _close() -> None:
    for checker in _checkers.values():
        checker.close()


def chosen(checker: Checker, what: str) -> list[Collected]:
    """The checks of a function, of an id, or of an expression. Raises `UsageError` with names that are like it."""
    every = checker.selected()
    for named in (_is_id, _is_function):
        if found := [one for one in every if not what or named(one, what)]:
            return found
    try:
        return checker.selected(what)
    except UsageError as error:
        names = {one.spec.function for one in every} | {one.spec.id for one in every}
        alike = difflib.get_close_matches(what, sorted(names), MOST_SUGGESTED)
        if not alike:
            raise
        raise UsageError(f"Nothing is called {what!r}.", f"Is it {' or '.join(map(repr, alike))}?") from error


def _is_id(one: Collected, what: str) -> bool:
    return bool(one.spec.id == what)


def _is_function(one: Collected, what: str) -> bool:
    """By its name, by its name with the module, or (for a method) by its last part."""
    function = one.spec.function
    return what in (function, f"{one.spec.module}.{function}", function.rpartition(".")[2])
