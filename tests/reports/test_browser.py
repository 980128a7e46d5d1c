"""The page in a real browser: layout, keyboard, colours, paper."""

from __future__ import annotations

import io
import json

import pytest

from grader.results import Grade
from tests.reports import sample
from tests.reports.chromium import BROWSER, DESK, PHONE, Browser

pytestmark = BROWSER


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [PHONE, DESK])
@pytest.mark.parametrize("grade", [sample.typical(), sample.hostile("".join(sample.HOSTILE)), sample.empty()])
def test_no_sideways_scrolling_and_no_complaint(
    browser: Browser, grade: Grade, width: int, scheme: str
) -> None:
    """With every detail open the page stays as wide as the screen, and the console stays empty."""
    browser.show(grade, width, scheme)
    browser.unfold()
    assert browser.ask("document.documentElement.scrollWidth") <= width
    assert browser.driver.get_log("browser") == []
    assert browser.ask("document.styleSheets[0].cssRules.length") > 50  # the policy let the style sheet in


def test_dark_is_dark_and_light_is_light(browser: Browser) -> None:
    """The screenshots of both colour schemes differ as their names say."""
    image = pytest.importorskip("PIL.Image", reason="needs Pillow")
    means = {}
    for scheme in ("light", "dark"):
        browser.show(sample.typical(), DESK, scheme)
        pixels = image.open(io.BytesIO(browser.screenshot())).convert("L").resize((1, 1))
        means[scheme] = pixels.getpixel((0, 0))
    assert means["light"] > 200
    assert means["dark"] < 70


def test_details_open_by_keyboard(browser: Browser) -> None:
    """Tab leads to a check's detail, Enter opens it, Enter closes it again."""
    browser.show(sample.typical())
    reached = "document.activeElement.matches('article summary')"
    for _ in range(60):
        browser.press("Tab", 9)
        if browser.ask(reached):
            break
    assert browser.ask(reached)
    is_open = "document.activeElement.parentElement.open"
    states = []
    for _ in range(2):
        browser.press("Enter", 13, "\r")
        states.append(browser.ask(is_open))
    assert states == [True, False]


def test_focus_is_visible(browser: Browser) -> None:
    """The first stop of the Tab key is the link past the navigation, on the screen and outlined."""
    browser.show(sample.typical())
    browser.press("Tab", 9)
    assert browser.ask("document.activeElement.className") == "skip"
    assert browser.ask("document.activeElement.getBoundingClientRect().top") >= 0
    assert browser.ask("getComputedStyle(document.activeElement).outlineStyle") == "solid"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("grade", [sample.typical(), sample.perfect(), sample.untouched()])
def test_contrast_is_enough(browser: Browser, grade: Grade, scheme: str) -> None:
    """Every piece of text has a contrast of at least 4.5 : 1 with the ground it is printed on (WCAG AA)."""
    browser.show(grade, DESK, scheme)
    browser.unfold()
    pairs = browser.driver.execute_script(COLOURS)
    assert len(pairs) >= 10
    poor = [pair for pair in pairs if contrast(pair["ink"], pair["ground"]) < 4.5]
    assert not poor, json.dumps(poor, indent=1)


# For every text node: its colour and the first ground behind it that is not transparent.
COLOURS = """
const pairs = new Map(), opaque = colour => !/, 0\\)$/.test(colour);
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  if (!walker.currentNode.data.trim()) continue;
  const element = walker.currentNode.parentElement;
  let behind = element;
  while (behind && !opaque(getComputedStyle(behind).backgroundColor)) behind = behind.parentElement;
  const ink = getComputedStyle(element).color;
  const ground = getComputedStyle(behind || document.body).backgroundColor;
  pairs.set(ink + ground, {ink, ground, text: walker.currentNode.data.trim().slice(0, 40)});
}
return [...pairs.values()];
"""


def contrast(first: str, second: str) -> float:
    """The contrast ratio of two CSS colours, `rgb(r, g, b)` (WCAG 2.1, 1.4.3)."""
    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


def luminance(colour: str) -> float:
    """The relative luminance of `rgb(r, g, b)`: 0 is black, 1 is white."""
    channels = [int(part) / 255 for part in colour[colour.index("(") + 1 : -1].split(",")[:3]]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_contrast_is_computed_rightly() -> None:
    """Black on white is 21 : 1, a colour on itself 1 : 1."""
    assert round(contrast("rgb(0, 0, 0)", "rgb(255, 255, 255)"), 2) == 21
    assert contrast("rgb(9, 9, 9)", "rgb(9, 9, 9)") == 1


def test_on_paper_the_details_are_open(browser: Browser) -> None:
    """For print a folded detail is visible without anybody opening it."""
    browser.show(sample.typical())
    visible = "document.querySelector('article details pre').checkVisibility()"
    assert not browser.ask(visible)
    browser.cdp("Emulation.setEmulatedMedia", media="print")
    printed = browser.ask(visible)
    browser.cdp("Emulation.setEmulatedMedia", media="")
    assert printed
