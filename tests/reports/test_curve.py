"""Curves and pictures of training runs on the page."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import msgspec
import numpy as np
import pytest

from checks.training_report import grid
from grader.results import Curve, Detail, Grade, Outcome, Picture, grade_from_json, to_json
from reports import page
from reports.curve import size, svg
from tests.reports import sample

CURVE = Curve(
    title="Loss over the steps", x="steps", y="loss", points=((10, 30.0), (20, 1.5), (30, 0.2)), bar=1.0
)
PICTURE = Picture(title="What the generator draws", png=grid(np.zeros((4, 28, 28), np.uint8), 2), scale=2)


class Images(HTMLParser):
    """Collects the attributes of every image."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[dict[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "img":
            self.found.append(dict(attrs))


def graded(outcome: Outcome, *details: Detail) -> Grade:
    grade = sample.typical()
    check = msgspec.structs.replace(grade.checks[0], outcome=outcome, details=details)
    return msgspec.structs.replace(grade, checks=(check, *grade.checks[1:]))


@pytest.mark.parametrize("outcome", [Outcome.PASSED, Outcome.FAILED])
def test_a_curve_and_a_picture_stand_inside_the_page(outcome: Outcome) -> None:
    """Passed or failed: the picture's bytes are in the page, with its size, and its words beside it."""
    html = page.render(graded(outcome, CURVE, PICTURE))
    images = Images()
    images.feed(html)
    (image,) = images.found
    assert (image["src"] or "").startswith("data:image/png;base64,iVBOR")
    assert (image["width"], image["height"]) == ("114", "114")
    assert "What the generator draws" in html
    assert 'class="curve"' in html
    assert "img-src data:" in html


def test_the_bar_is_drawn_where_it_belongs() -> None:
    """Measurements above the bar lie above its line in the drawing, those below it lie below; better is named."""
    drawing = str(svg(CURVE))
    (bar,) = re.findall(r'class="threshold" d="M\d+ ([\d.]+)H', drawing)
    heights = [float(y) for y in re.findall(r'cy="([\d.]+)"', drawing)]
    assert heights[0] < heights[1] < float(bar) < heights[2]
    assert "at most 1" in drawing


def test_a_curve_without_finite_points_is_still_a_page() -> None:
    """A run of NaN leaves no points; nothing divides by zero."""
    assert "polyline" in str(svg(msgspec.structs.replace(CURVE, points=())))


def test_what_is_no_png_is_not_shown() -> None:
    """Only PNG of a moderate size gets into the page, whatever a result.json claims."""
    assert size(msgspec.structs.replace(PICTURE, png=b"<svg onload=alert(1)>")) is None
    assert "<img" not in page.render(graded(Outcome.FAILED, msgspec.structs.replace(PICTURE, png=b"x" * 40)))


def test_curves_and_pictures_survive_json() -> None:
    """What is written is what is read back, bytes included."""
    grade = graded(Outcome.PASSED, CURVE, PICTURE)
    assert grade_from_json(to_json(grade)) == grade


def test_a_huge_picture_in_a_result_is_refused() -> None:
    """A picture is bounded, so that a page is."""
    grade = graded(Outcome.PASSED, msgspec.structs.replace(PICTURE, png=b"x" * 300_000))
    with pytest.raises(ValueError, match="not a gradmark result"):
        grade_from_json(to_json(grade))


def test_hostile_titles_are_escaped() -> None:
    """Words of a caption come from data and are text, in the drawing's label, too."""
    evil = '"><script>alert(1)</script>'
    html = page.render(graded(Outcome.FAILED, msgspec.structs.replace(CURVE, title=evil, x=evil)))
    assert "<script>alert" not in html
