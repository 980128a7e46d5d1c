"""A failure is explained by a known mistake when, and only when, the submission answers as the reference with it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from checks.mistakes import ALL, apply
from checks.mistakes.declare import FILES
from grader.answers import CLOSER, Answers, Decided, same_answer
from grader.errors import MissingName, Raised
from grader.explain import Explainer
from grader.plugin import Collected
from grader.replay import Replays
from grader.results import Grade, Outcome
from grader.session import REFERENCE, Grader
from grader.values import ArrayValue, Handle, MappingValue, ScalarValue, SequenceValue

KNOWN = {mistake.id: mistake for mistake in ALL}


@pytest.fixture(scope="module")
def explaining() -> Iterator[Grader]:
    """A warm grader that explains."""
    with Grader(explain=True) as grader:
        yield grader


def graded(grader: Grader, tmp_path: Path, file: str, text: str, select: str) -> Grade:
    """The grade of the reference with another text of one file."""
    folder = tmp_path / "handin"
    shutil.copytree(REFERENCE / "cs231n", folder / "cs231n", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / file).write_text(text)
    return grader.grade(folder, seed=5, select=select)


def named(grade: Grade) -> dict[str, set[str]]:
    """For each failed check the known mistake that explains it."""
    failed = [check for check in grade.checks if check.outcome is Outcome.FAILED]
    return {check.id: {check.mistake.id} if check.mistake else set() for check in failed}


@pytest.mark.parametrize(
    ("id", "select"),
    [
        ("rnn_step_forward.bias_missing", "rnn_step_forward or rnn_forward"),
        ("lstm_step_forward.order_ifgo", "lstm_step_forward"),
        ("MultiHeadAttention.forward.heads_summed", "MultiHeadAttention"),
        ("discriminator.relu", "gan_pytorch.discriminator"),
        ("sim_positive_pairs.shifted", "sim_positive_pairs"),
        ("generator.images", "gan_pytorch.generator"),  # what is drawn without a seed is drawn alike
        ("MultiHeadAttention.forward.dropout_on_heads", "MultiHeadAttention"),  # after as many draws
    ],
)
def test_a_known_mistake_is_named_wherever_it_shows(
    explaining: Grader, tmp_path: Path, id: str, select: str
) -> None:
    """Every check that it fails names it: the function's own, and those of functions built upon that one."""
    mistake = KNOWN[id]
    grade = graded(explaining, tmp_path, FILES[mistake.module], apply(mistake, REFERENCE), select)
    found = named(grade)
    assert found
    assert set.union(*found.values()) == {id}
    assert all(found.values())


@pytest.mark.parametrize(("select", "times"), [("lstm_step_forward", 0), ("lstm_step_forward.values", 1)])
def test_a_second_failed_check_confirms(
    explaining: Grader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, select: str, times: int
) -> None:
    """Other inputs are drawn only for a mistake that fails no second check of its function."""
    mistake, asked = KNOWN["lstm_step_forward.order_ifgo"], list[int]()
    ask = Explainer._ask

    def noted(self: Explainer, check: Collected, work: Replays, seed: int, closer: int = CLOSER) -> Answers:
        asked.append(seed)
        return ask(self, check, work, seed, closer)

    monkeypatch.setattr(Explainer, "_ask", noted)
    grade = graded(explaining, tmp_path, FILES[mistake.module], apply(mistake, REFERENCE), select)
    failed = named(grade)
    assert set.union(*failed.values()) == {mistake.id}
    assert (len(failed) > 1) == (times == 0)
    assert sum(seed != grade.environment.seed for seed in asked) == times


def test_an_unknown_mistake_gets_no_name(explaining: Grader, tmp_path: Path) -> None:
    """What answers as no known mistake does is left unexplained, though its answers are wrong."""
    text = (REFERENCE / "cs231n/rnn_layers.py").read_text()
    wrong = text.replace(
        "next_h = np.tanh(x @ Wx + prev_h @ Wh + b)", "next_h = np.tanh(x @ Wx + 1.07 * prev_h @ Wh + b)"
    )
    assert wrong != text
    found = named(graded(explaining, tmp_path, "cs231n/rnn_layers.py", wrong, "rnn_step_forward"))
    assert found
    assert not any(found.values())


@pytest.mark.parametrize(
    ("old", "new", "wanted"),
    [
        (
            "self.visual_projection(features)",
            "features",
            {"CaptioningTransformer.forward.image_not_projected"},
        ),
        ("self.output(hidden)", "self.output(hidden[..., :1])", set()),
    ],
)
def test_an_error_is_not_taken_for_another(
    explaining: Grader, tmp_path: Path, old: str, new: str, wanted: set[str]
) -> None:
    """A call that raises is explained by a mistake that raises the same, not by one that raises something else."""
    file = "cs231n/classifiers/transformer.py"
    text = (REFERENCE / file).read_text()
    assert old in text
    found = named(
        graded(explaining, tmp_path, file, text.replace(old, new), "CaptioningTransformer.forward.shapes")
    )
    assert found.keys() == {"transformer.CaptioningTransformer.forward.shapes"}
    assert set.union(*found.values()) <= wanted


