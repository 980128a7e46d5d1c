"""A file that does not parse since a region is still empty is imported all the same; nothing else is repaired."""

from __future__ import annotations

import pytest

from grader.errors import ImportFailed, Raised
from grader.results import Limits
from grader.sandbox.client import Function
from grader.sandbox.source import filled, outline
from grader.values import ScalarValue

UNFINISHED = """
    def done():
        return 7

    class CIFAR10Pair:
        def __getitem__(self, index):
            x_i = None
            if True:
                # TODO: Start of your code.
                # apply self.transform twice
                # END OF YOUR CODE
            return index

    def item():
        return CIFAR10Pair()[5]

    def failing():
        raise ValueError("here")
"""


def value(worker, name):
    found = worker.call(Function("cs231n.task", name)).value
    assert isinstance(found, ScalarValue)
    return found.data


def test_an_empty_region_hides_nothing_beside_it(opened):
    """The original's data_utils.py does not parse before its region is filled; its other functions work."""
    worker = opened(UNFINISHED)
    assert value(worker, "done") == 7
    assert value(worker, "item") == 5
    assert worker.outline("cs231n.task")["CIFAR10Pair.__getitem__"].untouched
    assert not worker.outline("cs231n.task")["done"].untouched


def test_lines_keep_their_numbers(opened):
    """A traceback points to the student's own line."""
    with pytest.raises(Raised) as caught:
        value(opened(UNFINISHED), "failing")
    (shown,) = caught.value.details
    assert "task.py" in shown.text
    assert "line 18" in shown.text


@pytest.mark.parametrize(
    "text",
    [
        "if True:\n    # no region\nx = 1\n",
        "if True:\n    # START OF YOUR CODE\n    x = = 1\n    # END OF YOUR CODE\n",
        "if True:\n    # START OF YOUR CODE\n    # END OF YOUR CODE\nx = (\n",
        "if True:\n    # START OF YOUR CODE\nx = 1\n",
    ],
    ids=["no region", "not empty", "another error", "unclosed"],
)
def test_other_errors_of_syntax_stay(opened, text):
    """What an empty region does not explain is reported as the interpreter has it."""
    with pytest.raises(ImportFailed, match="can't be imported: (Syntax|Indentation)Error"):
        value(opened(text), "done")


def test_filled_touches_only_what_does_not_parse():
    """`pass` takes the place of the first marker, at its indentation, where a block is missing; all else stays."""
    missing = (
        "if a:\n\t# *****START OF YOUR CODE*****\n\t# TODO: Start of your code.\n\n\t# END OF YOUR CODE\n"
    )
    others = "x = [\n    # START OF YOUR CODE\n    # END OF YOUR CODE\n    7]\n# START OF YOUR CODE\nx = 1\n# END OF YOUR CODE\n"
    assert filled(missing + others) == missing.replace("# *****START OF YOUR CODE*****", "pass") + others
    assert filled(others + missing + missing).count("pass") == 2


def test_given_lines_in_a_region_are_no_work_of_the_student():
    """A region that holds what the original hands out in it, and names set to None, is as it was handed out."""
    text = (
        "def f(device):\n    # TODO: Start of your code.\n    exponential = None\n"
        "    mask = (torch.ones_like(exponential, device=device)\n"
        "            - torch.eye(2 * N, device=device)).to(device).bool()\n"
        "    # END OF YOUR CODE\n    return exponential\n"
        "def g():\n    return Compose([\n        # TODO: Start of your code.\n"
        "        transforms.RandomResizedCrop(32),\n        # END OF YOUR CODE\n    ])\n"
    )
    assert [function.untouched for function in outline(text)] == [True, True]
    done = text.replace("exponential = None", "exponential = torch.exp(x)").replace("(32),", "(32), flip,")
    assert [function.untouched for function in outline(done)] == [False, False]


def test_a_namespace_package_and_other_encodings_are_imported(zygote, tmp_path):
    """`cs231n/simclr` has no `__init__.py`; a byte-order mark and a named encoding are read as Python reads them."""
    folder = tmp_path / "cs231n" / "simclr"
    folder.mkdir(parents=True)
    (tmp_path / "cs231n" / "__init__.py").touch()
    (folder / "task.py").write_bytes("# coding: latin-1\ndef f():\n    return 'é'\n".encode("latin-1"))
    (folder / "mark.py").write_bytes(
        b"\xef\xbb\xbfdef f():\r\n\tif 1:\r\n\t\t# START OF YOUR CODE\r\n\t\t# END OF YOUR CODE\r\n\treturn 3\r\n"
    )
    with zygote.worker(tmp_path, Limits(call_seconds=10)) as worker:
        found = [worker.call(Function(f"cs231n.simclr.{name}", "f")).value.data for name in ("task", "mark")]
    assert found == ["é", 3]
