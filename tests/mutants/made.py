"""Mistakes that nobody thought of: small changes of the students' functions, made by rule from their syntax trees."""

from __future__ import annotations

import ast
import copy
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

from checks.mistakes.declare import FILES
from grader import template
from grader.session import REFERENCE

OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.Pow: ast.Mult, ast.FloorDiv: ast.Mult,
}  # fmt: skip
COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
}  # fmt: skip
NAMES = {
    "sum": "mean", "mean": "sum", "max": "min", "argmax": "argmin", "zeros": "ones", "zeros_like": "ones_like",
    "exp": "expm1", "tanh": "sin", "tril": "triu", "stack": "concatenate", "ones_like": "zeros_like", "ones": "zeros",
}  # fmt: skip
AXES = ("axis", "dim")


@dataclass(frozen=True)
class Made:
    """A changed function: the text of its file, and the change as code before and after."""

    function: str  # "rnn_layers.rnn_step_forward"
    rule: str
    before: str
    after: str
    text: str

    @property
    def module(self) -> str:
        return self.function.partition(".")[0]

    @property
    def file(self) -> str:
        return FILES[self.module]


def sample(count: int, seed: int = 0) -> list[Made]:
    """`count` of all that can be made, drawn so that every function has its turn."""
    rng = random.Random(seed)
    stacks = [list(of(function)) for function in functions()]
    for stack in stacks:
        rng.shuffle(stack)
    rng.shuffle(stacks)
    turns = [stack[i] for i in range(max(map(len, stacks))) for stack in stacks if i < len(stack)]
    return turns[:count]


@cache
def functions() -> tuple[str, ...]:
    """The functions that students write, as "module.name"."""
    found = []
    for module, file in FILES.items():
        handout = template.handout((REFERENCE / file).read_text("utf-8"), file)
        found += [f"{module}.{n}" for n in re.findall(r'raise NotImplementedError\("([\w.]+): ', handout)]
    return tuple(dict.fromkeys(found))


def of(function: str) -> Iterator[Made]:
    """Every change of one function, each compiled; none that leaves the code as it was."""
    module, _, name = function.partition(".")
    tree = ast.parse((REFERENCE / FILES[module]).read_text("utf-8"))
    body = _definition(tree, name)
    for place, node in enumerate(ast.walk(body)):
        for rule, change in RULES.items():
            for i, new in enumerate(change(copy.deepcopy(node))):
                text = _changed(tree, name, place, rule, i)
                yield Made(function, rule, _shown(node), _shown(new), text)


def _changed(tree: ast.Module, name: str, place: int, rule: str, choice: int) -> str:
    whole = copy.deepcopy(tree)
    node = next(n for i, n in enumerate(ast.walk(_definition(whole, name))) if i == place)
    new = list(RULES[rule](copy.deepcopy(node)))[choice]
    for parent in ast.walk(whole):
        for field, value in ast.iter_fields(parent):
            if value is node:
                setattr(parent, field, new)
            elif isinstance(value, list) and any(item is node for item in value):
                value[[item is node for item in value].index(True)] = new
    text = ast.unparse(ast.fix_missing_locations(whole)) + "\n"
    compile(text, name, "exec")
    return text


def _definition(tree: ast.Module, name: str) -> ast.FunctionDef:
    body: list[ast.stmt] = tree.body
    for part in name.split("."):
        node = next(n for n in body if isinstance(n, ast.FunctionDef | ast.ClassDef) and n.name == part)
        body = node.body
    assert isinstance(node, ast.FunctionDef)
    return node


def _shown(node: ast.AST) -> str:
    return " ".join(ast.unparse(ast.fix_missing_locations(node)).split())[:70]


def _operator(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.BinOp | ast.AugAssign) and type(node.op) in OPERATORS:
        node.op = OPERATORS[type(node.op)]()
        yield node


def _term(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub | ast.Mult | ast.Div):
        yield node.left
        if isinstance(node.op, ast.Add | ast.Mult):
            yield node.right


def _constant(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield ast.Constant(not node.value)
    elif isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        yield ast.Constant(node.value + 1)
        if node.value:
            yield ast.Constant(node.value - 1 if isinstance(node.value, int) else node.value / 2)


def _sign(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.Not | ast.Invert):
        yield node.operand


def _axis(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.keyword) and node.arg in AXES and isinstance(node.value, ast.Constant):
        node.value = ast.Constant(0 if node.value.value else 1)
        yield node


def _arguments(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.Call) and len(node.args) > 1:
        node.args[0], node.args[1] = node.args[1], node.args[0]
        yield node
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult | ast.Sub | ast.Div):
        node.left, node.right = node.right, node.left
        yield node


def _call(node: ast.AST) -> Iterator[ast.AST]:
    """A function left out, or another one in its place."""
    if isinstance(node, ast.Call) and len(node.args) == 1 and not node.keywords:
        yield node.args[0]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in NAMES:
        node.func.attr = NAMES[node.func.attr]
        yield node


def _comparison(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.Compare) and type(node.ops[0]) in COMPARISONS:
        node.ops[0] = COMPARISONS[type(node.ops[0])]()
        yield node


def _statement(node: ast.AST) -> Iterator[ast.AST]:
    """A statement left out; one that adds up, overwriting instead."""
    if isinstance(node, ast.AugAssign):
        yield ast.Assign([node.target], node.value)
    if isinstance(node, ast.AugAssign) or (
        isinstance(node, ast.Expr) and not isinstance(node.value, ast.Constant)
    ):
        yield ast.Pass()


def _transpose(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.Attribute) and node.attr == "T":
        yield node.value


RULES: dict[str, Callable[[ast.AST], Iterator[ast.AST]]] = {
    "another operator": _operator, "a term left out": _term, "another constant": _constant, "a sign left out": _sign,
    "another axis": _axis, "arguments swapped": _arguments, "another call": _call, "another comparison": _comparison,
    "a statement left out": _statement, "a transpose left out": _transpose,
}  # fmt: skip
