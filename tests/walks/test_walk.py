"""What the walks rest on: blocks of a page, what counts as shown, and how commands are run."""

from __future__ import annotations

from pathlib import Path

import pytest

from handbook import blocks
from handbook.walk import narrowed, walk

PAGE = """\
Words.

```toml title="course.toml"
a = 1
```

```sh
cat course.toml
false
```

```text
a = 1
```
"""


def test_a_page_is_gone_along(tmp_path: Path) -> None:
    """Titled blocks are files, shell blocks are run in their order and end at the first failure."""
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    (step,) = walk(page, tmp_path)
    assert step.printed == "a = 1\n"
    assert step.status == 1
    assert step.where == "page.md, line 7"
    assert [shown.text for shown in step.shown] == ["a = 1\n"]


@pytest.mark.parametrize(
    ("shown", "printed", "same"),
    [
        ("b\n", "a\nb  \nc\n", True),
        ("a\nc\n", "a\nb\nc\n", False),
        ("a\n...\nc\n", "a\nb\nc\n", True),
        ("c\n...\na\n", "a\nb\nc\n", False),
        ("Written: a.zip (...\n", "Written: a.zip (1.2 MB)\n", True),
        ("Written: b.zip (...\n", "Written: a.zip (1.2 MB)\n", False),
        ("d\n", "a\nb\nc\n", False),
    ],
)
def test_what_counts_as_shown(shown: str, printed: str, same: bool) -> None:
    """Lines in their order and next to each other, except where something is left out."""
    assert blocks.shows(shown, printed) is same


def test_narrowed_changes_gradings_alone() -> None:
    """The selection goes to `gradmark grade` and `gradmark handout`, and to nothing else."""
    change = narrowed("rnn and not lstm")
    assert change("gradmark list\n") == "gradmark list\n"
    assert change("gradmark handout x\n") == "gradmark handout x -k 'rnn and not lstm'\n"
    assert change("gradmark grade x -k gan\n") == "gradmark grade x -k gan\n"
    wanted = "gradmark grade x --out y -k 'rnn and not lstm' --no-training\n"
    assert change("gradmark grade x --out y\n") == wanted
