"""A training curve as an SVG drawing inside the page: measurements, the bar, and which side of it is good."""

from __future__ import annotations

import base64
import math
import struct
from collections.abc import Sequence

from markupsafe import Markup

from grader.results import Curve, Picture
from reports import text

WIDTH, HEIGHT = 420, 170
LEFT, RIGHT, TOP, BOTTOM = 52, 12, 12, 34
LOG_FROM = 30.0  # a logarithmic axis when the largest number is this many times the smallest
LARGEST_SIDE = 1024  # of a picture on the page
_PNG = b"\x89PNG\r\n\x1a\n"


def svg(curve: Curve) -> Markup:
    """The drawing; the numbers themselves stand beside it as text."""
    points = [(x, y) for x, y in curve.points if math.isfinite(x) and math.isfinite(y)]
    scale = _Scale([y for _, y in points] + [curve.bar])
    most = max([x for x, _ in points] or [1.0]) or 1.0
    placed = [(_across(x, most), scale.down(y)) for x, y in points]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in placed)
    dots = Markup("").join(
        Markup('<circle cx="{:.1f}" cy="{:.1f}" r="2.5"></circle>').format(x, y) for x, y in placed
    )
    return Markup(
        '<svg class="curve" viewBox="0 0 {w} {h}" role="img" aria-label="{label}">'
        '<path class="axis" d="M{l} {t}V{b}H{r}"></path>{ticks}'
        '<path class="threshold" d="M{l} {bar:.1f}H{r}"></path>'
        '<text class="threshold-name" x="{name}" y="{above:.1f}">{side} {value}</text>'
        '<polyline class="line" points="{line}"></polyline>{dots}'
        '<text x="{r}" y="{foot}" text-anchor="end">{xname}</text>'
        "</svg>"
    ).format(
        w=WIDTH, h=HEIGHT, label=text.line(curve.title), l=LEFT, name=LEFT + 6, t=TOP, b=HEIGHT - BOTTOM,
        r=WIDTH - RIGHT,
        ticks=scale.ticks() + _steps(most), bar=scale.down(curve.bar), above=_name_place(scale.down(curve.bar)),
        side="at most" if curve.better == "below" else "at least", value=f"{curve.bar:.3g}", line=line, dots=dots,
        foot=HEIGHT - 4, xname=text.line(curve.x)[:40],
    )  # fmt: skip


def _across(x: float, most: float) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * x / most


def _steps(most: float) -> Markup:
    """The first and the last number of steps below the axis."""
    text = Markup('<text x="{:.1f}" y="{}" text-anchor="middle">{:g}</text>')
    return text.format(_across(0, most), HEIGHT - BOTTOM + 14, 0) + text.format(
        _across(most, most) - 8, HEIGHT - BOTTOM + 14, most
    )


def _name_place(bar: float) -> float:
    """Above the bar, or below it where there is no room."""
    return bar - 5 if bar > TOP + 14 else bar + 13


class _Scale:
    """From numbers to heights: linear from zero, or logarithmic where they span orders of magnitude."""

    def __init__(self, numbers: Sequence[float]) -> None:
        low, high = min(numbers), max(numbers)
        self._log = low > 0 and high / low > LOG_FROM
        self._low = math.log10(low) if self._log else min(low, 0.0)
        self._high = math.log10(high) if self._log else high
        if self._high <= self._low:
            self._high = self._low + 1

    def down(self, y: float) -> float:
        """How far below the top."""
        value = math.log10(max(y, 1e-300)) if self._log else y
        share = (value - self._low) / (self._high - self._low)
        return TOP + (HEIGHT - TOP - BOTTOM) * (1 - min(max(share, 0.0), 1.0))

    def ticks(self) -> Markup:
        """The numbers at both ends of the axis."""
        ends = [10**v if self._log else v for v in (self._low, self._high)]
        text = Markup('<text x="{}" y="{:.1f}" text-anchor="end">{}</text>')
        return Markup("").join(text.format(LEFT - 5, self.down(end) + 4, f"{end:.3g}") for end in ends)


def address(picture: Picture) -> Markup:
    """A `data:` address of the picture; empty when it is no PNG (nothing else is shown)."""
    encoded = base64.b64encode(picture.png).decode()  # letters, digits, +, / and = alone
    return Markup("data:image/png;base64,{}").format(encoded) if size(picture) else Markup("")


def size(picture: Picture) -> tuple[int, int] | None:
    """Width and height on the page, from the file's own header."""
    if picture.png[:8] != _PNG or len(picture.png) < 24:
        return None
    width, height = struct.unpack(">II", picture.png[16:24])
    scale = max(1, min(int(picture.scale), LARGEST_SIDE // max(width, height, 1)))
    return (width * scale, height * scale) if 0 < max(width, height) <= LARGEST_SIDE else None
