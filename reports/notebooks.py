"""What a student wrote in Markdown, made into HTML that can do nothing: no script, no style, no address is fetched.

Text is cleaned first, HTML in it is text, formulas become MathML, and a sanitizer passes only what is listed here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

import nh3
from latex2mathml.converter import convert
from markdown_it import MarkdownIt
from markupsafe import Markup, escape
from mdit_py_plugins.dollarmath import dollarmath_plugin

from grader.results import InlineAnswer, NotebookFinding, NotebookResult, Reading
from reports import text

MARKDOWN_LIMIT = 12_000  # characters
FORMULA_LIMIT = 1_000
_TAGS = {
    "p", "br", "hr", "em", "strong", "s", "code", "pre", "blockquote", "ul", "ol", "li", "h5", "h6", "a", "div",
    "table", "thead", "tbody", "tr", "th", "td",
}  # fmt: skip
_MATH = {
    "math", "mrow", "mi", "mn", "mo", "ms", "mtext", "mspace", "mfrac", "msqrt", "mroot", "msub", "msup", "msubsup",
    "munder", "mover", "munderover", "mtable", "mtr", "mtd", "mfenced", "mpadded", "mphantom", "menclose",
}  # fmt: skip
_BITMAP = re.compile(r"data:image/(?:png|jpeg|gif);base64,[A-Za-z0-9+/=]{1,600000}")


def markdown(source: str) -> Markup:
    """Markdown with tables and formulas as HTML that holds no script, no style, no picture and no foreign address."""
    made = _parser().render(text.clean(source, MARKDOWN_LIMIT))
    made = re.sub(r"<(/?)h[1-4]>", r"<\1h5>", made)  # headings of an answer stand below the page's own
    return Markup(
        nh3.clean(
            made,
            tags=_TAGS | _MATH,
            attributes={"a": {"href"}, "math": {"display"}, "ol": {"start"}},
            url_schemes={"http", "https", "mailto"},
            link_rel="noopener noreferrer nofollow",
        )
    )


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "maxNesting": 20}).enable(["table", "strikethrough"])
    parser.use(dollarmath_plugin, renderer=_formula, allow_space=True, double_inline=True)
    return parser


def _formula(source: str, options: dict[str, bool]) -> str:
    """MathML of a formula; one that can't be read stays as it was written."""
    block = bool(options.get("display_mode"))
    if len(source) <= FORMULA_LIMIT and source.count("{") <= 100 and source.count("\\left") <= 20:
        try:
            return str(convert(source, display="block" if block else "inline"))
        except Exception:  # noqa: BLE001 (a converter of foreign text: whatever it meets, the text is shown as it is)
            pass
    return f"<code>{escape(source)}</code>"


def bitmap(uri: str) -> str:
    """A data URI that holds a bitmap, or nothing: a picture can't be an address or a drawing with script in it."""
    return uri if _BITMAP.fullmatch(uri) else ""


def handed_in(notebooks: Iterable[NotebookResult]) -> list[NotebookResult]:
    """The notebooks that there are."""
    return [notebook for notebook in notebooks if notebook.file]


def sorted_findings(notebook: NotebookResult) -> list[NotebookFinding]:
    """Problems first, then remarks, each in the order of the cells."""
    return sorted(notebook.findings, key=lambda finding: (not finding.problem, finding.cell))


def readings(notebook: NotebookResult) -> list[tuple[str, int, Reading]]:
    """(step, cell, reading) of every number that the notebook's checks print."""
    return [(step.title, step.cell, reading) for step in notebook.steps for reading in step.readings]


def empty(answer: InlineAnswer) -> bool:
    """Neither text nor picture."""
    return not answer.answer.strip() and not answer.pictures
