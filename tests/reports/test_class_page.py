"""The page of a class: what it counts, whom it names, and that it holds nothing of anybody's but text."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote

import msgspec
import pytest
from typer.testing import CliRunner

from grader import cli
from grader.class_results import ClassResult, Status
from grader.errors import UsageError
from grader.results import Grade, Outcome
from reports import class_page
from reports.class_summary import Summary, summed
from tests.reports import class_sample as made
from tests.reports import sample

NAMES = re.compile(r"Ana\d|Silva|00\d|ana\d|90\d\d|s\d\.zip|submissions/|report\.html")


class Parsed(HTMLParser):
    """The elements of a page, and its text outside of style and script."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words, self._quiet = "", ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._quiet = tag if tag in {"style", "script"} else ""

    def handle_data(self, data: str) -> None:
        self.words += "" if self._quiet else data

    def handle_endtag(self, tag: str) -> None:
        self._quiet = ""

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of every element of this kind."""
        return [attributes for name, attributes in self.elements if name == tag]


def of(folder: Path, result: ClassResult, grade: Grade) -> Summary:
    """The summary of a class whose hand-ins all have this grade."""
    return summed(made.lay(folder, result, grade), result)


@pytest.fixture
def typical(tmp_path: Path) -> Summary:
    """The sample class."""
    return of(tmp_path, *made.typical())


def test_the_summary_counts_what_there_is(typical: Summary) -> None:
    """Each check over six hand-ins, mistakes over six students; a fault of gradmark is no verdict."""
    assert typical.outcomes == 6 * 17
    failed = typical.checks["rnn_layers.rnn_step_backward.gradient"]
    assert (failed.counts[Outcome.FAILED], failed.rate) == (6, 0.0)
    fault = typical.checks["rnn_layers.rnn_forward.values"]
    assert (fault.judged, fault.rate) == (0, None)
    assert [len(each.students) for each in typical.mistakes] == [6, 6, 6, 6]
    assert typical.mistakes[0].sentence == "the bias `b` is not added"
    assert typical.points == (20, 36, 5, 20)
    assert typical.count(Status.MISSING) == 1


def test_a_students_mistake_counts_once_however_many_checks_it_fails(tmp_path: Path) -> None:
    """Two checks explained by one mistake, and two groups of one message with other numbers, are one each."""
    checks = (
        sample.check("f.a", Outcome.FAILED, mistake=made.KNOWN), sample.check("f.b", Outcome.FAILED, mistake=made.KNOWN),
        sample.check("g.a", Outcome.FAILED, message="3 of 20 are off by 1.5e-3"),
        sample.check("g.b", Outcome.FAILED, message="18 of 20 are off by -2"),
    )  # fmt: skip
    grade = msgspec.structs.replace(sample.typical(), checks=checks)
    pair = [made.student(1), msgspec.structs.replace(made.student(2), attempts=(made.attempt("s1"),))]
    summary = of(tmp_path, made.classroom(pair), grade)
    assert [(len(each.students), len(each.checks)) for each in summary.mistakes] == [(2, 2), (2, 2)]
    assert summary.checks["rnn_layers.f.a"].counts[Outcome.FAILED] == 1  # a group's hand-in


@pytest.mark.parametrize("points", [[0], [36, 36], [-4, 0, 40], list(range(37)), [0, 1_000_000]])
def test_every_student_is_in_one_bin(points: list[int], tmp_path: Path) -> None:
    """The bins cover all points without a gap, at most twenty of them, and hold everybody once."""
    people = [made.student(n, points=each) for n, each in enumerate(points)]
    bins = of(tmp_path, made.classroom(people), sample.perfect()).bins
    assert sum(each.count for each in bins) == len(points)
    assert 1 <= len(bins) <= 20
    assert all(after.low == before.high + 1 for before, after in pairwise(bins))
    assert bins[0].low <= min(points)
    assert bins[-1].high >= max(points)


def test_a_damaged_result_is_listed_and_the_others_counted(tmp_path: Path) -> None:
    """One unreadable result.json costs the page nothing but that student's checks."""
    result, grade = made.typical()
    made.lay(tmp_path, result, grade)
    (tmp_path / "submissions" / "s2" / "result.json").write_bytes(b"{")
    (tmp_path / "submissions" / "s3" / "result.json").unlink()
    summary = summed(tmp_path, result)
    assert [student.id for student in summary.unread] == ["002", "003"]
    assert summary.outcomes == 4 * 17
    assert "can't be read" in Parsed(class_page.render(summary)).words


def test_the_page_says_what_staff_need(typical: Summary) -> None:
    """Numbers, mistakes, faults, flags, problems and everybody, each report linked."""
    page = Parsed(class_page.render(typical))
    for said in (
        "for staff only", "4 graded", "Faults of the grader: 2 students", "Vanilla RNN captioning", "bias b is not added",
        "calls torch.nn.RNN (line 3)", "is no hand-in", "is not on the roster", "Silva, Ana7", "0.5 s", "Late by 1 day",
    ):  # fmt: skip
        assert said in " ".join(page.words.split()), said
    links = {unquote(link["href"] or "") for link in page.all("a")}
    assert {f"./submissions/s{n}/report.html" for n in range(1, 7)} <= links


def test_the_page_works_without_its_script(typical: Summary) -> None:
    """Everybody is in the table, by name; controls that would do nothing are not shown."""
    page = Parsed(class_page.render(typical))
    assert [f for f in page.all("form") if f.get("id") == "controls" and "hidden" in f]
    assert not page.all("button")
    order = re.findall(r"Silva, Ana(\d)", page.words[page.words.rindex("Find") :])
    assert order == [str(n) for n in range(1, 8)]


