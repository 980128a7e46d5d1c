"""The handout is the reference without its solutions, and nothing else."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader import template
from grader.errors import TemplateError

REFERENCE = Path(__file__).parents[1] / "reference"
REFERENCE_FILES = sorted((REFERENCE / "cs231n").rglob("*.py"))

SOLVED = '''"""A file."""


def double(x):
    """Twice x."""
    # BEGIN SOLUTION: return "twice" x.
    y = x + x
    # END SOLUTION
    return y


class Model:
    def loss(self, x):
        if x:
            # BEGIN SOLUTION: compute it.
            def helper(z):
                return z

            return helper(x)
            # END SOLUTION
        return 0
'''


def refuses(text: str) -> str:
    with pytest.raises(TemplateError) as caught:
        template.handout(text, "cs231n/a.py")
    assert caught.value.hint
    return caught.value.message


def inside(*lines: str) -> str:
    return "def f(x):\n" + "".join(f"{line}\n" for line in lines) + "    return x\n"


def test_a_region_becomes_one_raise_that_names_function_and_task() -> None:
    """The stub stands at the region's indentation and names the method with its class."""
    made = template.handout(SOLVED, "a.py")
    assert (
        "            # START OF YOUR CODE: compute it.\n"
        '            raise NotImplementedError("Model.loss: compute it.")\n'
        "            # END OF YOUR CODE\n"
        "        return 0\n"
    ) in made
    assert 'raise NotImplementedError("double: return \\"twice\\" x.")' in made
    assert "helper" not in made
    assert "x + x" not in made


def test_a_stub_raises_the_message_when_it_is_called() -> None:
    """A task with quotes reaches the student as it was written."""
    names: dict[str, object] = {}
    exec(template.handout(SOLVED, "a.py"), names)
    with pytest.raises(NotImplementedError, match=re.escape('double: return "twice" x.')):
        names["double"](2)  # type: ignore[operator]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_everything_outside_a_region_keeps_its_bytes(end: str) -> None:
    """Line ends, form feeds, odd line separators in strings and a missing final newline survive."""
    before, after = f"# \u00e9 \u2028 \x0c{end}x = '\x1c'  {end}", f"{end}y = 1  # last"
    region = f"def f():{end}\t# BEGIN SOLUTION: do.{end}\tpass{end}\t# END SOLUTION{end}"
    made = template.handout(before + region + after, "a.py")
    assert made.startswith(before + f"def f():{end}\t# START OF YOUR CODE: do.{end}")
    assert made.endswith(f"\t# END OF YOUR CODE{end}" + after)


def test_a_file_without_regions_is_untouched() -> None:
    """Given code is handed out as it is, also when it ends without a newline."""
    assert template.handout("x = 1", "a.py") == "x = 1"


IN, END, CODE = "    # BEGIN SOLUTION: a.", "    # END SOLUTION", "    x = 1"

REFUSED = [
    (
        inside(IN, CODE, IN, END),
        "cs231n/a.py, line 4: BEGIN SOLUTION inside the region that starts at line 2",
    ),
    (inside(IN, CODE), "line 2: BEGIN SOLUTION without an END SOLUTION"),
    (inside(CODE, END), "line 3: END SOLUTION without a BEGIN SOLUTION"),
    (inside("    # BEGIN SOLUTION", CODE, END), "line 2: BEGIN SOLUTION without a task sentence"),
    (inside("    # BEGIN SOLUTION:  ", CODE, END), "line 2: BEGIN SOLUTION without a task sentence"),
    (inside(IN, CODE, END[2:]), "line 4: END SOLUTION is not indented like the BEGIN SOLUTION of line 2"),
    (inside(IN[2:], CODE, END[2:]), "line 2: the marker is not indented like line 3 below it"),
    (inside(IN, END), "line 2: the region holds no statement"),
    (inside('    """', IN, CODE, END, '    """'), "line 3: the region holds no statement"),
    (inside(IN, CODE, END + " of a"), "line 4: END SOLUTION is followed by more text: of a"),
    (inside("    x = 1  # BEGIN SOLUTION: a."), "line 2: this is not a marker: x = 1  # BEGIN SOLUTION: a."),
    (inside("    #begin solution: a."), "line 2: this is not a marker: #begin solution: a."),
    (inside("    # END OF SOLUTION"), "line 2: this is not a marker: # END OF SOLUTION"),
    (f"{IN[4:]}\nx = 1\n{END[4:]}\n", "line 1: the region is not inside one function"),
    (f"class A:\n{IN}\n{CODE}\n{END}\n", "line 2: the region is not inside one function"),
    (f"{inside(IN, CODE)}def g():\n{CODE}\n{END}\n{CODE}\n", "line 7: END SOLUTION cuts a statement in two"),
    (inside(IN, "    if x: pass", END, "    else: pass"), "line 4: END SOLUTION cuts a statement in two"),
    (
        inside("    try: pass", IN, "    except E: x = 1", END),
        "line 3: the marker is not indented like line 4 below it",
    ),
    (inside(IN, "    x = = 1", END), "cs231n/a.py, line 3: invalid syntax"),
]


