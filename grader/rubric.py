"""`rubric.toml`: what each check is worth, which limits hold, who may see what.

Patterns (`*`, `?`, `[abc]`, as in file names) may stand for check ids. An exact id beats every pattern; among
patterns the one with the most literal characters wins. What is wrong in the file is reported with its line.
A file that begins with `extends = "default"` holds only what differs: its lines go before all of gradmark's own.
"""

from __future__ import annotations

import difflib
import math
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NoReturn

import msgspec

from grader.errors import RubricError
from grader.policy import FIELDS, Policy
from grader.results import Limits
from grader.toml_lines import line_of

DEFAULT = Path(__file__).resolve().parent.parent / "checks" / "rubric.toml"
TABLES = ("parts", "points", "limits", "tolerances", "visibility", "policy", "shortcuts")
EXTENDS = "extends"
VISIBILITIES = ("public", "hidden")
PART_FIELDS = ("title", "extra_credit")
_FULL_NAME = re.compile(r"[A-Za-z_][\w*?]*(\.[\w*?]+)*")


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the assignment that is scored by itself."""

    id: str
    title: str  # as the report calls it
    extra_credit: bool = False  # its points come on top of the maximum


@dataclass(frozen=True, slots=True)
class Rule:
    """One line that gives every check matched by `pattern` a value."""

    pattern: str
    value: Any

    @property
    def rank(self) -> tuple[bool, int]:
        """How specific the pattern is: exact ids first, then by the number of literal characters."""
        literal = re.sub(r"\[[^]]*\]|[*?]", "", self.pattern)
        return (literal == self.pattern, len(literal))

    def matches(self, check_id: str) -> bool:
        """Whether the rule speaks of this check."""
        wild = any(character in self.pattern for character in "*?[")  # matching patterns is slow
        return self.pattern == check_id or (wild and fnmatchcase(check_id, self.pattern))


@dataclass(frozen=True, slots=True)
class Rubric:
    """The contents of a `rubric.toml`; `load` makes one."""

    source: str  # where it came from, for messages
    text: str  # the file itself, to find lines
    parts: Mapping[str, Part]  # in the order of the file
    point_rules: tuple[Rule, ...]
    visibility_rules: tuple[Rule, ...] = ()
    default_visibility: str = ""  # as the rubric below it says, else public
    limits: Limits = field(default_factory=Limits)
    tolerances: Mapping[str, float] = field(default_factory=dict)  # factors, by name of the tolerance
    policy: Policy = field(default_factory=Policy)
    shortcut_rules: tuple[Rule, ...] = ()  # values: the names that a function may not call
    base: Rubric | None = None  # what holds wherever this one says nothing
    _found: dict[tuple[str, str], Rule | None] = field(default_factory=dict, compare=False, repr=False)

    def points(self, check_id: str) -> int:
        """What a check is worth. Raises `RubricError` when no line says so."""
        rule = self._best(self.point_rules, "points", check_id)
        if rule is None and self.base is not None:
            return self.base.points(check_id)
        if rule is None:
            raise RubricError(
                f"{self.source} gives no points to the check {check_id}.",
                f'Add a line to [points]: "{check_id}" = 0 (or what it is worth).',
            )
        return int(rule.value)

    def knows(self, check_id: str) -> bool:
        """Whether a line says what the check is worth."""
        own = self._best(self.point_rules, "points", check_id)
        return own is not None or (self.base is not None and self.base.knows(check_id))

    def visibility(self, check_id: str) -> str:
        """'public', or 'hidden' for a check that only staff may see."""
        rule = self._visibility_rule(check_id)
        return str(rule.value) if rule else self._usual_visibility

    def _visibility_rule(self, check_id: str) -> Rule | None:
        own = self._best(self.visibility_rules, "visibility", check_id)
        return own or (self.base._visibility_rule(check_id) if self.base else None)

    @property
    def _usual_visibility(self) -> str:
        return self.default_visibility or (self.base._usual_visibility if self.base else "public")

    def shortcuts(self, function: str) -> tuple[str, ...]:
        """The full names of what `function` ("rnn_layers.rnn_forward") should not call; staff are told if it does."""
        rule = self._best(self.shortcut_rules, "shortcuts", function)
        if rule is None:
            return self.base.shortcuts(function) if self.base else ()
        return tuple(rule.value)

    def validate(
        self,
        check_ids: Iterable[str],
        *,
        parts: Iterable[str] = (),
        tolerances: Iterable[str] = (),
        functions: Iterable[str] = (),
    ) -> None:
        """Raises `RubricError` unless the rubric and the checks speak of the same things.

        Every check needs points from one line; every line, part and tolerance must be about something that
        exists. `parts`, `tolerances` and `functions` are the known names; without them these are not compared.
        """
        known, parts, tolerances, functions = map(tuple, (check_ids, parts, tolerances, functions))
        if self.base is not None:
            self.base.validate(known, parts=parts, tolerances=tolerances, functions=functions)
        policy = _rules(dict.fromkeys((*self.policy.drop, *self.policy.credit)))
        tables = {"points": self.point_rules, "visibility": self.visibility_rules, "policy": policy}
        for table, rules in tables.items():
            for rule in rules:
                if not any(rule.matches(check_id) for check_id in known):
                    self._refuse(table, rule.pattern, f"{rule.pattern!r} matches no check", known)
        for rule in self.shortcut_rules if functions else ():
            if not any(map(rule.matches, functions)):
                self._refuse("shortcuts", rule.pattern, f"{rule.pattern!r} matches no function", functions)
        for check_id in known:
            self.points(check_id)
            self.visibility(check_id)
        self._same_names("tolerances", self.tolerances, tolerances)
        self._validate_parts(parts)

    def _validate_parts(self, known: Sequence[str]) -> None:
        for name in known:
            if name not in self.parts:
                raise RubricError(
                    f"{self.source} has no part {name!r}, which some checks belong to.",
                    f'Add [parts.{name}] with title = "...".',
                )
        for name in self.parts if known else ():
            if name not in known:
                self._refuse(f"parts.{name}", "", f"no check belongs to the part {name!r}", known)

    def _same_names(self, table: str, names: Iterable[str], known: Sequence[str]) -> None:
        for name in names if known else ():
            if name not in known:
                self._refuse(table, name, f"{name!r} is unknown", known)

    def _best(self, rules: Iterable[Rule], table: str, check_id: str) -> Rule | None:
        if (table, check_id) not in self._found:
            self._found[table, check_id] = self._search(rules, table, check_id)
        return self._found[table, check_id]

    def _search(self, rules: Iterable[Rule], table: str, check_id: str) -> Rule | None:
        found = sorted((rule for rule in rules if rule.matches(check_id)), key=lambda rule: rule.rank)
        if len(found) > 1 and found[-1].rank == found[-2].rank and found[-1].value != found[-2].value:
            first, second = found[-2].pattern, found[-1].pattern
            self._refuse(table, second, f"{first!r} and {second!r} both match {check_id} equally well", ())
        return found[-1] if found else None

    def _refuse(self, table: str, key: str, what: str, known: Sequence[str]) -> NoReturn:
        raise _refusal(self.source, self.text, table, key, what, known)


def load(path: Path, default: Path | None = DEFAULT) -> Rubric:
    """The rubric in the file `path`; `default` is the one that it may extend.

    Raises `RubricError`, with file and line, for a file that can't be read or is no TOML, for unknown tables
    and keys, for points that are no integer or negative, for limits that are no positive number.
    """
    try:
        text = path.read_bytes().decode("utf-8")
    except OSError as error:
        raise RubricError(f"The rubric {path} can't be read: {error.strerror}.", "Check the path.") from error
    except UnicodeDecodeError as error:
        raise RubricError(f"The rubric {path} is not UTF-8.", "Save it as UTF-8 text.") from error
    return parse(text, str(path), default if default != path else None)


def parse(text: str, source: str = "rubric.toml", default: Path | None = DEFAULT) -> Rubric:
    """The rubric that `text` is; `source` names it in messages. Raises `RubricError` as `load` does."""
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RubricError(f"{source} is not valid TOML: {error}.", "Mend the line that is named.") from error
    return _Reader(source, text, content, default).rubric()


@dataclass(frozen=True, slots=True)
class _Reader:
    """Checks one parsed file, table by table."""

    source: str
    text: str
    content: Mapping[str, Any]
    default: Path | None  # what it may extend

    def rubric(self) -> Rubric:
        base = self._base()
        for table in self.content:
            if table not in TABLES and table != EXTENDS:
                raise self._refusal(table, "", f"the table [{table}] is unknown", (*TABLES, EXTENDS))
        for table in ("parts", "points") if base is None else ():
            if not self.content.get(table):
                raise RubricError(
                    f"{self.source} has no [{table}].",
                    'A rubric needs parts and points, or `extends = "default"` as its first line.',
                )
        parts = {
            **(base.parts if base else {}),
            **{name: self._part(name, base) for name in self._table("parts")},
        }
        visibility = self._read("visibility", _visibility)
        return Rubric(
            source=self.source,
            text=self.text,
            parts=parts,
            point_rules=_rules(self._read("points", _points)),
            visibility_rules=_rules({key: value for key, value in visibility.items() if key != "default"}),
            default_visibility=visibility.get("default", ""),
            limits=self._limits(base.limits if base else Limits()),
            tolerances={**(base.tolerances if base else {}), **self._read("tolerances", _positive)},
            policy=self._policy(base.policy if base else Policy()),
            shortcut_rules=_rules(self._read("shortcuts", _names)),
            base=base,
        )

    def _policy(self, usual: Policy) -> Policy:
        fields = self._table("policy")
        self._only("policy", fields, tuple(FIELDS))
        given = {name: self._value("policy", name, value, FIELDS[name]) for name, value in fields.items()}
        return msgspec.structs.replace(usual, **given)

    def _base(self) -> Rubric | None:
        if EXTENDS not in self.content:
            return None
        value = self.content[EXTENDS]
        if value != "default" or self.default is None:
            what = f'{EXTENDS} = {value!r}: only "default", the usual rubric, can be extended, and can\'t extend itself'
            raise self._refusal("", EXTENDS, what, ())
        return load(self.default, None)

    def _table(self, name: str) -> Mapping[str, Any]:
        table = self.content.get(name, {})
        if not isinstance(table, dict):
            raise self._refusal("", name, f"{name} must be a table, written [{name}]", ())
        return table

    def _read(self, table: str, convert: Callable[[Any], Any]) -> dict[str, Any]:
        return {key: self._value(table, key, value, convert) for key, value in self._table(table).items()}

    def _value(self, table: str, key: str, value: Any, convert: Callable[[Any], Any]) -> Any:
        try:
            return convert(value)
        except ValueError as error:
            raise self._refusal(table, key, f"{key} = {value!r}: {error}", ()) from None

    def _part(self, name: str, base: Rubric | None) -> Part:
        table = f"parts.{name}"
        fields = self._table("parts")[name]
        if not isinstance(fields, dict):
            raise self._refusal("parts", name, f"{name} must be a table, written [{table}]", ())
        self._only(table, fields, PART_FIELDS)
        usual = base.parts.get(name, Part(name, name)) if base else Part(name, name)
        title = self._value(table, "title", fields.get("title", usual.title), _title)
        extra = self._value(table, "extra_credit", fields.get("extra_credit", usual.extra_credit), _flag)
        return Part(name, title, extra)

    def _limits(self, usual: Limits) -> Limits:
        fields = self._table("limits")
        self._only("limits", fields, Limits.__struct_fields__)
        whole = {name for name in fields if isinstance(getattr(Limits(), name), int)}
        given: dict[str, Any] = {
            name: self._value("limits", name, value, _positive_whole if name in whole else _positive)
            for name, value in fields.items()
        }
        return msgspec.structs.replace(usual, **given)

    def _only(self, table: str, fields: Iterable[str], known: Sequence[str]) -> None:
        for key in fields:
            if key not in known:
                raise self._refusal(table, key, f"{key!r} is unknown in [{table}]", known)

    def _refusal(self, table: str, key: str, what: str, known: Sequence[str]) -> RubricError:
        return _refusal(self.source, self.text, table, key, what, known)


def _rules(table: Mapping[str, Any]) -> tuple[Rule, ...]:
    return tuple(Rule(pattern, value) for pattern, value in table.items())


def _points(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise ValueError("points are whole numbers from 0 up")
    return value


def _positive(value: Any) -> float:
    if type(value) not in (int, float) or not 0 < value < math.inf:
        raise ValueError("this must be a number above 0")
    return float(value)


def _positive_whole(value: Any) -> int:
    if type(value) is not int or value <= 0:
        raise ValueError("this must be a whole number above 0")
    return value


def _visibility(value: Any) -> str:
    if value not in VISIBILITIES:
        raise ValueError(f"this must be one of {', '.join(VISIBILITIES)}")
    return str(value)


def _names(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise ValueError("this must be a list of names")
    for name in value:
        if not _FULL_NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no full name such as 'torch.nn.LSTM'")
    return tuple(value)


def _title(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("a title is text")
    return value


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("this must be true or false")
    return value


def _refusal(source: str, text: str, table: str, key: str, what: str, known: Sequence[str]) -> RubricError:
    close = difflib.get_close_matches(key or table.rpartition(".")[2], known, n=1, cutoff=0.5)
    hint = f"Did you mean {close[0]!r}?" if close else "Mend or remove that line."
    return RubricError(f"{source}, line {line_of(text, table, key)}: {what}.", hint)