def test_only_our_style_and_script_may_run(typical: Summary) -> None:
    """The policy names the hashes of the one style sheet and the one script; no element loads or handles anything."""
    html = class_page.render(typical)
    policy = Parsed(html).all("meta")[1]["content"] or ""
    for tag in ("style", "script"):
        (content,) = re.findall(rf"<{tag}>(.*?)</{tag}>", html, re.S)
        assert (
            f"{tag}-src 'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"
            in policy
        )
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    check_harmless(Parsed(html))


def check_harmless(page: Parsed) -> None:
    """Nothing is loaded, run, sent or styled by an attribute; links stay in the folder and on the page."""
    tags = {tag for tag, _ in page.elements}
    assert not tags & {
        "img",
        "iframe",
        "object",
        "embed",
        "link",
        "base",
        "video",
        "audio",
        "image",
        "use",
        "meta2",
    }
    assert len(page.all("script")) == len(page.all("style")) == 1
    for _, attributes in page.elements:
        assert not [
            name
            for name in attributes
            if name.startswith("on") or name in {"style", "src", "srcset", "action"}
        ]
    for link in page.all("a"):
        assert re.match(r"#[a-z]+$|\./", link["href"] or "")


@pytest.mark.parametrize("anonymous", [False, True])
@pytest.mark.parametrize("text", made.HOSTILE)
def test_hostile_text_is_text(tmp_path: Path, text: str, anonymous: bool) -> None:
    """Whatever stands in names, messages and files, the page has the elements that it has for ordinary text."""
    plain = Parsed(class_page.render(of(tmp_path / "a", *made.hostile("plain")), anonymous=anonymous))
    page = Parsed(class_page.render(of(tmp_path / "b", *made.hostile(text)), anonymous=anonymous))
    check_harmless(page)
    extra = [tag for tag, _ in page.elements if tag not in {"code"}]
    assert extra == [tag for tag, _ in plain.elements if tag not in {"code"}]
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", page.words)


def test_the_anonymous_page_tells_nothing_of_anybody(typical: Summary) -> None:
    """No name, number, file or link is in its source, nor what a single student did; the numbers are."""
    html = class_page.render(typical, anonymous=True)
    source = re.sub(r"<(style|script)>.*?</\1>", "", html, flags=re.S)
    assert not NAMES.search(source), NAMES.findall(source)
    for secret in ("torch.nn.RNN", "notes.txt", "Late by", "for staff only", "spring", "231", "Section"):
        assert secret not in source
    assert "the bias <code>b</code> is not added" in source
    assert "twice what it should be" not in source  # a message: a student's own text may be in it


def test_the_anonymous_order_is_not_that_of_names(tmp_path: Path) -> None:
    """Students are numbered by what is shown of them: other names for the same points give the same page."""
    result, grade = made.typical()
    turned = msgspec.structs.replace(result, students=tuple(
        msgspec.structs.replace(each, sortable_name=f"{chr(122 - n)}", id=f"x{n}")
        for n, each in enumerate(result.students)
    ))  # fmt: skip
    pages = [
        class_page.render(of(tmp_path / n, r, grade), anonymous=True)
        for n, r in (("a", result), ("b", turned))
    ]
    assert pages[0] == pages[1]


def test_a_mistake_of_one_student_is_not_shown_to_others(tmp_path: Path) -> None:
    """The anonymous page lists known mistakes from two students on."""
    result, grade = made.typical()
    summary = of(tmp_path, msgspec.structs.replace(result, students=result.students[:1]), grade)
    assert "is not added" not in class_page.render(summary, anonymous=True)
    assert "is not added" in class_page.render(summary)


@pytest.mark.parametrize(
    "students", [[], [made.student(1, status=Status.MISSING, attempts=(), counted=0, parts=())]]
)
def test_a_class_without_a_grade_has_a_page(tmp_path: Path, students: list[object]) -> None:
    """Nobody, or nobody who handed in: the page says so."""
    summary = of(tmp_path, made.classroom(students), sample.empty())  # type: ignore[arg-type]
    assert "Nobody has a grade yet" in Parsed(class_page.render(summary)).words


def test_a_long_list_is_cut_and_says_so(tmp_path: Path) -> None:
    """Of a mistake that hundreds made twelve are named; thousands of remarks are cut."""
    people = [made.student(n, attempts=(made.attempt("s1"),), undecided=1) for n in range(500)]
    words = Parsed(class_page.render(of(tmp_path, made.classroom(people), made.typical()[1]))).words
    assert "and 488 more" in words
    assert "and 100 more, see class.json" in words


def test_the_command_writes_both_pages(tmp_path: Path) -> None:
    """`class-page` puts the page beside class.json; elsewhere it has no links, as there is nothing to link to."""
    made.lay(tmp_path / "c", *made.typical())
    for words in ([], ["--anonymous"], ["--out", str(tmp_path / "else" / "p.html")]):
        done = CliRunner().invoke(cli.app, ["class-page", str(tmp_path / "c"), *words])
        assert done.exit_code == 0, done.output
    assert "./submissions/" in (tmp_path / "c" / "class.html").read_text()
    assert not NAMES.search(
        (tmp_path / "c" / "class-anonymous.html").read_text().split("</style>")[1].split("<script>")[0]
    )
    assert "./submissions/" not in (tmp_path / "else" / "p.html").read_text()


def test_a_folder_without_a_class_is_refused(tmp_path: Path) -> None:
    """Neither an empty folder nor a single submission has a class page."""
    with pytest.raises(UsageError, match="holds neither"):
        class_page.write(tmp_path)
    made.lay(tmp_path, *made.typical())
    with pytest.raises(UsageError, match="one submission"):
        class_page.write(tmp_path / "submissions" / "s1")
