"""The rubric file: what it means, and that every slip in it is named with its line."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from grader import session
from grader.errors import RubricError
from grader.results import Limits
from grader.rubric import DEFAULT, Rubric, line_of, load, parse

CHECKS = (
    "rnn_layers.rnn_step_forward.values",
    "rnn_layers.rnn_step_forward.shapes",
    "rnn_layers.rnn_forward.values",
    "rnn_layers.lstm_forward.values",
    "rnn.CaptioningRNN.loss.gradient",
)
GOOD = """\
# what everything is worth
[parts.rnn]
title = "Vanilla RNN captioning"

[parts.lstm]
title = "LSTM captioning"
extra_credit = true

[points]
"rnn_layers.*.values" = 3
"rnn_layers.rnn_step_forward.values" = 5
"rnn_layers.rnn_*.values" = 4
"rnn_layers.*.shapes" = 0
'rnn.CaptioningRNN.*' = 7

[limits]
call_seconds = 2.5
restarts = 3

[tolerances]
value = 2

[visibility]
default = "public"
"rnn.*" = "hidden"
"""


def changed(old: str, new: str) -> str:
    """`GOOD` with one thing changed."""
    assert old in GOOD
    return GOOD.replace(old, new)


def error_of(text: str) -> RubricError:
    """The error that reading `text`, or comparing it with the known names, gives."""
    with pytest.raises(RubricError) as caught:
        parse(text).validate(CHECKS, parts=("rnn", "lstm"), tolerances=("value", "gradient"))
    return caught.value


def test_a_good_rubric_is_read(tmp_path: Path) -> None:
    """Parts keep their order; limits replace defaults; the rest is as written."""
    (tmp_path / "rubric.toml").write_text(GOOD)
    rubric = load(tmp_path / "rubric.toml")
    rubric.validate(CHECKS, parts=("rnn", "lstm"), tolerances=("value",))
    assert [(part.id, part.title, part.extra_credit) for part in rubric.parts.values()] == [
        ("rnn", "Vanilla RNN captioning", False),
        ("lstm", "LSTM captioning", True),
    ]
    assert rubric.limits == Limits(call_seconds=2.5, restarts=3)
    assert rubric.tolerances == {"value": 2.0}


@pytest.mark.parametrize(("check", "points"), list(zip(CHECKS, (5, 0, 4, 3, 7), strict=True)))
def test_the_most_specific_line_counts(check: str, points: int) -> None:
    """An exact id beats patterns, a pattern with more literal characters beats one with fewer."""
    assert parse(GOOD).points(check) == points


def test_the_order_of_lines_does_not_matter() -> None:
    """Specificity decides, not the place in the file."""
    lines = GOOD.splitlines()
    first, last = lines.index("[points]") + 1, lines.index("[limits]") - 1
    turned = "\n".join(lines[:first] + lines[first:last][::-1] + lines[last:])
    assert [parse(turned).points(check) for check in CHECKS] == [5, 0, 4, 3, 7]


def test_visibility_has_a_default_and_exceptions() -> None:
    """A check is public unless a line says otherwise; without a table all are public."""
    rubric = parse(GOOD)
    assert rubric.visibility("rnn.CaptioningRNN.loss.gradient") == "hidden"
    assert rubric.visibility("rnn_layers.rnn_forward.values") == "public"
    assert parse(GOOD.split("[limits]")[0]).visibility("rnn.anything") == "public"


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("[limits]", "[limit]", 16, "the table [limit] is unknown"),
        ("call_seconds", "call_second", 17, "'call_second' is unknown in [limits]"),
        ("extra_credit = true", "extra = true", 7, "'extra' is unknown in [parts.lstm]"),
        ("extra_credit = true", "extra_credit = 1", 7, "this must be true or false"),
        ('title = "LSTM captioning"', "title = 3", 6, "a title is text"),
        ("= 5", "= -5", 11, "rnn_layers.rnn_step_forward.values = -5: points are whole numbers"),
        ("= 5", "= 2.5", 11, "points are whole numbers"),
        ("= 5", '= "5"', 11, "points are whole numbers"),
        ("= 5", "= true", 11, "points are whole numbers"),
        ("2.5", "0", 17, "a number above 0"),
        ("2.5", "inf", 17, "a number above 0"),
        ("2.5", "nan", 17, "a number above 0"),
        ("restarts = 3", "restarts = 3.5", 18, "a whole number above 0"),
        ("value = 2\n", "value = -1\n", 21, "a number above 0"),
        ('"hidden"', '"secret"', 25, "one of public, hidden"),
        ('default = "public"', 'default = "none"', 24, "one of public, hidden"),
        ("rnn_step_forward.values", "rnn_step_foward.values", 11, "matches no check"),
        ("'rnn.CaptioningRNN.*'", "'rnn.CaptioningLSTM.*'", 14, "matches no check"),
        ('"rnn.*" = "hidden"', '"gan.*" = "hidden"', 25, "matches no check"),
        ("value = 2\n", "valeu = 2\n", 21, "'valeu' is unknown"),
        ("[parts.lstm]", "[parts.lsmt]", 0, "has no part 'lstm'"),
        ("[points]\n", '[parts.gan]\ntitle = "GANs"\n[points]\n', 9, "no check belongs to the part 'gan'"),
        ("[points]\n", "[points]\n[points]\n", 0, "not valid TOML"),
        ("= 5", "=", 0, "at line 11"),
    ],
)
def test_a_slip_is_named_with_its_line(old: str, new: str, line: int, said: str) -> None:
    """Wrong names, wrong numbers and bad syntax are refused, with file and line (0: no line of its own)."""
    error = error_of(changed(old, new))
    assert said in error.message
    assert error.hint
    assert error.message.startswith(f"rubric.toml, line {line}:" if line else "rubric.toml ")


@pytest.mark.parametrize(
    ("old", "new", "suggestion"),
    [
        ("rnn_step_forward.values", "rnn_step_foward.values", "rnn_layers.rnn_step_forward.values"),
        ("call_seconds", "call_second", "call_seconds"),
        ("value = 2\n", "valeu = 2\n", "value"),
        ("[limits]", "[limit]", "limits"),
    ],
)
def test_a_close_name_is_suggested(old: str, new: str, suggestion: str) -> None:
    """A misspelt name gets the nearest known one."""
    assert error_of(changed(old, new)).hint == f"Did you mean {suggestion!r}?"


def test_a_check_without_a_line_is_refused() -> None:
    """A new check must be given points, if only 0: nobody forgets it by accident."""
    with pytest.raises(RubricError, match=r"gives no points to the check simclr\.sim\.values") as caught:
        parse(GOOD).validate((*CHECKS, "simclr.sim.values"))
    assert '"simclr.sim.values" = 0' in caught.value.hint


def test_two_equally_specific_lines_are_refused() -> None:
    """Where specificity does not decide between two values, the author must."""
    text = changed('"rnn_layers.*.shapes" = 0', '"rnn_layers.*.shapes" = 0\n"*nn_layers.r*.shapes" = 1')
    assert "both match rnn_layers.rnn_step_forward.shapes equally well" in error_of(text).message


@pytest.mark.parametrize("text", ["", "[parts.rnn]\n", "[points]\nx = 1\n"])
def test_parts_and_points_are_required(text: str) -> None:
    """A file without parts or points is no rubric."""
    assert "has no [" in error_of(text).message


@pytest.mark.parametrize(
    "text", ["points = 3\n[parts.rnn]\n", "parts = 3\n[points]\nx = 1\n", "[parts]\nrnn = 1\n[points]\nx = 1"]
)
def test_a_value_in_place_of_a_table_is_refused(text: str) -> None:
    """A number where a table belongs is named, not a crash."""
    assert "must be a table" in error_of(text).message


def test_a_missing_or_unreadable_file_is_reported(tmp_path: Path) -> None:
    """No file, a folder, and bytes that are no UTF-8 each give an error that names the path."""
    (tmp_path / "latin.toml").write_bytes(b'[parts.rnn]\ntitle = "\xe9"')
    for name in ("missing.toml", "", "latin.toml"):
        with pytest.raises(RubricError) as caught:
            load(tmp_path / name)
        assert str(tmp_path / name) in caught.value.message


def test_a_line_is_found_in_any_spelling() -> None:
    """Quoted, dotted and inline keys are found where they stand."""
    text = 'parts.a = { title = "A" }\n[points]\n  "x.y" = 1\nx."z" = 2\n[ limits ]\n'
    assert line_of(text, "parts.a", "title") == 1
    assert line_of(text, "points", "x.y") == 3
    assert line_of(text, "points", "x.z") == 4
    assert line_of(text, "limits") == 5


def test_a_rubric_needs_no_optional_table() -> None:
    """Limits, tolerances and visibility have defaults."""
    rubric = parse("[parts.rnn]\n[points]\n'*' = 1\n")
    assert isinstance(rubric, Rubric)
    assert rubric.limits == Limits()
    assert rubric.parts["rnn"].title == "rnn"
    assert rubric.tolerances == {}


EXTENDING = """\
extends = "default"

