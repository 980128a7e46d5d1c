"""JUnit XML, in the family that pytest writes (xunit2): GitLab, Jenkins and GitHub's actions read it.

A submission has a suite for each part, a class one for each hand-in. Blocked and untouched checks are skipped,
faults of gradmark are errors. Class name and name together are unique, as GitLab drops what comes twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from xml.etree import ElementTree as ET

from grader.results import CheckResult, Grade, Outcome
from reports import student, text, view
from reports.exports import plain
from reports.exports.source import Entry

_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, 2.2


def submission(grade: Grade, *, staff: bool = False) -> bytes:
    """The file of one submission."""
    shown = grade if staff else student.of(grade)
    suites = [
        _suite(part.score.title, [c for f in part.functions for c in f.checks], "", shown.environment.started)
        for part in view.parts(shown)
    ]
    return b"".join(_file(suites))


def classwide(entries: Iterable[Entry], *, staff: bool = False) -> Iterator[bytes]:
    """The file of a class, piece by piece; suites are called by the hand-in's folder."""
    return _file(
        _suite(entry.key, (entry.grade if staff else student.of(entry.grade)).checks, entry.key, "")
        for entry in entries
    )


def _file(suites: Iterable[ET.Element]) -> Iterator[bytes]:
    yield b'<?xml version="1.0" encoding="utf-8"?>\n<testsuites name="gradmark">\n'
    for suite in suites:
        ET.indent(suite)
        yield ET.tostring(suite, encoding="utf-8") + b"\n"
    yield b"</testsuites>\n"


def _suite(name: str, checks: Iterable[CheckResult], prefix: str, started: str) -> ET.Element:
    cases = list(checks)
    count = {outcome: view.count(cases, outcome) for outcome in Outcome}
    suite = ET.Element(
        "testsuite", name=_legal(name or "other"), tests=str(len(cases)), failures=str(count[Outcome.FAILED]),
        errors=str(count[Outcome.ERRORED]),
        skipped=str(count[Outcome.BLOCKED] + count[Outcome.NOT_ATTEMPTED]),
        time=f"{sum(check.seconds for check in cases):.3f}",
    )  # fmt: skip
    if started:
        suite.set("timestamp", _legal(started))
    for check in cases:
        _case(suite, check, prefix)
    return suite


def _case(suite: ET.Element, check: CheckResult, prefix: str) -> None:
    function, _, name = check.id.rpartition(".")
    classname = ".".join(filter(None, (prefix, function))) or "gradmark"
    case = ET.SubElement(
        suite,
        "testcase",
        classname=_legal(classname),
        name=_legal(name or check.title),
        time=f"{check.seconds:.3f}",
    )
    _outcome(case, check)
    for tag, printed in (("system-out", check.stdout), ("system-err", check.stderr)):
        if printed:
            ET.SubElement(case, tag).text = _block(printed)


def _outcome(case: ET.Element, check: CheckResult) -> None:
    if check.outcome is Outcome.PASSED:
        return
    tag = {Outcome.FAILED: "failure", Outcome.ERRORED: "error"}.get(check.outcome, "skipped")
    made = ET.SubElement(case, tag, message=_legal(check.message or check.title), type=str(check.outcome))
    made.text = _block(f"{plain.title(check)}\n{plain.whole(check)}")


def _legal(value: str) -> str:
    return _ILLEGAL.sub("", text.line(value, text.PROSE_LIMIT))


def _block(value: str) -> str:
    return _ILLEGAL.sub("", text.block(value))
