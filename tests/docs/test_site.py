"""The documentation's site: complete, without a broken link, and without anything from elsewhere."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

import pytest

from grader import session
from grader.policy import FIELDS
from grader.results import Limits
from grader.rubric import EXTENDS, PART_FIELDS, TABLES
from grader.tolerance import TOLERANCES
from grader.training import bars
from handbook import commands, hooks, reference, rubric
from handbook.fields import meanings
from tests.docs.conftest import built

pytestmark = pytest.mark.xdist_group("site")  # built once


class Page(HTMLParser):
    """What a page links to and loads, and the anchors that it has."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.anchors: set[str] = set()
        self.feed(content)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Called for each tag."""
        given = {name: value or "" for name, value in attrs}
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        if tag in {"script", "img", "iframe", "source"} and "src" in given:
            self.loaded.append(given["src"])
        if tag == "link" and given.get("rel") != "canonical":
            self.loaded.append(given["href"])
        if tag == "a" and "href" in given:
            self.links.append(given["href"])


def read(site: Path, page: str) -> str:
    """The text of a built page as a reader sees it."""
    return html.unescape(re.sub(r"<[^>]+>", "", (site / page).read_text(encoding="utf-8")))


def test_every_link_leads_somewhere(site: Path) -> None:
    """Each internal link of each page, with its anchor, is there; so is every file that a page loads."""
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in site.rglob("*.html")}
    assert len(pages) > 15
    broken = []
    for path, page in pages.items():
        for link in (*page.links, *page.loaded) if path.name != "404.html" else ():
            address, anchor = urldefrag(link)
            if urlsplit(address).scheme:
                continue
            target = (path.parent / unquote(address)).resolve() if address else path
            target = target / "index.html" if target.is_dir() else target
            if not target.is_file() or (anchor and target in pages and anchor not in pages[target].anchors):
                broken.append(f"{path.relative_to(site)}: {link}")
    assert not broken


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    """No script, style, font or picture comes from another address, so the site works without a network."""
    for path in site.rglob("*.html"):
        page = Page(path.read_text(encoding="utf-8"))
        assert page.loaded
        assert [address for address in page.loaded if urlsplit(address).netloc] == [], path
    styles = "".join(path.read_text(encoding="utf-8") for path in site.rglob("*.css"))
    assert not re.findall(r"(?:@import|url\()\s*[\"']?(?:https?:)?//", styles)


def test_every_command_and_option_is_there(site: Path) -> None:
    """The page of commands has a section for each, which names all of its options."""
    page = read(site, "reference/commands.html")
    for words, command in commands.commands().items():
        title = " ".join(("gradmark", *words))
        assert f"Usage: {title} " in page, title
        section = page.split(f"Usage: {title} ", 1)[1].split("Usage: ")[0]
        missing = [name for name in commands.options(command) if not re.search(rf"{name}(?![\w-])", section)]
        assert not missing, title


def test_every_key_of_the_rubric_is_there(site: Path) -> None:
    """The page of the rubric names each table and each key, and gives the default that holds."""
    page = read(site, "reference/rubric.html")
    parts = session.default_rubric().parts
    names = (*TABLES, EXTENDS, *PART_FIELDS, *Limits.__struct_fields__, *TOLERANCES, *FIELDS, *parts)
    assert [name for name in names if not re.search(rf"\b{name}\b", page)] == []
    assert str(session.default_rubric().limits.memory_bytes) in page


def test_a_key_that_nobody_described_ends_the_build(monkeypatch: pytest.MonkeyPatch) -> None:
    """A new table of the rubric, or a new field without a comment, is refused instead of left out."""
    monkeypatch.setattr("grader.rubric.TABLES", (*TABLES, "colours"))
    with pytest.raises(RuntimeError, match="colours"):
        rubric.page()
    with pytest.raises(RuntimeError, match="no comment says what \\['nothing'\\] mean"):
        rubric.described(Limits, ["nothing"])


def test_meanings_are_the_comments() -> None:
    """A field's meaning is the comment beside it, also where the value takes several lines."""
    from grader.class_results import Attempt

    found = meanings(Attempt)
    assert found["sha256"] == "of its content, as it came"
    assert found["late_days"].startswith("days begun after the due date")
    assert found["status"] == ""


def test_tolerances_checks_and_bars_are_there(site: Path) -> None:
    """Each tolerance with its reason, each check with its claim, each bar with its value."""
    page = read(site, "reference/tolerances.html")
    assert [name for name, each in TOLERANCES.items() if name not in page or each.reason not in page] == []
    page = read(site, "reference/checks.html")
    assert [check.id for check in session.expected_checks() if check.id not in page] == []
    page = read(site, "reference/training.html")
    for profile, checks in bars.load(reference.CHECKS / "training_bars.toml").items():
        section = page.rsplit(f"Profile {profile}", 1)[1]
        assert all(f"{bar.better} {bar.value:g}" in section for each in checks.values() for bar in each)


def test_shared_files_are_pages(site: Path) -> None:
    """SECURITY.md and the like are not copied: the page is made of the file, and links lead to pages."""
    assert "A hole in the kernel ends everything here." in read(site, "security.html")
    made = hooks.shared("SECURITY.md")
    assert made.count("\n") == (session.ROOT / "SECURITY.md").read_text(encoding="utf-8").count("\n")


def test_a_page_without_a_place_ends_the_build(tmp_path: Path) -> None:
    """mkdocs is as strict as its settings ask: a page that no menu names, with a broken link, is refused."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "index.md").write_text("[nowhere](nothing.md)\n")
    (tmp_path / "docs" / "lost.md").write_text("# Lost\n")
    settings = (session.ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    shared = settings[settings.index("validation:") : settings.index("nav:\n  - Start")]
    (tmp_path / "mkdocs.yml").write_text(f"site_name: x\n{shared}nav:\n  - index.md\n")
    done = built(tmp_path, tmp_path / "site")
    assert done.returncode == 1
    assert "lost.md" in done.stderr
    assert "nothing.md" in done.stderr
