"""Student text that would like to be markup, in a real browser: nothing runs, nothing breaks."""

from __future__ import annotations

from functools import cache

import pytest

from grader.results import Grade
from reports import diff, diff_page, page
from tests.reports import filled, sample
from tests.reports.chromium import BROWSER, PHONE, Browser

pytestmark = BROWSER

# How many elements of each kind the page has; `quoted` words are set as code, Markdown of answers is markup.
ELEMENTS = """
Object.fromEntries(Object.entries(Object.groupBy(
  [...document.querySelectorAll('*:not(code):not(.answered *):not(.answer details *)')], element => element.localName
)).map(([name, found]) => [name, found.length]))
"""
# What could act or load: also inside of answers, which are set from Markdown.
ACTIVE = """
[...document.querySelectorAll('*')].filter(element =>
  /^(script|iframe|object|embed|form|base|link|input|video|audio)$/.test(element.localName)
  || [...element.attributes].some(({name, value}) => /^on|^style$/.test(name) || /^(href|src|action|formaction|xlink:href|data)$/.test(name) && /^\\s*(javascript|vbscript|data:(?!image.png)):?/i.test(value))
).map(element => element.outerHTML.slice(0, 60))
"""
# Nothing may stick out sideways, unless it is in a box of its own that scrolls.
BROAD = """
[...document.body.querySelectorAll('*')].filter(element =>
  element.getBoundingClientRect().right > 391
  && !element.closest('.scroll, .answered, pre, svg') && !element.matches('.unseen, .unseen *')
).map(element => element.outerHTML.slice(0, 80))
"""


def hostile_page(grade: Grade, kind: str) -> str:
    """The page of a grade, or of its comparison with the typical one."""
    return page.render(grade) if kind == "grade" else diff_page.render(diff.compare(sample.typical(), grade))


@cache
def harmless(kind: str) -> str:
    """The page that ordinary words in all the same places make."""
    return hostile_page(filled.grade("harmless"), kind)


@pytest.mark.parametrize("kind", ["grade", "diff"])
def test_hostile_text_in_every_place(browser: Browser, kind: str) -> None:
    """For each of over 40 strings in all fields at once: no dialog, no new element, no error, no sideways scrolling."""
    assert len(sample.HOSTILE) >= 40
    browser.show(harmless(kind), PHONE)
    expected = browser.ask(ELEMENTS)
    scripts = expected.get("script", 0)
    for raw in sample.HOSTILE:
        browser.show(hostile_page(filled.grade(raw), kind), PHONE)  # a dialog would end the next command
        browser.unfold()
        assert browser.ask(ELEMENTS) == expected, raw
        assert len(browser.ask(ACTIVE)) == scripts, raw
        assert browser.ask("document.documentElement.scrollWidth") <= PHONE, raw
        assert browser.ask(BROAD) == [], raw
        assert browser.driver.get_log("browser") == [], raw


def test_this_test_would_see_markup(browser: Browser) -> None:
    """A page in which text did become markup is caught by what the test above looks at."""
    broken = harmless("grade").replace("harmless", "<img src=x onerror=alert(1)>", 1)
    browser.show(harmless("grade"))
    expected = browser.ask(ELEMENTS)
    browser.show(broken.replace("<main>", "<main><img src=x onerror=alert(1)><iframe></iframe>"))
    assert browser.ask(ELEMENTS) != expected
    assert len(browser.ask(ACTIVE)) > 1
    assert browser.driver.get_log("browser") != []  # the policy refused the handler, and said so
