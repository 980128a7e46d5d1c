"""How known mistakes are declared: each is a textual variation of one function of the reference.

A mistake serves twice: it proves that the checks named in `caught_by` can fail, and its sentence explains a
submission whose results equal its own.
"""

from __future__ import annotations

import ast
import functools
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from grader.errors import GradmarkError

FILES = {
    "rnn_layers": "cs231n/rnn_layers.py",
    "rnn": "cs231n/classifiers/rnn.py",
    "transformer_layers": "cs231n/transformer_layers.py",
    "transformer": "cs231n/classifiers/transformer.py",
    "gan_pytorch": "cs231n/gan_pytorch.py",
    "contrastive_loss": "cs231n/simclr/contrastive_loss.py",
    "simclr_data": "cs231n/simclr/data_utils.py",
    "simclr_model": "cs231n/simclr/model.py",
    "simclr_utils": "cs231n/simclr/utils.py",
}


class MistakeError(GradmarkError):
    """A mistake no longer fits the reference that it varies."""


@dataclass(frozen=True)
class Mistake:
    """`old` occurs once in the reference's text of `function`; `new` in its place makes it wrong."""

    id: str  # "rnn_step_forward.bias_missing"
    function: str  # "rnn_layers.rnn_step_forward", "rnn.CaptioningRNN.loss"
    old: str
    new: str
    sentence: str  # what is wrong, as the report says it
    hint: str  # what to look at, without giving the solution
    caught_by: tuple[str, ...]  # ids of checks, all of which fail

    @property
    def module(self) -> str:
        """The key of `FILES` whose text it changes."""
        return self.function.partition(".")[0]


Entry = Callable[[str], Mistake]


def entry(name: str, old: str, new: str, sentence: str, hint: str, *caught_by: str) -> Entry:
    """A mistake that still lacks its function. `caught_by` are aspects of that function, or full ids of checks."""

    def at(function: str) -> Mistake:
        own = function.partition(".")[2]
        modules = (*FILES, function.partition(".")[0])
        checks = tuple(
            c if c.startswith(tuple(f"{m}." for m in modules)) else f"{function}.{c}" for c in caught_by
        )
        return Mistake(f"{own}.{name}", function, old, new, sentence, hint, checks)

    return at


def mistakes_in(function: str, *entries: Entry) -> tuple[Mistake, ...]:
    """The mistakes of one function."""
    return tuple(item(function) for item in entries)


def apply(mistake: Mistake, reference: Path, files: Mapping[str, str] = FILES) -> str:
    """The text of the mistake's file in the folder `reference`, with the mistake made (and no docstring there).

    Raises `MistakeError` unless the function is there, holds `old` exactly once outside its docstring, and still
    parses afterwards.
    """
    if mistake.module not in files:
        raise MistakeError(
            f"`{mistake.id}`: there is no module {mistake.module!r}.", f"There are {', '.join(files)}."
        )
    text = (reference / files[mistake.module]).read_text(encoding="utf-8")
    lines = text.splitlines(keepends=True)
    node = _function(mistake, text)
    first = node.body[0].lineno - 1, node.body[0].end_lineno or 0
    documented = ast.get_docstring(node) is not None
    body = "".join([*lines[node.lineno - 1 : first[0]], *lines[first[documented] : node.end_lineno]])
    if body.count(mistake.old) != 1:
        raise MistakeError(
            f"`{mistake.id}`: {mistake.function} holds {mistake.old!r} {body.count(mistake.old)} times, not once.",
            "The reference was rewritten: give the mistake a text that is there once.",
        )
    changed = body.replace(mistake.old, mistake.new)
    varied = "".join([*lines[: node.lineno - 1], changed, *lines[node.end_lineno :]])
    if not _parses(textwrap.dedent(changed)):  # a whole file takes ten times as long
        try:
            ast.parse(varied)
        except SyntaxError as error:
            raise MistakeError(f"`{mistake.id}` is not Python: {error.msg}, line {error.lineno}.") from error
    return varied


def varied(mistake: Mistake, reference: Path, files: Mapping[str, str] = FILES) -> tuple[str, str]:
    """The file that a mistake changes, within the assignment's folder, and its text with the mistake made."""
    text = apply(mistake, reference, files)
    return files[mistake.module], text


def _function(mistake: Mistake, text: str) -> ast.FunctionDef:
    """The definition of the mistake's function in the text of its file."""
    body = _body(text)
    found: ast.stmt | None = None
    for name in mistake.function.split(".")[1:]:
        named = (n for n in body if isinstance(n, ast.FunctionDef | ast.ClassDef) and n.name == name)
        found = next(named, None)
        body = found.body if found is not None else []
    if not isinstance(found, ast.FunctionDef):
        raise MistakeError(f"`{mistake.id}`: the reference has no `{mistake.function}`.", "Was it renamed?")
    return found


@functools.lru_cache(maxsize=16)  # the files of a reference: each has many mistakes
def _body(text: str) -> list[ast.stmt]:
    return ast.parse(text).body


def _parses(text: str) -> bool:
    try:
        ast.parse(text)
    except SyntaxError:
        return False
    return True
