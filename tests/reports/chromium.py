"""One headless Chromium for the tests of all pages."""

from __future__ import annotations

import base64
import shutil
from pathlib import Path
from typing import Any

import pytest

from grader.results import Grade
from reports import page

webdriver = pytest.importorskip("selenium.webdriver", reason="needs selenium (pip install 'gradmark[dev]')")

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
BROWSER = [
    pytest.mark.browser,
    pytest.mark.xdist_group("browser"),  # one browser is started, by the one worker that has all of these
    pytest.mark.skipif(
        not (CHROMIUM and DRIVER), reason="needs Chromium and chromedriver (apt: chromium chromium-driver)"
    ),
]
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
)
PHONE, DESK = 390, 1280


class Browser:
    """One headless Chromium, shown pages at chosen widths and colour schemes."""

    def __init__(self, folder: Path) -> None:
        options = webdriver.ChromeOptions()
        options.binary_location = CHROMIUM
        for flag in (*FLAGS, f"--user-data-dir={folder / 'profile'}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
        self._folder = folder

    def show(self, shown: Grade | str, width: int = DESK, scheme: str = "light") -> None:
        """Open the page of a grade, or a page that is given as HTML."""
        self.cdp(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=900,
            deviceScaleFactor=1,
            mobile=width < 500,
        )
        self.cdp("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        path = self._folder / "report.html"
        made = page.render(shown) if isinstance(shown, Grade) else shown
        path.write_text(made, encoding="utf-8")
        self.driver.get(path.as_uri())

    def cdp(self, command: str, **arguments: Any) -> dict[str, Any]:
        """A command of the DevTools protocol."""
        return self.driver.execute_cdp_cmd(command, arguments)

    def ask(self, script: str) -> Any:
        """The value of a JavaScript expression (the driver's, which the page's policy does not concern)."""
        return self.driver.execute_script(f"return {script.strip()}")

    def unfold(self) -> None:
        """Open every folded detail."""
        self.ask("document.querySelectorAll('details').forEach(element => element.open = true)")

    def press(self, key: str, code: int, text: str = "") -> None:
        """A key down and up."""
        common = {"key": key, "code": key, "windowsVirtualKeyCode": code}
        self.cdp("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", text=text, **common)
        self.cdp("Input.dispatchKeyEvent", type="keyUp", **common)

    def screenshot(self) -> bytes:
        """The visible part of the page as a PNG."""
        return base64.b64decode(self.cdp("Page.captureScreenshot")["data"])