def test_a_passed_check_rules_out_the_mistakes_that_it_catches(explaining: Grader, tmp_path: Path) -> None:
    """They are not tried: the reference with one of them would have failed that check."""
    text = apply(KNOWN["rnn_step_forward.bias_missing"], REFERENCE)
    grade = graded(explaining, tmp_path, "cs231n/rnn_layers.py", text, "rnn_step_forward")
    explainer = explaining._explainer
    assert explainer is not None
    results = {check.id: check for check in grade.checks}
    values = explainer._checks["rnn_layers.rnn_step_forward.values"]
    tried = {mistake.id for mistake in explainer._candidates(values, (), results)}
    assert "rnn_step_forward.bias_missing" in tried
    passed = {id: replace(check, outcome=Outcome.PASSED) for id, check in results.items()}
    assert not {m.id for m in explainer._candidates(values, (), passed) if "values" in " ".join(m.caught_by)}
    aside = {id: replace(check, own_parts="wrong") for id, check in passed.items()}
    assert tried <= {mistake.id for mistake in explainer._candidates(values, (), aside)}


def test_what_is_kept_of_known_mistakes_has_a_bound(
    explaining: Grader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its bytes; what no longer fits is asked for again, with the same result."""
    monkeypatch.setattr("grader.explain.MOST_BYTES", 2000)
    mistake = KNOWN["sim_positive_pairs.shifted"]
    text = apply(mistake, REFERENCE)
    grade = graded(explaining, tmp_path, FILES[mistake.module], text, "sim_positive_pairs")
    assert set.union(*named(grade).values()) == {mistake.id}
    explainer = explaining._explainer
    assert explainer is not None
    assert explainer._bytes <= 2000
    assert explainer._bytes == sum(size for _, size in explainer._kept.values())


def array(*numbers: float, dtype: str = "float64") -> tuple[ArrayValue]:
    """An answer that is one array."""
    return (ArrayValue(np.array(numbers, dtype)),)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (array(1.0, 2.0), array(1.0, 2.0 + 1e-9)),
        (array(1.0, 2.0), array(1.0, 2.00001, dtype="float32")),
        (array(float("nan")), array(float("nan"))),
        ((ScalarValue(2.0),), (ArrayValue(np.array(2.0)),)),
        ((SequenceValue((ScalarValue(1),)),), (SequenceValue((ScalarValue(1),), "list"),)),
        ((Handle(1, "tuple"),), (Handle(7, "dict"),)),
        (Raised("a", kind="ValueError"), Raised("a", kind="ValueError")),
    ],
)
def test_equal_up_to_what_a_style_may_change(one: object, other: object) -> None:
    """Rounding, precision, list or tuple and the kind of a cache are no difference."""
    assert same_answer(one, other)  # type: ignore[list-item]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (array(1.0, 2.0), array(1.0, 2.0 + 1e-5)),
        (array(1.0), array(1.0, 1.0)),
        (array(float("nan")), array(1.0)),
        ((MappingValue({"a": ScalarValue(1)}),), (MappingValue({"b": ScalarValue(1)}),)),
        ((ScalarValue(None),), (ScalarValue(0.0),)),
        (Raised("a", kind="ValueError"), Raised("a", kind="TypeError")),
        (Raised("a", kind="ValueError"), Raised("b", kind="ValueError")),
        (Raised("a"), MissingName("a")),
        (Raised("a"), array(1.0)),
    ],
)
def test_different_is_different(one: object, other: object) -> None:
    """Numbers, shapes, names, errors of another kind or with other words, errors in place of values are differences."""
    assert not same_answer(one, other)  # type: ignore[list-item]


def heard(*answers: object, right: list[object] | None = None, like: Answers | None = None) -> Answers:
    """These answers in their order, as far as they are listened to."""
    found = Answers(right, like)  # type: ignore[arg-type]
    with suppress(Decided):
        for answer in answers:
            found += [answer]  # type: ignore[list-item]
    return found


def numbers(*given: float) -> list[tuple[ArrayValue]]:
    """An answer of one array for each number."""
    return [array(number) for number in given]


def test_nothing_fits_nothing() -> None:
    """A check that made no call explains nothing, and another number of answers is a difference."""
    one, two = heard(*numbers(1)), heard(*numbers(1, 1))
    assert not heard().fit(heard())
    assert one.fit(one)
    assert one.fit(two) is False
    assert two.fit(one) is False


def test_right_answers_are_kept_once() -> None:
    """Of what a mistake answers only what is not right takes memory of its own; nothing fits less for it."""
    right = numbers(1.0, 2.0, 3.0)
    known = heard(*numbers(1.0, 2.5, 3.0))
    before = known.bytes_beside(right)
    known.share(right)
    assert known[0] is right[0]
    assert known[1] is not right[1]
    assert known.bytes_beside(right) < before
    assert heard(*numbers(1.0, 2.5, 3.0)).fit(known)
    assert not heard(*right).fit(known)


def test_listening_ends_soon_after_the_first_wrong_answer() -> None:
    """What a check asks after that only looks closer; a mistake that answers alike is asked no further."""
    wrong = heard(*numbers(1, 2, *range(10, 30)), right=[*numbers(1, 2, 3)])
    assert wrong.cut
    assert len(wrong) == 2 + 1 + CLOSER
    alike = heard(*numbers(1, 2, *range(10, 30)), like=wrong)
    assert len(alike) == len(wrong)
    assert wrong.fit(alike)


def test_a_mistake_is_asked_as_far_as_it_answers_alike() -> None:
    """Up to the first answer that is another; for a submission that agreed with that, too, it must be asked again."""
    one, other = heard(*numbers(1, 2, 3)), heard(*numbers(1, 5, 3))
    known = heard(*numbers(1, 5, 6, 7), like=one)
    assert (len(known), known.cut) == (2, True)
    assert one.fit(known) is False
    assert other.fit(known) is None
    assert other.fit(heard(*numbers(1, 5, 6, 7), like=other)) is False
