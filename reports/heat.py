"""Where an array is wrong, as a small drawing: darker is more of it, and a cross says all of it."""

from __future__ import annotations

from markupsafe import Markup

from grader.results import HeatMap
from reports import text

SIDE = 18  # of a cell
LEFT, TOP = 34, 16
LONGEST_NAME = 60


def svg(heat: HeatMap) -> Markup:
    """The drawing with the first and the last index of both axes; `HeatMap.text` says the same in characters."""
    columns = max((len(row) for row in heat.cells), default=0)
    width, height = max(columns, 1) * SIDE, max(len(heat.cells), 1) * SIDE
    cells = Markup("").join(
        _cell(row, column, share) for row, line in enumerate(heat.cells) for column, share in enumerate(line)
    )
    return Markup(
        '<svg class="heat" viewBox="0 0 {w} {h}" width="{w}" height="{h}" role="img" aria-label="{label}">'
        '<rect class="ground" x="{l}" y="{t}" width="{cw}" height="{ch}"></rect>{cells}{ends}</svg>'
    ).format(
        w=LEFT + width + 4, h=TOP + height + 2, l=LEFT, t=TOP, cw=width, ch=height, cells=cells,
        label=said(heat), ends=_ends(heat.shape, width, height),
    )  # fmt: skip


def said(heat: HeatMap) -> str:
    """What the drawing shows, in a sentence."""
    shares = [share for row in heat.cells for share in row]
    wrong, partly = sum(share == 1 for share in shares), sum(0 < share < 1 for share in shares)
    return (
        f"{text.line(heat.title, LONGEST_NAME)}: of {len(shares)} cells {wrong} are wrong, {partly} in part; "
        f"down {text.line(heat.rows, LONGEST_NAME)}, across {text.line(heat.columns, LONGEST_NAME)}."
    )


def _cell(row: int, column: int, share: float) -> Markup:
    x, y = LEFT + column * SIDE, TOP + row * SIDE
    if share <= 0:
        return Markup("")
    drawn = Markup(
        '<rect class="wrong-cell" x="{}" y="{}" width="{}" height="{}" fill-opacity="{:.2f}"></rect>'
    ).format(x + 1, y + 1, SIDE - 2, SIDE - 2, 0.25 + 0.75 * share)
    if share < 1:
        return drawn
    return drawn + Markup('<path class="cross" d="M{} {}l6 6m0 -6l-6 6"></path>').format(x + 6, y + 6)


def _ends(shape: tuple[int, int], width: int, height: int) -> Markup:
    text = Markup('<text x="{}" y="{}" text-anchor="{}">{}</text>')
    rows, columns = shape
    ends = [(LEFT - 5, TOP + 13, "end", 0)]
    ends += [(LEFT - 5, TOP + height - 4, "end", rows - 1)] if rows > 1 else []
    ends += [(LEFT + SIDE // 2, TOP - 4, "middle", 0)]
    ends += [(LEFT + width - SIDE // 2, TOP - 4, "middle", columns - 1)] if columns > 1 else []
    return Markup("").join(text.format(*end) for end in ends)
