"""A grade that was made without isolation can't be taken for one that was made with it."""

from __future__ import annotations

import io

import msgspec
import pytest
from rich.console import Console

from grader.isolation import warning
from grader.sandbox.level import LEVELS
from reports import page, terminal, view
from tests.reports import sample


@pytest.mark.parametrize("level", LEVELS)
def test_a_level_below_the_recommended_one_is_shown(level: str) -> None:
    """On the page and in the terminal, exactly where the command warns as well."""
    grade = msgspec.structs.replace(sample.perfect(), environment=sample.environment(isolation=level))
    out = io.StringIO()
    terminal.summary(grade, Console(file=out, width=100))
    weak = bool(warning(level, ()))
    assert ("<strong>Not isolated.</strong>" in page.render(grade)) == weak
    assert ("Not isolated" in out.getvalue()) == weak
    assert (level in view.NOT_ISOLATED) == weak
