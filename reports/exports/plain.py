"""A check in plain text, as consoles and other systems show it: cleaned, cut to a length, no markup."""

from __future__ import annotations

from grader.results import CheckResult, Mismatch, Note, Outcome, Traceback
from reports import text, view

MOST_TEXT = 4_000  # characters of one check
MOST_DETAILS = 6
MOST_WORST = 5


def said(check: CheckResult) -> str:
    """Message, likely mistake, hint and advice; nothing for a check that has nothing to say."""
    lines = [text.clean(check.message, text.PROSE_LIMIT), text.clean(check.explanation, text.PROSE_LIMIT)]
    if check.outcome is Outcome.ERRORED:
        lines.append(
            "This is a fault of the grader, not of the work. Staff have to look at it; no points are lost."
        )
    if check.remedy:
        lines.append("Try: " + text.clean(check.remedy, text.PROSE_LIMIT))
    lines += [
        "Worth knowing: " + text.clean(advice, text.PROSE_LIMIT) for advice in check.advice[:MOST_DETAILS]
    ]
    return "\n".join(filter(None, lines))


def whole(check: CheckResult) -> str:
    """`said` with the evidence: mismatches, tracebacks, notes and what was printed."""
    pieces = [said(check), *map(_detail, check.details[:MOST_DETAILS])]
    pieces += [
        f"{name}:\n{text.block(out)}"
        for name, out in (("stdout", check.stdout), ("stderr", check.stderr))
        if out
    ]
    return text.clean("\n\n".join(filter(None, pieces)), MOST_TEXT)


def title(check: CheckResult) -> str:
    """The check in a line: function, what is checked, and the outcome unless it passed."""
    word = "" if check.outcome is Outcome.PASSED else f" ({view.WORDING[check.outcome].word.lower()})"
    function = f"{text.line(check.function)}: " if check.function else ""
    return f"{function}{text.line(check.title)}{word}"


def _detail(detail: object) -> str:
    if isinstance(detail, Mismatch):
        return _mismatch(detail)
    if isinstance(detail, Traceback):
        return text.block(detail.text)
    if isinstance(detail, Note):
        return f"{text.line(detail.title)}\n{text.block(detail.text)}"
    return text.block(str(getattr(detail, "text", "")))  # every picture says in words what it shows


def _mismatch(found: Mismatch) -> str:
    head = f"{text.line(found.name)}: shape {found.shape}, {text.line(found.dtype)}"
    if (found.shape, found.dtype) != (found.expected_shape, found.expected_dtype):
        head += f"; expected {found.expected_shape}, {text.line(found.expected_dtype)}"
    lines = [head]
    if found.different:
        lines.append(
            f"{found.different} of {found.total} elements differ; greatest difference "
            f"{text.line(found.greatest_absolute)}, allowed {text.line(found.allowance)}"
        )
    lines += [
        f"at {list(element.index)}: {text.line(element.actual)}, expected {text.line(element.expected)}"
        for element in found.worst[:MOST_WORST]
    ]
    return "\n".join(lines)
