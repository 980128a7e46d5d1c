"""The sequential tests of the augmentation spare what is right and catch what is not."""

from __future__ import annotations

import numpy as np
import pytest

from checks.augmentation import (
    ALTERNATIVES,
    BRIGHT,
    DARK,
    MISS,
    ROUND,
    STRENGTHS,
    TOGETHER,
    Frequency,
    bands,
    colours,
    edges,
    expect_strength,
    hue,
    is_grey,
    is_jittered,
    mirrored,
)
from grader.errors import Failed

RUNS = 2000


def decided(p: float, true: float, rng: np.random.Generator) -> tuple[bool, int]:
    """Whether the test of p accepts events of probability `true`, and after how many."""
    test = Frequency("happens", p)
    try:
        while not test.decided:
            test.add(rng.random(ROUND) < true)
    except Failed:
        return False, test.count
    return True, test.count


@pytest.mark.parametrize("p", list(ALTERNATIVES))
def test_right_probability_passes_early(p: float) -> None:
    """No correct run fails, and on average 200 views are enough."""
    rng = np.random.default_rng(0)
    runs = [decided(p, p, rng) for _ in range(RUNS)]
    assert all(accepted for accepted, _ in runs)
    assert np.mean([count for _, count in runs]) < 200


@pytest.mark.parametrize(("p", "wrong"), [(p, q) for p, qs in ALTERNATIVES.items() for q in (*qs, 0.0, 1.0)])
def test_wrong_probability_is_caught(p: float, wrong: float) -> None:
    """A probability off by the alternative or more is missed no more often than promised."""
    rng = np.random.default_rng(1)
    missed = sum(decided(p, wrong, rng)[0] for _ in range(RUNS))
    assert missed <= RUNS * MISS + 4 * np.sqrt(RUNS * MISS)


@pytest.mark.parametrize(("p", "real"), [(0.5, 0.5), (0.8, 0.785)])
def test_a_step_beside_another_is_decided_early(p: float, real: float) -> None:
    """Independent steps never fail, few views suffice; where the other step decides, that is found out."""
    rng = np.random.default_rng(2)
    runs = [_together(p, real, rng) for _ in range(RUNS)]
    assert all(accepted for accepted, _ in runs)
    assert np.mean([count for _, count in runs]) < 60
    for wrong in (0.0, 1.0):
        assert not any(_together(p, wrong, rng)[0] for _ in range(100))


def _together(p: float, true: float, rng: np.random.Generator) -> tuple[bool, int]:
    test = Frequency("happens", p, "grey views", TOGETHER[p])
    try:
        while not test.decided:
            test.add(rng.random(5) < true)
    except Failed:
        return False, test.count
    return True, test.count


def test_message_counts_what_was_seen() -> None:
    """The failure says how often it happened, in how many views, and how often it should."""
    test = Frequency("mirrors left and right", 0.5)
    with pytest.raises(Failed, match=r"mirrors left and right in (\d+) of \1 views; expected about 50%"):
        test.add(np.ones(3 * ROUND, bool))


def test_the_picture_shows_each_event() -> None:
    """Mirrored, grey and recoloured copies of the picture are told from the picture itself."""
    half = bands()[::2, ::2].astype(float)
    grey = np.repeat(half.mean(axis=-1, keepdims=True), 3, axis=-1)
    views = np.stack([half, half[:, ::-1], grey, half * 0.7])
    assert mirrored(views).tolist() == [False, True, False, False]
    assert is_grey(views).tolist() == [False, False, True, False]
    assert is_jittered(views).tolist() == [False, False, True]  # of the three with colours
    assert (edges(views) >= 8).all()
    bright, dark = colours(views[:1])
    assert np.abs(bright - BRIGHT).max() < 2
    assert np.abs(dark - DARK).max() < 2


def test_hue_turns() -> None:
    """Red, green and blue are a third of a turn apart."""
    assert hue(255 * np.eye(3)) == pytest.approx([0, 1 / 3, -1 / 3])


@pytest.mark.parametrize("kind", STRENGTHS, ids=lambda kind: kind.name)
def test_strength_has_limits_on_both_sides(kind) -> None:
    """What is drawn over the whole range passes; what is beyond it, or hardly moves, fails."""
    expect_strength(kind, np.linspace(kind.low, kind.high, 60))
    width = kind.high - kind.low
    with pytest.raises(Failed, match="the limits are"):
        expect_strength(kind, np.linspace(kind.low - width / 2, kind.high, 60))
    middle = (kind.low + kind.high) / 2
    with pytest.raises(Failed, match=f"hardly changes {kind.name}"):
        expect_strength(kind, np.full(60, middle))
