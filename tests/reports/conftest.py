"""The browser that the tests of pages share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    """One headless Chromium (`tests.reports.chromium.Browser`) for all tests of pages."""
    from tests.reports.chromium import Browser

    started = Browser(tmp_path_factory.mktemp("browser"))
    yield started
    started.driver.quit()
