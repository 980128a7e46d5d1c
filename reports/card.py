"""Checks of a few functions as one card in a notebook: the report's own pieces, with their style kept to the card."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup

from grader.results import Grade, Problem
from reports import page, view

AGAIN = "gradmark check"
_TOP = re.compile(r"(?<![\w.#-])(?::root|html|body)(?=\s*\{)")


class Room(NamedTuple):
    """How much a card shows of a check."""

    block: int = 2_000
    details: int = 12


def html(
    grade: Grade, *, folder: str, where: str = "", broken: Sequence[Problem] = (), again: str = AGAIN
) -> str:
    """The card of `grade`. Every string of it is cleaned and escaped, as in the report.

    folder: where the files are; where: file and line to look at; broken: files that can't be imported.
    """
    id = f"gradmark-{secrets.token_hex(4)}"  # several cards stand in one notebook
    anchors = {check.id: f"{id}-check-{number}" for number, check in enumerate(grade.checks, 1)}
    return (
        page.templates()
        .get_template("card.html")
        .render(
            grade=grade,
            parts=view.parts(grade),
            id=id,
            anchors=anchors,
            room=Room(),
            again=again,
            step_of={},
            broken=broken,
            folder=folder,
            where=where,
            style=Markup(style()),  # our own file
        )
    )


def style() -> str:
    """The report's style sheet for what is in a card alone: what it says of the page holds for the card."""
    sheet = re.sub(r"/\*.*?\*/", "", page.own("style.css"), flags=re.S)
    return f".gradmark-card {{\n{_TOP.sub('&', sheet)}\n& {{ padding: 0.75rem 1rem; border-radius: 0.5rem; }}\n}}"
