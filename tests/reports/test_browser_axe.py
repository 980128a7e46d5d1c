"""Accessibility of the pages as axe-core sees it, keyboard operation, and size."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from grader import session
from grader.results import CheckResult, Grade, Outcome, Picture, Traceback
from reports import diff, diff_page, page, student
from tests.reports import filled, sample
from tests.reports.chromium import BROWSER, DESK, PHONE, Browser
from tests.reports.test_causes import explained

pytestmark = BROWSER
axe = pytest.importorskip("axe_playwright_python", reason="needs axe-core (pip install 'gradmark[dev]')")

AXE = (Path(axe.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
RUN = "const done = arguments[arguments.length - 1]; axe.run().then(found => done(found), error => done({error: `${error}`}));"


def violations(browser: Browser) -> list[str]:
    """What axe-core finds on the page as it is shown, with all of its rules."""
    browser.driver.execute_script(AXE)
    found = browser.driver.execute_async_script(RUN)
    assert found.get("passes"), found  # it did look at something
    return [
        f"{each['id']} ({each['impact']}): {node['target']} {node['html'][:120]} {node['failureSummary'][:200]}"
        for each in found["violations"]
        for node in each["nodes"]
    ]


def everything() -> Grade:
    """All outcomes, details, notebooks, flags and problems, with words that differ."""
    full, usual = filled.grade("words"), sample.typical()
    details = (*usual.checks[6].details, *full.checks[1].details, sample.heat_map())
    checks = (*usual.checks, msgspec.structs.replace(usual.checks[6], id="x.y", details=details))
    return msgspec.structs.replace(
        usual, checks=(*checks, *explained().checks), notebooks=full.notebooks, flags=full.flags
    )


PAGES = {
    "everything": lambda: page.render(everything()),
    "student": lambda: page.render(student.of(everything())),
    "perfect": lambda: page.render(sample.perfect()),
    "untouched": lambda: page.render(sample.untouched()),
    "empty": lambda: page.render(sample.empty()),
    "diff": lambda: diff_page.render(diff.compare(sample.typical(), everything())),
}


@pytest.mark.parametrize(
    ("name", "width", "scheme"),
    [
        *(("everything", width, scheme) for width in (PHONE, DESK) for scheme in ("light", "dark")),
        ("diff", PHONE, "dark"),
        ("diff", DESK, "light"),
    ],
)
def test_axe_finds_nothing(browser: Browser, name: str, width: int, scheme: str) -> None:
    """No violation of any rule, with everything unfolded, at both widths and in both colour schemes."""
    browser.show(PAGES[name](), width, scheme)
    browser.unfold()
    assert violations(browser) == []


@pytest.mark.parametrize("name", ["student", "perfect", "untouched", "empty"])
def test_axe_finds_nothing_on_other_pages(browser: Browser, name: str) -> None:
    """Nor on a page with less on it, as it is folded."""
    browser.show(PAGES[name]())
    assert violations(browser) == []


def test_axe_would_find_something(browser: Browser) -> None:
    """A picture without a text is reported: the tests above can fail."""
    browser.show(page.render(everything()).replace(' alt="', ' data-alt="'))
    browser.unfold()
    assert any("image-alt" in found for found in violations(browser))


def reached(browser: Browser, what: str, most: int = 80) -> bool:
    """Whether the Tab key comes to an element that matches the selector `what`."""
    for _ in range(most):
        browser.press("Tab", 9)
        if browser.ask(f"document.activeElement.matches('{what}')"):
            return True
    return False


def test_a_command_is_copied_by_keyboard(browser: Browser) -> None:
    """Tab leads to the button, Enter copies exactly the command beside it, and a screen reader is told."""
    browser.show(explained())
    browser.cdp(
        "Browser.grantPermissions", permissions=["clipboardReadWrite", "clipboardSanitizedWrite"]
    )  # as a user's key press would
    assert reached(browser, "button.copy")
    browser.press("Enter", 13, "\r")
    command = browser.ask("document.activeElement.parentElement.querySelector('.command').textContent")
    copied = browser.driver.execute_async_script(
        "const done = arguments[0]; setTimeout(() => navigator.clipboard.readText().then(done, e => done(`${e}`)), 200)"
    )
    assert copied == command
    assert command.startswith("gradmark grade . -k ")
    assert browser.ask("document.getElementById('said').textContent") == "The command is copied."


def test_everything_unfolds_by_keyboard(browser: Browser) -> None:
    """One button opens every detail, closes it again, and says which of the two it did."""
    browser.show(sample.typical())
    assert reached(browser, "#unfold")
    for wanted in (True, False):
        browser.press("Enter", 13, "\r")
        assert browser.ask("[...document.querySelectorAll('details')].every(each => each.open)") is wanted
        assert browser.ask("document.getElementById('unfold').ariaPressed") == str(wanted).lower()


def test_a_link_unfolds_what_it_leads_to(browser: Browser) -> None:
    """A step that is folded away opens when its number is followed from a check."""
    browser.show(msgspec.structs.replace(explained(), checks=tuple(
        msgspec.structs.replace(check, mistake=None, function=f"f{number}", details=())
        for number, check in enumerate(explained().checks)
    )))  # fmt: skip
    browser.ask("location.hash = '#step-5'")
    assert browser.driver.execute_async_script(
        "setTimeout(arguments[0], 300, document.getElementById('step-5'))"
    ).is_displayed()


def test_without_script_the_page_is_complete(browser: Browser) -> None:
    """Where scripts are off there are no dead buttons, and a click selects a whole command."""
    browser.cdp("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.show(sample.typical())
        assert not browser.ask(
            "[...document.querySelectorAll('button')].some(each => each.checkVisibility())"
        )
        assert browser.ask("getComputedStyle(document.querySelector('.command')).userSelect") == "all"
    finally:
        browser.cdp("Emulation.setScriptExecutionDisabled", value=False)


def test_the_page_of_a_whole_failure_is_below_a_megabyte() -> None:
    """Each function fails two checks in three with all there is to show, endless prints, pictures: under 1 MB."""
    picture = Picture(title="What the generator draws", png=filled.PNG + bytes(20_000), scale=2)
    frames = Traceback(text='File "x.py", line 1, in f\n' * 80)
    details = (sample.mismatch(), sample.heat_map(), frames)
    checks = [
        CheckResult(
            id=info.id, title=info.title, part="rnn", function=info.function, max_points=2,
            outcome=Outcome.BLOCKED if number % 3 == 2 else Outcome.FAILED,
            message="`dWx` is wrong in 4 of 4 elements. " * 3, hint="Look at the sum. " * 3, stdout="x = 1\n" * 5_000,
            details=() if number % 3 == 2 else (*details, picture) if number % 39 == 0 else details,
        )
        for number, info in enumerate(session.expected_checks())
    ]  # fmt: skip
    made = page.render(msgspec.structs.replace(sample.typical(), checks=tuple(checks)))
    assert len(checks) > 250
    assert made.count("data:image/png") >= 6
    assert len(made.encode()) < 1_000_000
