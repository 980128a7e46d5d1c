"""Exports of a grade: Gradescope, JUnit, GitHub and JSON, each read back by a reader that is not ours."""

from __future__ import annotations

import json
import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import jsonschema
import junitparser
import msgspec
import pytest
from markdown_it import MarkdownIt

from grader.results import CheckResult, Grade, Outcome
from reports.exports import everything, github, gradescope, junit, source
from tests.reports import class_sample, sample

GRADES = [sample.typical(), sample.perfect(), sample.untouched(), sample.empty(), sample.with_hidden()]
HOSTILE = [sample.hostile(text) for text in class_sample.HOSTILE]
UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

VISIBILITY = {"enum": ["visible", "hidden", "after_due_date", "after_published"]}
FORMAT = {"enum": ["text", "html", "simple_format", "md", "ansi"]}
# Written from Gradescope's specification of results.json.
GRADESCOPE = {
    "type": "object",
    "required": ["tests", "score"],
    "additionalProperties": False,
    "properties": {
        "score": {"type": "number"}, "execution_time": {"type": "number"}, "output": {"type": "string"},
        "output_format": FORMAT, "test_output_format": FORMAT, "test_name_format": FORMAT,
        "visibility": VISIBILITY, "stdout_visibility": VISIBILITY, "extra_data": {"type": "object"},
        "leaderboard": {"type": "array"},
        "tests": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["name", "status"],
                "properties": {
                    "score": {"type": "number"}, "max_score": {"type": "number", "minimum": 0},
                    "status": {"enum": ["passed", "failed"]}, "name": {"type": "string", "minLength": 1},
                    "name_format": FORMAT, "number": {"type": "string"}, "output": {"type": "string"},
                    "output_format": FORMAT, "tags": {"type": "array", "items": {"type": "string"}},
                    "visibility": VISIBILITY, "extra_data": {"type": "object"},
                },
                "dependentRequired": {"score": ["max_score"], "max_score": ["score"]},
            },
        },
    },
}  # fmt: skip


def strict(content: bytes) -> dict[str, object]:
    """JSON without NaN and Infinity."""
    return json.loads(content, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))


@pytest.mark.parametrize("grade", [*GRADES, *HOSTILE])
@pytest.mark.parametrize("staff", [False, True])
def test_gradescope_takes_the_file(grade: Grade, staff: bool) -> None:
    """It fits the schema, points and maxima add up to the grade's, nothing unseen is in any text."""
    found = strict(gradescope.render(grade, staff=staff))
    jsonschema.validate(found, GRADESCOPE)
    assert found["score"] == grade.points
    if sum(part.points for part in grade.parts) == sum(check.points for check in grade.checks):
        assert sum(test.get("score", 0) for test in found["tests"]) == grade.points
    for text in [found["output"], *(test[key] for test in found["tests"] for key in ("name", "output"))]:
        assert not UNSEEN.search(text)


def complete(grade: Grade) -> Grade:
    """`grade` whose parts are the sums of its checks."""
    parts = [
        msgspec.structs.replace(
            part, points=sum(c.points for c in grade.checks if c.part == part.id),
            max_points=sum(c.max_points for c in grade.checks if c.part == part.id),
        )
        for part in grade.parts
    ]  # fmt: skip
    return msgspec.structs.replace(
        grade, parts=tuple(parts), points=sum(p.points for p in parts),
        max_points=sum(p.max_points for p in parts if not p.extra_credit),
    )  # fmt: skip


def test_gradescopes_maxima_are_the_assignments_points() -> None:
    """Extra credit has points and no maximum, so that the maxima add up to the points without it."""
    grade = complete(sample.typical())
    tests = strict(gradescope.render(grade))["tests"]
    assert sum(test.get("max_score", 0) for test in tests) == grade.max_points
    assert sum(test.get("score", 0) for test in tests) == grade.points
    assert any(
        "(extra credit)" in test["name"] and test["max_score"] == 0 and test["score"] == 3 for test in tests
    )


@pytest.mark.parametrize("passed", [False, True])
def test_students_see_nothing_of_hidden_checks(passed: bool) -> None:
    """Hidden checks and flags are in no export for students, but their points are counted; staff have them."""
    grade = sample.with_hidden(passed)
    doors = (gradescope.render, junit.submission, lambda g, **o: github.summary(g, **o).encode(),
             lambda g, **o: github.commands(g, **o).encode())  # fmt: skip
    for door in doors:
        assert sample.SECRET.encode() not in door(grade)
    assert sample.SECRET.encode() in junit.submission(grade, staff=True)
    shown = strict(gradescope.render(grade))
    assert "visibility" not in {key for test in shown["tests"] for key in test}
    assert sum(test.get("max_score", 0) for test in shown["tests"]) == grade.max_points
    hidden = [test for test in strict(gradescope.render(grade, staff=True))["tests"] if "visibility" in test]
    assert len(hidden) == 2