[parts.lstm]
extra_credit = false

[points]
"rnn_layers.rnn_*" = 9
"rnn_layers.rnn_forward.values" = 8

[limits]
call_seconds = 3

[tolerances]
value = 2

[visibility]
"rnn.*" = "hidden"
"""


def test_a_rubric_can_hold_only_what_differs() -> None:
    """Its lines go before all of the default's, even a pattern before an exact id; the rest is the default's."""
    usual, own = load(DEFAULT), parse(EXTENDING)
    assert own.points("rnn_layers.rnn_forward.values") == 8
    assert own.points("rnn_layers.rnn_step_forward.shapes") == 9
    assert own.points("rnn_layers.lstm_forward.values") == usual.points("rnn_layers.lstm_forward.values")
    assert list(own.parts) == list(usual.parts)
    assert (own.parts["lstm"].title, own.parts["lstm"].extra_credit) == (usual.parts["lstm"].title, False)
    assert own.parts["rnn"] == usual.parts["rnn"]
    assert own.limits == msgspec.structs.replace(usual.limits, call_seconds=3.0)
    assert own.tolerances == {**usual.tolerances, "value": 2.0}
    assert own.visibility("rnn.CaptioningRNN.loss.values") == "hidden"
    assert own.visibility("rnn_layers.rnn_forward.values") == "public"


def test_a_default_visibility_yields_to_lines() -> None:
    """`default` counts where neither the rubric nor the one below it says more."""
    own = parse('extends = "default"\n[visibility]\ndefault = "hidden"\n"*.shapes" = "public"\n')
    assert own.visibility("rnn_layers.rnn_forward.shapes") == "public"
    assert own.visibility("rnn_layers.rnn_forward.values") == "hidden"


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ('extends = "default"', 'extends = "mine.toml"', 1, 'only "default"'),
        ('extends = "default"', "extends = true", 1, 'only "default"'),
        ("[parts.lstm]", "[parts.lsmt]", 3, "no check belongs to the part 'lsmt'"),
        ("rnn_layers.rnn_*", "rnn_layer.rnn_*", 7, "matches no check"),
        ("= 8", "= -8", 8, "points are whole numbers"),
        ("call_seconds", "call_second", 11, "is unknown in [limits]"),
        ("value = 2", "values = 2", 14, "'values' is unknown"),
        ('"rnn.*"', '"rrn.*"', 17, "matches no check"),
    ],
)
def test_a_slip_in_what_differs_is_named_with_its_line(old: str, new: str, line: int, said: str) -> None:
    """What a staff's own few lines get wrong is refused with their own line, never the default's."""
    checks = session.expected_checks()
    assert old in EXTENDING
    with pytest.raises(RubricError) as caught:
        session.validate(parse(EXTENDING.replace(old, new)), checks)
    assert said in caught.value.message
    assert caught.value.message.startswith(f"rubric.toml, line {line}:")


def test_what_differs_from_the_default_is_accepted() -> None:
    """The example above fits the checks that there are."""
    session.validate(parse(EXTENDING), session.expected_checks())


SHORTCUTS = GOOD + '\n[shortcuts]\n"rnn_layers.*" = ["torch"]\n"rnn_layers.lstm_forward" = []\n'


def test_the_most_specific_list_of_shortcuts_counts() -> None:
    """An exact line beats the pattern, also with an empty list; what no line names is free."""
    rubric = parse(SHORTCUTS)
    assert rubric.shortcuts("rnn_layers.rnn_forward") == ("torch",)
    assert rubric.shortcuts("rnn_layers.lstm_forward") == ()
    assert rubric.shortcuts("gan_pytorch.sample_noise") == ()


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('"rnn_layers.*" = "torch"', "must be a list of names"),
        ('"rnn_layers.*" = ["torch", 3]', "must be a list of names"),
        ('"rnn_layers.*" = ["torch..nn"]', "'torch..nn' is no full name"),
        ('"rnn_layers.*" = [""]', "'' is no full name"),
        ('"rnn_layer.*" = ["torch"]', "'rnn_layer.\\*' matches no function"),
    ],
)
def test_a_slip_in_the_shortcuts_is_named_with_its_line(line: str, problem: str) -> None:
    """A value of the wrong kind, a name that is none, a pattern that no function has."""
    text = f"{GOOD}\n[shortcuts]\n{line}\n"
    number = len(text.splitlines())
    with pytest.raises(RubricError, match=f"line {number}: .*{problem}"):
        parse(text).validate(CHECKS, functions=("rnn_layers.rnn_forward",))


def test_the_example_in_the_readme_is_a_rubric() -> None:
    """What the README shows can be copied: it fits the checks that there are."""
    readme = (DEFAULT.parent.parent / "README.md").read_text("utf-8")
    examples = [block.split("```")[0] for block in readme.split("```toml\n")[1:]]
    rubric = parse(next(text for text in examples if "[visibility]" in text))
    session.validate(rubric, session.expected_checks())
    assert rubric.visibility("rnn_layers.rnn_forward.edge_cases") == "hidden"
    assert rubric.points("rnn_layers.rnn_forward.inputs_unmodified") == 0
