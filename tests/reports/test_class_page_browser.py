"""The page of a class in a real browser: layout, keyboard, sorting and filtering, accessibility, hostile text."""

from __future__ import annotations

import importlib.resources
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.class_results import ClassResult
from grader.results import Grade
from reports import class_page
from reports.class_summary import summed
from tests.reports import chromium
from tests.reports import class_sample as made

pytestmark = chromium.BROWSER
PHONE, DESK = chromium.PHONE, chromium.DESK
CLASSES = {
    "typical": made.typical(),
    "hostile": made.hostile("".join(made.HOSTILE)),
    "long words": made.hostile("W" * 5_000),
    "nobody": (made.classroom([]), made.typical()[1]),
}


class Browser(chromium.Browser):
    """Shows pages of classes."""

    def show_class(
        self,
        of: tuple[ClassResult, Grade | dict[str, Grade]],
        width: int = DESK,
        scheme: str = "light",
        anonymous: bool = False,
    ) -> None:
        """Open the page of a class, with every detail unfolded."""
        folder = made.lay(self._folder / f"class{len(list(self._folder.iterdir()))}", *of)
        path = folder / "class.html"
        path.write_text(class_page.render(summed(folder, of[0]), anonymous=anonymous), encoding="utf-8")
        self.cdp(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=900,
            deviceScaleFactor=1,
            mobile=width < 500,
        )
        wishes = {"prefers-color-scheme": scheme, "prefers-reduced-motion": "reduce"}
        self.cdp("Emulation.setEmulatedMedia", features=[{"name": n, "value": v} for n, v in wishes.items()])
        self.driver.get(path.as_uri())
        self.unfold()

    def names(self) -> list[str]:
        """The students that are shown, in order."""
        return self.driver.execute_script(
            "return [...document.querySelectorAll('#students-table tbody tr')].filter(row => row.checkVisibility())"
            ".map(row => row.cells[0].textContent)"
        )

    def head(self, text: str) -> str:
        """The state of sorting of a column of the students."""
        return self.driver.execute_script(
            "return [...document.querySelectorAll('#students-table th')].find(h => h.textContent === arguments[0])"
            ".getAttribute('aria-sort')", text,
        )  # fmt: skip

    def focus_head(self, text: str) -> None:
        """Puts the focus on the button of a column."""
        self.driver.execute_script(
            "[...document.querySelectorAll('#students-table th button')].find(b => b.textContent === arguments[0]).focus()",
            text,
        )


@pytest.fixture(scope="module", name="browser")
def class_browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One browser for all tests of this file."""
    started = Browser(tmp_path_factory.mktemp("browser"))
    yield started
    started.driver.quit()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [PHONE, DESK])
@pytest.mark.parametrize("name", CLASSES)
def test_no_sideways_scrolling_no_complaint_and_our_script_runs(
    browser: Browser, name: str, width: int, scheme: str
) -> None:
    """The page stays as wide as the screen, the console stays empty, the policy let style and script in."""
    browser.show_class(CLASSES[name], width, scheme)
    assert browser.ask("document.documentElement.scrollWidth") <= width
    assert browser.driver.get_log("browser") == []
    assert browser.ask("document.styleSheets[0].cssRules.length") > 50
    assert browser.ask("document.getElementById('controls').hidden") is False


def test_no_script_of_a_student_runs(browser: Browser) -> None:
    """Of a class of hostile strings nothing is fetched or run, and no element of the texts' own is in the page."""
    browser.show_class(made.hostile_class(), PHONE)
    assert browser.ask("document.documentElement.scrollWidth") <= PHONE
    assert browser.driver.get_log("browser") == []
    assert browser.ask("document.querySelectorAll('img, iframe, object, form:not(#controls)').length") == 0
    assert (
        browser.ask(
            "[...document.querySelectorAll('*')].flatMap(e => [...e.attributes]).filter(a => a.name.startsWith('on')).length"
        )
        == 0
    )
    assert browser.ask("document.scripts.length") == 1
    assert browser.ask("performance.getEntriesByType('resource').length") == 0
    assert len(browser.names()) == len(made.HOSTILE)


