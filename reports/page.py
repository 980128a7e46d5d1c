"""The HTML page of a grade: one file, no network, no script but its own few lines."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from grader.results import CheckResult, Detail, Grade, Outcome
from reports import causes, curve, heat, notebooks, text, view

MOST_FILES = 400  # longer lists say so and point to result.json
MOST_DETAILS = 12  # of anything that is listed
MOST_BYTES = 1_000_000  # of a page, with its pictures


def render(grade: Grade, again: str = view.AGAIN) -> str:
    """The page of `grade`: self-contained HTML, readable at phone width, in the dark and on paper.

    Every string of the grade is treated as hostile: cleaned, cut to a length and escaped; the page's own
    policy refuses any script but its own, forms and anything from elsewhere. Printed text is cut shorter, and
    pictures of notebooks are left out, as far as it takes to stay below `MOST_BYTES`; what is cut says so.
    `again` begins the commands that show a check again.
    """
    made = ""
    for room in _ROOMS:
        made = _rendered(grade, room, again)
        if len(made.encode()) <= MOST_BYTES:
            break
    return made


@dataclass(frozen=True, slots=True)
class _Room:
    """How much a page shows."""

    block: int  # characters of one printed text or traceback
    details: int  # of one check
    pictures: bool = True  # also those of notebooks, which students bring


_ROOMS = (
    _Room(text.BLOCK_LIMIT, 12),
    _Room(1_000, 12),
    _Room(200, 12, False),
    _Room(200, 3, False),
)


def _rendered(grade: Grade, room: _Room, again: str) -> str:
    style, script, parts, steps = own("style.css"), own("script.js"), view.parts(grade), view.steps(grade)
    return (
        templates()
        .get_template("page.html")
        .render(
            grade=grade,
            room=room,
            again=again,
            parts=parts,
            elsewhere=view.missing_elsewhere(parts),
            steps=steps,
            step_of={check.id: place for place, step in enumerate(steps, 1) for check in step.checks},
            explained=causes.told(steps),
            extra=sum(part.points for part in grade.parts if part.extra_credit),
            counts={outcome: view.count(grade.checks, outcome) for outcome in Outcome},
            anchors=_anchors(grade.checks),
            style=Markup(style),  # our own files
            script=Markup(script),
            policy=policy(style, script),
            notebooks=notebooks.handed_in(grade.notebooks),
        )
    )


def policy(style: str, script: str = "") -> str:
    """A Content-Security-Policy that allows exactly this style sheet and this script, and nothing else."""
    allowed = f"default-src 'none'; img-src data:; style-src '{_digest(style)}'"
    allowed += f"; script-src '{_digest(script)}'" if script else ""
    return f"{allowed}; base-uri 'none'; form-action 'none'"


def _digest(content: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}"


@cache
def templates() -> Environment:
    """The templates, with our filters: whatever they print is cleaned and escaped."""
    templates = Environment(
        loader=PackageLoader("reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_cleaned,
    )
    templates.filters.update(
        prose=text.prose,
        block=text.block,
        line=text.line,
        kind=_kind,
        index=_index,
        shape=str,
        size=_size,
        bar=_bar,
        curve=curve.svg,
        heat=heat.svg,
        said=heat.said,
        again=view.command,
        address=curve.address,
        extent=curve.size,
        number=_number,
        markdown=notebooks.markdown,
        bitmap=notebooks.bitmap,
    )
    templates.globals.update(
        notebook_findings=notebooks.sorted_findings,
        notebook_readings=notebooks.readings,
        notebook_empty=notebooks.empty,
    )
    templates.globals.update(
        wording=view.WORDING,
        Outcome=Outcome,
        MOST_FILES=MOST_FILES,
        MOST_DETAILS=MOST_DETAILS,
        FIRST_STEPS=view.FIRST_STEPS,
        NOT_ISOLATED=view.NOT_ISOLATED,
    )
    return templates


@cache
def own(name: str) -> str:
    """The text of one of our own files beside the templates."""
    source, _, _ = PackageLoader("reports").get_source(Environment(autoescape=True), name)
    return source


def _cleaned(value: Any) -> Any:
    """What the template prints: strings cleaned, `Markup` as the filter made it."""
    return (
        text.clean(value, text.BLOCK_LIMIT + 100)
        if isinstance(value, str) and not hasattr(value, "__html__")
        else value
    )


def _anchors(checks: Iterable[CheckResult]) -> dict[str, str]:
    """Check id -> the id of its element. Numbered, so that no text of the grade gets into an address."""
    return {check.id: f"check-{number}" for number, check in enumerate(checks, 1)}


def _kind(detail: Detail) -> str:
    return type(detail).__name__.lower()


def _index(index: tuple[int, ...]) -> str:
    return f"[{', '.join(map(str, index))}]" if index else "(scalar)"


def _number(value: float) -> str:
    """A number without trailing zeros: 10.0 -> 10."""
    return f"{value:,.3f}".rstrip("0").rstrip(".")


def _size(amount: int) -> str:
    value, units = float(amount), ["bytes", "KiB", "MiB", "GiB"]
    while value >= 1024 and len(units) > 1:
        value, _ = value / 1024, units.pop(0)
    return f"{_number(round(value, 1))} {units[0]}"


def _bar(part: view.PartView) -> Markup:
    """Points of a part as a bar: an SVG, since a style attribute would need a looser policy."""
    whole = max(sum(amount for _, amount in part.segments), 1)
    ends = [0.0, *accumulate(100 * amount / whole for _, amount in part.segments)]
    rects = Markup("").join(
        Markup('<rect class="{}" x="{:.3f}" width="{:.3f}" height="8"></rect>').format(
            tone, start, end - start
        )
        for (tone, _), start, end in zip(part.segments, ends, ends[1:], strict=False)
    )
    return Markup(
        '<svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">{}</svg>'
    ).format(rects)
