"""The pytest adapter: pytest finds and selects the `check_*` functions, a `Judge` runs them.

They are collected once and run for many submissions. Nothing else in gradmark imports pytest. Collecting is
hermetic: our own ini file, no plugins, no conftest and no options from outside.
"""

from __future__ import annotations

import contextlib
import functools
import io
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pytest

from grader.errors import GradmarkError, UsageError
from grader.places import ROOT
from grader.subject import MODULES

INI = ROOT / "checks" / "pytest.ini"  # for the checks of every assignment
_QUIET = (
    "cacheprovider", "capture", "debugging", "doctest", "faulthandler", "junitxml", "logging", "monkeypatch",
    "pastebin", "recwarn", "setuponly", "setupplan", "stepwise", "terminal", "threadexception", "tmpdir",
    "unittest", "unraisableexception", "warnings",
)  # fmt: skip


class Spec(Protocol):
    """What the adapter needs to know of a check (see `checks.declare.CheckSpec`)."""

    @property
    def id(self) -> str: ...
    @property
    def module(self) -> str: ...


class Judge(Protocol):
    """Takes over the running of one check; never raises for what a check does."""

    def fixture(self, name: str, spec: Any) -> Any: ...

    def judge(self, spec: Any, body: Callable[[], None]) -> None: ...


class _Selection:
    """Collects the declared checks, in the order of the assignment."""

    def __init__(self, modules: Iterable[str]) -> None:
        self._order = {module: i for i, module in enumerate(modules)}
        self.items: list[pytest.Item] = []
        self.broken: list[str] = []  # why check files could not be collected
        self.interrupted = False

    def pytest_keyboard_interrupt(self) -> None:
        self.interrupted = True  # pytest keeps Ctrl-C to itself; it comes here for broken files, too

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.broken.append(f"{report.nodeid}: {report.longreprtext[-1500:]}")

    @pytest.hookimpl(tryfirst=True)
    def pytest_pycollect_makeitem(self, collector: Any, name: str, obj: object) -> list[pytest.Item] | None:
        if name.startswith("check_") and not hasattr(obj, "gradmark"):
            return []
        return None

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items.sort(key=lambda item: self._order.get(spec_of(item).module, len(self._order)))
        for item in items:
            item.extra_keyword_matches.add(spec_of(item).id)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.items = list(session.items)


def spec_of(item: Any) -> Any:
    """The declaration of a collected check."""
    return item.obj.gradmark


@dataclass(frozen=True)
class Collected:
    """One check as pytest found it."""

    spec: Any
    claim: str  # the first line of its docstring
    body: Callable[..., None]
    arguments: tuple[str, ...]  # names of what it is given


def collect(folder: Path, select: str = "", modules: Iterable[str] = MODULES) -> list[Collected]:
    """The checks in `folder` that `select` (pytest's -k) keeps, in the order of the assignment's `modules`.

    Raises `UsageError` when the expression is wrong or keeps nothing, `GradmarkError` for a broken check file.
    """
    plugin = _Selection(modules)
    with _imported_apart(folder):
        _main(folder, select, plugin)
    if not plugin.items:
        raise UsageError(f"-k {select!r} selects no check.", "`gradmark list` shows the names of all checks.")
    return [_collected(item) for item in plugin.items]


def _collected(item: Any) -> Collected:
    claim = (item.obj.__doc__ or "").strip().partition("\n")[0]
    return Collected(item.obj.gradmark, claim, item.obj, tuple(item._fixtureinfo.argnames))


def run(checks: Iterable[Collected], judge: Judge) -> None:
    """Runs collected checks one after the other, without pytest's setup and teardown, which take longer than most.

    What each found is the judge's to keep; completeness is the caller's to verify.
    """
    for check in checks:
        arguments = {name: judge.fixture(name, check.spec) for name in check.arguments}
        judge.judge(check.spec, functools.partial(check.body, **arguments))


def _main(folder: Path, select: str, plugin: _Selection) -> None:
    arguments = [
        "-c", str(INI), "--rootdir", str(folder), "--import-mode=importlib", "--noconftest",
        "--collect-only",
    ]  # fmt: skip
    for name in _QUIET:
        arguments += ["-p", f"no:{name}"]
    if select:
        arguments += ["-k", select]
    said = io.StringIO()
    settings = _environment(PYTEST_DISABLE_PLUGIN_AUTOLOAD="1", PYTEST_ADDOPTS="", PYTEST_PLUGINS="")
    with settings, contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        status = pytest.main([*arguments, str(folder)], plugins=[plugin])
    if plugin.broken:
        raise GradmarkError(
            "\n".join(["Some check files can't be read:", *plugin.broken]), "Mend them, then try again."
        )
    if plugin.interrupted:
        raise KeyboardInterrupt
    if status == pytest.ExitCode.USAGE_ERROR:
        lines = [line.strip() for line in said.getvalue().splitlines() if line.strip()]
        raise UsageError(
            f"-k {select!r} can't be understood: {' '.join(lines)[:300]}", "Write it as for pytest's -k."
        )
    if status not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        raise GradmarkError(
            f"The checks in {folder} can't be collected:\n{said.getvalue()[-2000:]}",
            "Mend the check file named above.",
        )


@contextlib.contextmanager
def _imported_apart(folder: Path) -> Iterator[None]:
    """Check files of two assignments may have one name: none stays known by it, and none is taken for the other.

    Files beside them can be imported meanwhile, which a check file does at its top.
    """
    if folder.is_relative_to(ROOT / "checks"):
        yield
        return
    before, path = set(sys.modules), list(sys.path)
    sys.path.append(str(folder))
    try:
        yield
    finally:
        sys.path[:] = path
        for name in set(sys.modules) - before:
            file = getattr(sys.modules[name], "__file__", None)
            if file and Path(file).is_relative_to(folder):
                del sys.modules[name]


@contextlib.contextmanager
def _environment(**values: str) -> Iterator[None]:
    """These environment variables for a while; an empty value removes one."""
    before: Mapping[str, str | None] = {name: os.environ.get(name) for name in values}
    for name, value in values.items():
        _set(name, value or None)
    try:
        yield
    finally:
        for name, old in before.items():
            _set(name, old)


def _set(name: str, value: str | None) -> None:
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value