def test_gradescope_is_told_of_faults_and_partial_runs() -> None:
    """Undecided points are announced; an unfinished run says that it is one and whose fault it is not."""
    assert "2 points are undecided" in strict(gradescope.render(sample.typical()))["output"]
    partial = strict(gradescope.render(sample.typical(), partial=True, note="3 of 9 checks are done."))
    jsonschema.validate(partial, GRADESCOPE)
    assert "no fault of your work" in partial["output"]
    assert "3 of 9" in partial["output"]
    failed = strict(gradescope.failed("Not a zip.\x1b[31m", "Hand in a zip."))
    jsonschema.validate(failed, GRADESCOPE)
    assert failed["output"] == "Not a zip.\nHand in a zip."


def test_gradescopes_file_stays_small() -> None:
    """A submission that prints megabytes at every check does not make a file that no page can show."""
    loud = [
        sample.check(f"f.c{n}", Outcome.FAILED, message="x" * 9_000, stdout="y" * 60_000) for n in range(900)
    ]
    made = gradescope.render(msgspec.structs.replace(sample.typical(), checks=tuple(loud)))
    assert len(made) < 2_500_000


@pytest.mark.parametrize("grade", GRADES)
def test_junit_is_read_by_junitparser(grade: Grade) -> None:
    """Every shown check is a case of its own, with the outcome that it had, and the totals agree."""
    found = junitparser.JUnitXml.fromstring(junit.submission(grade, staff=True))
    cases = [case for suite in found for case in suite]
    assert Counter(map(outcome, cases)) == Counter(check.outcome for check in simplified(grade))
    assert len({(case.classname, case.name) for case in cases}) == len(grade.checks)
    for suite in found:
        assert suite.tests == len(list(suite))
        assert suite.failures == sum(outcome(case) is Outcome.FAILED for case in suite)
        assert suite.errors == sum(outcome(case) is Outcome.ERRORED for case in suite)


def simplified(grade: Grade) -> list[CheckResult]:
    """Blocked and untouched are both skipped in JUnit."""
    skipped = (Outcome.BLOCKED, Outcome.NOT_ATTEMPTED)
    return [
        msgspec.structs.replace(check, outcome=Outcome.BLOCKED) if check.outcome in skipped else check
        for check in grade.checks
    ]


def outcome(case: junitparser.TestCase) -> Outcome:
    """What junitparser makes of a case."""
    kinds = {
        junitparser.Failure: Outcome.FAILED,
        junitparser.Error: Outcome.ERRORED,
        junitparser.Skipped: Outcome.BLOCKED,
    }
    assert len(case.result) <= 1
    return kinds[type(case.result[0])] if case.result else Outcome.PASSED


@pytest.mark.parametrize("grade", HOSTILE)
def test_junit_with_hostile_text_is_xml(grade: Grade) -> None:
    """Any text makes a file that a strict XML reader takes, with no element of the text's own."""
    content = junit.submission(grade, staff=True)
    tags = {element.tag for element in ET.fromstring(content).iter()}
    assert tags <= {
        "testsuites",
        "testsuite",
        "testcase",
        "failure",
        "error",
        "skipped",
        "system-out",
        "system-err",
    }
    assert len(list(junitparser.JUnitXml.fromstring(content))) >= 1


def test_junit_of_a_class(tmp_path: Path) -> None:
    """A suite for each hand-in that counts, a group's once, and no case twice."""
    result, grade = class_sample.typical()
    again = msgspec.structs.replace(result.students[0], id="partner")
    result = msgspec.structs.replace(result, students=(*result.students, again))
    read = source.read(class_sample.lay(tmp_path, result, grade))
    found = junitparser.JUnitXml.fromstring(b"".join(junit.classwide(read.entries())))
    assert [suite.name for suite in found] == [f"s{n}" for n in range(1, 7)]
    names = [(case.classname, case.name) for suite in found for case in suite]
    assert len(set(names)) == len(names) == 6 * len(grade.checks)


COMMAND = re.compile(r"^::(error|warning|notice) ([^:\r\n]*)::([^\r\n]*)$")


def commands(output: str) -> list[tuple[str, dict[str, str], str]]:
    """What GitHub's runner makes of the lines: kind, properties, message. Any other line fails."""
    found = []
    for line in output.split("\n")[:-1]:
        match = COMMAND.match(line)
        assert match, line
        pairs = dict(pair.split("=", 1) for pair in match[2].split(","))
        decoded = {key: decode(value, ":,") for key, value in pairs.items()}
        found.append((match[1], decoded, decode(match[3], "")))
    return found


