"""What the text of a student's file shows, whether it parses or not."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from grader.sandbox import source

REGION = """
def f(x):
    '''Doc.'''
    out = None
    ##########################
    # TODO: Implement.       #
    ##########################
    # *****START OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****

    {body}

    # *****END OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
    ##########################
    #    END OF YOUR CODE    #
    ##########################
    return out
"""


def untouched(text: str, name: str = "f") -> bool:
    return {f.qualname: f for f in source.outline(textwrap.dedent(text))}[name].untouched


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("pass", True),
        ("# a thought", True),
        ("", True),
        ('raise NotImplementedError("f: do it")', True),
        ("raise NotImplementedError", True),
        ("out = x", False),
        ("pass; out = 1", False),
        ("raise ValueError", False),
        ("x = = 1", False),
    ],
)
def test_a_region_is_untouched_when_nothing_is_in_it(body, expected):
    """`pass`, comments, blank lines and our own stub are nothing; also where the file does not parse."""
    assert untouched(REGION.format(body=body)) is expected
    assert untouched(REGION.format(body=body) + "\nx = = 2\n") is expected


def test_the_other_pair_of_markers():
    """Some regions of the original are marked by their TODO alone, with the end marker below a statement."""
    text = """
    def sim(a, b):
        norm = None
        # TODO: Start of your code.
        #
        # HINT: torch.linalg.norm
        {body}
        # END OF YOUR CODE
        return norm
    """
    assert untouched(text.format(body="pass"), "sim")
    assert not untouched(text.format(body="norm = 1"), "sim")


def test_one_filled_region_of_two_is_work():
    """A function with a filled and an empty region was begun."""
    text = REGION.format(body="out = 1").rstrip() + REGION.format(body="pass").split("'''Doc.'''")[1]
    assert not untouched(text)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("pass", True),
        ("'''Doc.'''", True),
        ("raise NotImplementedError()", True),
        ("return 1", False),
        ("x = 1", False),
    ],
)
def test_without_markers_the_body_decides(body, expected):
    """A student who removed the markers is judged by the statements."""
    assert untouched(f"def f(x):\n    {body}\n") is expected


def test_names_lines_and_parameters():
    """Methods and nested functions have dotted names; parameters of all kinds are listed."""
    text = "class A:\n    def loss(self, x, /, y=1, *, z):\n        return 1\n\n\nasync def g():\n    pass\n"
    found = source.outline(text)
    assert [(f.qualname, f.line, f.parameters) for f in found] == [
        ("A.loss", 2, ("self", "x", "y", "z")),
        ("g", 6, ()),
    ]


def test_a_file_that_does_not_parse_still_has_an_outline():
    """Names, lines and parameters by text, also over several lines."""
    text = "class A:\n    def loss(\n        self,\n        x,\n    ):\n        if x:\n        return\n\n"
    text += "def g(y: int = 3):\n    return y\n"
    found = source.outline(text)
    assert [(f.qualname, f.line, f.parameters) for f in found] == [
        ("A.loss", 2, ("self", "x")),
        ("g", 9, ("y",)),
    ]


@pytest.mark.parametrize(
    "text", ["(" * 100_000, "\0", "def f(:\n" * 1000, "class A:\n" * 200, "x" * 10**6, "\u202e" * 100]
)
def test_hostile_text_ends(text):
    """Text made to be deep or odd gives an outline, not an exception."""
    assert isinstance(source.outline(text), list)


def test_the_outline_of_a_worker(opened):
    """`Worker.outline` reads the file, not the module: nothing is imported."""
    worker = opened("raise SystemExit\n" + REGION.format(body="pass"))
    facts = worker.outline("cs231n.task")
    assert facts["f"].untouched
    assert facts["f"].parameters == ("x",)
    assert worker.outline("cs231n.absent") == {}
    assert worker.take_output() == ("", "")


def test_every_region_of_the_handout_is_untouched():
    """The generated handout: each function with a stub is untouched, and there are some."""
    root = Path(__file__).resolve().parents[2] / "student_template"
    stubs = [f for path in root.rglob("*.py") for f in source.outline(source.read(str(path))) if f.untouched]
    assert len(stubs) > 10