@pytest.mark.parametrize(("text", "message"), REFUSED)
def test_markers_that_make_no_region_are_refused_with_their_line(text: str, message: str) -> None:
    """A marker that is overlooked would hand out a solution, so every odd one stops the generation."""
    assert message in refuses(text)


def test_a_region_whose_removal_breaks_the_file_is_refused() -> None:
    """`nonlocal` of a name that only the solution binds is valid before and invalid after."""
    text = inside(
        "    # BEGIN SOLUTION: a.", "    y = 1", "    # END SOLUTION", "    def g():", "        nonlocal y"
    )
    assert refuses(text) == "handout of cs231n/a.py, line 6: no binding for nonlocal 'y' found"


@given(st.lists(st.sampled_from([IN, END, CODE, "    for x in x: pass", "    def g():", "        x = 2"])))
def test_generation_either_removes_all_solutions_or_refuses(lines: list[str]) -> None:
    """Whatever the order of markers and code, a handout has no marker left, and parses if it had any."""
    try:
        made = template.handout(inside(*lines), "a.py")
    except TemplateError:
        return
    assert "SOLUTION" not in made
    assert made.count("raise NotImplementedError") == lines.count(IN)
    if IN in lines:
        ast.parse(made)


@pytest.fixture
def reference(tmp_path: Path) -> Path:
    """A small reference with everything that must not travel."""
    folder = tmp_path / "reference"
    for name in ("cs231n/a.py", "cs231n/__pycache__/a.pyc", "cs231n/.hidden.py", "__init__.py", "A.ipynb"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(SOLVED)
    (folder / "cs231n/checks.npz").write_bytes(b"PK\x00\xff")
    return folder


def test_writing_makes_a_fresh_template_of_code_and_data(reference: Path, tmp_path: Path) -> None:
    """Data is copied byte for byte; caches, hidden files, notebooks and the package marker stay behind."""
    made = tmp_path / "student_template"
    template.write(reference, made)
    assert {p.relative_to(made).as_posix() for p in made.rglob("*") if p.is_file()} == {
        "cs231n/a.py",
        "cs231n/checks.npz",
    }
    assert (made / "cs231n/checks.npz").read_bytes() == b"PK\x00\xff"
    assert template.stale(reference, made) == []
    assert template.generate(reference) == {"cs231n/a.py": (made / "cs231n/a.py").read_text()}


def test_stale_names_every_difference(reference: Path, tmp_path: Path) -> None:
    """A missing, an extra and two changed files are four lines, the text with its first changed line."""
    made = tmp_path / "student_template"
    assert template.stale(reference, made) == [
        "cs231n/a.py: is not in the template",
        "cs231n/checks.npz: is not in the template",
    ]
    template.write(reference, made)
    (made / "cs231n/a.py").write_text((made / "cs231n/a.py").read_text().replace("return y", "return 2"))
    (made / "cs231n/checks.npz").write_bytes(b"")
    (made / "cs231n/b.py").write_text("")
    assert template.stale(reference, made) == [
        "cs231n/a.py: differs at line 9",
        "cs231n/b.py: does not belong to the template",
        "cs231n/checks.npz: differs",
    ]
    template.write(reference, made)
    assert template.stale(reference, made) == []


def test_writing_over_a_folder_that_is_no_template_is_refused(reference: Path, tmp_path: Path) -> None:
    """A wrong path on the command line must not delete someone's files."""
    (tmp_path / "home").mkdir()
    (tmp_path / "home/thesis.tex").write_text("years of work")
    with pytest.raises(TemplateError, match="holds files but no cs231n folder"):
        template.write(reference, tmp_path / "home")
    assert (tmp_path / "home/thesis.tex").read_text() == "years of work"


def test_a_reference_that_is_not_there_or_not_text_is_named(reference: Path, tmp_path: Path) -> None:
    """The message says which path, or which file and byte."""
    with pytest.raises(TemplateError, match="nowhere is not a folder"):
        template.generate(tmp_path / "nowhere")
    (reference / "cs231n/a.py").write_bytes(b"# caf\xe9\n")
    with pytest.raises(TemplateError, match=r"cs231n/a\.py: byte 5 is not UTF-8"):
        template.generate(reference)


@pytest.mark.parametrize("path", REFERENCE_FILES, ids=lambda path: path.relative_to(REFERENCE).as_posix())
def test_no_line_of_a_solution_is_in_the_real_handout(path: Path) -> None:
    """Each line occurs in the handout as often as outside the reference's regions, solutions not at all."""
    given_lines: Counter[str] = Counter()
    solving = regions = 0
    for line in path.read_text().splitlines():
        regions += "# BEGIN SOLUTION" in line
        solving += ("# BEGIN SOLUTION" in line) - ("# END SOLUTION" in line)
        if not solving and "# END SOLUTION" not in line:
            given_lines[line] += 1
    made = template.generate(REFERENCE)[path.relative_to(REFERENCE).as_posix()].splitlines()
    assert sum("raise NotImplementedError(" in line for line in made) == regions
    marks = ("# START OF YOUR CODE", "raise NotImplementedError(", "# END OF YOUR CODE")
    assert Counter(line for line in made if not line.strip().startswith(marks)) == given_lines