def decode(value: str, more: str) -> str:
    """Percent codes as actions/runner undoes them, `%25` last."""
    for sign in "\r\n" + more:
        value = value.replace(f"%{ord(sign):02X}", sign)
    return value.replace("%25", "%")


@pytest.mark.parametrize("grade", [*GRADES, *HOSTILE])
def test_githubs_commands_are_ours_alone(grade: Grade) -> None:
    """Every line is one annotation with known properties; no text can begin a command of its own."""
    for kind, properties, _ in commands(github.commands(grade, staff=True)):
        assert kind in {"error", "warning", "notice"}
        assert set(properties) <= {"file", "line", "title"}


def test_githubs_annotations_are_placed() -> None:
    """File and line come from the traceback, the file alone from the function, below the folder that was named."""
    found = commands(github.commands(sample.typical(), prefix="hw/a3"))
    places = [(p.get("file"), p.get("line")) for kind, p, _ in found if kind == "error"]
    assert places == [("hw/a3/cs231n/rnn_layers.py", None)] * 2 + [("hw/a3/cs231n/rnn_layers.py", "93")]


def test_github_gets_ten_of_a_kind() -> None:
    """Of fifty failures nine are shown, and the tenth says how many more there are."""
    failed = tuple(sample.check(f"f.c{n}", Outcome.FAILED, message="no") for n in range(50))
    found = commands(github.commands(msgspec.structs.replace(sample.typical(), checks=failed)))
    assert len(found) == 10
    assert "41 more" in found[-1][2]


class Tags(HTMLParser):
    """The elements and the text of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, list[tuple[str, str | None]]]] = []
        self.words = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, attrs))

    def handle_data(self, data: str) -> None:
        self.words += data


def rendered(markdown: str) -> Tags:
    """The summary as a Markdown reader with HTML, tables and addresses shows it."""
    page = Tags()
    page.feed(MarkdownIt("gfm-like", {"html": True, "linkify": False}).render(markdown))
    return page


@pytest.mark.parametrize("grade", [*GRADES, *HOSTILE])
def test_githubs_summary_is_no_markup_of_the_students(grade: Grade) -> None:
    """Rendered, it has our own elements alone, without any attribute: no link, no picture, no mention."""
    page = rendered(github.summary(grade, staff=True))
    assert {tag for tag, _ in page.tags} <= {
        "h2", "p", "table", "tr", "th", "td", "code", "pre", "ul", "li", "details", "summary",
    }  # fmt: skip
    assert not any(attributes for _, attributes in page.tags)


def test_githubs_summary_can_be_read() -> None:
    """Score, parts, messages and evidence arrive as they are."""
    words = rendered(github.summary(sample.typical())).words
    for said in (
        "24 of 36 points",
        "Vanilla RNN captioning",
        "`dWx` is twice",
        "1 - next_h**2",
        "expected 0.41235",
    ):
        assert said in words


@pytest.mark.parametrize("room", [0, 500, 5_000, github.MOST_SUMMARY])
def test_githubs_summary_keeps_its_limit(room: int) -> None:
    """It never takes more bytes than there are, and says what it left out."""
    loud = [
        sample.check(f"f.c{n}", Outcome.FAILED, message="é|" * 900, stdout="y" * 9_000) for n in range(900)
    ]
    made = github.summary(msgspec.structs.replace(sample.typical(), checks=tuple(loud)), room=room)
    assert len(made.encode()) <= room
    assert room < 5_000 or "more checks did not fit" in made


def test_one_json_of_everything(tmp_path: Path) -> None:
    """The document holds the class as it is and every result, with whose it is."""
    result, grade = class_sample.typical()
    read = source.read(class_sample.lay(tmp_path, result, grade))
    found = strict(b"".join(everything.render(read)))
    assert found["class"] == json.loads((tmp_path / "class.json").read_bytes())
    assert (found["results"][0]["key"], found["results"][0]["students"]) == ("s1", ["001"])
    assert found["results"][0]["result"] == json.loads((tmp_path / "submissions/s1/result.json").read_bytes())
    assert len(found["results"]) == 6


@pytest.mark.parametrize("text", class_sample.HOSTILE)
def test_everything_with_hostile_text_is_json(tmp_path: Path, text: str) -> None:
    """Any text in any place gives a document that a strict reader takes."""
    read = source.read(class_sample.lay(tmp_path, *class_sample.hostile(text)))
    assert len(strict(b"".join(everything.render(read)))["class"]["students"]) == 2


def test_a_single_submission_is_a_document_too(tmp_path: Path) -> None:
    """Without a class the field is null."""
    result, grade = class_sample.typical()
    class_sample.lay(tmp_path, result, grade)
    found = strict(b"".join(everything.render(source.read(tmp_path / "submissions" / "s1"))))
    assert found["class"] is None
    assert len(found["results"]) == 1