def test_columns_sort_by_keyboard(browser: Browser) -> None:
    """Enter on a column's head sorts by it, again turns it around; the state is there for screen readers."""
    browser.show_class(CLASSES["typical"])
    browser.focus_head("Points")
    browser.press("Enter", 13, "\r")
    assert browser.head("Points") == "descending"
    assert browser.names()[0] == "Silva, Ana2"
    browser.press("Enter", 13, "\r")
    assert browser.head("Points") == "ascending"
    assert browser.names()[0] == "Silva, Ana7"  # without a grade, before 0 points
    browser.focus_head("Name")
    browser.press(" ", 32, " ")
    assert browser.head("Points") is None
    assert browser.names() == [f"Silva, Ana{n}" for n in range(1, 8)]


def test_students_can_be_found(browser: Browser) -> None:
    """Words, status, section and flags each narrow the table, together too; the number shown is announced."""
    browser.show_class(CLASSES["typical"])
    find = browser.driver.find_element("id", "find")
    find.send_keys("ana3")
    assert browser.names() == ["Silva, Ana3"]
    assert browser.driver.find_element("id", "shown").text == "1 of 7 shown"
    find.clear()
    find.send_keys("\ue007")  # Enter sends no form
    browser.driver.find_element("css selector", "#status option[value=crashed]").click()
    assert browser.names() == ["Silva, Ana5"]
    browser.driver.find_element("css selector", "#status option[value='']").click()
    browser.driver.find_element("css selector", "#section option[value='1']").click()
    assert browser.names() == [f"Silva, Ana{n}" for n in (1, 3, 5, 7)]
    browser.driver.find_element("css selector", "#section option[value='']").click()
    browser.driver.find_element("id", "flagged").click()
    assert browser.names() == ["Silva, Ana2"]


def test_without_script_everybody_is_there(browser: Browser) -> None:
    """With scripts off the table holds all, by name, and no control that does nothing is shown."""
    browser.cdp("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.show_class(CLASSES["typical"])
        assert browser.names() == [f"Silva, Ana{n}" for n in range(1, 8)]
        assert browser.ask("document.getElementById('controls').checkVisibility()") is False
        assert browser.ask("document.querySelectorAll('button').length") == 0
    finally:
        browser.cdp("Emulation.setScriptExecutionDisabled", value=False)


@pytest.mark.parametrize("anonymous", [False, True])
@pytest.mark.parametrize(("width", "scheme"), [(DESK, "light"), (PHONE, "dark")])
def test_axe_finds_nothing(browser: Browser, width: int, scheme: str, anonymous: bool) -> None:
    """axe-core (WCAG A and AA, and its good practices) has nothing to object to."""
    library = pytest.importorskip(
        "axe_playwright_python", reason="needs axe-core (pip install 'gradmark[dev]')"
    )
    axe = (importlib.resources.files(library) / "axe.min.js").read_text("utf-8")
    browser.show_class(CLASSES["typical"], width, scheme, anonymous)
    browser.driver.execute_script(axe)
    found = browser.driver.execute_async_script("axe.run().then(arguments[arguments.length - 1])")
    assert len(found["passes"]) > 20
    assert not found["violations"], json.dumps(
        [(each["id"], [node["html"][:200] for node in each["nodes"][:3]]) for each in found["violations"]],
        indent=1,
    )


def test_links_lead_to_the_reports(browser: Browser, tmp_path: Path) -> None:
    """A student's name opens the report beside the page, whatever its folder is called."""
    key = "a b#%?'ü"
    person = made.student(1, attempts=(made.attempt(key),))
    folder = made.lay(tmp_path / "class", made.classroom([person]), made.typical()[1])
    (folder / "submissions" / key / "report.html").write_text("<title>found</title>")
    browser.driver.get(class_page.write(folder).as_uri())
    browser.ask("document.querySelector('#students-table a').click()")
    assert browser.driver.title == "found"
