"""What each field of a record means: the comment beside it in the source, so that it is said once."""

from __future__ import annotations

import ast
import inspect
import io
import tokenize
from typing import Any


def meanings(record: type[Any]) -> dict[str, str]:
    """The comment beside each annotated field of a class, empty where there is none."""
    source = inspect.cleandoc("\n" + inspect.getsource(record))
    comments = _comments(source)
    (declared,) = ast.parse(source).body
    assert isinstance(declared, ast.ClassDef)
    found = {}
    for node in declared.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            lines = range(node.lineno, (node.end_lineno or node.lineno) + 1)
            found[node.target.id] = " ".join(comments[line] for line in lines if line in comments)
    return found


def _comments(source: str) -> dict[int, str]:
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {
        token.start[0]: token.string.lstrip("# ").strip()
        for token in tokens
        if token.type == tokenize.COMMENT
    }
